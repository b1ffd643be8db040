"""Bodies that merchants kept, read into invoices of ours to be."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from providers.contract import TakenInvoice, TakenLine
from providers.mobilepay_invoice import bodies, taking_in, terms
from providers.mobilepay_invoice.taken_values import NotTaken
from tests.providers import samples

# Each test knows which of the two it gets.
read_raw: Any = taking_in.read
PAYLOADS = Path(__file__).parents[1] / "payloads" / "mobilepay_invoice"
SEED = json.loads((PAYLOADS / "taken_seed_14.json").read_text())
# Every field of the first documentation's table, with values of the kinds it allows.
V1 = {
    "InvoiceIssuer": "5e1210f9-4153-4fc3-83ec-2a8fc4843ea6",
    "ConsumerAlias": {"Alias": "004520123456", "AliasType": "Phone"},
    "ConsumerName": "Contact Name",
    "TotalAmount": 250.00,
    "TotalVatAmount": 50.00,
    "CountryCode": "DK",
    "CurrencyCode": "DKK",
    "ConsumerAddressLines": "Prøvevej 7, 2100 København Ø",
    "DeliveryAddressLines": "Nyhavn 1, 1051 København K",
    "InvoiceNumber": "123456798ABCD",
    "IssueDate": "2017-03-01",
    "DueDate": "2017-03-15",
    "OrderDate": "2017-02-27",
    "Comment": "Free text",
    "MerchantContactName": "Name",
    "MerchantOrderNumber": "M-1",
    "BuyerOrderNumber": "B-1",
    "PaymentReference": "P-1",
    "InvoiceLineItem": [
        {
            "ArticleNumber": "123456ABC", "ArticleDescription": "Free text", "VATRate": 25.00,
            "TotalVATAmount": 50.00, "TotalPriceIncludingVat": 250.00, "Unit": "Coli",
            "Quantity": 2.00, "PricePerUnit": 110.00, "PriceReduction": 15.00,
            "PriceDiscount": 5.00, "Bonus": 0.00,
        }
    ],
}  # fmt: skip


def read(*found):
    content = found[0] if len(found) == 1 else list(found)
    return read_raw(json.dumps(content).encode())


def one(**changes):
    (taken,) = read(SEED | changes)
    return taken


def with_line(**changes):
    line = SEED["InvoiceArticles"][0] | changes
    return one(InvoiceArticles=[{name: value for name, value in line.items() if value is not None}])


def test_sample_of_1_4_is_read_whole():
    (taken,) = read_raw((PAYLOADS / "taken_seed_14.json").read_bytes())

    assert taken == TakenInvoice(
        row="1",
        number="301",
        payment_reference="186",
        issuer_id="efd08c19-24cf-4833-a4a4-bfa7bd58fbb2",
        country="DK",
        currency="DKK",
        phone="+4577007700",
        name="Consumer Name",
        address=("Paradisæblevej 13", "CC-1234 Andeby", "WONDERLAND"),
        delivery_address=("Østerbrogade 120", "CC-1234 Andeby", "WONDERLAND"),
        issue_date=date(2018, 2, 12),
        due_date=date(2018, 3, 12),
        order_date=date(2018, 2, 5),
        delivery_date=date(2018, 2, 10),
        comment="Any comment",
        merchant_contact="Snowboard gear shop",
        merchant_order_number="938",
        buyer_order_number="631",
        total=Decimal(360),
        vat=Decimal(72),
        lines=(
            TakenLine(
                description="Process Flying V Snowboard",
                article_number="1-123",
                quantity=Decimal(1),
                unit_price=Decimal(288),
                vat_rate=Decimal(25),
                vat=Decimal(72),
                gross=Decimal(360),
            ),
        ),
        remarks=(
            "InvoiceArticles[1].Bonus 5 was for information and changes no sum; it is left out.",
        ),
        raw=SEED,
    )


def test_every_field_of_the_first_documentation_is_read():
    (taken,) = read(V1)

    assert taken.remarks == ()
    assert (taken.number, taken.phone, taken.name) == (
        "123456798ABCD",
        "004520123456",
        "Contact Name",
    )
    assert taken.address == ("Prøvevej 7", "2100 København Ø")
    assert taken.delivery_address == ("Nyhavn 1", "1051 København K")
    assert taken.lines == (
        TakenLine(
            description="Free text", article_number="123456ABC", quantity=Decimal(2), unit="XPK",
            unit_price=Decimal(110), discount=Decimal(20), vat_rate=Decimal(25), vat=Decimal(50),
            gross=Decimal(250),
        ),
    )  # fmt: skip


def test_details_export_gets_its_rates_from_the_vat_totals():
    (taken,) = read_raw((PAYLOADS / "taken_details.json").read_bytes())

    assert (taken.country, taken.currency, taken.remarks) == ("DK", "DKK", ())
    assert taken.issue_date == date(2023, 5, 2)
    assert [(row.unit_price, row.vat_rate) for row in taken.lines] == [(640, 25), (76, 25)]


def test_names_are_read_in_any_case():
    folded = json.loads(json.dumps(SEED).replace("InvoiceNumber", "invoicenumber"))
    folded["duedate"] = folded.pop("DueDate")

    (taken,) = read(folded)

    assert (taken.number, taken.due_date) == ("301", date(2018, 3, 12))


def test_batch_goes_on_after_what_cannot_be_read():
    found = read(SEED, SEED | {"InvoiceNumber": "302", "DueDate": "31-12-2018"}, "x", SEED)

    assert [type(each) for each in found] == [TakenInvoice, NotTaken, NotTaken, TakenInvoice]
    assert found[1] == NotTaken(
        row="2", number="302", field="DueDate", value="31-12-2018",
        remedy="Write the date like 2018-03-12.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"TotalAmount": "abc"}, "TotalAmount", "abc"),
        ({"TotalAmount": "1,234"}, "TotalAmount", "1,234"),
        ({"TotalAmount": True}, "TotalAmount", "True"),
        ({"TotalAmount": 10**30}, "TotalAmount", "1" + "0" * 30),
        ({"CurrencyCode": "NOK"}, "CurrencyCode", "NOK"),
        ({"CountryCode": "SE"}, "CountryCode", "SE"),
        ({"DueDate": "2018-02-30"}, "DueDate", "2018-02-30"),
        ({"InvoiceArticles": []}, "InvoiceArticles", ""),
        ({"InvoiceArticles": [1]}, "InvoiceArticles", "[Decimal('1')]"),
        ({"ConsumerAlias": "x"}, "ConsumerAlias", "x"),
        ({"InvoiceNumber": None, "PaymentReference": ""}, "InvoiceNumber", ""),
        ({"MerchantContactName": "x" * 201}, "MerchantContactName", "x" * 80),
    ],
)
def test_what_cannot_be_read_is_named_with_its_value(changes, field, value):
    refused = one(**changes)

    assert (type(refused), refused.field, refused.value) == (NotTaken, field, value)
    assert refused.remedy.endswith(".")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"VATRate": 101}, "VATRate"),
        ({"Quantity": "two"}, "Quantity"),
        ({"ArticleDescription": None, "ArticleNumber": None}, "ArticleDescription"),
        ({"PricePerUnit": None, "TotalPriceIncludingVat": None}, "PricePerUnit"),
        ({"VATRate": None}, "VATRate"),
    ],
)
def test_line_that_cannot_be_read_is_named(changes, field):
    refused = with_line(**changes)

    assert (type(refused), refused.field) == (NotTaken, f"InvoiceArticles[1].{field}")


def test_number_that_would_fill_the_memory_is_refused():
    found = read_raw(
        b'[{"InvoiceNumber": 1E+99999999}, {"InvoiceNumber": "1", "TotalAmount": 1E+9999999}]'
    )

    assert [each.field for each in found] == ["InvoiceNumber", "TotalAmount"]


def test_price_that_was_left_out_is_worked_out_from_the_sum():
    taken = with_line(PricePerUnit=None, Quantity=3)

    assert (taken.lines[0].quantity, taken.lines[0].unit_price) == (3, 96)


def test_prices_with_vat_are_told_by_their_sums():
    taken = with_line(PricePerUnit=360)

    assert (taken.prices_include_vat, taken.lines[0].unit_price) == (True, 360)


def test_rate_is_told_by_the_sums_where_several_are_possible():
    taken = one(
        InvoiceVatTotals=[{"VatRate": 25}, {"VatRate": 0}],
        InvoiceArticles=[
            {"ArticleDescription": "A", "PricePerUnit": 100, "TotalPriceIncludingVat": 125},
            {"ArticleDescription": "B", "PricePerUnit": 100, "TotalPriceIncludingVat": 100},
        ],
    )

    assert [row.vat_rate for row in taken.lines] == [25, 0]


def test_number_left_out_is_the_payment_reference():
    assert one(InvoiceNumber=None).number == "186"


def test_what_is_guessed_or_left_out_is_remarked():
    taken = one(
        Extra="1",
        Status="Paid",
        InvoiceArticles=[
            SEED["InvoiceArticles"][0] | {"Unit": "Hogshead", "Bonus": 0, "Colour": "red"}
        ],
    )

    assert taken.remarks == (
        "Its status was “Paid”. Take care not to bill it again.",
        "InvoiceArticles[1].Unit “Hogshead” is not known here; read as pieces.",
        "InvoiceArticles[1]: not known here, so left out: Colour.",
        "Not known here, so left out: Extra.",
    )


def test_half_a_character_is_refused_and_the_others_go_on():
    refused, taken = read(SEED | {"ConsumerName": "\ud83d"}, SEED)

    assert "half a character" in refused.remedy
    assert taken.number == "301"


# ------------------------------------------------------------------------------------------ CSV
CSV = (
    "InvoiceNumber;TotalAmount;TotalVatAmount;DueDate;Alias;ConsumerName;ConsumerAddressLines;"
    "ArticleDescription;VATRate;Quantity;PricePerUnit;InvoiceArticles.TotalVATAmount\n"
    "417;990,00;198;2023-05-16;+4520123456;Asta;Prøvevej 7|2100 København Ø;Service;25;1;640;160\n"
    "417;;;;;;;Bremser;25;2;76;38\n"
    "418;125;25;2023-05-17;;Bo;;Slange;25;1;100;25\n"
)


def test_csv_has_a_row_per_line_of_an_invoice():
    first, second = read_raw(CSV.encode("utf-8-sig"))

    assert (first.row, first.number, first.total, first.vat) == ("2-3", "417", 990, 198)
    assert (first.phone, first.address) == ("+4520123456", ("Prøvevej 7", "2100 København Ø"))
    assert [(row.description, row.quantity, row.unit_price, row.vat) for row in first.lines] == [
        ("Service", 1, 640, 160),
        ("Bremser", 2, 76, 38),
    ]
    assert (second.row, second.number, len(second.lines)) == ("4", "418", 1)


def test_csv_whose_rows_disagree_is_refused():
    refused, taken = read_raw(CSV.replace("417;;", "417;991;").encode())

    assert (refused.row, refused.number, refused.field, refused.value) == (
        "3", "417", "TotalAmount", "991",
    )  # fmt: skip
    assert taken.number == "418"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Nothing was given"),
        (b"[{]", "line 1, column 3"),
        (b"\xff\xfe", "UTF-8 from byte 1"),
        (b"a;b\n1;2", "InvoiceNumber or PaymentReference"),
        (b'InvoiceNumber;x\n"1;2', "neither JSON nor CSV"),
        (b"[" * 200_000, "not JSON that can be read"),
        (b'{"TotalAmount": NaN}', "not JSON that can be read"),
    ],
)
def test_file_that_is_neither_says_what_to_do(content, words):
    (refused,) = read_raw(content)

    assert words in refused.remedy


# ----------------------------------------------------------------------------------- round trip
@pytest.mark.parametrize("profile", ["v1", "1.4", "1.5"])
def test_our_own_body_is_read_as_it_was_written(profile):
    document = samples.document(
        currency="DKK",
        lines=(
            samples.line(unit="HUR"),
            samples.line(
                id="2", description="Kaffe", quantity=Decimal("2.5"), unit="KGM",
                unit_price=Decimal(80), discount=Decimal("20.00"), net=Decimal("180.00"),
                vat=Decimal("45.00"), gross=Decimal("225.00"),
            ),
        ),
    )  # fmt: skip
    account = samples.account(country="DK", profile=profile)
    options = samples.options("direct", amount=document.totals.payable, phone="+4520123456")

    body = bodies.create(document, options, terms.of(account))
    (taken,) = read_raw(bodies.dumps(body).encode())

    assert taken.remarks == ()
    assert (taken.total, taken.vat) == (document.totals.payable, document.totals.vat)
    assert [
        (row.description, row.quantity, row.unit, row.unit_price, row.discount, row.vat_rate)
        for row in taken.lines
    ] == [
        (row.description, row.quantity, row.unit, row.unit_price, row.discount, row.vat_rate)
        for row in document.lines
    ]

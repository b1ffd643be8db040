"""What we send, whole bodies at a time, and that its sums agree."""

import json
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.contract import Address, InvoiceDocument, Party, SendOptions
from providers.mobilepay_invoice import bodies, rules_money
from providers.mobilepay_invoice.terms import Terms
from tests.providers.mobilepay_documents import (
    document,
    options,
    payload,
    terms,
    typed,
)

CENT = Decimal("0.01")


def sent(invoice: InvoiceDocument, asked: SendOptions, unit: Terms) -> dict[str, Any]:
    """What arrives there: our text, read again, numbers exactly as written."""
    text = bodies.dumps(bodies.create(invoice, asked, unit))
    found: dict[str, Any] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return found


# ------------------------------------------------------------------------------- golden bodies
@pytest.mark.requirement("M4-37", "M4-08", "M4-12", "M4-23", "M4-33", "M4-34", "M4-35")
@pytest.mark.requirement("M4-05", "M4-18", "M4-19", "M4-20", "M4-21", "M4-27", "M4-28", "M4-29")
@pytest.mark.parametrize("channel", ["direct", "link"])
def test_sample_of_1_4_is_produced_field_for_field(channel):
    invoice = document(
        typed("288"),
        texts=(
            {
                "description": "Process Flying V Snowboard",
                "article_number": "1-123",
                "unit": "1",
            },
        ),
        number="301",
        issue_date=date(2018, 2, 12),
        due_date=date(2018, 3, 12),
        order_date=date(2018, 2, 5),
        delivery_date=date(2018, 2, 10),
        customer=Party(
            name="Consumer Name",
            address=Address(lines=("Paradisæblevej 13", "CC-1234 Andeby", "WONDERLAND")),
        ),
        delivery_address=Address(lines=("Østerbrogade 120", "CC-1234 Andeby", "WONDERLAND")),
        comment="Any comment",
        merchant_contact="Snowboard gear shop",
        merchant_order_number="938",
        buyer_order_number="631",
        payment_reference="186",
    )
    asked = options(
        invoice, channel, phone="+4577007700", issuer_id="efd08c19-24cf-4833-a4a4-bfa7bd58fbb2"
    )
    written, sample = sent(invoice, asked, terms("1.4")), payload("v1_4_direct")

    # The one difference: our lines have no bonus, and the sample's changes none of its sums.
    assert differences(written, sample) == {"InvoiceArticles.0.Bonus": (Decimal(0), Decimal(5))}


def differences(ours: Any, theirs: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Return every value that two bodies do not have in common, by its path."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = ours.keys() | theirs.keys()
        pairs = [(name, ours.get(name), theirs.get(name)) for name in names]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(str(at), *pair) for at, pair in enumerate(zip(ours, theirs, strict=True))]
    else:
        return {} if ours == theirs else {path.rstrip("."): (ours, theirs)}
    found = [differences(one, other, f"{path}{name}.") for name, one, other in pairs]
    return {where: pair for part in found for where, pair in part.items()}


@pytest.mark.requirement("M4-11", "M4-12")
def test_address_lines_of_the_sample_are_composed_of_their_parts():
    home, away = (
        Address(lines=(street,), postcode="CC-1234", city="Andeby", country="WONDERLAND")
        for street in ("Paradisæblevej 13", "Østerbrogade 120")
    )
    invoice = document(customer=Party(name="Consumer Name", address=home), delivery_address=away)
    sample = payload("v1_4_direct")

    written = sent(invoice, options(invoice), terms("1.4"))

    for name in ("ConsumerAddressLines", "DeliveryAddressLines"):
        assert written[name] == sample[name]


@pytest.mark.requirement("M4-13", "M4-16", "M4-17", "M4-25", "M4-26", "M4-30")
def test_sample_of_1_5_is_produced_with_what_1_4_wants_besides():
    invoice = document(
        typed("640"),
        typed("76", quantity="2"),
        texts=(
            {"description": "Stort cykelservice", "article_number": "SRV-1"},
            {"description": "Bremseklodser", "article_number": "BRK-22"},
        ),
        number="2023-000417",
        issue_date=date(2023, 5, 2),
        due_date=date(2023, 5, 16),
        order_date=date(2023, 4, 28),
        comment="Tak for besøget i værkstedet",
        merchant_contact="Ida i butikken",
    )
    now = datetime(2023, 5, 2, 9, 0, tzinfo=UTC)

    written = sent(invoice, options(invoice, now=now), terms("1.5"))

    assert written == payload("v1_5_direct") | {"CountryCode": "DK", "CurrencyCode": "DKK"}


@pytest.mark.requirement(
    "M1-28", "M1-30", "M1-31", "M1-34", "M1-35", "M1-36", "M1-37", "M1-38", "M1-39", "M1-40"
)
@pytest.mark.requirement("M1-41", "M1-42", "M1-43", "M1-44", "M1-45", "M1-46", "M1-47")
@pytest.mark.requirement("M1-48", "M1-49", "M1-50", "M1-51", "M1-52", "M1-53", "M1-54", "M1-55")
def test_body_of_the_first_documentation():
    invoice = document(
        typed("440", quantity="2.5", discount_kind="amount", discount_value=Decimal(100)),
        texts=({"description": "Rådgivning", "article_number": "123456ABC", "unit": "Coli"},),
        number="123456798ABCD",
        issue_date=date(2017, 3, 1),
        due_date=date(2017, 3, 31),
        order_date=date(2017, 2, 20),
        customer=Party(
            name="Contact Name",
            address=Address(lines=("Paradisæblevej 13",), postcode="1234", city="Andeby"),
        ),
        delivery_address=Address(lines=("Østerbrogade 120",), postcode="1234", city="Andeby"),
        comment="Tak for ordren på åen",
        merchant_contact="Ida Navn",
        merchant_order_number="123456798ABCD",
        buyer_order_number="123456798ABCE",
        payment_reference="123456798ABCF",
    )
    asked = options(
        invoice,
        phone="004512345678",
        issuer_id="5e1210f9-4153-4fc3-83ec-2a8fc4843ea6",
        pdf_url="https://billing.example.com/i/7Qk2.pdf",
    )

    assert sent(invoice, asked, terms("v1")) == payload("our_v1_direct")


# ------------------------------------------------------------------------------------ the text
@pytest.mark.requirement("M1-57", "M4-37")
def test_text_has_letters_as_they_are_and_amounts_as_numbers():
    text = bodies.dumps({"Comment": 'æ ø å "x"', "TotalAmount": Decimal("1234.50"), "Quantity": 3})

    assert text == '{"Comment":"æ ø å \\"x\\"","TotalAmount":1234.50,"Quantity":3}'


def test_same_invoice_gives_the_same_bytes():
    invoice = document(typed("79.99", quantity="3"), typed("10", rate="12"))

    first, second = (
        bodies.dumps(bodies.create(invoice, options(invoice), terms())) for _ in range(2)
    )

    assert first == second


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_what_is_no_number_is_not_written(value):
    with pytest.raises(ValueError, match="is not an amount"):
        bodies.dumps([Decimal(value)])


@pytest.mark.requirement("M4-31", "M4-32")
def test_quantity_and_price_keep_more_than_two_decimals():
    invoice = document(typed("1.2345", quantity="0.333"))

    line = sent(invoice, options(invoice), terms("1.4"))["InvoiceArticles"][0]

    assert (line["Quantity"], line["PricePerUnit"]) == (Decimal("0.333"), Decimal("1.2345"))


# ------------------------------------------------------------------------------- what goes when
@pytest.mark.requirement("M4-49", "M4-51")
def test_link_goes_without_alias_and_with_it_where_one_is_known():
    invoice = document()

    without = sent(invoice, options(invoice, "link"), terms())
    with_alias = sent(invoice, options(invoice, "link", phone="11 22 33 44"), terms())

    assert "ConsumerAlias" not in without
    assert with_alias["ConsumerAlias"] == {"Alias": "+4511223344", "AliasType": "Phone"}


@pytest.mark.parametrize(
    ("profile", "channel", "expected"),
    [
        ("1.5", "link", "https://billing.example.com/i/7Qk2/return"),
        ("1.5", "direct", None),
        ("1.4", "link", None),
    ],
)
def test_redirect_url_only_for_links_of_1_5_and_without_query(profile, channel, expected):
    asked = options(channel=channel, return_url="https://billing.example.com/i/7Qk2/return?r=1#x")

    assert sent(document(), asked, terms(profile)).get("RedirectUrl") == expected


@pytest.mark.requirement("M4-23")
@pytest.mark.parametrize(
    ("url", "is_sandbox", "goes"),
    [
        ("https://billing.example.com/i/7Qk2.pdf", False, True),
        ("http://127.0.0.1:8000/i/7Qk2.pdf", False, False),
        ("http://127.0.0.1:8000/i/7Qk2.pdf", True, True),
        ("ftp://billing.example.com/7Qk2.pdf", True, False),
    ],
)
def test_invoice_url_only_https_but_for_the_sandbox(url, is_sandbox, goes):
    body = sent(document(), options(pdf_url=url), terms(is_sandbox=is_sandbox))

    assert body.get("InvoiceUrl") == (url if goes else None)


@pytest.mark.requirement("M4-102")
@pytest.mark.parametrize(("profile", "expected"), [("1.5", None), ("1.4", "2026-11-21")])
def test_issue_date_is_left_out_while_utc_is_still_on_yesterday(profile, expected):
    invoice = document(issue_date=date(2026, 11, 21))
    just_after_midnight = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)

    body = sent(invoice, options(invoice, now=just_after_midnight), terms(profile))

    assert body.get("IssueDate") == expected
    assert body["OrderDate"] == body["DeliveryDate"] == "2026-11-21"


@pytest.mark.requirement("M4-22", "M1-46")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"payment_reference": "R-1", "kid": "123"}, "R-1"),
        ({"kid": "123"}, "123"),
        ({}, "2026-000417"),
    ],
)
def test_payment_reference_falls_back_to_the_number(changes, expected):
    assert sent(document(**changes), options(), terms())["PaymentReference"] == expected


def test_address_abroad_names_its_country():
    home = Address(lines=("Storgatan 1",), postcode="211 42", city="Malmö", country="SE")
    invoice = document(customer=Party(name="Åsa", address=home))

    body = sent(invoice, options(invoice), terms())

    assert body["ConsumerAddressLines"] == ["Storgatan 1", "211 42 Malmö", "Sverige"]


def test_finnish_invoice_goes_in_euro():
    invoice = document(currency="EUR", language="fi")

    body = sent(invoice, options(invoice, phone="040 1234567"), terms(country="FI"))

    assert (body["CountryCode"], body["CurrencyCode"]) == ("FI", "EUR")
    assert body["ConsumerAlias"]["Alias"] == "+358401234567"
    assert body["InvoiceArticles"][0]["Unit"] == "kpl"


def test_long_texts_are_cut_where_they_are_only_shown():
    invoice = document(comment="a" * 1001, texts=({"description": "b" * 201},))

    body = sent(invoice, options(invoice), terms())

    assert body["Comment"] == "a" * 999 + "…"
    assert body["InvoiceArticles"][0]["ArticleDescription"] == "b" * 199 + "…"


# ----------------------------------------------------------------------------- rounding and rest
def test_total_rounded_up_has_a_rounding_line():
    invoice = document(typed("0.60", quantity="1"), round_to_whole=True)

    body = sent(invoice, options(invoice), terms())

    assert body["TotalAmount"] == Decimal("1.00")
    assert [row["ArticleDescription"] for row in body["InvoiceArticles"]] == [
        "Cykelservice",
        "Afrunding",
    ]
    assert body["InvoiceArticles"][1]["TotalPriceIncludingVat"] == Decimal("0.25")


def test_total_rounded_down_is_a_reduction_and_no_negative_line():
    invoice = document(typed("100.30", rate="0"), typed("8", rate="25"), round_to_whole=True)

    body = sent(invoice, options(invoice), terms())

    assert body["TotalAmount"] == Decimal("110.00")
    assert [row["PriceReduction"] for row in body["InvoiceArticles"]] == [Decimal("0.30"), 0]
    check_sums(body)


def test_total_rounded_down_takes_from_several_lines_where_one_is_too_small():
    invoice = document(*[typed("0.11", rate="0")] * 13, round_to_whole=True)

    body = sent(invoice, options(invoice), terms())

    assert (body["TotalAmount"], invoice.totals.rounding) == (Decimal("1.00"), Decimal("-0.43"))
    reduced = [row["PriceReduction"] for row in body["InvoiceArticles"]]
    assert reduced == [Decimal("0.11")] * 3 + [Decimal("0.10")] + [Decimal("0.00")] * 9
    check_sums(body)


@pytest.mark.requirement("M4-36")
def test_remainder_is_one_line_per_rate():
    invoice = document(typed("100"), typed("100", rate="0"))

    body = sent(invoice, options(amount=Decimal("90.00")), terms())

    rows = [
        (row["ArticleDescription"], row["VATRate"], row["TotalPriceIncludingVat"])
        for row in body["InvoiceArticles"]
    ]
    assert rows == [
        ("Rest af faktura 2026-000417", 25, Decimal("50.00")),
        ("Rest af faktura 2026-000417", 0, Decimal("40.00")),
    ]
    assert (body["TotalAmount"], body["TotalVATAmount"]) == (Decimal("90.00"), Decimal("10.00"))
    check_sums(body)


# -------------------------------------------------------------------------------------- the sums
def check_sums(body: dict[str, Any]) -> None:
    """Hold a body to the arithmetic: lines to their figures, and totals to lines."""
    lines = body["InvoiceArticles"]
    for row in lines:
        off = row["PriceReduction"] + row["PriceDiscount"]
        net = rounded(row["Quantity"] * row["PricePerUnit"] - off)
        assert net + row["TotalVATAmount"] == row["TotalPriceIncludingVat"]
        assert abs(row["TotalVATAmount"] - rounded(net * row["VATRate"] / 100)) <= CENT
        assert all(value >= 0 for value in row.values() if isinstance(value, Decimal))
    assert body["TotalVATAmount"] == sum(row["TotalVATAmount"] for row in lines)
    assert body["TotalAmount"] == sum(row["TotalPriceIncludingVat"] for row in lines)
    assert 0 <= body["TotalVATAmount"] < body["TotalAmount"]


def rounded(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


PRICES = st.decimals(min_value="0.01", max_value="5000", places=2)
LINES = st.builds(
    typed,
    price=st.one_of(PRICES, st.decimals(min_value="0.01", max_value="99", places=4)).map(str),
    quantity=st.one_of(
        st.integers(min_value=1, max_value=50).map(Decimal),
        st.decimals(min_value="0.001", max_value="40", places=3),
    ).map(str),
    rate=st.sampled_from(["25", "25.5", "14", "12", "10", "0"]),
    discount_kind=st.just("percent"),
    discount_value=st.sampled_from([Decimal(0), Decimal(5), Decimal("12.5")]),
)


@pytest.mark.requirement("M4-36", "M1-56")
@settings(max_examples=120, deadline=None)
@given(
    rows=st.lists(LINES, min_size=1, max_size=6),
    with_vat=st.booleans(),
    discount=st.sampled_from(["0", "3", "33.33"]),
)
def test_sums_agree_to_the_cent(rows, with_vat, discount):
    invoice = document(*rows, with_vat=with_vat, discount=discount)
    if invoice.totals.payable <= 0:
        return

    body = sent(invoice, options(invoice), terms())

    assert body["TotalAmount"] == invoice.totals.payable
    assert body["TotalVATAmount"] == invoice.totals.vat
    check_sums(body)


@pytest.mark.requirement("M4-36")
@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(LINES, min_size=1, max_size=4),
    with_vat=st.booleans(),
    part=st.integers(min_value=1, max_value=99),
)
def test_sums_of_a_remainder_agree(rows, with_vat, part):
    invoice = document(*rows, with_vat=with_vat)
    amount = rounded(invoice.totals.payable * part / 100)
    if not 0 < amount < invoice.totals.payable:
        return

    body = sent(invoice, options(amount=amount), terms())

    assert body["TotalAmount"] == amount
    check_sums(body)


@pytest.mark.requirement("M4-36")
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(LINES, min_size=1, max_size=4))
def test_sums_agree_when_the_total_is_rounded(rows):
    invoice = document(*rows, round_to_whole=True)
    refused = [p for p in rules_money.rounding(invoice, options(invoice), terms()) if p.blocking]
    if invoice.totals.payable < 5 or refused:
        return

    body = sent(invoice, options(invoice), terms())

    assert body["TotalAmount"] == invoice.totals.payable
    check_sums(body)

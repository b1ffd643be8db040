"""What we read of their answers, in all the shapes that are on record."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from providers.contract import RemoteIssuer
from providers.mobilepay_invoice import values, wire
from providers.mobilepay_invoice.values import Unreadable
from providers.mobilepay_invoice.wire import Rejection, TheirError
from tests.providers.mobilepay_documents import wire_payload
from tests.providers.mobilepay_samples import ZONE

INVOICE = "a4c1e7d2-6b38-4f95-b0de-93f1c7a86e24"


# ------------------------------------------------------------------------------- phone numbers
@pytest.mark.requirement("M1-29", "M4-04")
@pytest.mark.parametrize(
    "text", ["004512345678", "12345678", "+4512345678", "12 34 56 78", "+45 12 34 56 78"]
)
def test_danish_numbers_become_one(text):
    assert values.alias(text, "DK") == "+4512345678"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("040 123 4567", "FI", "+358401234567"),
        ("+35812345678", "DK", "+35812345678"),
        ("+46701234567", "DK", "+46701234567"),
    ],
)
def test_numbers_of_other_countries_keep_theirs(text, country, expected):
    assert values.alias(text, country) == expected


@pytest.mark.parametrize("text", ["", "123", "+45", "abcdefgh", "+4512345678 ext. 5", "9" * 20])
def test_what_is_no_phone_number_is_refused(text):
    with pytest.raises(ValueError, match="is not a phone number"):
        values.alias(text, "DK")


# ------------------------------------------------------------------------------------- amounts
@pytest.mark.parametrize(
    ("value", "expected"), [("360", "360.00"), ("0", "0.00"), ("-0.00", "0.00"), ("1.5", "1.50")]
)
def test_amounts_have_two_decimals(value, expected):
    assert str(values.amount(Decimal(value))) == expected


@pytest.mark.parametrize("value", ["1.005", "NaN", "Infinity"])
def test_amounts_with_more_are_refused(value):
    with pytest.raises(ValueError, match="not an amount"):
        values.amount(Decimal(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.2300", "1.23"), ("100", "100"), ("1E+3", "1000"), ("0.333", "0.333")],
)
def test_numbers_lose_the_zeros_at_their_end(value, expected):
    assert format(values.number(Decimal(value)), "f") == expected


# -------------------------------------------------------------------------------- create answers
@pytest.mark.requirement("M1-58", "M4-38")
@pytest.mark.parametrize(
    "content",
    [
        {"InvoiceId": INVOICE},
        {"invoiceId": INVOICE.upper()},
        [{"InvoiceId": INVOICE}],
        {"InvoiceId": INVOICE, "Links": None},
    ],
)
def test_an_invoice_id_is_read_from_each_shape(content):
    assert wire.read_sent(content) == wire.Created(invoice_id=INVOICE)


@pytest.mark.requirement("M4-47", "M4-48")
def test_link_is_the_one_for_the_user():
    content = wire_payload("v1_4_link")
    href = content["Links"][0]["Href"]
    content["Links"].insert(0, {"Rel": "self", "Href": "https://example.com/other"})

    assert wire.read_sent(content) == wire.Created(
        invoice_id="c5d4fde3-81e2-49de-8cfe-8c96f449e367", link=href
    )


@pytest.mark.requirement("M4-38", "M4-48")
@pytest.mark.parametrize("links", [["x", None, 5], {}, "x", [{"Rel": 5, "Href": []}]])
def test_odd_links_do_not_lose_the_id(links):
    found = wire.read_sent({"InvoiceId": INVOICE, "Links": links})

    assert found == wire.Created(invoice_id=INVOICE)


def test_link_that_is_no_web_address_is_not_kept():
    links = [{"Rel": "user-redirect", "Href": "javascript:alert(1)"}]

    assert wire.read_sent({"InvoiceId": INVOICE, "Links": links}).link == ""


@pytest.mark.parametrize("content", [None, [], {}, {"InvoiceId": "5"}, {"InvoiceId": 5}, "x"])
def test_answer_without_an_id_cannot_be_read(content):
    with pytest.raises(Unreadable):
        wire.read_sent(content)


@pytest.mark.requirement("M4-42")
def test_batch_of_1_4_carries_the_error_directly():
    assert wire.read_batch(wire_payload("v1_4_batch")) == wire.Batch(
        accepted={
            "301": "66119129-aaf7-4ad0-a5b1-62382932b5c6",
            "302": "5e3030a3-61ff-4143-a6bd-8457a09bcb0d",
        },
        rejected={
            "303": Rejection(number="303", code="10504", text="Invoice has already been paid")
        },
    )


@pytest.mark.requirement("M4-42")
def test_batch_of_1_5_carries_a_list_of_errors():
    assert wire.read_batch(wire_payload("v1_5_batch")) == wire.Batch(
        accepted={"2023-000419": "1be2c7aa-90d4-4c0f-8a67-3f9b5d21e604"},
        rejected={
            "2023-000420": Rejection(
                number="2023-000420", code="10104", text="Invoice already exists"
            )
        },
    )


def test_batch_tolerates_missing_lists_and_codes():
    content: dict[str, Any] = {"rejected": [{"invoiceNumber": 7, "errors": []}], "accepted": None}

    assert wire.read_batch(content) == wire.Batch(
        accepted={}, rejected={"7": Rejection(number="7")}
    )


@pytest.mark.requirement("M4-42", "M4-80")
def test_every_reason_of_a_refused_item_is_read():
    technical = {"ErrorText": "Try again", "ErrorCode": 10105}
    exists = {"ErrorText": "Exists", "ErrorCode": "10104"}
    wrong = {"ErrorText": "input.DueDate : Required\r\n", "ErrorCode": None}
    plain = {"ErrorText": "Something", "ErrorCode": None}

    def read(*errors: Any) -> Rejection:
        item = {"InvoiceNumber": "7", "Errors": list(errors)}
        return wire.read_batch({"Rejected": [item]}).rejected["7"]

    assert read(technical, wrong, exists) == Rejection(number="7", code="10104", text="Exists")
    assert read("x", plain, wrong, technical).code == "10105"
    assert read(plain, wrong) == Rejection(number="7", field="DueDate", text="Required")
    assert read(plain) == Rejection(number="7", text="Something")
    assert read() == Rejection(number="7")


@pytest.mark.parametrize(
    "content",
    [[], None, {"Accepted": {}}, {"Rejected": "x"}],
)
def test_batch_that_is_none_is_refused(content):
    with pytest.raises(Unreadable):
        wire.read_batch(content)


@pytest.mark.requirement("M4-42", "M4-45")
@pytest.mark.parametrize(
    "odd",
    [
        {"InvoiceNumber": None, "InvoiceId": INVOICE},
        {"InvoiceNumber": "X", "InvoiceId": "7"},
        {"InvoiceNumber": "X", "InvoiceId": None},
        {"InvoiceId": INVOICE},
        "X",
        None,
    ],
)
def test_odd_item_of_a_batch_costs_the_others_nothing(odd):
    good = {"InvoiceNumber": "301", "InvoiceId": INVOICE}
    bad = {"InvoiceNumber": "303", "ErrorText": "Exists", "ErrorCode": 10104}
    refused = odd if not isinstance(odd, dict) else {"InvoiceNumber": None}

    found = wire.read_batch({"Accepted": [odd, good], "Rejected": [refused, bad]})

    assert found.accepted == {"301": INVOICE}
    assert list(found.rejected) == ["303"]


# --------------------------------------------------------------------------------------- states
@pytest.mark.requirement("M1-59", "M1-60", "M4-63", "M4-64")
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("created", "created"),
        ("Accepted", "accepted"),
        (" PAID ", "paid"),
        ("invalid", "invalid"),
        ("Rejected", "rejected"),
        ("expired", "expired"),
        ("canceled", "canceled"),
        ("Cancelled", "canceled"),
        (1, "created"),
        (2, "paid"),
        ("3", "rejected"),
        ("4", "expired"),
        ("Frozen", "Frozen"),
        ("5", "5"),
    ],
)
def test_state_in_any_spelling(word, expected):
    assert wire.read_status({"InvoiceId": INVOICE, "Status": word}) == wire.Status(
        invoice_id=INVOICE, word=expected
    )


@pytest.mark.parametrize("word", [None, "", "  ", True, ["paid"], Decimal("2.0")])
def test_state_that_is_none_is_refused(word):
    with pytest.raises(Unreadable):
        wire.read_status({"InvoiceId": INVOICE, "Status": word})


# -------------------------------------------------------------------------------------- details
@pytest.mark.requirement("M4-61")
def test_details_of_1_4():
    content = wire_payload("v1_4_details")

    assert wire.read_details(content, ZONE) == wire.Details(
        invoice_id="578a9f10-4e81-4265-bbae-2e8fa33cb83b",
        number="301",
        issue_date=date(2018, 7, 2),
        due_date=date(2018, 8, 2),
        payment_date=None,
        comment="Sample Invoice",
        articles=(
            wire.Article(
                number="1-123",
                description="Process Flying V Snowboard",
                gross=Decimal(360),
                quantity=Decimal(1),
                price=Decimal(288),
            ),
        ),
        currency="DKK",
        total=Decimal(360),
        vat_totals=((Decimal(25), Decimal(72)),),
        vat=Decimal(72),
        net=Decimal(288),
        merchant_id="f3dd9011-d930-4063-901d-2a47621e5b76",
        issuer_id="238fe387-f4a4-40e7-ae8a-4c107da2c0ad",
        issuer_name="Invoice Issuer 1",
        issuer_address="Edwin Rahrs Vej 2-12",
        issuer_postcode="8220",
        issuer_city="Brabrand",
        country="DK",
        logo_url=content["LogoUrl"],
        status="created",
        invoice_url="https://api.merchant.dk/invoice/578a9f10-4e81-4265-bbae-2e8fa33cb83b/pdf",
        transaction_id="",
        payment_reference="",
        raw=content,
    )


def test_details_of_1_5_and_dates_with_a_time():
    content = wire_payload("v1_5_details") | {"DueDate": "2023-05-16T00:00:00+00:00"}
    found = wire.read_details(content, ZONE)

    assert (found.payment_date, found.due_date) == (date(2023, 5, 15), date(2023, 5, 16))
    assert (found.total, found.payment_reference) == (Decimal("990.00"), "2023-000417")


@pytest.mark.parametrize(
    "changes",
    [{"TotalAmount": "much"}, {"TotalAmount": None}, {"Status": None}, {"InvoiceId": ""}],
)
def test_damaged_details_are_refused(changes):
    with pytest.raises(Unreadable):
        wire.read_details(wire_payload("v1_5_details") | changes, ZONE)


@pytest.mark.requirement("M4-61")
def test_odd_figures_do_not_keep_money_from_being_booked():
    odd = {
        "IssueDate": "soon",
        "DueDate": 7,
        "PaymentDate": {},
        "InvoiceArticles": [{"Quantity": "x", "PricePerUnit": []}, "article", None],
        "InvoiceVatTotals": [
            {"VatRate": None, "TotalVatAmount": 5},
            {"VatRate": 25, "TotalVatAmount": 198},
        ],
        "TotalVatAmount": "none",
        "TotalAmountExcludingVat": True,
        "CurrencyCode": None,
    }

    found = wire.read_details(wire_payload("v1_5_details") | odd, ZONE)

    assert found.total == Decimal("990.00")
    assert (found.issue_date, found.due_date, found.payment_date) == (None, None, None)
    assert [(row.quantity, row.price) for row in found.articles] == [(None, None)]
    assert found.vat_totals == ((Decimal(25), Decimal(198)),)
    assert (found.vat, found.net, found.currency) == (None, None, "")


def test_list_that_is_none_is_left_out():
    odd = {"InvoiceArticles": {}, "InvoiceVatTotals": 5}

    found = wire.read_details(wire_payload("v1_5_details") | odd, ZONE)

    assert (found.articles, found.vat_totals) == ((), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-04", date(2026, 12, 4)),
        ("2026-12-04T00:00:00", date(2026, 12, 4)),
        ("2026-12-04T00:00:00Z", date(2026, 12, 4)),
        ("2026-12-03T23:00:00Z", date(2026, 12, 4)),
        ("2026-12-03T23:00:00.1234567+00:00", date(2026, 12, 4)),
        ("2026-07-03T22:00:00+00:00", date(2026, 7, 4)),
        ("2026-12-04T23:30:00-05:00", date(2026, 12, 5)),
        ("9999-12-31T23:59:59-12:00", None),
        ("soon", None),
    ],
)
def test_day_of_a_moment_is_the_merchants(text, expected):
    found = wire.read_details(wire_payload("v1_5_details") | {"DueDate": text}, ZONE)

    assert found.due_date == expected


# ------------------------------------------------------------------------------------ callbacks
@pytest.mark.requirement("M4-76")
def test_callback_items():
    accepted, invalid = (wire.read_callback_item(i, ZONE) for i in wire_payload("v1_5_callback"))

    assert (accepted.word, accepted.sequence, accepted.payment_date) == (
        "accepted",
        2,
        date(2023, 5, 15),
    )
    assert accepted.at == datetime(2023, 5, 4, 9, 12, 44, 183440, tzinfo=UTC)
    assert (invalid.word, invalid.code, invalid.text) == ("invalid", "10310", "…")


@pytest.mark.requirement("M4-55")
def test_callback_brings_the_link_of_a_batch():
    (item,) = (wire.read_callback_item(i, ZONE) for i in wire_payload("v1_5_callback_link"))

    assert (item.word, item.link) == ("created", "https://pay.example.test/opaque-link")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-05-04T11:12:44.1834407+02:00", datetime(2023, 5, 4, 9, 12, 44, 183440, tzinfo=UTC)),
        ("2023-05-04T09:12:44Z", datetime(2023, 5, 4, 9, 12, 44, tzinfo=UTC)),
        ("2023-05-04T09:12:44.1", datetime(2023, 5, 4, 9, 12, 44, 100000, tzinfo=UTC)),
    ],
)
def test_times_with_seven_digits_and_offsets(text, expected):
    assert values.moment(text) == expected


@pytest.mark.parametrize(
    "changes",
    [{"InvoiceId": None}, {"InvoiceId": 7}, {"Status": {}}, {"Status": None}],
)
def test_callback_item_without_invoice_or_state_is_refused(changes):
    with pytest.raises(Unreadable):
        wire.read_callback_item(wire_payload("v1_5_callback")[0] | changes, ZONE)


@pytest.mark.requirement("M4-76")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Sequence": "2"}, 2),
        ({"Sequence": 2, "Date": None}, 2),
        ({"Sequence": 2, "Date": "yesterday"}, 2),
        ({"PaymentDate": {}}, 2),
        ({"Links": ["x", None]}, 2),
        ({"Links": 5}, 2),
        ({"Sequence": True}, None),
        ({"Sequence": "two"}, None),
        ({"Sequence": 10**30}, None),
        ({"Sequence": None, "Date": None}, None),
    ],
)
def test_odd_callback_item_tells_what_can_be_read(changes, expected):
    found = wire.read_callback_item(wire_payload("v1_5_callback")[0] | changes, ZONE)

    assert (found.word, found.sequence, found.link) == ("accepted", expected, "")


def test_callback_without_sequence_is_read():
    item = wire_payload("v1_5_callback")[0]
    del item["Sequence"]

    assert wire.read_callback_item(item, ZONE).sequence is None


# --------------------------------------------------------------------------------------- errors
@pytest.mark.requirement("M4-78", "M4-80")
def test_errors_of_the_documentation():
    bodies = wire_payload("v1_4_errors")

    assert [wire.read_error(body) for body in bodies] == [
        TheirError(
            kind="InputError",
            text="Invalid input",
            field="TotalAmount",
            correlation_id="54ccc98b-7d9f-40ea-8c1a-249d57126c39",
            payload=bodies[0],
        ),
        TheirError(
            kind="DomainError",
            code="10504",
            text="Invoice has already been paid",
            correlation_id="8c153279-98f1-4e33-b053-3c6e3555adff",
            payload=bodies[1],
        ),
        TheirError(
            kind="ServerError",
            text="The given key was not present in the dictionary.",
            correlation_id="56db684c-7845-4abf-9f19-5632a625a47b",
            payload=bodies[2],
        ),
    ]


@pytest.mark.requirement("M4-78")
@pytest.mark.parametrize(
    ("value", "expected"), [(None, ""), ("10504", "10504"), (10504, "10504"), (" 10504 ", "10504")]
)
def test_error_code_is_null_text_or_number(value, expected):
    assert wire.read_error({"error_code": value}).code == expected


def test_gateway_error_in_another_shape():
    body = {"httpCode": "401", "httpMessage": "Unauthorized", "moreInformation": "Invalid id"}

    assert wire.read_error(body) == TheirError(text="Invalid id", payload=body)


@pytest.mark.parametrize("content", [None, "<html>", [], 5])
def test_what_is_no_error_body_reads_as_nothing(content):
    assert wire.read_error(content) == TheirError()


# ---------------------------------------------------------------------------- issuers, consents
@pytest.mark.requirement("M1-62", "M1-64")
def test_issuers_of_the_first_documentation():
    assert wire.read_issuers(wire_payload("v1_issuers")) == [
        RemoteIssuer(id="1f8288d9-4511-43ef-a1ce-667835470577", name="Test Fik Issuer"),
        RemoteIssuer(id="3d579d95-5cbe-4e45-b3e0-3b73d37e8b9c", name="TestName"),
    ]


def test_issuers_of_1_5_with_address():
    assert wire.read_issuers(wire_payload("v1_5_issuers")) == [
        RemoteIssuer(
            id="0f6d9c3a-51b7-4e0e-9c42-8a7be1d2f530",
            name="Nørrebro Cykler",
            status="enabled",
            address="Eksempelgade 4",
            postcode="2200",
            city="København N",
        )
    ]


@pytest.mark.parametrize(
    ("status", "usable"),
    [("Enabled", True), (None, True), ("new", True), ("Pending", False), ("disabled", False)],
)
def test_issuer_waiting_or_switched_off_is_not_offered(status, usable):
    given = [{"id": INVOICE, "name": "X", "status": status}]

    assert [issuer.usable for issuer in wire.read_issuers(given)] == [usable]


def test_consents_and_cursor():
    page = wire_payload("v1_5_consents") | {"pagingState": "abc="}
    del page["PagingState"]

    consents, cursor = wire.read_consents(page)

    assert cursor == "abc="
    assert consents == [
        wire.Consent(
            consent_id="e07d5b11-8c3e-4d19-9a52-6f0b7c44d8aa",
            invoice_id="c91f0b6e-2f5a-47d3-a1c8-5e7704b2d9f8",
            state="granted",
            phone="+4511223344",
            granted_at=datetime(2023, 5, 6, 18, 20, 11, tzinfo=UTC),
        )
    ]


def test_consent_with_a_number_for_its_state_is_not_guessed():
    found = wire.read_consent({"ConsentId": INVOICE, "InvoiceId": INVOICE, "State": 2})

    assert (found.state, found.phone, found.granted_at) == ("2", "", None)

"""What we send, whole bodies at a time. Requirements V-10 to V-20, V-30, V-36 to V-38, V-45."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.contract import InvoiceDocument, SendOptions, VatCategory
from providers.models import ProviderAccount
from providers.vipps_mobilepay import bodies, terms
from tests.providers import samples
from tests.providers.samples import PAGE, REFERENCE, document, line, options

PAYLOADS = Path(__file__).parent.parent / "payloads" / "vipps_mobilepay"


def create(
    invoice: InvoiceDocument, asked: SendOptions, account: ProviderAccount | None = None
) -> dict[str, Any]:
    unit = terms.of(account or samples.account())
    until = terms.push_until(invoice, asked, unit) if asked.channel == "push" else None
    return bodies.create(invoice, asked, unit, until=until)


# ----------------------------------------------------------------- the three flows, as of today
def test_push_body():
    assert create(document(), options()) == {
        "amount": {"currency": "NOK", "value": 125000},
        "customer": {"phoneNumber": "4791234567"},
        "paymentMethod": {"type": "WALLET"},
        "reference": REFERENCE,
        "userFlow": "PUSH_MESSAGE",
        "paymentDescription": "Invoice 2026-000123, due 04 Dec 2026",
        "expiresAt": "2026-11-22T11:00:00Z",
        "receipt": {
            "orderLines": [
                {
                    "name": "Consulting",
                    "id": "1",
                    "totalAmount": 125000,
                    "totalAmountExcludingTax": 100000,
                    "totalTaxAmount": 25000,
                    "taxRate": 2500,
                    "unitInfo": {"unitPrice": 12500, "quantity": "10", "quantityUnit": "PCS"},
                    "productUrl": PAGE,
                }
            ],
            "bottomLine": {"currency": "NOK", "receiptNumber": "2026-000123"},
        },
    }


def test_link_body():
    """V-30: no customer, no profile, no expiry."""
    assert create(document(), options("link"), samples.account(receipt_mode="link")) == {
        "amount": {"currency": "NOK", "value": 125000},
        "paymentMethod": {"type": "WALLET"},
        "reference": REFERENCE,
        "userFlow": "WEB_REDIRECT",
        "returnUrl": f"{PAGE}/return?r={REFERENCE}",
        "paymentDescription": "Invoice 2026-000123, due 04 Dec 2026",
        "receiptUrl": PAGE,
    }


def test_link_body_leaves_a_known_number_out():
    body = create(document(), options("link", phone="+4791234567"))

    assert "customer" not in body


def test_link_phone_body_is_the_link_body_and_the_question():
    plain = create(document(), options("link"))

    asking = create(document(), options("link_phone"))

    assert asking == plain | {"profile": {"scope": "phoneNumber"}}


def test_phone_is_not_asked_for_without_the_customers_opt_in():
    """V-36."""
    assert create(document(), options("link_phone", share_phone=False)) == create(
        document(), options("link")
    )


def test_known_number_is_filled_in_where_it_is_asked_for():
    """V-38."""
    body = create(document(), options("link_phone", phone="+4791234567"))

    assert body["customer"] == {"phoneNumber": "4791234567"}


def test_number_that_cannot_be_read_is_left_out_beside_the_link():
    body = create(document(), options("link_phone", phone="nonsense"))

    assert "customer" not in body


# ------------------------------------------------------------------------- the guide's own bodies
def guide_example(
    channel: str, number: str, due: date, **more: Any
) -> tuple[InvoiceDocument, SendOptions]:
    """The seeded example merchant: NOK 20.00, as in the guide of 2023."""
    row = line(
        quantity=Decimal(1),
        unit_price=Decimal(16),
        net=Decimal("16.00"),
        vat=Decimal("4.00"),
        gross=Decimal("20.00"),
    )
    invoice = document(number=number, due_date=due, lines=(row,))
    asked = options(
        channel,
        reference="acme-shop-123-order123abc",
        amount=Decimal("20.00"),
        hosted_url="https://example.com/orderdetails/acme-shop-123-order123abc",
        return_url="https://example.com/redirect?orderId=1512202",
        now=datetime(2023, 9, 14, tzinfo=UTC),
        **more,
    )
    return invoice, asked


GUIDE = [
    ("push", "424243", date(2025, 1, 1), {}),
    ("link", "424242", date(2024, 12, 31), {}),
    ("link_phone", "424242", date(2024, 12, 31), {"phone": "+47 912 34 567"}),
]


@pytest.mark.parametrize(("channel", "number", "due", "more"), GUIDE)
def test_guide_example_is_produced_field_for_field(channel, number, due, more):
    """V-45, and C-01: the phone number is a string today, a number in the guide."""
    printed = json.loads((PAYLOADS / f"guide_2023_{channel}.json").read_text())
    if customer := printed.get("customer"):
        customer["phoneNumber"] = str(customer["phoneNumber"])
    invoice, asked = guide_example(channel, number, due, **more)

    body = create(invoice, asked, samples.account(receipt_mode="receipt_info_2023"))

    assert body == printed


# ------------------------------------------------------------------------------- the description
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Invoice 2026-000123, due 04 Dec 2026"),
        ("nb", "Faktura 2026-000123, forfaller 4. des. 2026"),
        ("da", "Faktura 2026-000123, forfalder 4. dec. 2026"),
        ("sv", "Faktura 2026-000123, förfaller 4 dec. 2026"),
        ("fi", "Lasku 2026-000123, eräpäivä 4.12.2026"),
        ("de", "Invoice 2026-000123, due 04 Dec 2026"),
    ],
)
def test_description_is_in_the_documents_language(language, text):
    """V-15."""
    assert bodies.description(document(language=language)) == text


@given(
    number=st.text(max_size=300),
    language=st.sampled_from(["en", "nb", "da", "sv", "fi", "xx"]),
    due=st.dates(date(1990, 1, 1), date(2999, 12, 31)),
    as_in_2023=st.booleans(),
)
def test_description_is_never_too_long_nor_empty(number, language, due, as_in_2023):
    """V-15: 3 to 100 characters as their side counts them, one line."""
    invoice = document(number=number, language=language, due_date=due)

    text = bodies.description(invoice, as_in_2023=as_in_2023)

    assert 3 <= bodies.utf16(text) <= 100
    assert text.isprintable()


def test_short_number_is_never_cut():
    assert "2026-" + "9" * 40 in bodies.description(document(number="2026-" + "9" * 40))


# --------------------------------------------------------------------------------- order lines
def receipt(*lines: Any, rounding: Decimal = Decimal("0.00"), **changes: Any) -> dict[str, Any]:
    invoice = document(lines=lines, rounding=rounding, **changes)
    asked = options(amount=invoice.totals.payable)
    found: dict[str, Any] = create(invoice, asked, samples.account())["receipt"]
    return found


def total(found: dict[str, Any]) -> int:
    signs = [(-1 if row.get("isReturn") else 1, row) for row in found["orderLines"]]
    for _sign, row in signs:
        assert row["totalAmountExcludingTax"] + row["totalTaxAmount"] == row["totalAmount"]
    return sum(sign * row["totalAmount"] for sign, row in signs)


def test_finnish_rate_with_a_half_percent_is_written_in_hundredths():
    row = line(vat_rate=Decimal("25.5"), vat=Decimal("255.00"), gross=Decimal("1255.00"))

    assert receipt(row)["orderLines"][0]["taxRate"] == 2550


def test_share_of_a_document_discount_is_in_the_lines():
    row = line(due_net=Decimal("900.00"), due_vat=Decimal("225.00"))

    found = receipt(row, discount=Decimal("100.00"))

    assert total(found) == 112500
    assert found["orderLines"][0]["discount"] == 12500


@pytest.mark.parametrize(("rounding", "amount"), [("0.40", 125000), ("-0.30", 125000)])
def test_rounding_gets_a_line_of_its_own(rounding, amount):
    due = Decimal("1000.00") - Decimal(rounding)
    row = line(net=due, gross=due + 250)

    found = receipt(row, rounding=Decimal(rounding), language="nb")

    assert total(found) == amount
    assert found["orderLines"][1] == {
        "name": "Avrunding",
        "id": "rounding",
        "totalAmount": abs(int(Decimal(rounding) * 100)),
        "totalAmountExcludingTax": abs(int(Decimal(rounding) * 100)),
        "totalTaxAmount": 0,
        "taxRate": 0,
    } | ({"isReturn": True} if Decimal(rounding) < 0 else {})


def test_line_that_gives_back_is_a_return():
    given_back = line(
        id="2",
        unit_price=Decimal(-10),
        net=Decimal("-100.00"),
        vat=Decimal("-25.00"),
        gross=Decimal("-125.00"),
    )

    found = receipt(line(), given_back)

    assert total(found) == 112500
    assert found["orderLines"][1]["isReturn"] is True
    assert "unitInfo" not in found["orderLines"][1]


def test_link_goes_where_a_part_has_been_paid():
    body = create(document(), options(amount=Decimal("250.00")))

    assert (body["receiptUrl"], body.get("receipt")) == (PAGE, None)


@pytest.mark.parametrize(
    ("unit", "written"),
    [
        ("C62", "PCS"),
        ("KGM", "KG"),
        ("KMT", "KM"),
        ("MIN", "MINUTE"),
        ("LTR", "LITRE"),
        ("KWH", "KWH"),
    ],
)
def test_unit_is_written_in_their_words(unit, written):
    assert receipt(line(unit=unit))["orderLines"][0]["unitInfo"]["quantityUnit"] == written


def test_unit_they_have_no_word_for_stands_in_the_name():
    row = receipt(line(unit="HUR", quantity=Decimal("7.50")))["orderLines"][0]

    assert (row["name"], row.get("unitInfo")) == ("7.5 h Consulting", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_price": Decimal("33.333333")},
        {"quantity": Decimal("0.123456789")},
        {"quantity": Decimal(12345678901)},
        {"quantity": Decimal(-1)},
    ],
)
def test_unit_price_or_quantity_that_cannot_be_written_exactly_is_left_out(changes):
    assert "unitInfo" not in receipt(line(**changes))["orderLines"][0]


def test_price_with_vat_is_taken_as_typed():
    row = line(unit_price=Decimal("125.00"))

    found = receipt(row, prices_include_vat=True)["orderLines"][0]

    assert found["unitInfo"]["unitPrice"] == 12500


def test_reverse_charge_line_has_no_tax():
    row = line(
        vat_category=VatCategory.REVERSE_CHARGE,
        vat_rate=Decimal(0),
        vat=Decimal("0.00"),
        gross=Decimal("1000.00"),
    )

    assert receipt(row)["orderLines"][0]["taxRate"] == 0


def test_endless_name_is_cut():
    row = receipt(line(description="x" * 10_000))["orderLines"][0]

    assert len(row["name"]) == bodies.NAME_LIMIT


money = st.decimals(-10_000, 10_000, places=2)


@given(st.lists(st.tuples(money, money), min_size=1, max_size=8), money)
def test_lines_always_add_up_to_the_amount(amounts, rounding):
    """Whatever the lines: if they are sent at all, they add up to what is asked."""
    rows = [
        line(id=str(i), due_net=net, due_vat=abs(vat).copy_sign(net))
        for i, (net, vat) in enumerate(amounts)
    ]
    invoice = document(lines=tuple(rows), rounding=rounding)
    asked = options(amount=invoice.totals.payable)

    found = bodies.content(invoice, asked, terms.of(samples.account()))

    assert total(found["receipt"]) == int(asked.amount * 100)


# --------------------------------------------------------------------------------------- expiry
@pytest.mark.parametrize(
    ("country", "hours", "due", "ends"),
    [
        ("NO", 24, date(2026, 12, 4), "2026-11-22T11:00:00Z"),
        ("DK", 1440, date(2026, 12, 4), "2026-12-04T22:59:59Z"),
        ("FI", 1440, date(2026, 12, 4), "2026-12-04T21:59:59Z"),
        ("DK", 1440, date(2027, 3, 1), "2027-01-20T10:59:00Z"),
        ("DK", 48, date(2026, 12, 4), "2026-11-23T11:00:00Z"),
        ("DK", 1440, date(2026, 11, 21), "2026-11-21T22:59:59Z"),
    ],
)
def test_expiry_follows_the_due_date_within_what_is_allowed(country, hours, due, ends):
    """V-19, V-20: UTC, at most the ceiling, always less than sixty days."""
    account = samples.account(country=country, ceiling_hours=hours)
    invoice = document(due_date=due, currency=terms.CURRENCY[country])

    body = create(invoice, options(), account)

    assert body["expiresAt"] == ends
    assert datetime.fromisoformat(ends) - samples.NOW < timedelta(days=60)

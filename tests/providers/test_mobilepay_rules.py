"""What we say before sending: field, rule, remedy. Limits per documentation and country."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing_site.merchants.models import Merchant
from providers.contract import Address, InvoiceDocument, Party, Problem, SendOptions
from providers.mobilepay_invoice import names, rules
from providers.mobilepay_invoice import terms as account_terms
from providers.mobilepay_invoice.terms import Terms
from providers.models import ProviderAccount
from tests.providers.mobilepay_documents import HOME, NOW, document, options, terms, typed

TODAY = date(2026, 11, 21)
PROFILES = ["v1", "1.4", "1.5"]


def check(
    invoice: InvoiceDocument | None = None,
    asked: SendOptions | None = None,
    unit: Terms | None = None,
) -> list[Problem]:
    found = invoice or document()
    return rules.check(found, asked or options(found), unit or terms())


def told(problems: list[Problem]) -> list[tuple[str, str, bool]]:
    return [(p.field, p.code, p.blocking) for p in problems]


# ----------------------------------------------------------------------------------- all is well
@pytest.mark.requirement("M4-53")
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("channel", ["direct", "link"])
def test_a_plain_invoice_has_no_problem(profile, channel):
    expected = [("channel", "channel", True)] if (profile, channel) == ("v1", "link") else []

    assert told(check(asked=options(channel=channel), unit=terms(profile))) == expected


def test_problems_name_field_value_and_remedy():
    (problem,) = check(asked=options(phone="12345"))

    assert problem == Problem(
        field="phone",
        code="10101",
        rule="12345 is not a phone number.",
        remedy="Correct the number on the customer, for instance +45 12 34 56 78.",
    )


# ----------------------------------------------------------------------------- sender and number
@pytest.mark.requirement("M1-28", "M4-02", "M4-91")
@pytest.mark.parametrize("issuer_id", ["", "my shop"])
def test_issuer_is_chosen_from_theirs(issuer_id):
    (problem,) = check(asked=options(issuer_id=issuer_id))

    assert (problem.field, problem.blocking) == ("issuer", True)
    assert "Nørrebro Cykler" in str(problem.rule)


@pytest.mark.requirement("M1-38", "M4-13")
@pytest.mark.parametrize("number", ["", "  ", "9" * 61])
def test_number_is_required_and_short(number):
    assert ("number", "InvoiceNumber", True) in told(check(document(number=number)))


def test_number_of_sixty_characters_is_taken():
    assert told(check(document(number="9" * 60, kid="1"))) == []


@pytest.mark.requirement("M4-42")
def test_numbers_that_occur_twice_in_a_batch_are_found():
    batch = [document(number=number) for number in ("1", "2", "1", "3")]

    assert rules.repeated(batch) == {"1"}


@pytest.mark.requirement("M1-46", "M4-22")
@pytest.mark.parametrize(("length", "blocking"), [(30, None), (31, False), (60, False), (61, True)])
def test_payment_reference_at_its_edges(length, blocking):
    expected = [] if blocking is None else [("payment_reference", "PaymentReference", blocking)]

    assert told(check(document(payment_reference="R" * length))) == expected


def test_credit_notes_and_unknown_channels_are_refused():
    asked = options(channel="pigeon")

    assert told(check(document(kind="credit_note"), asked)) == [
        ("kind", "kind", True),
        ("channel", "channel", True),
    ]


# ----------------------------------------------------------------------------------------- money
@pytest.mark.requirement("M4-106", "M4-107", "M4-90")
@pytest.mark.parametrize(
    ("profile", "country", "cap"),
    [
        ("v1", "DK", "10000.00"),
        ("1.4", "DK", "15000.00"),
        ("1.5", "DK", "15000.00"),
        ("1.4", "FI", "500.00"),
        ("1.5", "FI", "2000.00"),
    ],
)
def test_cap_to_the_cent(profile, country, cap):
    phone = "+358401234567" if country == "FI" else "+4511223344"
    unit = terms(profile, country)

    def at(amount: Decimal) -> list[tuple[str, str, bool]]:
        invoice = document(typed(str(amount), rate="0"), currency=unit.currency)
        return told(check(invoice, options(invoice, phone=phone), unit))

    assert at(Decimal(cap)) == []
    assert at(Decimal(cap) + Decimal("0.01")) == [("amount", "10201", True)]


@pytest.mark.requirement("M1-32", "M1-33", "M4-07", "M4-83")
@pytest.mark.parametrize(
    ("profile", "amount", "refused"),
    [
        ("v1", "0.00", False),
        ("1.4", "0.00", True),
        ("1.5", "0.00", True),
        ("1.5", "0.01", False),
        ("v1", "-0.01", True),
    ],
)
def test_nothing_and_less_is_not_asked_for(profile, amount, refused):
    found = check(asked=options(amount=Decimal(amount)), unit=terms(profile))

    assert [p.code for p in found if p.blocking] == (["10008"] if refused else [])


def test_amount_with_three_decimals_is_refused():
    assert ("amount", "TotalAmount", True) in told(check(asked=options(amount=Decimal("1.005"))))


@pytest.mark.requirement("M1-35", "M4-10", "M4-89", "M4-104", "M4-105")
@pytest.mark.parametrize(
    ("country", "currency", "refused"),
    [("DK", "DKK", False), ("DK", "EUR", True), ("FI", "EUR", False), ("FI", "DKK", True)],
)
def test_currency_is_the_country_s(country, currency, refused):
    phone = "+358401234567" if country == "FI" else "+4511223344"
    invoice = document(typed("100"), currency=currency)
    found = check(invoice, options(invoice, phone=phone), terms("1.4", country))

    assert told(found) == ([("currency", "10107", True)] if refused else [])


@pytest.mark.requirement("M1-34", "M4-09")
def test_first_documentation_knows_only_denmark():
    invoice = document(typed("100"), currency="EUR")
    found = check(invoice, options(invoice, phone="+358401234567"), terms("v1", "FI"))

    assert told(found) == [("country", "CountryCode", True)]


@pytest.mark.requirement("M1-47", "M4-24")
def test_invoice_without_lines_is_refused():
    assert told(check(document(lines=()))) == [("lines", "InvoiceArticles", True)]


@pytest.mark.requirement("M1-50", "M1-51", "M1-52", "M1-54", "M1-55", "M1-56")
@pytest.mark.parametrize(("price", "quantity"), [("-10", "1"), ("10", "-1")])
def test_negative_lines_are_refused(price, quantity):
    invoice = document(typed("100"), typed(price, quantity=quantity))

    assert told(check(invoice)) == [("lines", "negative", True)]


def test_vat_rate_above_a_hundred_is_refused():
    assert told(check(document(typed("1", rate="125")))) == [("lines", "VATRate", True)]


def test_remainder_and_rounding_down_are_remarks():
    rounded = document(typed("100.30", rate="0"), round_to_whole=True)

    assert told(check(asked=options(amount=Decimal("500.00")))) == [("lines", "remainder", False)]
    assert told(check(rounded)) == [("lines", "rounding", False)]


@pytest.mark.requirement("M4-36")
@pytest.mark.parametrize(
    ("rows", "blocks"),
    [
        ([typed("8"), typed("0.30", rate="0")], False),
        ([typed("8.24"), typed("0.30", rate="0")], None),
        ([typed("8.24")], True),
        ([typed("8.24"), typed("0.01", rate="0")], True),
        ([typed("8.60")], None),
    ],
)
def test_rounding_down_needs_a_line_without_vat(rows, blocks):
    """Taken off a line with VAT, that line's VAT would not be of its net any more."""
    invoice = document(*rows, round_to_whole=True)

    expected = [] if blocks is None else [("lines", "rounding", blocks)]
    assert told(check(invoice)) == expected


# ----------------------------------------------------------------------------------------- payer
@pytest.mark.requirement("M1-29", "M4-03")
@pytest.mark.parametrize("phone", ["004512345678", "12345678", "+4512345678"])
def test_each_way_to_write_a_number_is_taken(phone):
    assert told(check(asked=options(phone=phone))) == []


@pytest.mark.requirement("M4-03", "M4-49", "M4-84")
@pytest.mark.parametrize(
    ("channel", "phone", "expected"),
    [
        ("direct", "", [("phone", "10101", True)]),
        ("direct", "12", [("phone", "10101", True)]),
        ("link", "", []),
        ("link", "12", [("phone", "10101", False)]),
    ],
)
def test_phone_is_needed_only_for_direct(channel, phone, expected):
    assert told(check(asked=options(channel=channel, phone=phone))) == expected


@pytest.mark.requirement("M4-88", "M4-103")
@pytest.mark.parametrize(
    ("profile", "channel", "blocking"),
    [
        ("v1", "direct", True),
        ("1.4", "direct", True),
        ("1.5", "direct", False),
        ("1.4", "link", False),
    ],
)
def test_number_of_another_country(profile, channel, blocking):
    asked = options(channel=channel, phone="+358401234567")

    assert told(check(asked=asked, unit=terms(profile))) == [("phone", "10106", blocking)]


def test_direct_needs_the_customer_s_consent():
    asked = options(has_contact_consent=False)

    assert told(check(asked=asked)) == [("has_contact_consent", "consent", True)]


@pytest.mark.requirement("M1-31", "M4-51")
@pytest.mark.parametrize(
    ("profile", "channel", "refused"),
    [
        ("v1", "direct", True),
        ("1.4", "direct", True),
        ("1.4", "link", False),
        ("1.5", "direct", False),
    ],
)
def test_name_is_required_where_they_compared_it(profile, channel, refused):
    invoice = document(customer=Party(name="", address=HOME))
    found = check(invoice, options(invoice, channel), terms(profile))

    assert told(found) == ([("customer.name", "ConsumerName", True)] if refused else [])


def test_name_longer_than_a_hundred_is_refused():
    invoice = document(customer=Party(name="A" * 101, address=HOME))

    assert told(check(invoice)) == [("customer.name", "ConsumerName", True)]


@pytest.mark.requirement("M1-36", "M4-11", "M4-51")
@pytest.mark.parametrize(
    ("profile", "channel", "refused"),
    [
        ("v1", "direct", True),
        ("1.4", "direct", True),
        ("1.4", "link", True),
        ("1.5", "direct", False),
    ],
)
def test_address_is_required_before_1_5(profile, channel, refused):
    invoice = document(customer=Party(name="Asta Eksempel"))
    found = check(invoice, options(invoice, channel), terms(profile))

    assert told(found) == ([("customer.address", "ConsumerAddressLines", True)] if refused else [])


@pytest.mark.parametrize("lines", [("x" * 101,), ("a", "b", "c", "d", "e")])
def test_address_is_short(lines):
    home = Address(lines=lines, postcode="2100", city="København")
    invoice = document(customer=Party(name="Asta", address=home), delivery_address=home)

    assert told(check(invoice)) == [
        ("customer.address", "ConsumerAddressLines", True),
        ("delivery_address", "ConsumerAddressLines", True),
    ]


@pytest.mark.requirement("M4-06")
@pytest.mark.parametrize(
    ("known", "is_far"),
    [
        ("", False),
        ("Asta Eksempel", False),
        ("Eksempel, Asta", False),
        ("asta ekzempel", False),
        ("Bjørn Andersen", True),
    ],
)
def test_name_far_from_the_one_before_is_a_remark(known, is_far):
    found = told(check(asked=options(known_name=known)))

    assert found == ([("customer.name", "known_name", False)] if is_far else [])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Ola Nordmann", "ola  nordmann", 0),
        ("Ola Nordmann", "Nordmann, Ola", 0),
        ("Anders Ångström", "Anders Angstrom", 0),
        ("Kari", "Karin", 1),
        ("", "Bo", 2),
    ],
)
def test_distance_of_names(one, other, expected):
    assert names.distance(one, other) == expected


# ----------------------------------------------------------------------------------------- dates
@pytest.mark.requirement("M1-40", "M4-15", "M4-94", "M4-95", "M4-101")
@pytest.mark.parametrize(
    ("profile", "days", "expected"),
    [
        ("v1", -1, [("due_date", "10311", True)]),
        ("v1", 0, []),
        ("v1", 400, []),
        ("v1", 401, [("due_date", "10310", True)]),
        ("1.4", -1, [("due_date", "10311", True)]),
        ("1.4", 0, [("due_date", "10311", False)]),
        ("1.4", 1, []),
        ("1.4", 399, []),
        ("1.4", 400, [("due_date", "10310", True)]),
        ("1.5", -1, [("due_date", "10311", True)]),
        ("1.5", 0, []),
        ("1.5", 399, []),
        ("1.5", 400, [("due_date", "10310", True)]),
    ],
)
def test_due_date_at_its_edges(profile, days, expected):
    invoice = document(due_date=TODAY + timedelta(days=days))

    assert told(check(invoice, unit=terms(profile))) == expected


@pytest.mark.requirement("M4-96", "M4-102", "M1-39", "M4-14")
@pytest.mark.parametrize(
    ("country", "now", "expected"),
    [
        # Winter: midnight in Copenhagen is 23:00 UTC, in Helsinki 22:00.
        ("DK", datetime(2026, 11, 20, 22, 59, 59, tzinfo=UTC), [("issue_date", "10312", True)]),
        ("DK", datetime(2026, 11, 20, 23, 0, tzinfo=UTC), []),
        ("FI", datetime(2026, 11, 20, 21, 59, 59, tzinfo=UTC), [("issue_date", "10312", True)]),
        ("FI", datetime(2026, 11, 20, 22, 0, tzinfo=UTC), []),
    ],
)
def test_issue_date_around_midnight(country, now, expected):
    phone = "+358401234567" if country == "FI" else "+4511223344"
    unit = terms("1.5", country)
    invoice = document(issue_date=TODAY, currency=unit.currency)

    assert told(check(invoice, options(invoice, phone=phone, now=now), unit)) == expected


@pytest.mark.requirement("M4-102")
def test_old_documentations_hold_until_utc_has_the_date_too():
    invoice = document(issue_date=TODAY)
    asked = options(invoice, now=datetime(2026, 11, 20, 23, 30, tzinfo=UTC))

    assert told(check(invoice, asked, terms("1.4"))) == [("issue_date", "10312", False)]
    assert rules.hold_seconds(invoice, asked, terms("1.4")) == 1800.0
    assert rules.hold_seconds(invoice, asked, terms("1.5")) == 0.0
    assert rules.hold_seconds(invoice, options(invoice), terms("1.4")) == 0.0


# ------------------------------------------------------------------------------- texts, addresses
def test_long_texts_are_remarks():
    invoice = document(comment="c" * 1001, texts=({"description": "d" * 201},))

    assert told(check(invoice)) == [
        ("lines", "ArticleDescription", False),
        ("comment", "Comment", False),
    ]


def test_addresses_that_are_not_https_are_left_out_with_a_remark():
    asked = options(channel="link", pdf_url="http://x.dk/a.pdf", return_url="http://x.dk/?r=1")

    assert told(check(asked=asked)) == [
        ("pdf_url", "InvoiceUrl", False),
        ("return_url", "RedirectUrl", False),
    ]
    assert told(check(asked=asked, unit=terms(is_sandbox=True))) == []


# ----------------------------------------------------------------------------------------- terms
def account(home: str = "DK", environment: str = "test", **settings: Any) -> ProviderAccount:
    return ProviderAccount(
        merchant=Merchant(slug="cykler", name="Nørrebro Cykler", country=home),
        provider="mobilepay_invoice",
        name="MobilePay",
        environment=environment,
        settings=settings,
    )


@pytest.mark.requirement("M4-108", "M4-113")
def test_limits_have_defaults_per_documentation_and_country():
    assert account_terms.of(account()) == terms("1.5", "DK")
    assert account_terms.of(account("FI", profile="1.4")) == terms("1.4", "FI")
    assert account_terms.of(account("NO", environment="sandbox")) == terms("1.5", is_sandbox=True)
    assert account_terms.of(account("SE", country="XX", profile="9")) == terms("1.5")


@pytest.mark.requirement("M4-108")
def test_limits_are_settings():
    found = account_terms.of(
        account(cap="300000", per_payer_daily="0", per_issuer_daily="200", profile="1.4")
    )

    assert (found.cap, found.per_payer_daily, found.per_issuer_daily) == (
        Decimal(300000),
        None,
        200,
    )


def test_settings_left_empty_or_damaged_have_the_defaults():
    found = account_terms.of(account(cap="", per_payer_daily="", per_issuer_daily=None))
    damaged = account_terms.of(account(cap="NaN", per_payer_daily="many", per_issuer_daily="-1"))

    assert found == damaged == terms()


def test_today_is_the_merchant_s():
    assert terms("1.5", "DK").today(datetime(2026, 11, 20, 23, 0, tzinfo=UTC)) == TODAY
    assert terms("1.5", "DK").today(NOW) == TODAY

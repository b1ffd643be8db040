"""What the invoice API refuses, by documentation: fields, kinds, business rules, tricks."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.sandbox import clock
from providers.sandbox.mobilepay import lifecycle, problems, switches, tricks, validation
from providers.sandbox.models import AppEvent, AppInvoice, PortalIssuer
from tests.sandbox.mobilepay_merchant import Merchant, alias, article, day
from tests.sandbox.mobilepay_merchant import merchant as new_merchant

pytestmark = pytest.mark.django_db
ALWAYS = ["InvoiceIssuer", "ConsumerAlias", "TotalAmount", "DueDate"]
BEFORE_15 = [
    *ALWAYS,
    "TotalVatAmount",
    "CountryCode",
    "CurrencyCode",
    "ConsumerAddressLines",
    "InvoiceNumber",
    "IssueDate",
    "OrderDate",
]
REQUIRED = {
    ("v1", "/invoices"): [*BEFORE_15, "ConsumerName", "InvoiceLineItem"],
    ("1.4", "/invoices"): [*BEFORE_15, "ConsumerName", "DeliveryDate", "InvoiceArticles"],
    ("1.4", "/invoices/link"): [
        *[name for name in BEFORE_15 if name != "ConsumerAlias"],
        "DeliveryDate",
        "InvoiceArticles",
    ],
    ("1.5", "/invoices"): [*ALWAYS, "InvoiceArticles"],
    ("1.5", "/invoices/link"): ["InvoiceIssuer", "TotalAmount", "DueDate", "InvoiceArticles"],
}


@pytest.fixture
def merchant() -> Merchant:
    return new_merchant()


def full(merchant: Merchant, **given):
    is_first = merchant.portal.merchant.profile == "v1"
    return merchant.first(**given) if is_first else merchant.full(**given)


def refusal(merchant: Merchant, path: str = "/invoices", **given) -> tuple[int, str]:
    """The status with the code, or with the field named; nothing may have been kept."""
    before = AppInvoice.objects.count()
    answer = merchant.post(path, full(merchant, **given))
    assert answer.status_code in {400, 409}, answer.content
    assert AppInvoice.objects.count() == before
    told = answer.json()
    assert told["error_context"] == "Invoices"
    if answer.status_code == 409:
        assert told["error_description"] == problems.text(int(told["error_code"]))
        return 409, told["error_code"]
    assert (told["error"], told["error_code"]) == ("InputError", None)
    return 400, told["error_description"].replace("\r\n", "|")


def accepted(merchant: Merchant, path: str = "/invoices", **given) -> AppInvoice:
    answer = merchant.post(path, full(merchant, **given))
    assert answer.status_code in {200, 202}, answer.content
    return AppInvoice.objects.get(invoice_id=answer.json()["InvoiceId"])


@pytest.mark.requirement("M1-28", "M4-02", "M4-03", "M4-06", "M4-07", "M4-13", "M4-17", "M4-24")
@pytest.mark.requirement("M4-50", "M4-51", "M4-53")
@pytest.mark.parametrize(("profile", "path"), REQUIRED)
def test_required_fields_are_those_of_the_documentation(merchant, profile, path):
    merchant.set(profile=profile)
    sample = full(merchant)

    missing = {}
    for name in sample:
        answer = merchant.post(path, {key: sample[key] for key in sample if key != name})
        if answer.status_code == 400:
            missing[name] = answer.json()["error_description"]
        AppInvoice.objects.all().delete()

    expected = {name: f"input.{name} : Required\r\n" for name in REQUIRED[profile, path]}
    if profile == "1.5":
        # The sample has no payment reference, which could stand in.
        why = "Required unless PaymentReference is given"
        expected["InvoiceNumber"] = f"input.InvoiceNumber : {why}\r\n"
    assert missing == expected


@pytest.mark.requirement("M4-25", "M4-26", "M4-27", "M4-28", "M4-29", "M4-30", "M4-33", "M4-35")
@pytest.mark.parametrize(
    ("profile", "required"),
    [("v1", set()), ("1.4", set(article())), ("1.5", {"ArticleDescription"})],
)
def test_required_line_fields(merchant, profile, required):
    merchant.set(profile=profile)
    lines = "InvoiceLineItem" if profile == "v1" else "InvoiceArticles"

    missing = set()
    for name in article():
        line = {key: value for key, value in article().items() if key != name}
        answer = merchant.post("/invoices", full(merchant, **{lines: [article(), line]}))
        if answer.status_code == 400:
            assert answer.json()["error_description"] == f"input.{lines}[1].{name} : Required\r\n"
            missing.add(name)
        AppInvoice.objects.all().delete()

    assert missing == required


@pytest.mark.requirement("M4-80")
def test_every_faulty_field_is_named(merchant):
    given: dict[str, Any] = {"TotalAmount": "12", "DueDate": "tomorrow", "InvoiceIssuer": None}

    assert refusal(merchant, **given) == (
        400,
        "input.InvoiceIssuer : Required|input.TotalAmount : Invalid input"
        "|input.DueDate : Invalid input|",
    )


@pytest.mark.parametrize(
    "given",
    [
        {"InvoiceIssuer": "7"},
        {"ConsumerAlias": "+4511223344"},
        {"ConsumerName": 7},
        {"ConsumerName": "a\u0000b"},
        {"ConsumerName": "\ud800"},
        {"TotalAmount": True},
        {"TotalAmount": 1e300},
        {"TotalAmount": 1.005},
        {"TotalVatAmount": -1},
        {"TotalVatAmount": 1.005},
        {"ConsumerAddressLines": "one text"},
        {"ConsumerAddressLines": ["  "]},
        {"InvoiceNumber": "9" * 101},
        {"PaymentReference": "9" * 61},
        {"DueDate": "2026-13-01"},
        {"DueDate": 20261301},
        {"InvoiceUrl": "http://shop.example/x.pdf"},
        {"InvoiceUrl": "https://[broken"},
        {"InvoiceArticles": {}},
        {"InvoiceArticles": ["x"]},
        {"InvoiceArticles": [article(Quantity="1")]},
        {"InvoiceArticles": [article(TotalVATAmount=0.001)]},
    ],
    ids=lambda given: next(iter(given)),
)
def test_values_of_another_kind_are_refused_by_name(merchant, given):
    status, told = refusal(merchant, **given)

    assert status == 400
    assert told.startswith(f"input.{next(iter(given))}")


@pytest.mark.requirement("M4-22", "M4-31", "M4-32", "M4-08")
def test_values_at_their_limits_pass(merchant):
    invoice = accepted(
        merchant,
        PaymentReference="9" * 60,
        InvoiceUrl="https://shop.example/x.pdf",
        DueDate=f"{day(3)}T14:51:11.783972+03:00",
        TotalVATAmount=25,
        TotalVatAmount=None,
        InvoiceArticles=[article(Quantity=0.333, PricePerUnit=1.2345)],
    )

    assert invoice.due_date.isoformat() == day(3)
    assert invoice.body["TotalVatAmount"] == 25
    assert invoice.body["InvoiceArticles"][0]["Quantity"] == 0.333


def test_names_are_read_in_any_case_and_strangers_ignored(merchant):
    body = {name.upper(): value for name, value in merchant.full().items()}

    answer = merchant.post("/invoices", body | {"Colour": {"of": "hope"}, "x": 1})

    assert answer.status_code == 200
    kept = AppInvoice.objects.get().body
    assert "Colour" not in kept
    assert "ConsumerAlias" in kept


def test_reference_can_stand_in_for_the_number(merchant):
    invoice = accepted(merchant, InvoiceNumber=None, PaymentReference="77")

    assert (invoice.number, invoice.payment_reference) == ("", "77")


@pytest.mark.requirement("M1-29", "M1-30", "M4-04", "M4-05")
@pytest.mark.parametrize(
    ("number", "profiles"),
    [
        ("+4512345678", {"v1", "1.4", "1.5"}),
        ("004512345678", {"v1", "1.5"}),
        ("12345678", {"v1", "1.5"}),
        ("+45 12 34 56 78", {"v1", "1.4", "1.5"}),
        ("1234567", set()),
        ("+45", set()),
    ],
)
def test_phone_spellings(merchant, number, profiles):
    taken = set()
    for profile in ("v1", "1.4", "1.5"):
        merchant.set(profile=profile)
        answer = merchant.post("/invoices", full(merchant, ConsumerAlias=alias(number)))
        if answer.status_code < 300:
            taken.add(profile)
        else:
            told = answer.json()["error_description"]
            assert told == "input.ConsumerAlias.Alias : Invalid input\r\n"

    assert taken == profiles
    assert {one.alias for one in AppInvoice.objects.all()} <= {"+4512345678"}


@pytest.mark.requirement("M4-05")
def test_only_phones_are_aliases(merchant):
    status, told = refusal(merchant, ConsumerAlias={"Alias": "a@b.dk", "AliasType": "Email"})

    assert status == 400
    assert "input.ConsumerAlias.AliasType : Only Phone is supported" in told


@pytest.mark.requirement("M1-32", "M4-07", "M4-83")
def test_total_above_zero_except_in_the_first_documentation(merchant):
    assert refusal(merchant, TotalAmount=0) == (409, "10008")
    assert refusal(merchant, TotalAmount=-5) == (409, "10008")
    assert accepted(merchant, TotalAmount=0.01).total == Decimal("0.01")
    merchant.set(profile="v1")
    assert accepted(merchant, TotalAmount=0).total == 0
    assert refusal(merchant, TotalAmount=-1) == (400, "input.TotalAmount : Invalid input|")


@pytest.mark.requirement("M4-90", "M4-106", "M4-107", "M4-108")
@pytest.mark.parametrize(
    ("vat", "profile", "cap", "country", "currency", "number"),
    [
        ("DK31415926", "1.5", "15000", "DK", "DKK", "+4511223344"),
        ("FI27182818", "1.4", "500", "FI", "EUR", "+358401234567"),
        ("FI27182818", "1.5", "2000", "FI", "EUR", "+358401234567"),
    ],
)
def test_cap_is_the_merchants(vat, profile, cap, country, currency, number):
    merchant = new_merchant(vat, profile=profile)
    given = {
        "CountryCode": country,
        "CurrencyCode": currency,
        "ConsumerAlias": alias(number),
        "IssueDate": day(0, country),
    }

    assert accepted(merchant, **given, TotalAmount=float(cap)).currency == currency
    assert refusal(merchant, **given, TotalAmount=float(cap) + 0.01) == (409, "10201")


@pytest.mark.requirement("M1-40", "M4-15", "M4-94", "M4-95", "M4-101")
@pytest.mark.parametrize(("profile", "furthest"), [("v1", 400), ("1.4", 400), ("1.5", 399)])
def test_due_date_between_today_and_400_days(merchant, profile, furthest):
    merchant.set(profile=profile)

    assert accepted(merchant, DueDate=day(0)).status == "created"
    assert accepted(merchant, DueDate=day(furthest)).status == "created"
    assert refusal(merchant, DueDate=day(-1)) == (409, "10311")
    assert refusal(merchant, DueDate=day(furthest + 1)) == (409, "10310")


@pytest.mark.requirement("M4-15", "M4-94", "M4-95")
def test_table_of_1_4_wants_the_due_date_between_the_edges(merchant):
    merchant.set(profile="1.4")
    switches.turn(merchant.portal.merchant, switches.STRICT_DUE, on=True)

    assert refusal(merchant, DueDate=day(0)) == (409, "10311")
    assert accepted(merchant, DueDate=day(1)).status == "created"
    assert accepted(merchant, DueDate=day(399)).status == "created"
    assert refusal(merchant, DueDate=day(400)) == (409, "10310")


@pytest.mark.requirement("M4-96", "M4-102")
def test_issue_date_is_not_in_the_future(merchant):
    assert accepted(merchant, IssueDate=day(0)).status == "created"
    assert refusal(merchant, IssueDate=day(1)) == (409, "10312")


@pytest.mark.requirement("M4-102")
@pytest.mark.parametrize(
    ("country", "moment", "expected"),
    [
        ("DK", "2026-01-15T22:59:59+00:00", "2026-01-15"),
        ("DK", "2026-01-15T23:00:00+00:00", "2026-01-16"),
        ("FI", "2026-01-15T22:00:00+00:00", "2026-01-16"),
        ("DK", "2026-07-15T22:00:00+00:00", "2026-07-16"),
    ],
)
def test_days_begin_at_local_midnight(country, moment, expected):
    today = lifecycle.today(country, datetime.fromisoformat(moment))

    assert today.isoformat() == expected


@pytest.mark.requirement("M4-88", "M4-89", "M4-103", "M4-104", "M4-105", "M4-10")
def test_country_and_currency_bind_in_14_alone(merchant):
    finnish = alias("+358401234567")
    assert accepted(merchant, CountryCode="FI", CurrencyCode="XYZ").currency == "DKK"
    assert accepted(merchant, ConsumerAlias=finnish).alias == "+358401234567"

    merchant.set(profile="1.4")

    assert refusal(merchant, CurrencyCode="EUR") == (409, "10107")
    assert refusal(merchant, CountryCode="FI") == (409, "10107")
    assert refusal(merchant, ConsumerAlias=finnish) == (409, "10106")
    assert refusal(merchant, CountryCode="SE") == (400, "input.CountryCode : Must be DK or FI|")


@pytest.mark.requirement("M1-34", "M1-35")
def test_first_documentation_knows_denmark_alone(merchant):
    merchant.set(profile="v1")

    assert refusal(merchant, CountryCode="FI") == (400, "input.CountryCode : Must be DK|")
    assert refusal(merchant, CurrencyCode="EUR") == (400, "input.CurrencyCode : Must be DKK|")


@pytest.mark.requirement("M4-91", "M4-92")
def test_issuer_must_be_known_enabled_and_have_a_good_account(merchant):
    disabled = str(merchant.portal.issuers[2].issuer_id)
    strange = new_merchant("DK11111111").issuer

    for issuer in (disabled, strange):
        assert refusal(merchant, InvoiceIssuer=issuer) == (409, "10202")
        assert refusal(merchant, "/invoices/link", InvoiceIssuer=issuer) == (409, "10303")
    PortalIssuer.objects.filter(issuer_id=merchant.issuer).update(account_is_valid=False)
    assert refusal(merchant) == (409, "10203")


@pytest.mark.requirement("M4-84")
def test_number_of_a_third_country_is_nobodys(merchant):
    norwegian = alias("+4791234567")

    assert refusal(merchant, ConsumerAlias=norwegian) == (409, "10101")
    assert refusal(merchant, "/invoices/link", ConsumerAlias=norwegian) == (409, "10304")


@pytest.mark.requirement("M4-06")
def test_name_is_checked_for_likeness_in_14_alone(merchant):
    known: dict[str, Any] = {"ConsumerAlias": alias(f"+4511{tricks.NAMED}")}
    assert accepted(merchant, **known, ConsumerName="Bo").status == "created"

    merchant.set(profile="1.4")

    assert accepted(merchant, **known, ConsumerName="Asta Eksempl").status == "created"
    assert refusal(merchant, **known, ConsumerName="Bo Andersen") == (409, "10103")


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("Asta", "Asta", 0)],
)
def test_distance_counts_edits(one, other, edits):
    assert validation.distance(one, other) == edits


@pytest.mark.requirement("M4-86")
def test_all_fields_alike_is_a_duplicate_whatever_the_spelling(merchant):
    body = merchant.full(TotalAmount=125)
    assert merchant.post("/invoices", body).status_code == 200
    again = body | {"TotalAmount": 125.00}

    assert merchant.post("/invoices", again).json()["error_code"] == "10104"
    assert merchant.post("/invoices", body | {"Comment": "x"}).status_code == 200
    assert merchant.post("/invoices/link", body).status_code == 200
    assert merchant.post("/invoices/link", again).json()["error_code"] == "10301"
    assert AppInvoice.objects.count() == 3


@pytest.mark.requirement("M4-111")
def test_what_was_invalid_never_existed_and_can_be_sent_again(merchant):
    body = merchant.body(ConsumerAlias=alias("+4511810105"))
    assert merchant.post("/invoices", body).status_code == 200
    lifecycle.settle_pending(clock.now())

    assert merchant.post("/invoices", body).status_code == 200


@pytest.mark.requirement("M4-98", "M4-110")
@pytest.mark.parametrize(("profile", "most"), [("1.4", 3), ("1.5", 10)])
def test_one_payer_gets_so_many_a_day(profile, most):
    merchant = new_merchant(profile=profile)
    for _ in range(most):
        accepted(merchant)

    assert refusal(merchant) == (409, "10314")
    assert accepted(merchant, ConsumerAlias=alias("+4522334455")).status == "created"
    assert accepted(merchant, "/invoices/link").status == "created"
    clock.push(timedelta(days=1))
    merchant.fetch_token()
    assert accepted(merchant).status == "created"


@pytest.mark.requirement("M4-97")
def test_one_issuer_sends_so_many_a_day(merchant):
    merchant.set(per_issuer_daily=2)
    for last in "12":
        accepted(merchant, ConsumerAlias=alias(f"+451122334{last}"))

    assert refusal(merchant, ConsumerAlias=alias("+4511223349")) == (409, "10313")
    other = str(merchant.portal.issuers[1].issuer_id)
    assert accepted(merchant, InvoiceIssuer=other).status == "created"


@pytest.mark.requirement("M4-84", "M4-85", "M4-87", "M4-92", "M4-100")
@pytest.mark.parametrize("path", ["/invoices", "/invoices/link"])
@pytest.mark.parametrize("code", [10101, 10102, 10103, 10105, 10204, 10205, 10304, 10305, 10306])
def test_numbers_bring_about_every_code_at_once_and_later(merchant, path, code):
    assert refusal(merchant, path, ConsumerAlias=alias(f"+45119{code}")) == (409, str(code))

    invoice = accepted(merchant, path, ConsumerAlias=alias(f"+45118{code}"))
    lifecycle.settle_pending(clock.now())

    invoice.refresh_from_db()
    assert (invoice.status, invoice.late_error) == ("invalid", code)
    told = AppEvent.objects.get().payload
    assert (told["Status"], told["ErrorCode"], told["ErrorMessage"]) == (
        "Invalid",
        code,
        problems.text(code),
    )


def test_undocumented_codes_can_be_had_too(merchant):
    answer = merchant.post("/invoices", merchant.body(ConsumerAlias=alias("+4511910999")))

    assert (answer.status_code, answer.json()["error_code"]) == (409, "10999")


@pytest.mark.parametrize(("amount", "code"), tricks.AMOUNTS_AT_ONCE.items())
def test_amounts_bring_about_codes_at_once(merchant, amount, code):
    assert refusal(merchant, TotalAmount=float(amount)) == (409, str(code))


@pytest.mark.parametrize(("amount", "code"), tricks.AMOUNTS_LATER.items())
def test_amounts_bring_about_codes_later(merchant, amount, code):
    invoice = accepted(merchant, TotalAmount=float(amount))
    lifecycle.settle_pending(clock.now())

    assert invoice.status == "pending"
    assert AppEvent.objects.get().payload["ErrorCode"] == code


def test_every_documented_code_is_in_the_list_of_tricks():
    told = " ".join(f"{row.how} {row.what} {row.says}" for row in tricks.rows())

    assert [code for code in problems.TEXT if str(code) not in told] == []

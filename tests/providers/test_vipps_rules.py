"""What is refused before sending: each rule with one accepted and one refused example.

Requirements V-08, V-10, V-11, V-14, V-19 to V-21, V-31, V-46.
"""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.options import new_reference
from providers.contract import InvoiceDocument, Problem, SendOptions
from providers.vipps_mobilepay import rules, terms
from tests.providers import samples
from tests.providers.samples import document, line, options


def check(invoice: InvoiceDocument, asked: SendOptions, **settings: Any) -> list[Problem]:
    country = settings.pop("country", "NO")
    unit = terms.of(samples.account(country=country, **settings))
    return rules.check_complete(invoice, asked, unit)


def blocking(found: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in found if problem.blocking]


def remarks(found: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in found if not problem.blocking]


@pytest.mark.parametrize("channel", ["push", "link", "link_phone"])
def test_good_request_has_no_problem(channel):
    assert blocking(check(document(), options(channel))) == []


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    # channel, options, settings, field, code
    ("push", {"reference": ""}, {}, "reference", "4140"),
    ("push", {"idempotency_key": ""}, {}, "idempotency_key", "4140"),
    ("push", {"phone": ""}, {}, "phone", "4140"),
    ("push", {"hosted_url": ""}, {}, "hosted_url", "4140"),
    ("link", {"return_url": ""}, {}, "return_url", "4140"),
    ("link", {"reference": ""}, {}, "reference", "4140"),
    ("push", {"phone": "12"}, {}, "phone", "4070"),
    ("push", {"has_contact_consent": False}, {}, "has_contact_consent", "consent"),
    ("push", {}, {"push_approved": False}, "push_approved", "5080"),
    ("push", {}, {"long_living_approved": False}, "long_living_approved", "5050"),
    ("push", {"amount": Decimal("0.99")}, {}, "amount", "6010"),
    ("push", {"amount": Decimal("0.00")}, {}, "amount", "6010"),
    ("push", {"amount": Decimal("-1.00")}, {}, "amount", "6010"),
    ("push", {"amount": Decimal("650000.01")}, {}, "amount", "4040"),
    ("push", {"amount": Decimal("12.345")}, {}, "amount", "4040"),
    ("link", {"reference": "too-short"[:7]}, {}, "reference", "reference"),
    ("link", {"reference": "a" * 65}, {}, "reference", "reference"),
    ("link", {"reference": "acme_shop_1"}, {}, "reference", "reference"),
    ("link", {"reference": "1234567890"}, {}, "reference", "reference"),
    ("link", {"reference": "0-acme-shop"}, {}, "reference", "reference"),
    ("link", {"idempotency_key": "k" * 51}, {}, "idempotency_key", "idempotency_key"),
    ("link", {"hosted_url": "http://billing.example.com"}, {}, "hosted_url", "4090"),
    ("link", {"return_url": "javascript:alert(1)"}, {}, "return_url", "4090"),
    ("link", {"return_url": "https://x.example/" + "a" * 2500}, {}, "return_url", "4090"),
    ("link", {"return_url": "https://["}, {}, "return_url", "4090"),
    ("letter", {}, {}, "channel", "channel"),
]


@pytest.mark.parametrize(("channel", "changes", "settings", "field", "code"), REFUSED)
def test_bad_request_names_field_and_remedy(channel, changes, settings, field, code):
    """V-21: each must-have that is missing is named."""
    base = options(channel if channel != "letter" else "link")
    asked = dataclasses.replace(base, channel=channel, **changes)

    found = check(document(), asked, **settings)

    assert (field, code) in blocking(found)
    worst = next(problem for problem in found if problem.code == code)
    assert str(worst.rule)
    assert str(worst.remedy).endswith(".")


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("push", {"phone": "912 34 567"}),
    ("push", {"amount": Decimal("1.00")}),
    ("link", {"amount": Decimal("650000.00")}),
    ("link", {"amount": Decimal("12.30")}),
    ("link", {"reference": "acme-shop-123-order123abc"}),
    ("link", {"reference": "a" * 64}),
    ("link", {"reference": "abcdefgh"}),
    ("link", {"idempotency_key": "k" * 50}),
    ("link", {"has_contact_consent": False}),
    ("link_phone", {"phone": ""}),
]


@pytest.mark.parametrize(("channel", "changes"), ACCEPTED)
def test_request_at_the_edge_is_accepted(channel, changes):
    assert blocking(check(document(), options(channel, **changes))) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "EUR"}, "currency"),
        ({"currency": "SEK"}, "currency"),
        ({"kind": "credit_note"}, "kind"),
        ({"number": ""}, "number"),
        ({"number": "  "}, "number"),
        ({"lines": (line(vat_rate=Decimal("25.005")),)}, "lines"),
    ],
)
def test_bad_document_names_field(changes, field):
    assert field in [name for name, _ in blocking(check(document(**changes), options("link")))]


@pytest.mark.parametrize(("country", "currency"), [("NO", "NOK"), ("DK", "DKK"), ("FI", "EUR")])
def test_currency_of_the_market_is_accepted(country, currency):
    assert blocking(check(document(currency=currency), options(), country=country)) == []


def test_what_is_made_on_sending_may_be_missing_before():
    asked = options(reference="", idempotency_key="", hosted_url="")

    assert blocking(rules.check(document(), asked, terms.of(samples.account()))) == []


def test_sandbox_takes_plain_http():
    unit = terms.of(samples.account(environment="sandbox"))
    asked = options("link", hosted_url="http://127.0.0.1:8000/i/x", return_url="http://localhost/")

    assert rules.check_complete(document(), asked, unit) == []


def test_number_that_cannot_be_filled_in_is_told_beside_the_link():
    found = check(document(), options("link_phone", phone="nonsense"))

    assert (blocking(found), remarks(found)) == ([], [("phone", "4070")])
    assert check(document(), options("link", phone="nonsense")) == []


# --------------------------------------------------------------------------------------- expiry
def test_clamped_expiry_is_told_and_does_not_block():
    """V-20: the other edge."""
    found = check(document(), options())

    assert (blocking(found), remarks(found)) == ([], [("expires_at", "clamped")])
    assert "22 Nov 2026 12:00" in str(found[0].rule)


def test_expiry_within_the_ceiling_needs_no_word():
    found = check(document(currency="DKK"), options(), country="DK")

    assert found == []


@pytest.mark.parametrize(("minutes", "codes"), [(9, ["6120"]), (10, ["6120"]), (11, [])])
def test_request_that_would_end_within_ten_minutes_is_refused(minutes, codes):
    """V-20: ten minutes is too soon, a little more is not."""
    ends = datetime(2026, 12, 4, 22, 59, 59, tzinfo=UTC)
    asked = options(now=ends - timedelta(minutes=minutes))

    assert [code for _, code in blocking(check(document(), asked))] == codes


def test_overdue_invoice_cannot_be_pushed_but_linked():
    invoice = document(due_date=date(2026, 11, 1))

    assert blocking(check(invoice, options())) == [("due_date", "6120")]
    assert blocking(check(invoice, options("link"))) == []


def test_part_payment_is_told_to_go_as_a_link():
    found = check(document(currency="DKK"), options(amount=Decimal("250.00")), country="DK")

    assert (blocking(found), remarks(found)) == ([], [("lines", "lines")])


def test_norwegian_push_with_a_link_is_told_of_their_terms():
    found = check(document(), options(), receipt_mode="link")

    assert ("receipt_mode", "norway-lines") in remarks(found)


# ------------------------------------------------------------------------------------ references
@given(st.from_regex(r"[a-zA-Z][a-zA-Z0-9-]{7,63}", fullmatch=True))
def test_reference_of_the_pattern_is_always_accepted(reference):
    """V-14."""
    assert blocking(check(document(), options("link", reference=reference))) == []


@given(st.text(min_size=1, max_size=80))
def test_reference_outside_the_pattern_is_never_accepted(reference):
    """V-14."""
    fits = reference.isascii() and reference.replace("-", "a").isalnum()
    good = fits and 8 <= len(reference) <= 64

    found = blocking(check(document(), options("link", reference=reference)))

    assert good or ("reference", "reference") in found


def house_reference(pk: int, number: str, attempt: int) -> str:
    made: Any = SimpleNamespace(pk=pk, number=number)
    return new_reference(made, attempt, "acme")


def test_ten_thousand_references_of_this_house_never_clash():
    """V-14: two issuers may well use the same numbers."""
    made = [
        house_reference(pk, f"2026-{pk % 50:06d}", attempt)
        for pk in range(1, 2001)
        for attempt in range(1, 6)
    ]

    assert len(set(made)) == 10_000


@given(st.integers(1, 2**63 - 1), st.text(max_size=60), st.integers(1, 9999))
def test_reference_of_this_house_always_fits(pk, number, attempt):
    """V-14: whatever the invoice number."""
    asked = options("link", reference=house_reference(pk, number, attempt))

    assert blocking(check(document(), asked)) == []

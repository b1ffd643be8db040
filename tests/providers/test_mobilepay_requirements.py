"""Demands on MobilePay Invoice that values alone show: what is said, and what nothing promises."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from providers.contract import OPEN_STATES, RequestState, StatusChange
from providers.mobilepay_invoice import errors, facts, forms, rules, terms, webhooks
from providers.mobilepay_invoice.adapter import GRACE, MobilePayInvoice
from providers.mobilepay_invoice.errors import Retry
from tests.providers import mobilepay_samples as samples

STATUSES = MobilePayInvoice.statuses


def told(word: str, **more: object) -> StatusChange:
    """What one event of a callback becomes."""
    event = {"InvoiceId": samples.INVOICE, "Status": word, "Date": "2026-11-21T11:00:00Z"}
    (change,) = webhooks.parse(json.dumps([event | more]).encode(), samples.ZONE)
    return change


@pytest.mark.requirement("M4-65", "M4-66", "M4-67", "M4-75")
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("created", "announced on the phone"),
        ("invalid", "never saw it"),
        ("accepted", "is not here yet"),
        ("paid", "money was taken"),
        ("rejected", "declined"),
        ("expired", "30 days after the due date"),
        ("canceled", "withdrew"),
    ],
)
def test_each_status_says_what_it_means_for_the_money(word, said):
    assert said in str(STATUSES[word].meaning)


@pytest.mark.requirement("M4-64", "M4-65", "M4-67", "M4-68", "M4-69", "M4-70", "M4-71")
def test_which_statuses_are_intermediate_and_which_are_ends():
    between = {word for word, status in STATUSES.items() if status.state in OPEN_STATES}

    assert between == {"created", "accepted"}
    assert set(STATUSES) - between == {"invalid", "paid", "rejected", "expired", "canceled"}


@pytest.mark.requirement("M4-66")
@pytest.mark.parametrize("code", sorted(errors.RETRIES))
def test_what_is_refused_after_it_was_taken_promises_no_further_try(code):
    problem = told("Invalid", ErrorCode=int(code), ErrorMessage="No").problem

    assert problem["code"] == code
    assert "by itself" not in problem["remedy"]
    assert "gain" in problem["remedy"] or "later" in problem["remedy"]


@pytest.mark.requirement("M4-97", "M4-98")
@pytest.mark.parametrize("code", [c for c, when in errors.RETRIES.items() if when != Retry.LATER])
def test_what_is_refused_at_once_says_that_it_goes_by_itself(code):
    assert "by itself" in str(errors.error_word(code).remedy)


@pytest.mark.requirement("M4-84", "M4-85")
@pytest.mark.parametrize("code", ["10101", "10102", "10103", "10304", "10305", "10306"])
def test_payer_who_is_not_found_is_offered_a_link(code):
    assert "payment link" in str(errors.error_word(code).remedy)


@pytest.mark.requirement("M4-90", "M4-98")
@pytest.mark.parametrize("code", ["10201", "10314"])
def test_limits_offer_another_way(code):
    assert "nother way" in str(errors.error_word(code).remedy)


@pytest.mark.requirement("M4-91", "M4-92", "M4-93")
@pytest.mark.parametrize(
    ("codes", "place"),
    [
        (("10202", "10303"), "Fetch the list of senders"),
        (("10203", "10204"), "MobilePay portal"),
        (("10302",), "grant consent again"),
    ],
)
def test_what_an_owner_puts_right_is_named_with_its_place(codes, place):
    assert all(place in str(errors.error_word(code).remedy) for code in codes)


@pytest.mark.requirement("M4-87", "M4-100")
@pytest.mark.parametrize("code", ["10105", "10205", "", "12345"])
def test_what_only_their_support_can_tell_names_the_correlation_id(code):
    assert "correlation id" in str(errors.error_word(code).remedy)


@pytest.mark.requirement("M4-113", "M4-108")
def test_files_say_which_limits_come_from_which_documentation():
    """The documentation breaks off at its heading; what came later must not pass for it."""
    said = str(terms.__doc__)

    assert 'breaks off at its heading "Limits"' in said
    assert all(day in said for day in ("2018-09-18", "2020-02-17"))
    for module in (rules, terms):
        assert "1.4" in Path(str(module.__file__)).read_text()


@pytest.mark.requirement("M4-39", "M4-70")
def test_request_lives_until_the_end_of_the_thirtieth_day_after_the_due_date():
    document, options = samples.document(), samples.options()
    ends = MobilePayInvoice(samples.account()).expires_at(document, options)

    assert ends is not None
    assert timedelta(days=30) == GRACE
    assert ends.date() == document.due_date + GRACE
    assert (ends.hour, ends.minute, str(ends.tzinfo)) == (23, 59, "Europe/Copenhagen")


@pytest.mark.requirement("M4-64", "M4-72")
@pytest.mark.parametrize("word", ["Settled", "PENDING", ""])
def test_word_that_nobody_documented_moves_nothing_and_is_kept(word):
    change = facts.of_word(samples.INVOICE, word)

    assert change.state is None
    assert change.provider_word == word


@pytest.mark.requirement("M4-68", "M4-76")
def test_callback_alone_is_never_money():
    change = told("Paid")

    assert change.money is None
    assert not change.authoritative
    assert webhooks.to_confirm([change]) == [samples.INVOICE]
    assert change.state == RequestState.PAID


@pytest.mark.requirement("M1-14")
def test_addresses_of_the_authorisation_server_are_those_of_the_environment():
    asked = MobilePayInvoice(samples.account(environment="test")).consent_terms()

    assert asked.portals["test"] == "https://sandprod-admin.mobilepay.dk"
    assert asked.portals["production"] == "https://admin.mobilepay.dk"
    assert asked.discovery_path == "/account/.well-known/openid-configuration"


@pytest.mark.requirement("M1-08")
def test_secrets_are_asked_for_in_fields_that_never_show_them():
    form = forms.MobilePayInvoiceForm(initial={})

    assert {"client_secret", "gateway_secret"} <= set(form.secret_names)
    for name in form.secret_names:
        assert form.fields[name].widget.input_type == "password"

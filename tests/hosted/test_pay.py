"""Pressing pay and coming back: what the views do with the answers of `invoices.paying`.

The whole way, over HTTP to the sandbox, is walked in tests/e2e.
"""

from typing import Any

import pytest
from django.test import Client

from invoices import paying
from invoices.models import Invoice, Movement, PaymentRequest, TimelineEvent
from invoices.views import hosted_pay
from providers.contract import RequestState
from tests.hosted.test_page import address, request_in, words

AT_PROVIDER = "https://landing.vipps.example/dwo?token=a%2Bb&x=1#top"


@pytest.fixture
def presses(monkeypatch):
    """Answer presses with `presses.answer` and keep what was asked."""

    class Presses(list[dict[str, Any]]):
        answer = paying.Pressed(redirect_url=AT_PROVIDER)

    asked = Presses()

    def press(**kwargs):
        asked.append(kwargs)
        return asked.answer

    monkeypatch.setattr(paying, "press_pay", press)
    return asked


@pytest.mark.requirement("V-33", "V-35")
def test_press_redirects_to_the_very_address_given(visitor, invoice, presses):
    """Without a cookie, with CSRF checks on: the token is the key."""
    response = visitor.post(address(invoice, "pay/1:link/"))

    assert response.status_code == 303
    assert response.headers["Location"] == AT_PROVIDER
    assert response.cookies == {}
    assert [(each["invoice_id"], each["road_key"]) for each in presses] == [(invoice.pk, "1:link")]


@pytest.mark.requirement("V-29")
@pytest.mark.parametrize(
    ("typed", "shared"),
    [({}, False), ({"share_phone": "yes"}, True), ({"share_phone": "no"}, False)],
)
def test_number_is_shared_only_when_ticked(visitor, invoice, presses, typed, shared):
    visitor.post(address(invoice, "pay/1:link_phone/"), typed)

    assert presses[0]["share_phone"] is shared


@pytest.mark.parametrize("method", ["get", "head", "put"])
def test_get_never_presses(visitor, invoice, presses, method):
    """Mail scanners open every address they see."""
    assert getattr(visitor, method)(address(invoice, "pay/1:link/")).status_code == 405
    assert presses == []
    assert not PaymentRequest.objects.exists()


@pytest.mark.requirement("V-32")
def test_press_that_is_still_being_answered_goes_to_checking(visitor, invoice, presses):
    presses.answer = paying.Pressed(problem="checking")

    response = visitor.post(address(invoice, "pay/1:link/?lang=fi"))

    assert response.status_code == 303
    assert response.headers["Location"] == address(invoice, "return/?lang=fi")


def test_press_on_a_settled_invoice_shows_the_truth(visitor, invoice, presses):
    presses.answer = paying.Pressed(problem="settled")

    response = visitor.post(address(invoice, "pay/1:link/"))

    assert (response.status_code, response.headers["Location"]) == (303, address(invoice))


def test_press_that_did_not_open_says_nothing_was_charged(visitor, invoice, presses):
    presses.answer = paying.Pressed(problem="closed")

    response = visitor.post(address(invoice, "pay/1:link/"))

    assert response.status_code == 409
    assert "Denne betalingsmåten åpnet seg ikke. Ingenting ble trukket." in words(response)
    assert "Betal med Vipps MobilePay" in words(response)


def test_strangers_road_opens_nothing(visitor, invoice):
    """The real operation: a road that this invoice does not have."""
    response = visitor.post(address(invoice, "pay/999:link/"))

    assert response.status_code == 409
    assert not PaymentRequest.objects.exists()


def test_too_many_presses_are_stopped_before_the_provider(visitor, invoice, presses):
    for _ in range(hosted_pay.PRESSES):
        assert visitor.post(address(invoice, "pay/1:link/")).status_code == 303

    response = visitor.post(address(invoice, "pay/1:link/"))

    assert response.status_code == 429
    assert len(presses) == hosted_pay.PRESSES
    assert "Ingenting ble trukket" in words(response)


@pytest.mark.parametrize("token", ["no-such-token-at-all-0123456789ab"])
def test_press_on_nothing_is_not_found(visitor, invoice, presses, token):
    assert visitor.post(f"/i/{token}/pay/1:link/").status_code == 404
    assert presses == []


# ------------------------------------------------------------------------------------- coming back
@pytest.fixture
def asked(monkeypatch):
    """Count how often the provider would be asked; `asked.then` runs as its answer."""

    class Asked(list[dict[str, Any]]):
        @staticmethod
        def then():
            return None

    calls = Asked()

    def returned(**kwargs):
        calls.append(kwargs)
        calls.then()

    monkeypatch.setattr(paying, "returned", returned)
    return calls


@pytest.mark.requirement("V-17")
def test_return_checks_until_there_is_an_answer(visitor, invoice, asked):
    request_in(invoice, RequestState.CREATED)

    response = visitor.get(address(invoice, "return/?r=ref&status=PAID&paid=true"))

    assert response.status_code == 200
    assert "Sjekker betalingen" in words(response)
    assert response.headers["Refresh"] == f"2; url={address(invoice, 'return/?n=1')}"
    assert len(asked) == 1
    assert not Movement.objects.exists()
    assert Invoice.objects.get().status == "open"
    assert response.cookies == {}


@pytest.mark.requirement("V-17")
def test_forged_return_without_any_request_shows_the_invoice_unpaid(visitor, invoice):
    """The real operation: nothing was ever made, so there is nobody to ask."""
    response = visitor.get(address(invoice, "return/?r=ref&status=PAID"), follow=True)

    assert "Betales innen" in words(response)
    assert Invoice.objects.get().status == "open"
    assert not TimelineEvent.objects.filter(what="status_paid").exists()


@pytest.mark.requirement("V-34")
@pytest.mark.parametrize(
    "state", [RequestState.PAID, RequestState.ACCEPTED, RequestState.REJECTED, RequestState.EXPIRED]
)
def test_return_goes_to_the_page_once_the_truth_is_known(visitor, invoice, asked, state):
    request = request_in(invoice, RequestState.CREATED)
    asked.then = lambda: PaymentRequest.objects.filter(pk=request.pk).update(state=state)

    response = visitor.get(address(invoice, "return/"))

    assert (response.status_code, response.headers["Location"]) == (303, address(invoice))


def test_return_asks_ever_more_slowly_and_then_on_a_press_only(visitor, invoice, asked):
    request_in(invoice, RequestState.UNKNOWN)

    waits = [
        visitor.get(address(invoice, f"return/?n={n}")).headers.get("Refresh", "").split(";")[0]
        for n in (0, 5, 11, 12, 500)
    ]

    assert waits == ["2", "5", "20", "", ""]


def test_return_of_who_put_it_off_ends_at_the_invoice(visitor, invoice, asked, now):
    """The provider was asked and says created: waiting is the truth, not something to check."""
    request_in(invoice, RequestState.CREATED, asked_at=now)

    response = visitor.get(address(invoice, f"return/?n={hosted_pay.ENOUGH_ASKED}"))

    assert (response.status_code, response.headers["Location"]) == (303, address(invoice))


def test_head_of_the_return_asks_nobody(visitor, invoice, asked):
    request_in(invoice, RequestState.CREATED)

    visitor.head(address(invoice, "return/"))

    assert asked == []


def test_signed_in_staff_see_the_same_without_their_session(invoice, presses):
    client = Client()
    client.cookies["sessionid"] = "x" * 32

    response = client.get(address(invoice))

    assert "Vary" not in response.headers or "Cookie" not in response.headers["Vary"]
    assert response.cookies == {}

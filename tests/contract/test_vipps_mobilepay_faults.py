"""Every fault of the simulated provider on every kind of call: what we say, what there is.

Whatever goes wrong, doing the same again with the same key ends in one payment, one capture.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import resolve

from providers.contract import (
    NotAuthorised,
    OutcomeUnknown,
    Refused,
    RequestState,
    Unavailable,
)
from providers.sandbox.models import Call, Fault, Payment
from tests.contract.conftest import asked, invoice, moved

ALL = Decimal("1250.00")
HANG = 2.0


@pytest.fixture(autouse=True)
def impatient(wire: Any, settings: Any) -> None:
    settings.PROVIDER_TIMEOUT = (1.5, 1.5)
    settings.PROVIDER_DEADLINE = 5.0
    # The server's first answer waits for all pages to be imported; that is not the fault meant.
    resolve("/")


def fault(kind: str, endpoint: str, **more: Any) -> None:
    Fault.objects.create(
        provider="vipps", endpoint=endpoint, kind=kind, **({"remaining": 1} | more)
    )


# kind, what else, does the effect take place, what we say of a write, of a read
FAULTS: list[tuple[str, dict[str, Any], bool, type[Exception], type[Exception]]] = [
    ("error_before", {}, False, OutcomeUnknown, Unavailable),
    ("error_before", {"status": 502}, False, OutcomeUnknown, Unavailable),
    ("error_before", {"status": 504}, False, OutcomeUnknown, Unavailable),
    ("error_after", {}, True, OutcomeUnknown, Unavailable),
    ("timeout_before", {"seconds": HANG}, False, OutcomeUnknown, Unavailable),
    ("timeout_after", {"seconds": HANG}, True, OutcomeUnknown, Unavailable),
    ("drop_before", {}, False, OutcomeUnknown, Unavailable),
    ("drop_after", {}, True, OutcomeUnknown, Unavailable),
    ("cut_after", {}, True, OutcomeUnknown, Unavailable),
    ("html", {}, False, OutcomeUnknown, Unavailable),
    ("truncated_json", {}, True, OutcomeUnknown, Unavailable),
    ("rate_limited", {"retry_after": "seconds", "seconds": 9}, False, Unavailable, Unavailable),
    ("rate_limited", {"retry_after": "date", "seconds": 9}, False, Unavailable, Unavailable),
    ("rate_limited", {}, False, Unavailable, Unavailable),
    ("refuse", {"status": 423}, False, Unavailable, Unavailable),
    ("refuse", {"code": "6250"}, False, Unavailable, Unavailable),
    ("refuse", {"code": "3010"}, False, Unavailable, Unavailable),
    ("refuse", {"status": 403}, False, NotAuthorised, NotAuthorised),
    ("refuse", {"code": "6010"}, False, Refused, Refused),
]
IDS = ["-".join([row[0], *(str(v) for v in row[1].values())]) for row in FAULTS]


@pytest.mark.parametrize(("kind", "more", "happened", "write", "_read"), FAULTS, ids=IDS)
def test_fault_on_create(vipps, kind, more, happened, write, _read):
    options = asked("link")
    fault(kind, "create", **more)

    with pytest.raises(write) as caught:
        vipps.send(invoice(), options)
    assert type(caught.value) is write
    assert Payment.objects.count() == int(happened)

    again = vipps.send(invoice(), options)

    assert again.redirect_url
    assert [p.reference for p in Payment.objects.all()] == [options.reference]


@pytest.mark.parametrize("what", ["capture", "refund"])
@pytest.mark.parametrize(("kind", "more", "happened", "write", "_read"), FAULTS, ids=IDS)
def test_fault_on_a_move(vipps, phone, what, kind, more, happened, write, _read):
    reference = vipps.send(invoice(), asked()).reference
    phone("approve", reference)
    if what == "refund":
        vipps.capture(reference, amount=ALL, currency="NOK", key="first")
    before = len(moved(vipps.fetch(reference)))
    move = getattr(vipps, what)
    fault(kind, what, **more)

    with pytest.raises(write):
        move(reference, amount=ALL, currency="NOK", key="the-key")
    assert len(moved(vipps.fetch(reference))) == before + int(happened)

    move(reference, amount=ALL, currency="NOK", key="the-key")

    assert len(moved(vipps.fetch(reference))) == before + 1


@pytest.mark.parametrize(("kind", "more", "happened", "write", "_read"), FAULTS, ids=IDS)
def test_fault_on_cancel(vipps, kind, more, happened, write, _read):
    reference = vipps.send(invoice(), asked()).reference
    fault(kind, "cancel", **more)

    with pytest.raises(write):
        vipps.cancel(reference, key="the-key", before_approval_only=True)
    assert (Payment.objects.get().state == "TERMINATED") is happened

    vipps.cancel(reference, key="the-key", before_approval_only=True)

    assert vipps.fetch(reference)[-1].state == RequestState.CANCELLED


@pytest.mark.parametrize("endpoint", ["get", "events"])
@pytest.mark.parametrize(("kind", "more", "_happened", "_write", "read"), FAULTS, ids=IDS)
def test_fault_on_asking(vipps, endpoint, kind, more, _happened, _write, read):
    reference = vipps.send(invoice(), asked()).reference
    fault(kind, endpoint, **more)

    with pytest.raises(read):
        vipps.fetch(reference)

    assert vipps.fetch(reference)[-1].state == RequestState.CREATED


# Codes are the payment API's; the token call knows only statuses.
PLAIN = [(row[0], row[1]) for row in FAULTS if "code" not in row[1]]


@pytest.mark.parametrize(("kind", "more"), PLAIN)
def test_fault_on_the_token_means_that_nothing_was_sent(vipps, kind, more):
    fault(kind, "token", **more)
    options = asked("link")

    with pytest.raises((Unavailable, NotAuthorised, Refused)) as caught:
        vipps.send(invoice(), options)

    assert not isinstance(caught.value, OutcomeUnknown)
    assert Payment.objects.count() == 0
    assert vipps.send(invoice(), options).redirect_url


@pytest.mark.parametrize("after", ["seconds", "date"])
def test_waiting_time_is_passed_on(vipps, after):
    fault("rate_limited", "create", retry_after=after, seconds=9)

    with pytest.raises(Unavailable) as caught:
        vipps.send(invoice(), asked("link"))

    assert 7 <= (caught.value.retry_after or 0) <= 9


def test_absurd_waiting_time_is_capped(vipps):
    fault("rate_limited", "create", retry_after="seconds", seconds=10**6)

    with pytest.raises(Unavailable) as caught:
        vipps.send(invoice(), asked("link"))

    assert caught.value.retry_after == 900.0


def test_slow_answer_within_the_patience_is_fine(vipps):
    fault("latency", "create", seconds=0.3)

    assert vipps.send(invoice(), asked("link")).redirect_url


def test_token_that_is_refused_is_renewed_once_and_then_a_person_is_needed(vipps):
    vipps.probe()
    fault("refuse", "create", status=401)
    assert vipps.send(invoice(), asked("link")).redirect_url

    fault("refuse", "create", status=401, remaining=None)
    with pytest.raises(NotAuthorised):
        vipps.send(invoice(), asked("link"))

    assert Call.objects.filter(endpoint="create", status=201).count() == 1


@pytest.mark.parametrize("kind", ["error_before", "timeout_before", "drop_before"])
def test_number_that_cannot_be_asked_for_harms_nothing(vipps, phone, kind, monkeypatch):
    made = vipps.send(invoice(), asked("link_phone"))
    phone("share", made.reference, phoneNumber="4798765432")
    from providers.sandbox.vipps import wording  # noqa: PLC0415 -- spoilt in this test only

    monkeypatch.setattr(wording, "user_details", lambda _payment: None)
    fault(kind, "userinfo", seconds=HANG)

    first, second = vipps.fetch(made.reference), vipps.fetch(made.reference)

    assert first[-1].state == RequestState.ACCEPTED
    assert [dict(c.profile) for c in first if c.profile] == []
    assert [dict(c.profile) for c in second if c.profile] == [{"phone": "+4798765432"}]


def test_fault_on_the_button_is_told(vipps):
    fault("error_after", "om_category")

    with pytest.raises(OutcomeUnknown):
        vipps.after_paid(invoice(), "inv-contract-x-a1", "https://billing.example.com/i/x")

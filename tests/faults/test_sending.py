"""Sending exactly once: whatever is lost, the provider's ledger and our books agree."""

from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone

from invoices import deeds, outbox, sending
from invoices.enums import OperationState
from invoices.models import Alert, Operation, PaymentRequest
from providers import accounts
from providers.contract import RequestState
from tests.faults.conftest import fault, request_of

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(minutes=20)
LOST = ["timeout_after", "drop_after", "cut_after", "truncated_json", "error_after"]
NEVER_HAPPENED = ["timeout_before", "drop_before", "error_before", "html", "rate_limited"]


def ledger(phone, invoice):
    """Return what the provider holds for an invoice's requests."""
    return [phone.payment(each.reference) for each in invoice.requests.all()]


@pytest.mark.parametrize("kind", LOST)
def test_lost_answer_is_found_by_asking(push, work, phone, kind):
    """X-05, F8: the request was taken, the answer never came."""
    shot = fault(kind, "create", status=500)
    invoice = push()

    work()
    state_before = request_of(invoice).state
    work(LATER)

    shot.refresh_from_db()
    assert shot.fired == 1
    assert state_before in {RequestState.UNKNOWN, RequestState.CREATED}
    assert request_of(invoice).state == RequestState.CREATED
    assert len(ledger(phone, invoice)) == 1
    assert Operation.objects.get(kind="create").state == OperationState.DONE


@pytest.mark.parametrize("kind", NEVER_HAPPENED)
def test_request_that_never_arrived_is_sent_again_with_the_same_reference(push, work, phone, kind):
    shot = fault(kind, "create", status=500)
    invoice = push()

    work()
    work(LATER)

    shot.refresh_from_db()
    assert shot.fired == 1
    assert request_of(invoice).state == RequestState.CREATED
    keys = {call["key"] for call in phone.calls(endpoint="create")}
    assert len(keys) == 1
    assert len(ledger(phone, invoice)) == 1


def test_outage_holds_the_request_and_loses_nothing(push, work, phone, settings):
    """The provider is away for a while: queued, tried again, sent once."""
    shot = fault("rate_limited", "create", times=6, retry_after="seconds", seconds=30)
    invoice = push()

    work()
    assert request_of(invoice).state == RequestState.QUEUED
    for minutes in range(1, 8):
        work(timedelta(minutes=minutes))

    shot.refresh_from_db()
    assert shot.fired == 6
    assert request_of(invoice).state == RequestState.CREATED
    assert len(ledger(phone, invoice)) == 1


def test_retry_after_is_obeyed(push, work):
    fault("rate_limited", "create", retry_after="seconds", seconds=120)
    push()

    now = work()

    due = Operation.objects.get(kind="create").due_at
    assert timedelta(seconds=115) < due - now < timedelta(seconds=150)


def test_refusal_is_told_with_its_code_and_a_person_is_asked(push, work, shop):
    """V-26: 7010 is not presented as a typing error, and nothing is tried again."""
    fault("refuse", "create", status=400, code="7010")
    invoice = push()

    work()
    work(LATER)

    request = request_of(invoice)
    assert (request.state, request.problem["code"]) == (RequestState.INVALID, "7010")
    assert Operation.objects.get(kind="create").state == OperationState.FAILED
    assert Alert.objects.get(resolved_at=None).what == "request_invalid"


def test_wrong_keys_hold_the_account_and_the_queue(push, work, shop):
    """401 stops that account's queue; resuming it lets everything go."""
    fault("refuse", "create", times=2, status=401)
    invoice = push()

    work()
    shop.account.refresh_from_db()
    assert shop.account.paused_at is not None
    assert request_of(invoice).state == RequestState.QUEUED
    work(LATER)
    assert request_of(invoice).state == RequestState.QUEUED
    accounts.resume(account_id=shop.account.pk)
    work(timedelta(hours=1))

    assert request_of(invoice).state == RequestState.CREATED


@pytest.mark.parametrize("when", ["before the call", "after the call"])
def test_killed_worker_leaves_a_row_that_the_next_one_picks_up(push, phone, work, when):
    """F1: the claim is committed, the worker dies; the lease runs out and somebody asks."""
    invoice = push()
    claims = outbox.claim(timezone.now(), limit=10)
    if when == "after the call":
        died = mock.patch.object(outbox, "write_back_many", side_effect=SystemExit)
        with died, pytest.raises(SystemExit):
            outbox.run(claims[0])

    work()
    assert Operation.objects.get().state == OperationState.LEASED
    work(outbox.LEASE + timedelta(seconds=1))

    assert request_of(invoice).state == RequestState.CREATED
    assert len(ledger(phone, invoice)) == 1


def test_slow_worker_whose_lease_ran_out_writes_nothing_back(push, work):
    """The fence: the second claim is the only one that counts."""
    invoice = push()
    now = timezone.now()
    (first,) = outbox.claim(now, limit=1)
    (second,) = outbox.claim(now + outbox.LEASE + timedelta(seconds=1), limit=1)

    outcome = deeds.Outcome(state=OperationState.FAILED, what="refused", problem={"meaning": "x"})

    assert outbox.write_back(first, outcome, now=now) is False
    assert request_of(invoice).state == RequestState.SUBMITTING
    assert second.fence == first.fence + 1


def test_poison_ends_with_a_person_after_so_many_tries(push, work):
    """F3: an operation that always breaks us does not go round for ever."""
    invoice = push()
    with mock.patch.object(deeds, "do", side_effect=RuntimeError("poison")):
        for hours in range(1, outbox.MAX_TRIES + 3):
            work(timedelta(hours=hours))

    operation = Operation.objects.get(kind="create")
    assert (operation.state, operation.tries) == (OperationState.FAILED, outbox.MAX_TRIES)
    assert Alert.objects.get(resolved_at=None).what == "needs_person"
    assert request_of(invoice).state == RequestState.UNKNOWN


def test_scheduled_request_waits_and_can_be_called_off(shop, work):
    from invoices import acting  # noqa: PLC0415 -- beside its only use

    invoice = shop.issued()
    now = timezone.now()
    sending.send(
        invoice_id=invoice.pk,
        road_key=f"{shop.account.pk}:push",
        by=shop.owner,
        now=now,
        at=now + timedelta(hours=2),
    )
    work()
    operation = Operation.objects.get()
    assert operation.state == OperationState.DUE

    acting.drop(operation_id=operation.pk, by=shop.owner, now=now)
    work(timedelta(hours=3))

    assert PaymentRequest.objects.get().state == RequestState.CANCELLED
    assert Operation.objects.get().state == OperationState.DROPPED


def test_second_push_is_closed_while_one_is_open(push, work, shop):
    """X-06: two collectable requests are never made."""
    invoice = push()
    work()

    with pytest.raises(sending.CannotSend) as refused:
        sending.send(
            invoice_id=invoice.pk,
            road_key=f"{shop.account.pk}:push",
            by=shop.owner,
            now=timezone.now(),
        )

    assert [each.field for each in refused.value.problems] == ["request"]
    assert invoice.requests.count() == 1

"""Batches of MobilePay Invoice: nothing lost, nothing doubled, whatever happens to the call."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone

from invoices import bulk, dispatching, outbox, reconcile
from invoices.enums import OperationState
from invoices.models import Operation, PaymentRequest
from tests.faults.mobilepay import MobileShop, states

# What the simulator's numbers bring about: "not found", told at once or by its later check.
AT_ONCE, LATER = "+45{n:02d}910101", "+45{n:02d}810101"
THEIRS = {"canceled": "cancelled"}
FAULTS = ("error_after", "drop_after", "cut_after", "truncated_json", "error_before", "drop_before")


@pytest.fixture
def shop(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    settings.PROVIDER_TIMEOUT = (2.0, 20.0)
    settings.PROVIDER_DEADLINE = 30.0
    return MobileShop.make(live_server.url)


def agree(shop, invoices):
    """Hold every request's state against the provider's own ledger."""
    ledger = {n: THEIRS.get(row["status"], row["status"]) for n, row in shop.ledger().items()}
    ours = states(invoices)
    assert {number: ours[number] for number in ledger} == ledger
    return ours


@pytest.mark.requirement("M4-40", "M4-41", "M4-42", "M4-58")
def test_batch_is_one_call_and_every_invoice_is_delivered(shop):
    invoices = shop.many(40)

    shop.dispatch(invoices)
    shop.work()

    assert Counter(agree(shop, invoices).values()) == {"created": 40}
    assert [c["status"] for c in shop.phone.calls(merchantId=shop.id, endpoint="create_batch")] == [
        202
    ]


@pytest.mark.requirement("M4-45")
@pytest.mark.parametrize("kind", FAULTS)
def test_lost_answer_to_a_batch_loses_and_doubles_nothing(shop, kind):
    invoices = shop.many(25)
    shop.spoil("create_batch", kind)

    shop.dispatch(invoices)
    shop.work()
    for minutes in (1, 5, 30):
        shop.work(timedelta(minutes=minutes))

    ours = agree(shop, invoices)
    assert Counter(ours.values()) == {"created": 25}
    assert len(shop.ledger()) == 25


@pytest.mark.requirement("M4-45")
def test_worker_killed_after_the_call_leaves_rows_that_are_recognised(shop):
    invoices = shop.many(20)
    shop.dispatch(invoices)
    died = mock.patch.object(outbox, "write_back_many", side_effect=SystemExit)
    with died, pytest.raises(SystemExit):
        outbox.drain(threads=1)
    assert set(states(invoices).values()) == {"submitting"}

    for minutes in (1, 5, 10, 30):
        shop.work(outbox.LEASE + timedelta(minutes=minutes))

    assert Counter(agree(shop, invoices).values()) == {"created": 20}


@pytest.mark.requirement("M4-43", "M4-86")
def test_part_of_a_batch_is_refused_and_the_rest_proceeds(shop):
    invoices = shop.many(30)
    _give_phones(invoices[:3], AT_ONCE)
    _give_phones(invoices[3:5], LATER)

    shop.dispatch(invoices)
    shop.work()

    ours = states(invoices)
    assert Counter(ours.values()) == {"created": 25, "invalid": 5}
    agree(shop, invoices[3:])
    refused = PaymentRequest.objects.filter(state="invalid").order_by("pk")
    assert [row.problem["code"] for row in refused] == ["10101"] * 5
    assert all(row.problem["remedy"] for row in refused)


@pytest.mark.requirement("M4-43", "M4-111")
def test_refused_ones_are_corrected_and_sent_again_under_the_same_number(shop):
    invoices = shop.many(6)
    _give_phones(invoices[:2], AT_ONCE)
    first = shop.dispatch(invoices)
    shop.work()

    _give_phones(invoices[:2], "+4555{n:02d}6677")
    again = dispatching.resend(first, by=shop.owner, now=timezone.now())
    bulk.queue(again.pk, now=timezone.now())
    shop.work()

    assert again.items.count() == 2
    ledger = shop.ledger()
    assert {ledger[invoice.number]["status"] for invoice in invoices} == {"created"}


@pytest.mark.requirement("M4-109", "M4-110")
def test_what_exceeds_a_daily_limit_waits_for_tomorrow(shop):
    shop.account.settings |= {"per_payer_daily": 3}
    shop.account.save()
    customer = shop.customer(phone="+4561626364")
    invoices = [shop.issued(customer=customer) for _ in range(5)]

    shop.dispatch(invoices)
    shop.work()

    assert Counter(states(invoices).values()) == {"created": 3, "queued": 2}
    held = Operation.objects.filter(state=OperationState.DUE)
    assert all(each.due_at > timezone.now() for each in held)
    assert {each.problem["code"] for each in held} == {"10314"}


@pytest.mark.requirement("M4-55", "M4-56")
def test_links_of_a_batch_come_by_callback(shop):
    invoices = shop.many(12)

    shop.dispatch(invoices, "link")
    outbox.drain(threads=1)
    before = PaymentRequest.objects.exclude(redirect_url="").count()
    shop.work()

    assert before == 0
    assert PaymentRequest.objects.exclude(redirect_url="").count() == 12
    assert Counter(agree(shop, invoices).values()) == {"created": 12}


@pytest.mark.requirement("M4-76", "M4-77", "M4-72")
def test_shuffled_tripled_and_lost_callbacks_end_as_the_provider_says(shop):
    """The answer of the batch is cut off besides. Two thousand do so with real workers."""
    invoices = shop.many(160)
    _give_phones(invoices[::40], AT_ONCE)
    _give_phones(invoices[20::40], LATER)
    shop.spoil("create_batch", "cut_after")

    shop.dispatch(invoices)
    for minutes in (0, 1, 5, 10):
        shop.work(timedelta(minutes=minutes))
    shop.phone.bulk(shop.id, share_paid=0.5, share_rejected=0.1, share_accepted=0.2)
    shop.work(timedelta(minutes=20), size=70, seed=7, copies=3, lost=0.1)
    shop.work(timedelta(hours=2))
    _ask_all()
    shop.work(timedelta(hours=3))

    counted = Counter(agree(shop, invoices).values())
    assert counted["invalid"] == 8
    assert set(counted) == {"created", "paid", "rejected", "accepted", "invalid"}
    paid = {number for number, row in shop.ledger().items() if row["status"] == "paid"}
    assert {each.number for each in invoices if _is_paid(each)} == paid


def _give_phones(invoices, pattern):
    for n, invoice in enumerate(invoices):
        customer = invoice.customer
        customer.phone = pattern.format(n=n % 90 + 10)
        customer.save()
        customer.consents.update(phone=customer.phone)


def _ask_all():
    """Let the days pass in which every request is asked about, once."""
    tomorrow = timezone.now() + timedelta(days=1)
    PaymentRequest.objects.filter(ask_at__isnull=False).update(ask_at=timezone.now())
    reconcile.ask_due(tomorrow)


def _is_paid(invoice):
    invoice.refresh_from_db(fields=["status"])
    return invoice.status == "paid"

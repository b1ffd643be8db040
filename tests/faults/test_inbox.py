"""Deliveries: kept once, confirmed, tried again, replayed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from invoices import receivers
from providers import inbox
from providers.models import WebhookDelivery
from providers.signals import status_change
from tests.faults.conftest import fault, request_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(push, work):
    invoice = push()
    work()
    return invoice


def test_facts_have_one_receiver():
    found = [receiver[1]() for receiver in status_change.receivers]

    assert found == [receivers.apply_changes]


def test_delivery_about_an_unknown_reference_is_kept_and_rests_for_a_person(shop, sent):
    body = (
        b'{"msn":"%s","reference":"somebody-elses-1","pspReference":"p","name":"CREATED",'
        b'"amount":{"currency":"NOK","value":1},"timestamp":"2026-11-21T10:00:00Z","success":true}'
    ) % shop.account.credentials["msn"].encode()
    pk, _news = inbox.keep(shop.account, delivery_id="x", body=body, headers={}, now=timezone.now())

    for hours in range(inbox.MAX_ATTEMPTS + 2):
        inbox.drain(timezone.now() + timedelta(hours=hours))

    row = WebhookDelivery.objects.get(pk=pk)
    assert row.processed_at is None
    assert (row.due_at, row.attempts) == (None, inbox.MAX_ATTEMPTS)
    assert "Unknown reference" in row.problem


def test_same_delivery_is_kept_once(shop):
    rows = [
        inbox.keep(shop.account, delivery_id="d", body=b"{}", headers={}, now=timezone.now())
        for _ in range(3)
    ]

    assert [news for _pk, news in rows] == [True, False, False]
    assert WebhookDelivery.objects.get().repeats == 2


def test_provider_that_does_not_answer_leaves_the_delivery_for_later(sent, phone, work):
    phone.approve(request_of(sent).reference)
    fault("error_before", "get", times=1, status=503)

    work()
    waiting = WebhookDelivery.objects.filter(processed_at=None).count()
    work(timedelta(minutes=5))

    assert waiting >= 1
    assert not WebhookDelivery.objects.filter(processed_at=None).exists()
    sent.refresh_from_db()
    assert sent.status == "paid"


def test_replay_adds_nothing(sent, phone, work):
    phone.approve(request_of(sent).reference)
    work()
    before = sent.timeline.count()

    for delivery in WebhookDelivery.objects.all():
        assert inbox.replay(delivery.pk, now=timezone.now())

    assert sent.timeline.count() == before

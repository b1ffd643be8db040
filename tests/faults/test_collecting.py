"""Reservations: collected at once, by hand, or at the latest before they lapse."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from invoices import acting, reconcile
from invoices.enums import InvoiceStatus
from invoices.models import Alert, Operation
from providers.contract import RequestState
from tests.faults.conftest import fault, request_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def approved(shop, push, work, phone):
    """An approved request of an issuer that collects by hand."""
    shop.issuer.capture_automatically = False
    shop.issuer.save()
    invoice = push()
    work()
    phone.approve(request_of(invoice).reference)
    work()
    return invoice


def test_approved_money_waits_for_a_person(approved, phone):
    request = request_of(approved)

    assert request.state == RequestState.ACCEPTED
    assert request.capture_before
    assert request.capture_before > timezone.now()
    assert phone.payment(request.reference)["captured"] == 0


def test_part_is_collected_and_the_rest_stays_reserved(approved, shop, work, phone):
    acting.capture(
        request_id=request_of(approved).pk,
        amount=Decimal("100.00"),
        by=shop.owner,
        now=timezone.now(),
    )

    work()

    approved.refresh_from_db()
    assert phone.payment(request_of(approved).reference)["captured"] == 10000
    assert request_of(approved).state == RequestState.ACCEPTED
    assert approved.residual == approved.total - 100


def test_reservation_is_collected_before_it_lapses(approved, work, phone):
    """Always before the guarantee runs out, whatever the issuer's setting."""
    lapses = request_of(approved).capture_before
    assert lapses
    before = lapses - timedelta(hours=12)
    assert reconcile.collect_before_lapse(timezone.now()) == 0

    queued = reconcile.collect_before_lapse(before)
    work(before - timezone.now())

    approved.refresh_from_db()
    assert queued == 1
    assert approved.status == InvoiceStatus.PAID
    assert reconcile.collect_before_lapse(before) == 0


def test_refused_collection_is_told_and_not_repeated_for_ever(approved, shop, work):
    fault("refuse", "capture", times=5, status=400, code="6100")
    acting.capture(
        request_id=request_of(approved).pk, amount=None, by=shop.owner, now=timezone.now()
    )

    work()
    work(timedelta(hours=1))

    assert Alert.objects.get(resolved_at=None).what == "operation_failed"
    assert Operation.objects.filter(kind="capture").count() == 1
    assert request_of(approved).state == RequestState.ACCEPTED


def test_more_than_reserved_is_not_collected(approved, shop):
    with pytest.raises(acting.CannotAct, match="reserved"):
        acting.capture(
            request_id=request_of(approved).pk,
            amount=approved.total + 1,
            by=shop.owner,
            now=timezone.now(),
        )

    assert not Operation.objects.filter(kind="capture").exists()


def test_withdrawing_an_approved_request_releases_the_money(approved, shop, work, phone):
    acting.withdraw(
        request_id=request_of(approved).pk, by=shop.owner, reason="Mistake", now=timezone.now()
    )

    work()

    payment = phone.payment(request_of(approved).reference)
    assert (payment["captured"], payment["cancelled"]) == (0, int(approved.total * 100))
    assert request_of(approved).state == RequestState.CANCELLED
    approved.refresh_from_db()
    assert approved.status == InvoiceStatus.OPEN

"""Facts by every road, in every order, any number of times, end the same."""

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from invoices import facts, lifecycle, timeline
from invoices.enums import InvoiceStatus, OperationKind, OperationState
from invoices.models import Alert, Operation, PaymentRequest
from providers.contract import Money, MovementKind, RequestState, Source, StatusChange
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
AMOUNT = Decimal("2812.50")


@pytest.fixture
def request_(now):
    return new_request(factories.issued(), now)


def new_request(invoice, now, attempt=1):
    account = factories.ProviderAccountFactory(merchant=invoice.merchant)
    return PaymentRequest.objects.create(
        invoice=invoice,
        document=invoice.versions.get(),
        account=account,
        channel="push",
        state=RequestState.CREATED,
        attempt=attempt,
        reference=f"test-{invoice.pk}-a{attempt}",
        amount=invoice.total,
        currency=invoice.currency,
    )


def word(request, name, state, now, minutes, *, money=None, success=True, asked=False):
    amount = money and Money(
        kind=MovementKind(money[0]),
        amount=money[1],
        currency=request.currency,
        provider_ref=f"psp-{name}",
    )
    return StatusChange(
        reference=request.reference,
        event_id=f"psp-{name}:{name}",
        state=state and RequestState(state),
        provider_word=name,
        occurred_at=now + timedelta(minutes=minutes),
        money=amount or None,
        success=success,
        authoritative=asked,
    )


def apply(request, changes, now, source=Source.WEBHOOK):
    with transaction.atomic():
        invoice = lifecycle.locked(request.invoice_id)
        request = PaymentRequest.objects.select_related("account").get(pk=request.pk)
        return facts.apply(invoice, request, changes, source=source, now=now)


def state_of(request):
    request = PaymentRequest.objects.select_related("invoice").get(pk=request.pk)
    return request.state, request.invoice.status, request.invoice.residual


def paid_story(request, now):
    total = request.amount
    return [
        word(request, "CREATED", "created", now, 0),
        word(request, "AUTHORIZED", "accepted", now, 1, money=("authorised", total)),
        word(request, "CAPTURED", "paid", now, 2, money=("captured", total)),
        word(request, "REFUNDED", "partially_refunded", now, 3, money=("refunded", Decimal(12))),
    ]


def test_every_order_of_arrival_ends_the_same(now):
    """F15: all permutations of a payment's events, one delivery each."""
    ends = set()
    for number, order in enumerate(itertools.permutations(range(4))):
        request = new_request(factories.issued(), now)
        story = paid_story(request, now)
        for position in order:
            apply(request, [story[position]], now + timedelta(minutes=10 + number))
        ends.add(state_of(request))

    assert ends == {("partially_refunded", "partially_refunded", Decimal("0.00"))}


def test_repeats_add_nothing(request_, now):
    story = paid_story(request_, now)
    apply(request_, story, now)
    before = (request_.invoice.timeline.count(), request_.invoice.movements.count())

    for _ in range(5):
        assert apply(request_, story, now + timedelta(hours=1)) is False

    assert (request_.invoice.timeline.count(), request_.invoice.movements.count()) == before


def test_failed_operation_moves_nothing(request_, now):
    """An event with success false changed nothing at the provider."""
    change = word(request_, "CAPTURED", "paid", now, 2, money=("captured", AMOUNT), success=False)

    apply(request_, [change], now)

    assert state_of(request_)[:2] == ("created", "open")
    assert not request_.invoice.movements.exists()


def test_approval_is_collected_once(request_, now):
    change = word(request_, "AUTHORIZED", "accepted", now, 1, money=("authorised", request_.amount))

    for _ in range(3):
        apply(request_, [change], now)

    captures = Operation.objects.filter(request=request_, kind=OperationKind.CAPTURE)
    assert [each.amount for each in captures] == [request_.amount]


def test_approval_waits_for_a_person_where_the_issuer_says_so(request_, now):
    request_.invoice.issuer.capture_automatically = False
    request_.invoice.issuer.save()
    change = word(request_, "AUTHORIZED", "accepted", now, 1, money=("authorised", request_.amount))

    apply(request_, [change], now)

    assert not Operation.objects.filter(kind=OperationKind.CAPTURE).exists()


def test_reservation_for_a_paid_invoice_is_let_go(request_, now):
    """The shield: what is approved after the invoice was paid never becomes money."""
    apply(request_, paid_story(request_, now)[:3], now)
    second = new_request(request_.invoice, now, attempt=2)
    change = word(second, "AUTHORIZED2", "accepted", now, 5, money=("authorised", second.amount))

    apply(second, [change], now)

    kinds = Operation.objects.filter(request=second).values_list("kind", flat=True)
    assert list(kinds) == [OperationKind.CANCEL]


def test_payment_by_one_road_withdraws_the_other(request_, now):
    """V-27, X-06: an older request cannot be paid once the invoice is."""
    second = new_request(request_.invoice, now, attempt=2)

    apply(second, [word(second, "C", "paid", now, 1, money=("captured", second.amount))], now)

    asked = Operation.objects.get(request=request_)
    assert (asked.kind, asked.state) == (OperationKind.CANCEL, OperationState.DUE)


def test_second_payment_raises_an_alert_with_the_amount(request_, now):
    second = new_request(request_.invoice, now, attempt=2)
    for number, request in enumerate((request_, second)):
        change = word(request, f"C{number}", "paid", now, 1, money=("captured", request.amount))
        apply(request, [change], now)

    alert = Alert.objects.get(what="paid_twice")
    request_.invoice.refresh_from_db()
    assert Decimal(alert.data["amount"]) == second.amount
    assert (request_.invoice.status, request_.invoice.needs_person) == (InvoiceStatus.PAID, True)


def test_refund_of_what_is_too_much_closes_the_alert(request_, now):
    second = new_request(request_.invoice, now, attempt=2)
    for number, request in enumerate((request_, second)):
        change = word(request, f"C{number}", "paid", now, 1, money=("captured", request.amount))
        apply(request, [change], now)
    back = word(second, "R", "refunded", now, 9, money=("refunded", second.amount))

    apply(second, [back], now + timedelta(hours=1))

    request_.invoice.refresh_from_db()
    assert request_.invoice.status == InvoiceStatus.PAID
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert request_.invoice.needs_person is False


def test_money_in_another_currency_never_pays(request_, now):
    change = word(request_, "CAPTURED", "paid", now, 1)
    money = Money(
        kind=MovementKind.CAPTURED, amount=request_.amount, currency="DKK", provider_ref="x"
    )
    apply(
        request_,
        [StatusChange(**{f: getattr(change, f) for f in change.__slots__} | {"money": money})],
        now,
    )

    assert not request_.invoice.movements.exists()
    assert Alert.objects.get().what == "wrong_money"


def test_present_word_is_told_once(request_, now):
    """Polling an unchanged request writes nothing."""
    present = word(request_, "STATE", "created", now, 0, asked=True)
    apply(request_, [present], now, Source.POLL)
    before = request_.invoice.timeline.count()

    apply(request_, [present], now + timedelta(hours=1), Source.POLL)

    assert request_.invoice.timeline.count() == before


def test_present_word_overrules_a_false_end(request_, now):
    apply(request_, [word(request_, "EXPIRED", "expired", now, 1)], now)
    present = word(request_, "STATE", "created", now, 5, asked=True)

    apply(request_, [present], now + timedelta(minutes=6), Source.POLL)

    assert state_of(request_)[0] == "created"


def test_chain_holds_and_shows_a_change(request_, now):
    apply(request_, paid_story(request_, now), now)
    invoice = request_.invoice
    assert timeline.broken_at(invoice) is None

    third = invoice.timeline.get(position=3)
    type(third).objects.filter(pk=third.pk).update(provider_word="FORGED")

    assert timeline.broken_at(invoice) == 3

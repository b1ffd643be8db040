"""What may happen to a payment, and its arithmetic. All amounts in minor units.

Callers hold the payment's row lock and a transaction; every function checks first and writes
last, so a Refusal leaves nothing behind. Source: ePayment API guide, "States" and "Errors".
"""

from datetime import datetime, timedelta

from django.db import transaction

from providers.sandbox import clock
from providers.sandbox.models import Payment, PaymentEvent, SalesUnit
from providers.sandbox.vipps import users, webhooks
from providers.sandbox.vipps.problems import refuse

State = Payment.State
CAPTURE_DEADLINE = {
    SalesUnit.Market.NO: timedelta(days=180),
    SalesUnit.Market.DK: timedelta(days=14),
    SalesUnit.Market.FI: timedelta(days=14),
}
# The shortest of the banks' promises (Visa); capture after it may fail, before it may not.
GUARANTEE = timedelta(days=7)
CANCEL_PERIOD = timedelta(days=180)
REFUND_PERIOD = timedelta(days=365)
UNKNOWN_FOR = timedelta(hours=1)

# Test amounts in minor units. Source: developer.vippsmobilepay.com, test environment.
FAILING = {
    151: "no funds",
    182: "refused by the bank",
    183: "suspected fraud",
    184: "withdrawal limit",
    186: "expired card",
    187: "invalid card",
    197: "3-D Secure denied",
}
UNKNOWN_AMOUNT = 201
CONFIRM_AMOUNT = 202
REFUNDS = {123: "5100", 124: "6220"}


def locked(unit_pk: int, reference: str, now: datetime) -> Payment:
    """Lock a payment and let the clock have its say first. Raises Refusal 5090."""
    payment = (
        Payment.objects.select_for_update(of=("self",))
        .select_related("unit")
        .filter(unit=unit_pk, reference=reference)
        .first()
    )
    if payment is None:
        raise refuse("5090")
    settle(payment, now)
    return payment


def current(payment: Payment, now: datetime) -> Payment:
    """Give a payment as the clock has left it, locking it only where something is due."""
    if not is_due(payment, now):
        return payment
    with transaction.atomic():
        return locked(payment.unit_id, payment.reference, now)


def tick(now: datetime | None = None) -> int:
    """Settle every payment the clock has overtaken; returns how many were looked at."""
    now = now or clock.now()
    open_ones = Payment.objects.filter(state=State.CREATED, expires_at__lte=now)
    waiting = Payment.objects.filter(processing_until__lte=now)
    overdue = Payment.objects.filter(state=State.AUTHORIZED, capture_deadline__lte=now)
    due = [p for p in (open_ones | waiting | overdue).select_related("unit") if is_due(p, now)]
    for payment in due:
        current(payment, now)
    return len(due)


def is_due(payment: Payment, now: datetime) -> bool:
    """Tell whether the clock has something to change about a payment."""
    if payment.state == State.CREATED:
        return now >= (payment.processing_until or payment.expires_at)
    if payment.state != State.AUTHORIZED or payment.capture_deadline is None:
        return False
    return now > payment.capture_deadline and payment.remainder > 0


def settle(payment: Payment, now: datetime) -> None:
    """Expire, finish or release a locked payment as the clock demands."""
    if not is_due(payment, now):
        return
    if payment.state == State.AUTHORIZED:
        _release(payment, payment.capture_deadline or now)
    elif payment.processing_until:
        _authorize(payment, payment.processing_until)
    else:
        _end(payment, State.EXPIRED, payment.expires_at)


def approve(payment: Payment, msisdn: str, now: datetime, *, shared: bool = False) -> str:
    """Let a user say yes. Returns what the phone shows: 'approved', 'confirm', 'processing',
    or why the bank said no, which changes nothing but leaves an event with success false.

    Raises Refusal 6230 for a reserved payment, 6190 for an ended one.
    """
    if payment.state == State.AUTHORIZED:
        raise refuse("6230")
    if payment.state != State.CREATED:
        raise refuse("6190")
    if payment.processing_until:
        return "processing"
    payment.msisdn = msisdn
    if shared or payment.scope:
        payment.shared_at = payment.shared_at or now
    if not users.person(msisdn).has_card:
        return _failed(payment, "no card", now)
    if payment.amount in FAILING:
        return _failed(payment, FAILING[payment.amount], now)
    if payment.amount == CONFIRM_AMOUNT and not payment.confirm_needed:
        payment.confirm_needed = True
        payment.save()
        return "confirm"
    if payment.amount == UNKNOWN_AMOUNT:
        payment.processing_until = now + UNKNOWN_FOR
        payment.save()
        return "processing"
    _authorize(payment, now)
    return "approved"


def reject(payment: Payment, now: datetime) -> None:
    """Let a user say no. Raises Refusal 6190 when it is too late for that."""
    if payment.state != State.CREATED or payment.processing_until:
        raise refuse("6190")
    _end(payment, State.ABORTED, now)


def dismiss(payment: Payment, now: datetime) -> None:
    """Put a request off: the phone forgets the push, the provider notices nothing."""
    payment.dismissed_at = now
    payment.save(update_fields=["dismissed_at"])


def capture(payment: Payment, value: int, key: str, now: datetime) -> None:
    """Take reserved money. Raises Refusal 6080, 6200, 6070, 6170, 6100, 6090 or 6140."""
    _check_capture(payment, value, now)
    payment.captured += value
    payment.save(update_fields=["captured"])
    record(payment, "CAPTURED", value, now, key=key)


def refund(payment: Payment, value: int, key: str, now: datetime) -> None:
    """Give captured money back. Raises Refusal 6020, 6210, 6150, 6180, 6220 or 5100."""
    _check_refund(payment, value, now)
    payment.refunded += value
    payment.save(update_fields=["refunded"])
    record(payment, "REFUNDED", value, now, key=key)


def cancel(payment: Payment, key: str, now: datetime, *, transaction_only: bool) -> None:
    """Withdraw a request, or release all that is reserved and not captured, never a slice.

    Raises Refusal 6250, 6060, 6190, 6040 or 6030.
    """
    if payment.state == State.CREATED:
        if payment.processing_until:
            raise refuse("6250")
        payment.cancelled = payment.amount
        _end(payment, State.TERMINATED, now, key=key)
        return
    if payment.state != State.AUTHORIZED:
        raise refuse("6190")
    if transaction_only:
        raise refuse("6060")
    if payment.remainder == 0:
        raise refuse("6190" if payment.cancelled else "6040")
    if payment.authorized_at and now > payment.authorized_at + CANCEL_PERIOD:
        raise refuse("6030")
    _release(payment, now)


def record(
    payment: Payment,
    name: str,
    amount: int,
    at: datetime,
    *,
    key: str = "",
    success: bool = True,
) -> PaymentEvent:
    """Write one event into the log and send it to whoever subscribed."""
    event = PaymentEvent(payment=payment, name=name, amount=amount, at=at, key=key, success=success)
    if name == "CREATED":
        event.psp_reference = payment.psp_reference
    event.save(force_insert=True)
    webhooks.announce(event)
    return event


def _check_capture(payment: Payment, value: int, now: datetime) -> None:
    if payment.state == State.CREATED:
        raise refuse("6080")
    if payment.state == State.TERMINATED:
        raise refuse("6070")
    if payment.state != State.AUTHORIZED:
        raise refuse("6200")
    if payment.remainder == 0:
        raise refuse("6070" if payment.cancelled else "6170")
    if payment.capture_deadline and now > payment.capture_deadline:
        raise refuse("6100")
    if value > payment.remainder:
        raise refuse("6090")
    if value != payment.authorized and not payment.unit.partial_capture_allowed:
        raise refuse("6140")


def _check_refund(payment: Payment, value: int, now: datetime) -> None:
    if payment.state == State.CREATED:
        raise refuse("6020")
    if payment.state != State.AUTHORIZED:
        raise refuse("6210")
    if payment.captured and payment.refunded == payment.captured:
        raise refuse("6180")
    if payment.refunded + value > payment.captured:
        raise refuse("6150")
    if payment.authorized_at and now > payment.authorized_at + REFUND_PERIOD:
        raise refuse("6220")
    if value in REFUNDS:
        raise refuse(REFUNDS[value])


def _authorize(payment: Payment, at: datetime) -> None:
    unit = payment.unit
    payment.state = State.AUTHORIZED
    payment.authorized = payment.amount
    payment.authorized_at = at
    payment.processing_until = None
    payment.guaranteed_until = at + min(GUARANTEE, CAPTURE_DEADLINE[SalesUnit.Market(unit.market)])
    payment.capture_deadline = at + CAPTURE_DEADLINE[SalesUnit.Market(unit.market)]
    if payment.scope:
        payment.sub = users.sub(unit, payment.msisdn)
        payment.sub_visible_at = at + timedelta(seconds=unit.sub_delay)
    payment.save()
    record(payment, "AUTHORIZED", payment.amount, at)


def _failed(payment: Payment, why: str, now: datetime) -> str:
    payment.save()
    record(payment, "AUTHORIZED", payment.amount, now, success=False)
    return why


def _end(payment: Payment, state: Payment.State, at: datetime, *, key: str = "") -> None:
    payment.state = state
    payment.save()
    record(payment, state.value, payment.amount, at, key=key)


def _release(payment: Payment, at: datetime) -> None:
    released = payment.remainder
    payment.cancelled += released
    payment.save(update_fields=["cancelled"])
    # The real event log has no idempotency key on CANCELLED.
    record(payment, "CANCELLED", released, at)

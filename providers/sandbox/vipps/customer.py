"""What a person does in the app: open, approve, share, decline, put off, refuse."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from providers.sandbox import clock
from providers.sandbox.models import Payment
from providers.sandbox.vipps import lifecycle, users
from providers.sandbox.vipps.problems import refuse

# Who consented to a scope within these days is not asked again.
REMEMBERED = timedelta(days=7)


def find(reference: str, msn: str = "") -> Payment:
    """Find a payment by reference. Raises Payment.DoesNotExist, or MultipleObjectsReturned
    when two sales units use the same reference and no MSN was given.
    """
    payments = Payment.objects.select_related("unit").filter(reference=reference)
    return payments.get(unit__msn=msn) if msn else payments.get()


def by_token(token: str) -> Payment | None:
    """Find a payment by the token of its landing page, as the clock has left it."""
    payment = Payment.objects.select_related("unit").filter(token=token).first()
    return payment and lifecycle.current(payment, clock.now())


def requests_for(msisdn: str) -> QuerySet[Payment]:
    """List what a phone knows about: pushes it got and payments opened on it, newest first."""
    lifecycle.tick()
    return Payment.objects.select_related("unit").filter(msisdn=msisdn).order_by("-id")


def open_on(payment: Payment, msisdn: str) -> None:
    """Open a payment on a phone. Raises Refusal 7010 for a number that cannot pay."""
    now = clock.now()
    user = users.person(msisdn)
    if not users.payable(user, payment.minimum_age, now):
        raise refuse("7010")
    Payment.objects.filter(pk=payment.pk, state=Payment.State.CREATED).update(msisdn=msisdn)


def approve(payment: Payment, msisdn: str = "", *, share: bool = False) -> str:
    """Approve, sharing what was asked for. Returns what the phone then shows; see lifecycle.

    Raises Refusal.
    """
    with transaction.atomic():
        row, now = _locked(payment)
        phone = msisdn or row.msisdn or "4791234567"
        users.stored_person(phone)
        return lifecycle.approve(row, phone, now, shared=share)


def reject(payment: Payment) -> None:
    """Refuse the payment, or refuse to share: the payment fails either way. Raises Refusal."""
    with transaction.atomic():
        row, now = _locked(payment)
        lifecycle.reject(row, now)


def dismiss(payment: Payment) -> None:
    """Say "I'll pay later". No event, no webhook, no change that the merchant could see."""
    with transaction.atomic():
        row, now = _locked(payment)
        lifecycle.dismiss(row, now)


def remember_sharing(payment: Payment) -> None:
    """Note that the user agreed to share; paying is the next screen."""
    with transaction.atomic():
        row, now = _locked(payment)
        row.shared_at = now
        row.save(update_fields=["shared_at"])


def must_ask(payment: Payment, now: datetime) -> bool:
    """Tell whether the consent screen comes first."""
    if not payment.scope or payment.shared_at:
        return False
    recent = Payment.objects.filter(
        unit=payment.unit_id,
        msisdn=payment.msisdn,
        state=Payment.State.AUTHORIZED,
        shared_at__gte=now - REMEMBERED,
    )
    granted = {word for scope in recent.values_list("scope", flat=True) for word in scope.split()}
    return not set(payment.scope.split()) <= granted


def _locked(payment: Payment) -> tuple[Payment, datetime]:
    now = clock.now()
    return lifecycle.locked(payment.unit_id, payment.reference, now), now

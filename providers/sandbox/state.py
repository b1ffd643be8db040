"""The oracle: what the providers themselves hold, to compare the house's books with."""

from typing import Any

from django.db.models import Count, QuerySet

from providers.sandbox import clock
from providers.sandbox.models import (
    AppEvent,
    AppInvoice,
    AuthorizationCode,
    Call,
    Clock,
    Delivery,
    DirectConsent,
    Fault,
    Grant,
    Image,
    IssuedToken,
    Link,
    Mail,
    Payment,
    PaymentEvent,
    PhoneUser,
    PortalApp,
    PortalIssuer,
    PortalMerchant,
    PortalUser,
    Receipt,
    Replay,
    SalesUnit,
    SeenNonce,
    SigningKey,
    Subscription,
)
from providers.sandbox.vipps import lifecycle, wording
from providers.sandbox.vipps.auth import PROVIDER

Json = dict[str, Any]
# Children first, so that nothing is left pointing at a deleted row.
KEPT_BETWEEN_RUNS = (
    SalesUnit,
    PortalIssuer,
    PortalUser,
    PortalApp,
    PortalMerchant,
    SigningKey,
)
EMPTIED = (
    AppEvent,
    DirectConsent,
    AppInvoice,
    IssuedToken,
    AuthorizationCode,
    Grant,
    SeenNonce,
    Delivery,
    Subscription,
    PaymentEvent,
    Payment,
    Replay,
    Receipt,
    Link,
    Image,
    PhoneUser,
    Call,
    Fault,
    Mail,
    Clock,
)


def ledger(*, msn: str = "", reference: str = "", after: int = 0, limit: int = 500) -> Json:
    """Tell what the provider holds. Amounts in minor units.

    ``payments`` hold aggregates and events, ``totals`` the sums per currency over all payments
    asked for, ``calls`` how often each endpoint was called with each status.
    """
    lifecycle.tick()
    payments = _payments(msn, reference)
    page = list(payments.filter(pk__gt=after).prefetch_related("events")[:limit])
    return {
        "now": wording.moment(clock.now()),
        "count": payments.count(),
        "payments": [describe(payment) for payment in page],
        "next": page[-1].pk if len(page) == limit else None,
        "totals": totals(payments),
        "calls": calls(msn=msn, reference=reference),
    }


def describe(payment: Payment) -> Json:
    """Write one payment with everything the provider knows of it."""
    return {
        "id": payment.pk,
        "msn": payment.unit.msn,
        "reference": payment.reference,
        "pspReference": str(payment.psp_reference),
        "state": payment.state,
        "currency": payment.currency,
        "amount": payment.amount,
        "authorized": payment.authorized,
        "captured": payment.captured,
        "cancelled": payment.cancelled,
        "refunded": payment.refunded,
        "userFlow": payment.user_flow,
        "phoneNumber": payment.msisdn,
        "scope": payment.scope,
        "paymentDescription": payment.description,
        "receipt": payment.receipt,
        "receiptUrl": payment.receipt_url,
        "returnUrl": payment.return_url,
        "createdAt": wording.moment(payment.created_at),
        "expiresAt": wording.moment(payment.expires_at),
        "events": [wording.event(row, payment) for row in payment.events.all()],
    }


def totals(payments: QuerySet[Payment]) -> dict[str, dict[str, int]]:
    """Sum what the payments hold, per currency, in minor units."""
    sums: dict[str, dict[str, int]] = {}
    columns = ("authorized", "captured", "cancelled", "refunded")
    for currency, *values in payments.order_by().values_list("currency", *columns):
        mine = sums.setdefault(currency, dict.fromkeys(columns, 0))
        for column, value in zip(columns, values, strict=True):
            mine[column] += value
    return sums


def calls(*, msn: str = "", reference: str = "") -> dict[str, int]:
    """Count received requests, as ``{"create 201": 3, ...}``."""
    rows = Call.objects.filter(provider=PROVIDER).order_by()
    if msn:
        rows = rows.filter(account=msn)
    if reference:
        rows = rows.filter(reference=reference)
    counted = rows.values_list("endpoint", "status").annotate(n=Count("id"))
    return {f"{endpoint} {status}": n for endpoint, status, n in sorted(counted)}


def webhooks(*, msn: str = "", stream: str = "") -> list[Json]:
    """List deliveries, oldest first, with what became of each."""
    rows = Delivery.objects.select_related("subscription")
    if msn:
        rows = rows.filter(subscription__account=msn)
    if stream:
        rows = rows.filter(stream=stream)
    return [
        {
            "event": row.event,
            "stream": row.stream,
            "url": row.subscription.url,
            "attempts": row.attempts,
            "status": row.last_status,
            "error": row.last_error,
            "forged": row.forged,
            "delivered": row.delivered_at is not None,
            "settled": row.settled_at is not None,
        }
        for row in rows
    ]


def reset(*, accounts_too: bool = False) -> None:
    """Empty the sandbox; accounts and their keys stay unless asked otherwise."""
    for model in EMPTIED + (KEPT_BETWEEN_RUNS if accounts_too else ()):
        model._default_manager.all().delete()
    PortalMerchant.objects.update(
        callback_scheme="", callback_username="", callback_secret="", callback_url=""
    )


def _payments(msn: str, reference: str) -> QuerySet[Payment]:
    payments = Payment.objects.select_related("unit").order_by("id")
    if msn:
        payments = payments.filter(unit__msn=msn)
    return payments.filter(reference=reference) if reference else payments

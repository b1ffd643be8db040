"""The oracle: what the simulated MobilePay Invoice holds, to compare the house's books with."""

from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum

from providers.sandbox import clock
from providers.sandbox.mobilepay import expiry, lifecycle
from providers.sandbox.mobilepay.callbacks import PROVIDER
from providers.sandbox.models import AppInvoice, Call, Delivery

Json = dict[str, Any]
Status = AppInvoice.Status


def read(*, merchant_id: str = "", after: int = 0, limit: int = 500) -> Json:
    """Tell what the provider holds, a page at a time; amounts as text in major units.

    ``statuses`` and ``paid`` are over all invoices asked for, ``calls`` tells how often each
    endpoint answered with each status.
    """
    now = clock.now()
    expiry.tick(now)
    invoices = _invoices(merchant_id)
    page = list(invoices.filter(pk__gt=after).prefetch_related("events")[:limit])
    return {
        "now": lifecycle.stamp(now),
        "count": invoices.count(),
        "invoices": [describe(invoice) for invoice in page],
        "next": page[-1].pk if len(page) == limit else None,
        "statuses": statuses(invoices),
        "paid": paid(invoices),
        "calls": calls(merchant_id),
    }


def describe(invoice: AppInvoice) -> Json:
    """Write one invoice with everything the provider knows of it."""
    return {
        "id": invoice.pk,
        "invoiceId": str(invoice.invoice_id),
        "merchantId": str(invoice.merchant.merchant_id),
        "issuerId": str(invoice.issuer.issuer_id),
        "number": invoice.number,
        "paymentReference": invoice.payment_reference,
        "kind": "link" if invoice.is_link else "direct",
        "fromBatch": invoice.from_batch,
        "alias": invoice.alias,
        "total": str(invoice.total),
        "currency": invoice.currency,
        "dueDate": invoice.due_date.isoformat(),
        "paymentDate": invoice.payment_date.isoformat() if invoice.payment_date else None,
        "transactionId": invoice.transaction_id,
        "status": invoice.status,
        "sequence": invoice.sequence,
        "token": invoice.token,
        "events": [event.payload for event in invoice.events.all()],
    }


def statuses(invoices: QuerySet[AppInvoice]) -> dict[str, int]:
    """Count the invoices per status."""
    rows = invoices.order_by().values_list("status").annotate(n=Count("id"))
    return dict(sorted(rows))


def paid(invoices: QuerySet[AppInvoice]) -> dict[str, str]:
    """Sum what was paid, per currency."""
    rows = invoices.order_by().filter(status=Status.PAID).values_list("currency")
    # SQLite sums decimals as floats; a hundredth is exact again after rounding.
    sums = rows.annotate(total=Sum("total"))
    return {currency: str(Decimal(total).quantize(Decimal("0.01"))) for currency, total in sums}


def calls(merchant_id: str = "") -> dict[str, int]:
    """Count received requests, as ``{"create_batch 202": 3, ...}``."""
    rows = Call.objects.order_by().filter(provider=PROVIDER)
    if merchant_id:
        rows = rows.filter(account=merchant_id)
    counted = rows.values_list("endpoint", "status").annotate(n=Count("id"))
    return {f"{endpoint} {status}": n for endpoint, status, n in sorted(counted)}


def callbacks(*, merchant_id: str = "", invoice_id: str = "") -> list[Json]:
    """List callbacks, oldest first, with what became of each."""
    rows = Delivery.objects.filter(subscription__provider=PROVIDER).select_related("subscription")
    if merchant_id:
        rows = rows.filter(subscription__account=merchant_id)
    if invoice_id:
        rows = rows.filter(body__contains=invoice_id)
    return [_callback(row) for row in rows.order_by("pk")[:500]]


def _callback(row: Delivery) -> Json:
    return {
        "url": row.subscription.url,
        "merchantId": row.subscription.account,
        "body": row.body,
        "attempts": row.attempts,
        "status": row.last_status,
        "error": row.last_error,
        "dueAt": lifecycle.stamp(row.due_at),
        "forged": row.forged,
        "delivered": row.delivered_at is not None,
        "settled": row.settled_at is not None,
    }


def _invoices(merchant_id: str) -> QuerySet[AppInvoice]:
    invoices = AppInvoice.objects.select_related("merchant", "issuer").order_by("id")
    return invoices.filter(merchant__merchant_id=merchant_id) if merchant_id else invoices

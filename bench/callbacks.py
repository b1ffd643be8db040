"""Applying 10,000 callbacks of MobilePay Invoice, beside 10,000 bare row updates.

The callbacks lie in the inbox, in arrays as the provider sends them; measured is reading them,
finding and locking the requests, timeline, states and marks. The bare updates write one column
of the same rows, one by one.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from bench.row import Row
from invoices.models import PaymentRequest
from providers import inbox
from providers.models import ProviderAccount, WebhookDelivery
from tests import factories, many

REQUESTS = 5000
PER_DELIVERY = 500
TARGET = 8.0


def run() -> list[Row]:
    """Measure, and return one row."""
    account, ids = _requests()
    bare = _bare()
    _keep(account, ids)
    started = time.perf_counter()
    inbox.drain()
    seconds = time.perf_counter() - started
    if left := WebhookDelivery.objects.filter(processed_at=None).count():
        raise RuntimeError(f"{left} deliveries were not processed.")
    if PaymentRequest.objects.filter(state="accepted").count() != REQUESTS:
        raise RuntimeError("The callbacks did not end in what they say.")
    return [
        Row(
            name=f"applying {2 * REQUESTS} callbacks",
            value=seconds, unit="s", reference=bare, target=TARGET, at_most=True,
            note=f"arrays of {PER_DELIVERY}; Created and Accepted of {REQUESTS} invoices, shuffled.",
        )
    ]  # fmt: skip


def _requests() -> tuple[ProviderAccount, list[str]]:
    issuer = factories.DanishIssuerFactory()
    account = factories.ProviderAccountFactory(
        merchant=issuer.merchant, provider="mobilepay_invoice", name="MobilePay",
        settings={"country": "DK"},
    )  # fmt: skip
    invoices = many.issued(REQUESTS, issuer=issuer, customer__merchant=issuer.merchant)
    versions = {v.invoice_id: v for invoice in invoices for v in invoice.versions.all()}
    rows = PaymentRequest.objects.bulk_create(
        PaymentRequest(
            invoice=invoice, document=versions[invoice.pk], account=account, channel="direct",
            attempt=1, reference=f"bench-{invoice.pk}", provider_id=str(uuid4()),
            amount=invoice.total, currency="DKK", state="submitted",
        )
        for invoice in invoices
    )  # fmt: skip
    return account, [row.provider_id for row in rows]


def _bare() -> float:
    pks = list(PaymentRequest.objects.values_list("pk", flat=True)) * 2
    started = time.perf_counter()
    for pk in pks:
        PaymentRequest.objects.filter(pk=pk).update(provider_word="bench")
    return time.perf_counter() - started


def _keep(account: ProviderAccount, ids: list[str]) -> None:
    """Lay the callbacks into the inbox; every second array holds news older than the first."""
    begin = datetime.now(tz=UTC) - timedelta(hours=1)
    for start in range(0, len(ids), PER_DELIVERY):
        part = ids[start : start + PER_DELIVERY]
        for status, sequence in (("Accepted", 2), ("Created", 1)):
            items = [_item(each, status, sequence, begin) for each in part]
            inbox.keep(
                account, delivery_id=uuid4().hex, body=json.dumps(items).encode(), headers={},
                now=timezone.now(),
            )  # fmt: skip


def _item(invoice_id: str, status: str, sequence: int, begin: datetime) -> dict[str, object]:
    at = begin + timedelta(seconds=sequence)
    item = {"InvoiceId": invoice_id, "Status": status, "Date": at.isoformat(), "Sequence": sequence}
    return item | ({"PaymentDate": "2026-12-01"} if status == "Accepted" else {})

"""A batch of 2,000 MobilePay Invoices, beside serialising and posting 2,000 ready bodies.

Ours makes the bodies from the frozen documents, claims the operations, posts, reads the answer
and writes it down: request, facts and timeline of each invoice. Deciding to send (checks, rows)
is measured beside it, against the same reference.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import requests
from django.utils import timezone

from bench import mobilepay, server
from bench.mobilepay import Shop
from bench.row import Row
from invoices import bulk, dispatching, documents, options, outbox
from invoices.models import Invoice, Operation, PaymentRequest
from providers import issuers, registry
from providers.contract import InvoiceDocument, SendOptions
from tests import many

SIZE = 2000
ROUNDS = 2
TARGET = 3.0
WHOLE_TARGET = 10.0


def run() -> list[Row]:
    """Measure, and return two rows."""
    with server.simulator() as stack:
        shop = mobilepay.shop(stack)
        _round(shop, 50, 70_000_000)
        rounds = [_round(shop, SIZE, 20_000_000 + n * 1_000_000) for n in range(ROUNDS)]
    bare, deciding, sending = (sum(seconds) for seconds in zip(*rounds, strict=True))
    return [
        Row(
            name=f"batch of {SIZE}: build and send",
            value=sending, unit="s", reference=bare, target=TARGET, at_most=True,
            note=f"{ROUNDS} rounds in turn; the simulator's own work is in both.",
        ),
        Row(
            name=f"batch of {SIZE}: decide, build and send",
            value=deciding + sending, unit="s", reference=bare, target=WHOLE_TARGET, at_most=True,
            note="From the press to the last written answer; deciding checks every rule.",
        ),
    ]  # fmt: skip


def _round(shop: Shop, size: int, phones: int) -> tuple[float, float, float]:
    """Return the seconds of the bare client, of deciding, and of building and sending."""
    invoices = _issued(shop, size, phones)
    started = time.perf_counter()
    dispatch = dispatching.start(
        merchant=shop.issuer.merchant, road_key=f"{shop.account.pk}:direct", by=shop.by,
        ids=[invoice.pk for invoice in invoices], now=timezone.now(),
    )  # fmt: skip
    bulk.queue(dispatch.pk, now=timezone.now())
    deciding = time.perf_counter() - started
    operations = Operation.objects.filter(request__dispatch=dispatch)
    bodies = [json.loads(body) for body in operations.values_list("body", flat=True)]
    return _bare(shop, bodies), deciding, _ours(shop, invoices)


def _issued(shop: Shop, size: int, phones: int) -> list[Invoice]:
    return many.issued(
        size, phone_from=phones, prefix=f"B{phones}", issuer=shop.issuer, by=shop.by,
        today=timezone.localdate(), now=timezone.now(), customer__merchant=shop.issuer.merchant,
    )  # fmt: skip


def _bare(shop: Shop, bodies: list[dict[str, Any]]) -> float:
    """Send twins of the bodies under other numbers, as a script would."""
    twins = [body | {"InvoiceNumber": f"X{body['InvoiceNumber']}"} for body in bodies]
    with requests.Session() as session:
        session.trust_env = False
        started = time.perf_counter()
        raw = json.dumps(twins).encode()
        answer = session.post(shop.batches, data=raw, headers=shop.headers, timeout=120)
        taken = len(answer.json()["Accepted"])
        seconds = time.perf_counter() - started
    if taken != len(bodies):
        raise RuntimeError(f"Only {taken} of {len(bodies)} were accepted: {answer.text[:300]}")
    return seconds


def _ours(shop: Shop, invoices: list[Invoice]) -> float:
    provider = registry.of(shop.account)
    ready = _ready(shop, invoices)
    started = time.perf_counter()
    for document, asked in ready:
        provider.prepare(document, asked)
    outbox.drain()
    seconds = time.perf_counter() - started
    rows = PaymentRequest.objects.filter(invoice__in=invoices)
    taken = rows.filter(state="submitted").count()
    if taken != len(invoices):
        states = list(rows.order_by().values_list("state", "problem").distinct()[:3])
        raise RuntimeError(f"Only {taken} of {len(invoices)} were handed over: {states}")
    return seconds


def _ready(shop: Shop, invoices: list[Invoice]) -> list[tuple[InvoiceDocument, SendOptions]]:
    """Return documents and options as deciding has them in hand when it makes the bodies."""
    sender = issuers.usable_id(shop.account, shop.issuer)
    rows = PaymentRequest.objects.filter(invoice__in=invoices)
    return [
        (
            documents.of(row.document),
            replace(options.of_request(row, key="bench", as_of=timezone.now()), issuer_id=sender),
        )
        for row in rows.select_related("document", "invoice")
    ]

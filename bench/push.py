"""500 pushes through the worker's own code, beside a bare keep-alive loop to the same provider.

The provider is the sandbox in a process and database of its own. Both sides use the same number
of threads and send the same body. They take turns, so that a slow moment hits both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import requests
from django.conf import settings
from django.utils import timezone

from bench import sample, server
from bench.load import in_threads
from bench.row import Row
from invoices import outbox, sending
from invoices.enums import OperationState
from invoices.models import Operation
from invoicing_site.demo.phone import Json, Phone
from invoicing_site.merchants.models import Issuer
from providers.models import ProviderAccount
from tests import factories

PUSHES = 500
ROUNDS = 4
TARGET = 0.6


def run() -> list[Row]:
    """Measure, and return one row."""
    with server.simulator() as stack:
        phone = Phone(stack.url)
        keys = phone.sales_unit(msn="424242", rate_limits=False)
        issuer = factories.IssuerFactory()
        account = sample.unit(keys, f"{stack.url}/sandbox/vipps", issuer)
        batches = _queued(account, issuer)
        body = _warm_up(phone, account, issuer)
        ours, bare = 0.0, 0.0
        for batch in batches:
            bare += _bare(stack.url, keys, body, len(batch))
            ours += _ours(batch)
    return [
        Row(
            name=f"{PUSHES} pushes through the worker",
            value=PUSHES / ours,
            unit="/s",
            reference=PUSHES / bare,
            target=TARGET,
            at_most=False,
            note=f"{settings.OUTBOX_THREADS} threads on both sides, {ROUNDS} rounds in turn.",
        )
    ]


def _queued(account: ProviderAccount, issuer: Issuer) -> list[list[int]]:
    """Decide to send 500 invoices, and hold all but the first batch until its turn."""
    by = factories.UserFactory()
    pks = []
    for invoice in sample.issued(PUSHES, issuer, by):
        sending.send(
            invoice_id=invoice.pk, road_key=f"{account.pk}:push", by=by, now=timezone.now()
        )
        pks.append(Operation.objects.filter(invoice=invoice).values_list("pk", flat=True).get())
    Operation.objects.filter(pk__in=pks).update(due_at=timezone.now() + timedelta(days=1))
    return [pks[n::ROUNDS] for n in range(ROUNDS)]


def _warm_up(phone: Phone, account: ProviderAccount, issuer: Issuer) -> Json:
    """Send one, so that token and connections are there. Returns the body that went out."""
    by = factories.UserFactory()
    (invoice,) = sample.issued(1, issuer, by)
    sending.send(invoice_id=invoice.pk, road_key=f"{account.pk}:push", by=by, now=timezone.now())
    outbox.drain()
    call = next(call for call in phone.calls(msn="424242") if call["endpoint"] == "create")
    body: Json = json.loads(call["body"])
    return body


def _ours(batch: Sequence[int]) -> float:
    Operation.objects.filter(pk__in=batch).update(due_at=timezone.now())
    started = time.perf_counter()
    outbox.drain()
    seconds = time.perf_counter() - started
    late = Operation.objects.filter(pk__in=batch).exclude(state=OperationState.DONE)
    if found := list(late.values_list("state", "problem")):
        raise RuntimeError(f"{len(found)} of {len(batch)} pushes did not arrive: {found[:3]}")
    return seconds


def _bare(url: str, keys: Json, body: Json, count: int) -> float:
    headers = _headers(url, keys)

    def work(share: range) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for _ in share:
                mine = body | {"reference": f"bare-{uuid4().hex}"}
                answer = session.post(
                    f"{url}/sandbox/vipps/epayment/v1/payments",
                    json=mine,
                    headers=headers | {"Idempotency-Key": uuid4().hex},
                    timeout=30,
                )
                answer.raise_for_status()

    width = settings.OUTBOX_THREADS
    return in_threads(work, [range(n, count, width) for n in range(width)])


def _headers(url: str, keys: Json) -> dict[str, str]:
    who = {
        "Ocp-Apim-Subscription-Key": keys["key_primary"],
        "Merchant-Serial-Number": keys["msn"],
    }
    secret = {"client_id": keys["client_id"], "client_secret": keys["client_secret"]}
    answer = requests.post(f"{url}/sandbox/vipps/accesstoken/get", headers=who | secret, timeout=30)
    return who | {"Authorization": f"Bearer {answer.json()['access_token']}"}

"""Webhook intake, beside a bare view that inserts one row on the same server.

Each delivery is new and rightly signed. The broker is BENCH_BROKER_URL, or files; the work behind
the answer is not measured here, and no worker runs.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import uuid4

from bench import server
from bench.load import rate
from bench.row import Row
from providers.models import ProviderAccount, RejectedDelivery, WebhookDelivery, WebhookRegistration
from providers.sandbox.vipps import webhooks
from tests import factories

DELIVERIES = 300
ROUNDS = 4
THREADS = 8
TARGET = 0.4
SECRET = "a-signing-secret-for-benchmarks-only"
Posts = list[tuple[bytes, dict[str, str]]]


def run() -> list[Row]:
    """Measure, and return one row."""
    account = factories.ProviderAccountFactory()
    with server.site() as stack:
        path = f"/webhooks/vipps_mobilepay/{account.webhook_token}/"
        url = f"{stack.url}{path}"
        WebhookRegistration.objects.create(
            account=account, provider_id=str(uuid4()), url=url, secret=SECRET
        )
        bare_url = f"{stack.url}/bench/insert/{account.pk}/"
        rate(url, _signed(url, 20), threads=THREADS)
        rate(bare_url, _signed(url, 20), threads=THREADS)
        ours, bare = [], []
        for _ in range(ROUNDS):
            bare.append(rate(bare_url, _signed(url, DELIVERIES), threads=THREADS))
            ours.append(rate(url, _signed(url, DELIVERIES), threads=THREADS))
    _all_worked(account)
    return [
        Row(
            name="webhook intake",
            value=sum(ours) / ROUNDS,
            unit="/s",
            reference=sum(bare) / ROUNDS,
            target=TARGET,
            at_most=False,
            note=f"{THREADS} keep-alive connections, {ROUNDS} rounds in turn.",
        )
    ]


def _signed(url: str, count: int) -> Posts:
    return [_one(url) for _ in range(count)]


def _one(url: str) -> tuple[bytes, dict[str, str]]:
    body = {
        "msn": "123456",
        "reference": f"bench-{uuid4().hex}",
        "pspReference": str(uuid4()),
        "name": "AUTHORIZED",
        "amount": {"currency": "NOK", "value": 45000},
        "timestamp": datetime.now(tz=UTC).isoformat(),
        "idempotencyKey": None,
        "success": True,
    }
    raw = json.dumps(body).encode()
    return raw, webhooks.sign(url, SECRET, raw, datetime.now(tz=UTC))


def _all_worked(account: ProviderAccount) -> None:
    """Every delivery must be in the table: a fast refusal is not speed."""
    wanted = 2 * (ROUNDS * DELIVERIES + 20)
    kept = WebhookDelivery.objects.filter(account=account).count()
    refused = RejectedDelivery.objects.filter(account=account).count()
    if kept != wanted or refused:
        raise RuntimeError(f"{kept} of {wanted} deliveries were kept.")

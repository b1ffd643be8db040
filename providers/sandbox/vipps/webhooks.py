"""Webhooks API v1: registering addresses, signing, the retry plan.

Source: developer.vippsmobilepay.com/docs/APIs/webhooks-api, read 2026-10.
"""

import base64
import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from providers.sandbox import outbox
from providers.sandbox.models import PaymentEvent, SalesUnit, Subscription
from providers.sandbox.vipps import receipts, wording
from providers.sandbox.vipps.auth import PROVIDER
from providers.sandbox.vipps.endpoint import Answer, Exchange, endpoint
from providers.sandbox.vipps.fields import LOCAL
from providers.sandbox.vipps.problems import Refusal, invalid

NAMES = (
    "created",
    "authorized",
    "aborted",
    "expired",
    "terminated",
    "captured",
    "cancelled",
    "refunded",
)
EVENTS = {f"epayments.payment.{name}.v1" for name in NAMES}
LIMIT = 25
QUICK = timedelta(seconds=2)
KEEP_TRYING = timedelta(days=7)


@endpoint("webhook_register", takes_body=True, writes=True)
def register(exchange: Exchange) -> Answer:
    """POST /webhooks/v1/webhooks: the provider makes the secret and shows it once."""
    url, events = _wanted(exchange.body, exchange.unit)
    # The row lock makes the count hold under concurrent registrations.
    SalesUnit.objects.select_for_update().get(pk=exchange.unit.pk)
    taken = [name for row in _live(exchange.unit) for name in row.events]
    if any(taken.count(name) >= LIMIT for name in events):
        raise invalid("events", f"At most {LIMIT} webhooks can be registered per event.")
    row = Subscription.objects.create(
        provider=PROVIDER,
        account=exchange.unit.msn,
        url=url,
        secret=str(uuid.uuid4()),
        events=events,
        created_at=exchange.now,
    )
    return 201, {"id": str(row.public_id), "secret": row.secret}


@endpoint("webhook_list")
def listing(exchange: Exchange) -> Answer:
    """GET /webhooks/v1/webhooks: without the secrets."""
    rows = [
        {"id": str(row.public_id), "url": row.url, "events": row.events}
        for row in _live(exchange.unit)
    ]
    return 200, {"webhooks": rows}


@endpoint("webhook_delete", writes=True)
def delete(exchange: Exchange, public_id: str) -> Answer:
    """DELETE /webhooks/v1/webhooks/{id}: 204; what waits for the address is given up."""
    row = _live(exchange.unit).filter(public_id=public_id).first()
    if row is None:
        raise Refusal(status=404, reason="Webhook not found.")
    row.deleted_at = exchange.now
    row.save(update_fields=["deleted_at"])
    row.deliveries.filter(settled_at=None).update(
        settled_at=exchange.now, last_error="address deleted"
    )
    return 204, None


def announce(event: PaymentEvent) -> None:
    """Put one payment event into the outbox of every address that asked for its kind."""
    payment = event.payment
    outbox.enqueue(
        provider=PROVIDER,
        account=payment.unit.msn,
        event=f"epayments.payment.{event.name.lower()}.v1",
        fault_name=event.name,
        stream=payment.reference,
        body=json.dumps(wording.webhook(event), ensure_ascii=False, separators=(",", ":")),
    )


def sign(url: str, secret: str, raw: bytes, at: datetime) -> dict[str, str]:
    """Make the headers of one delivery.

    The string to sign has line feeds only; the host carries a port unless it is the scheme's
    own; the secret is used as it is written, never decoded from base64.
    """
    parts = urlsplit(url)
    date = format_datetime(at.astimezone(UTC), usegmt=True)
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = _authority(url)
    text = f"POST\n{target}\n{date};{host};{digest}"
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(mac).decode()
    return {
        "Content-Type": "application/json",
        "Host": host,
        "x-ms-date": date,
        "x-ms-content-sha256": digest,
        "Authorization": (
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + signature
        ),
    }


def delay(attempts: int, age: timedelta) -> timedelta | None:
    """Tell how long to wait after so many attempts: 2 s thrice, 1 and 2 minutes, hours, days.

    None after seven days.
    """
    if age >= KEEP_TRYING:
        return None
    if attempts < 4:
        return QUICK
    if attempts < 6:
        return timedelta(seconds=60 if attempts == 4 else 120)
    return timedelta(hours=1) if attempts < 29 else timedelta(days=1)


def forge(body: str) -> str:
    """Write what a forger would send: the same event, with one more zero on the amount."""
    content: dict[str, Any] = json.loads(body)
    content["amount"]["value"] *= 10
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def register_protocol() -> None:
    """Tell the outbox how this provider's webhooks are signed and retried."""
    outbox.PROTOCOLS[PROVIDER] = outbox.Protocol(sign=sign, delay=delay, forge=forge)


def _live(unit: SalesUnit) -> Any:
    return Subscription.objects.filter(provider=PROVIDER, account=unit.msn, deleted_at=None)


def _wanted(body: Any, unit: SalesUnit) -> tuple[str, list[str]]:
    checks = {"url": receipts.is_text, "events": lambda value: isinstance(value, list)}
    receipts.fields(body, checks, "", required=("url", "events"))
    url, events = body["url"], body["events"]
    if not _reachable(url, unit):
        raise invalid("url", "The URL must be valid, reachable by us and use HTTPS.")
    if not events or len(set(map(str, events))) != len(events):
        raise invalid("events", "At least one event, each once.")
    for name in events:
        if name not in EVENTS:
            raise invalid("events", f"Unknown event '{name}'.")
    return url, events


def _reachable(url: str, unit: SalesUnit) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if unit.local_urls and host in LOCAL:
        return parts.scheme in {"http", "https"}
    return parts.scheme == "https" and "." in host and port in {None, 80, 443, 8080, 8443}


def _authority(url: str) -> str:
    parts = urlsplit(url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return host if parts.port in {None, usual} else f"{host}:{parts.port}"

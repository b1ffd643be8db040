"""Their webhooks: who signed, when, and what it says.

Source: developer.vippsmobilepay.com/docs/APIs/webhooks-api/request-authentication, read 2026-10.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from providers.contract import InvalidSignature, MalformedDelivery, StatusChange, WebhookRequest
from providers.vipps_mobilepay import facts, wire

EVENTS = [
    f"epayments.payment.{name}.v1"
    for name in (
        "created",
        "authorized",
        "aborted",
        "expired",
        "terminated",
        "captured",
        "cancelled",
        "refunded",
    )
]
SCHEME = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
_DEFAULT_PORTS = {"https": 443, "http": 80}


def verify(request: WebhookRequest, secrets: Sequence[str], *, tolerance: float) -> None:
    """Raise InvalidSignature unless a live secret signed these bytes for this address, recently.

    The reason `stale` or `from the future` means that all but the date was right.
    """
    date = request.headers.get("x-ms-date", "")
    claimed_hash = request.headers.get("x-ms-content-sha256", "")
    authorization = request.headers.get("authorization", "")
    if not (date and claimed_hash and authorization):
        raise InvalidSignature("headers missing")
    if not authorization.startswith(SCHEME):
        raise InvalidSignature("other scheme")
    digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    if not _same(digest, claimed_hash):
        raise InvalidSignature("body changed")
    text = string_to_sign(request.url, date, digest, method=request.method)
    # Every secret is tried, so that the time taken tells nothing.
    fits = [_same(SCHEME + sign(secret, text), authorization) for secret in secrets if secret]
    if not any(fits):
        raise InvalidSignature("wrong signature" if fits else "no secret")
    _check_date(date, request.received_at, tolerance)


def string_to_sign(url: str, date: str, digest: str, *, method: str = "POST") -> str:
    """Build what is signed, from the registered address; a default port is left out."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"{method.upper()}\n{target}\n{date};{host};{digest}"


def sign(secret: str, text: str) -> str:
    """Sign. The secret is used as written, never decoded, though it looks like base64."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()


def delivery_id(request: WebhookRequest) -> str:
    """Name a delivery's content, the same for each repeat. Raises MalformedDelivery."""
    body = _read(request.body)
    try:
        event, msn = wire.event(body), wire.text(body, "msn", 20)
    except wire.Unreadable as error:
        raise MalformedDelivery(str(error)) from error
    return f"{event.psp_reference}:{event.name}:{msn}"


def parse(body: bytes, *, msn: str, market: str) -> list[StatusChange]:
    """Read a verified body: the event, and the phone number if the customer shared it.

    Raises MalformedDelivery, also for another sales unit's event.
    """
    found = _read(body)
    try:
        event = wire.event(found)
        theirs = wire.text(found, "msn", 20)
    except wire.Unreadable as error:
        raise MalformedDelivery(str(error)) from error
    if theirs != msn:
        raise MalformedDelivery(f"it is for sales unit {theirs}, not for ours")
    guaranteed = wire.maybe_time(found.get("captureGuaranteedUntil"))
    change = facts.of_event(event, market, guaranteed_until=guaranteed)
    details = found.get("userDetails")
    phone = wire.e164(details.get("mobileNumber")) if isinstance(details, dict) else ""
    shared = facts.of_phone(event.reference, phone, event.at) if event.success else []
    return [change, *shared]


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MalformedDelivery("it is not JSON") from error
    if not isinstance(found, dict):
        raise MalformedDelivery("it is not an object")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _same(mine: str, theirs: str) -> bool:
    return hmac.compare_digest(mine.encode(), theirs.encode("utf-8", "surrogateescape"))


def _check_date(text: str, received_at: datetime, tolerance: float) -> None:
    try:
        at = parsedate_to_datetime(text)
        age = (received_at - at).total_seconds()
    except (TypeError, ValueError, OverflowError):
        raise InvalidSignature("date unreadable") from None
    if abs(age) > tolerance:
        raise InvalidSignature("stale" if age > 0 else "from the future")

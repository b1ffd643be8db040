"""Their callbacks: who sends them, and what they say.

Nobody signs the body: a secret that we chose proves the sender, so money is never believed from
here. Source: developer.mobilepay.dk/docs/invoice/callbacks, read 2026-11.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from providers.contract import (
    OPEN_STATES,
    InvalidSignature,
    MalformedDelivery,
    RequestState,
    StatusChange,
    WebhookRequest,
)
from providers.mobilepay_invoice import facts, wire
from providers.mobilepay_invoice.values import Unreadable

logger = logging.getLogger(__name__)

BASIC, API_KEY = "basic", "apikey"


@dataclass(frozen=True, slots=True)
class Secret:
    """What their callbacks must carry: user name and password, or a key alone."""

    scheme: str
    username: str
    password: str

    def dumps(self) -> str:
        """Write it as one text, as a registration keeps it."""
        return json.dumps([self.scheme, self.username, self.password])

    @property
    def expected(self) -> bytes:
        """What the header says, its scheme word and encoding apart."""
        return (f"{self.username}:" if self.username else "").encode() + self.password.encode()


def loads(text: str) -> Secret | None:
    """Read a kept secret; None for what is none of ours."""
    try:
        scheme, username, password = json.loads(text)
    except (ValueError, TypeError):
        return None
    good = all(isinstance(part, str) for part in (scheme, username, password)) and password
    return Secret(scheme, username, password) if good else None


def new_secret(scheme: str) -> tuple[str, Secret]:
    """Choose a secret and a name for it. Both are of letters that any header may carry."""
    name = f"mp-{randomness.token_hex(4)}"
    password = randomness.token_urlsafe(32)
    kept = API_KEY if scheme == API_KEY else BASIC
    return f"{kept}:{name}", Secret(kept, name if kept == BASIC else "", password)


def setup(url: str, secret: Secret) -> dict[str, str]:
    """Write the body that sets address and secret; their underscored names are other names."""
    if secret.scheme == API_KEY:
        return {"apiKey": secret.password, "callbackUrl": url}
    return {"username": secret.username, "password": secret.password, "callbackUrl": url}


# --------------------------------------------------------------------------------- who sends it
def verify(request: WebhookRequest, secrets: Sequence[str]) -> None:
    """Raise InvalidSignature unless the header carries a live secret."""
    header = request.headers.get("authorization", "").strip()
    if not header:
        raise InvalidSignature("headers missing")
    known = [secret for text in secrets if (secret := loads(text))]
    # Every secret is tried, so that the time taken tells nothing.
    fits = [_fits(header, secret) for secret in known]
    if not any(fits):
        raise InvalidSignature("wrong secret" if fits else "no secret")


def _fits(header: str, secret: Secret) -> bool:
    given = header.encode("utf-8", "surrogateescape")
    if secret.scheme == BASIC:
        scheme, _blank, encoded = header.partition(" ")
        given = _decoded(encoded.strip()) if scheme.casefold() == BASIC else b""
    return hmac.compare_digest(given, secret.expected)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


# ---------------------------------------------------------------------------------- what it says
def delivery_id(request: WebhookRequest) -> str:
    """Name a delivery's content, the same for each repeat. Raises MalformedDelivery."""
    _items(request.body)
    return f"sha256:{hashlib.sha256(request.body).hexdigest()}"


def parse(body: bytes, zone: ZoneInfo) -> list[StatusChange]:
    """Read a verified body, event by event. Raises MalformedDelivery when it is no list.

    An event that cannot be read is left out: refused, it would bring the whole list again for
    two days, and asking for the status tells what it said.
    """
    found: list[StatusChange] = []
    for position, item in enumerate(_items(body)):
        try:
            found.append(facts.of_item(wire.read_callback_item(item, zone)))
        except Unreadable as error:
            logger.warning("Left out item %s of a callback: %s", position, error)
    return found


def to_confirm(told: Sequence[StatusChange]) -> list[str]:
    """Return what must be asked about: what is said to be paid, or to have ended in two ways."""
    ends: dict[str, set[RequestState]] = {}
    for change in told:
        if change.state is not None and change.state not in OPEN_STATES:
            ends.setdefault(change.reference, set()).add(change.state)
    return [ref for ref, states in ends.items() if RequestState.PAID in states or len(states) > 1]


def _items(body: bytes) -> list[Any]:
    try:
        found = json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MalformedDelivery("it is not JSON") from error
    if not isinstance(found, list):
        raise MalformedDelivery("it is not a list")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")

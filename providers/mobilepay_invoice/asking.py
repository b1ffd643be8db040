"""When to ask about a request that nothing is heard of: the net under their callbacks.

They lose nothing for two days, so once a day is enough where no payment is due; the hour of the
day differs per request, or a batch of thousands would be asked about in one minute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from providers.contract import Asked, RequestState

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# After something that is to have an answer soon, before once a day is enough.
STEPS = (timedelta(minutes=2), timedelta(minutes=10), HOUR)
CONSENT_STEPS = (timedelta(minutes=1), timedelta(minutes=10), HOUR)
CONSENT_PATIENCE = timedelta(days=30)
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def next_time(asked: Asked, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Say when to ask next, or None for never."""
    match asked.state:
        case RequestState.SUBMITTED | RequestState.UNKNOWN:
            soon = _stepwise(asked, now, asked.created_at, STEPS)
        case RequestState.CREATED if asked.facts.get("waits_for_link"):
            soon = _stepwise(asked, now, asked.created_at, STEPS)
        case RequestState.CREATED:
            soon = _daily(asked, now)
        case RequestState.ACCEPTED:
            soon = _until_payment(asked, now, zone)
        case RequestState.PAID:
            return _for_consent(asked, now)
        case _:
            return None
    lapse = asked.expires_at + DAY if asked.expires_at else None
    return min(soon, lapse) if lapse and lapse > now else soon


def pending_consent(facts: Mapping[str, Any]) -> str:
    """Return the id of a contact consent that is still unanswered, or nothing."""
    consent = facts.get("contact_consent")
    if not isinstance(consent, Mapping) or consent.get("state") != "pending":
        return ""
    return str(consent.get("id") or "")


def _until_payment(asked: Asked, now: datetime, zone: ZoneInfo) -> datetime:
    """Daily until the day that the customer chose, hourly from then on."""
    day = _date(asked.facts.get("payment_date"))
    if day is None:
        return _daily(asked, now)
    begin = datetime.combine(day, time(), zone)
    if now >= begin:
        return _on_grid(asked, now, HOUR)
    return min(_daily(asked, now), _on_grid(asked, begin, HOUR))


def _for_consent(asked: Asked, now: datetime) -> datetime | None:
    """Ask for a month whether the customer wants to be billed directly from now on."""
    if not pending_consent(asked.facts):
        return None
    given = (asked.facts["contact_consent"].get("asked_at"), asked.facts.get("paid_at"))
    begin = max((at for at in map(_instant, given) if at), default=asked.created_at)
    if now >= begin + CONSENT_PATIENCE:
        return None
    return _stepwise(asked, now, begin, CONSENT_STEPS)


def _stepwise(
    asked: Asked, now: datetime, begin: datetime, steps: tuple[timedelta, ...]
) -> datetime:
    return next((begin + step for step in steps if begin + step > now), _daily(asked, now))


def _daily(asked: Asked, now: datetime) -> datetime:
    return _on_grid(asked, now, DAY)


def _on_grid(asked: Asked, after: datetime, period: timedelta) -> datetime:
    """Return the next of a request's own instants, one per period, the same each time."""
    digest = hashlib.sha256(asked.handle.encode()).digest()
    own = timedelta(seconds=int.from_bytes(digest[:4]) % int(period.total_seconds()))
    passed = (after - _EPOCH - own) // period
    return _EPOCH + own + (passed + 1) * period


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

"""Their way of writing amounts, times, phone numbers and payments, and ours.

Amounts are integers in minor units on the wire (`*_minor` here) and Decimal in major units
elsewhere. Reading raises `Unreadable`, which says what was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import phonenumbers

CENT = Decimal("0.01")


class Unreadable(ValueError):
    """Something from the provider that is not what their documentation says."""


# ----------------------------------------------------------------------------------- our values
def minor(amount: Decimal) -> int:
    """Write an amount in minor units. Raises ValueError for more than two decimals."""
    if not amount.is_finite():
        raise ValueError(f"{amount} is not an amount.")
    scaled = amount.scaleb(2)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more than two decimals.")
    return int(scaled)


def major(amount_minor: int) -> Decimal:
    """Write minor units as an amount with two decimals."""
    return (Decimal(amount_minor) * CENT).quantize(CENT)


def moment(at: datetime) -> str:
    """Write an instant as RFC 3339 in UTC with whole seconds: `2023-09-15T00:00:00Z`."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone.")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def msisdn(phone: str, region: str) -> str:
    """Write a phone number as country code and number, digits only: `4791234567`.

    `region` (NO, DK, FI) is where a number without country code belongs. Raises ValueError for
    what cannot be a phone number.
    """
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException as error:
        raise ValueError(f"{phone!r} is not a phone number.") from error
    if not phonenumbers.is_possible_number(number) or number.extension:
        raise ValueError(f"{phone!r} is not a phone number.")
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    if not 9 <= len(digits) <= 15:
        raise ValueError(f"{phone!r} is too short or too long with its country code.")
    return digits


def e164(digits: Any) -> str:
    """Read a shared number as `+4791234567`; empty for anything that is not a number.

    Data older than 168 hours reads `[Expired]`, and a field outside the scope may be null.
    """
    if isinstance(digits, int) and not isinstance(digits, bool):
        digits = str(digits)
    if not isinstance(digits, str):
        return ""
    try:
        return "+" + msisdn("+" + digits.strip().removeprefix("+"), "NO")
    except ValueError:
        return ""


# --------------------------------------------------------------------------------- their values
@dataclass(frozen=True, slots=True)
class Amount:
    """An amount as they write it."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Payment:
    """What we read of a payment. Sums are in minor units."""

    reference: str
    psp_reference: str
    state: str
    amount: Amount
    authorized: int
    captured: int
    cancelled: int
    refunded: int
    redirect_url: str
    sub: str
    phone: str
    guaranteed_until: datetime | None
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What we read of an event, from the log or a webhook."""

    reference: str
    psp_reference: str
    name: str
    amount: Amount
    at: datetime
    success: bool
    key: str
    raw: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The same for the same fact by every road."""
        return f"{self.psp_reference}:{self.name}"


def payment(content: Any) -> Payment:
    """Read the answer of get payment or of a modification."""
    found = _object(content, "payment")
    sums = _object(found.get("aggregate"), "aggregate")
    return Payment(
        reference=text(found, "reference"),
        psp_reference=text(found, "pspReference"),
        state=text(found, "state"),
        amount=amount(found.get("amount")),
        authorized=amount(sums.get("authorizedAmount")).minor,
        captured=amount(sums.get("capturedAmount")).minor,
        cancelled=amount(sums.get("cancelledAmount")).minor,
        refunded=amount(sums.get("refundedAmount")).minor,
        redirect_url=_optional(found, "redirectUrl"),
        sub=_optional(_maybe(found.get("profile")), "sub"),
        phone=e164(_maybe(found.get("userDetails")).get("mobileNumber")),
        guaranteed_until=maybe_time(found.get("captureGuaranteedUntil")),
        raw=found,
    )


def event(content: Any) -> Event:
    """Read an item of the event log or the body of a webhook."""
    found = _object(content, "event")
    success = found.get("success")
    if not isinstance(success, bool):
        raise Unreadable("success is neither true nor false")
    return Event(
        reference=text(found, "reference", 64),
        psp_reference=text(found, "pspReference", 100),
        name=text(found, "name", 40),
        amount=amount(found.get("amount")),
        at=time(found.get("timestamp")),
        success=success,
        key=_optional(found, "idempotencyKey"),
        raw=found,
    )


def amount(content: Any) -> Amount:
    """Read `{currency, value}`."""
    found = _object(content, "amount")
    value = found.get("value")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**12:
        raise Unreadable("an amount is not a whole number of minor units")
    return Amount(value, text(found, "currency", 3))


def time(content: Any) -> datetime:
    """Read a timestamp with an offset; more than six fractional digits are cut."""
    if not isinstance(content, str):
        raise Unreadable("a time is not text")
    try:
        at = datetime.fromisoformat(content)
        if at.tzinfo is None:
            raise Unreadable("a time has no offset")
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable("a time cannot be read") from error


def maybe_time(content: Any) -> datetime | None:
    """Read an optional timestamp; one that cannot be read is as good as absent."""
    try:
        return time(content)
    except Unreadable:
        return None


def text(found: Mapping[str, Any], name: str, limit: int = 200) -> str:
    """Read a required text of printable characters."""
    value = found.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isprintable():
        raise Unreadable(f"{name} is missing or not what it should be")
    return value


def _optional(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is not an object")
    return value


def _maybe(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

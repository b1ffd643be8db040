"""Single values on the wire: how we write them, and how we read theirs.

Names are read whatever their case: the documentation writes PascalCase, their own description of
the API camelCase. Reading raises `Unreadable`, which says what was wrong.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

CENT = Decimal("0.01")


class Unreadable(ValueError):
    """Something from the provider that is not what their documentation says."""


# ----------------------------------------------------------------------------------- our values
def amount(value: Decimal) -> Decimal:
    """Write an amount with its two decimals. Raises ValueError for more than two."""
    if not value.is_finite() or value != value.quantize(CENT):
        raise ValueError(f"{value} is not an amount with two decimals.")
    return value.quantize(CENT) + Decimal(0)


def number(value: Decimal) -> Decimal:
    """Write a quantity, price or rate without the zeros at its end."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a number.")
    if value == value.to_integral_value():
        return value.quantize(Decimal(1)) + Decimal(0)
    return value.normalize()


def alias(text: str, country: str) -> str:
    """Write a phone number as `+4512345678`, from that, `004512345678` or `12345678`.

    `country` (DK, FI) is where a number without country code belongs. Raises ValueError for what
    cannot be a phone number.
    """
    try:
        found = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise ValueError(f"{text!r} is not a phone number.") from error
    if not phonenumbers.is_possible_number(found) or found.extension:
        raise ValueError(f"{text!r} is not a phone number.")
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164))


def country_of(phone: str) -> str:
    """Return the country of an E.164 number, by its country code."""
    found = phonenumbers.parse(phone)
    return str(phonenumbers.region_code_for_country_code(found.country_code or 0))


# --------------------------------------------------------------------------------- their values
def lower(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members under lower-case names; of two that differ by case the first counts."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        found.setdefault(str(name).lower(), value)
    return found


def guid(found: Mapping[str, Any], name: str) -> str:
    """Read a required id as lower case with hyphens."""
    try:
        return str(uuid.UUID(found.get(name.lower()) or ""))
    except (ValueError, AttributeError, TypeError) as error:
        raise Unreadable(f"{name} is missing or not an id") from error


def moment(value: Any) -> datetime:
    """Read a timestamp; more than six fractional digits are cut, no offset means UTC."""
    if not isinstance(value, str):
        raise Unreadable("a time is not text")
    try:
        at = datetime.fromisoformat(value.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable("a time cannot be read") from error


def maybe_moment(value: Any) -> datetime | None:
    try:
        return moment(value)
    except Unreadable:
        return None


def maybe_count(value: Any) -> int | None:
    """Read a whole number, also one written as text."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    # More digits than any count has would not fit the database.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def members(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable(f"{name} is not an object")
    return lower(value)


def items(found: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = found.get(name.lower())
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Unreadable(f"{name} is not a list")
    return value


def text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name.lower())
    return value if isinstance(value, str) else ""


def maybe_date(found: Mapping[str, Any], name: str, zone: ZoneInfo) -> date | None:
    """Read a date, or the day in a zone of the moment that it may be; None for anything else.

    A moment without offset is one of the zone's own clock.
    """
    try:
        at = datetime.fromisoformat(text(found, name).strip())
        return (at.astimezone(zone) if at.tzinfo else at).date()
    except (ValueError, OverflowError):
        return None


def maybe_decimal(found: Mapping[str, Any], name: str) -> Decimal | None:
    """Read a number, or nothing where there is none."""
    try:
        return decimal(found, name)
    except Unreadable:
        return None


def objects(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Read the objects in a list and nothing else; what is no list has none."""
    value = found.get(name.lower())
    return (
        [lower(one) for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    )


def decimal(found: Mapping[str, Any], name: str) -> Decimal:
    value = found.get(name.lower())
    try:
        read = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation as error:
        raise Unreadable(f"{name} is not a number") from error
    if not read.is_finite():
        raise Unreadable(f"{name} is not a number")
    return read

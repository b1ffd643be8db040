"""The kinds of values in an invoice request: each reads one value or raises Wrong."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from providers.sandbox.models import PortalMerchant

Profile = PortalMerchant.Profile
REQUIRED = "Required"
LOCAL = {"localhost", "127.0.0.1", "::1", "testserver"}
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INTERNATIONAL = r"[1-9][0-9]{6,14}"
# The first documentation knows Denmark alone, 1.4 insists on the plus, 1.5 is patient again.
ALIAS = {
    Profile.V1: re.compile(r"(\+45|0045)?[0-9]{8}"),
    Profile.V14: re.compile(rf"\+{INTERNATIONAL}"),
    Profile.V15: re.compile(rf"[0-9]{{8}}|(\+|00){INTERNATIONAL}"),
}
# Beyond any cap; what is larger cannot be meant.
HUGE = Decimal(10) ** 10


class Wrong(Exception):
    """A value that is not of its kind; the text is the provider's half sentence."""

    def __init__(self, why: str = "Invalid input") -> None:
        super().__init__(why)
        self.why = why


def text(_profile: Profile, value: Any) -> str:
    """Read a text that says something."""
    if not isinstance(value, str):
        raise Wrong
    # The provider's database would not take these either.
    if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Wrong
    if not value.strip():
        raise Wrong(REQUIRED)
    return value


def at_most(length: int) -> Callable[[Profile, Any], str]:
    """Make a reader of texts of limited length."""

    def read(profile: Profile, value: Any) -> str:
        given = text(profile, value)
        if len(given) > length:
            raise Wrong(f"Must be at most {length} characters")
        return given

    return read


def lines(profile: Profile, value: Any) -> str | list[str]:
    """Read an address: one text in the first documentation, a list of them later."""
    if profile == Profile.V1:
        return text(profile, value)
    if not isinstance(value, list):
        raise Wrong
    return [text(profile, line) for line in value]


def guid(_profile: Profile, value: Any) -> str:
    """Read a GUID, in the spelling with hyphens."""
    try:
        return str(uuid.UUID(value))
    except (AttributeError, TypeError, ValueError):
        raise Wrong from None


def number(profile: Profile, value: Any) -> Decimal:
    """Read a JSON number; a number in quotes is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Wrong
    given = Decimal(value)
    if abs(given) >= HUGE or (profile == Profile.V1 and given < 0):
        raise Wrong
    return given


def amount(profile: Profile, value: Any) -> Decimal:
    """Read a number of whole cents."""
    given = number(profile, value)
    if given != round(given, 2):
        raise Wrong("Must have at most 2 decimals")
    return given


def vat(profile: Profile, value: Any) -> Decimal:
    """Read a VAT amount, which is never below zero."""
    given = amount(profile, value)
    if given < 0:
        raise Wrong
    return given


def day(_profile: Profile, value: Any) -> str:
    """Read a date, or the date of a moment, as YYYY-MM-DD."""
    if not isinstance(value, str) or not DATE.match(value):
        raise Wrong
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise Wrong from None
    return value[:10]


def https(profile: Profile, value: Any) -> str:
    """Read an address that starts with https."""
    given = text(profile, value)
    try:
        parts = urlsplit(given)
    except ValueError:
        raise Wrong from None
    # A developer's own machine has no certificate.
    if parts.hostname and (parts.scheme == "https" or parts.hostname in LOCAL):
        return given
    raise Wrong("Must be an https address")


def phone(profile: Profile, value: Any) -> str:
    """Read a phone number in the spellings that the documentation allows."""
    given = text(profile, value)
    if not ALIAS[profile].fullmatch(given.replace(" ", "")):
        raise Wrong
    return given


def phone_type(profile: Profile, value: Any) -> str:
    """Read the alias's type, of which there is one."""
    if text(profile, value) != "Phone":
        raise Wrong("Only Phone is supported")
    return "Phone"


def one_of(*, v1: set[str], later: set[str]) -> Callable[[Profile, Any], str]:
    """Make a reader of one of a few words, of which the first documentation knew fewer."""

    def read(profile: Profile, value: Any) -> str:
        given = text(profile, value)
        allowed = v1 if profile == Profile.V1 else later
        if given not in allowed:
            raise Wrong(f"Must be {' or '.join(sorted(allowed))}")
        return given

    return read


def e164(alias: str) -> str:
    """Write a phone number the international way; a bare one is Danish."""
    digits = alias.replace(" ", "")
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return digits if digits.startswith("+") or not digits else f"+45{digits}"


KINDS: dict[str, Callable[[Profile, Any], Any]] = {
    "guid": guid,
    "phone": phone,
    "country": one_of(v1={"DK"}, later={"DK", "FI"}),
    "currency": one_of(v1={"DKK"}, later={"DKK", "EUR"}),
    "type": phone_type,
    "text": text,
    "number_of": at_most(100),
    "ref": at_most(60),
    "amount": amount,
    "vat": vat,
    "number": number,
    "lines": lines,
    "date": day,
    "https": https,
}

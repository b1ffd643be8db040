"""What an account's settings say: which documentation it follows, its country and its limits.

The limits changed four times without a new version, so they are settings with these defaults.
From the documentation labelled 1.4: 15 000 DKK and 500 EUR an invoice; 3 a day to one payer;
5 000 a day from one sender. That text breaks off at its heading "Limits", so a limit it may have
named there is unknown. Everything else is from documents of other years:

- until 2018-09-18: 10 000 DKK. 2017 (here "v1") published no limit of its own; this one held.
- from 2020-01-16: 2 000 EUR.
- from 2020-02-17: 10 a day to one payer, and no limit per sender.
- from 2023-11-06: 300 000 DKK, though the table beside the notice still said 15 000 and a
  partner's manual 60 000. The default therefore stays at 15 000; raise it in the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from providers.models import ProviderAccount

CURRENCY = {"DK": "DKK", "FI": "EUR"}
# Their clock is not published; the merchant's country's is the natural reading.
ZONES = {"DK": ZoneInfo("Europe/Copenhagen"), "FI": ZoneInfo("Europe/Helsinki")}


class Country(models.TextChoices):
    """Where the merchant is at home; decides currency, limits and which day it is."""

    DK = "DK", _("Denmark (DKK)")
    FI = "FI", _("Finland (EUR)")


class Profile(models.TextChoices):
    """Which documentation the account follows. The addresses say `/api/v1` in all three."""

    V1 = "v1", _("The first, of 2017")
    V1_4 = "1.4", _("1.4, of 2018 and 2019")
    V1_5 = "1.5", _("1.5, from August 2020 on")


@dataclass(frozen=True, slots=True)
class Limits:
    """Most an invoice may come to, and most per civil day; None where there is no limit."""

    cap: Decimal
    per_payer_daily: int | None
    per_issuer_daily: int | None


DEFAULTS: Mapping[tuple[str, str], Limits] = {
    ("DK", "v1"): Limits(Decimal("10000.00"), None, None),
    ("FI", "v1"): Limits(Decimal("500.00"), None, None),
    ("DK", "1.4"): Limits(Decimal("15000.00"), 3, 5000),
    ("FI", "1.4"): Limits(Decimal("500.00"), 3, 5000),
    ("DK", "1.5"): Limits(Decimal("15000.00"), 10, None),
    ("FI", "1.5"): Limits(Decimal("2000.00"), 10, None),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """An account's settings, read once."""

    profile: str
    country: str
    zone: ZoneInfo
    currency: str
    cap: Decimal
    per_payer_daily: int | None
    per_issuer_daily: int | None
    is_sandbox: bool

    def today(self, now: datetime) -> date:
        """Return the civil date that it is in the merchant's country."""
        return now.astimezone(self.zone).date()


def of(account: ProviderAccount) -> Terms:
    """Read an account's settings; what was never filled in has its default.

    Settings: `profile`, `country`, `cap`, `per_payer_daily`, `per_issuer_daily`. A daily limit of
    0 means that there is none.
    """
    kept: Mapping[str, Any] = account.settings or {}
    country = _choice(kept.get("country"), CURRENCY, account.merchant.country, "DK")
    profile = _choice(kept.get("profile"), Profile.values, Profile.V1_5.value)
    usual = DEFAULTS[country, profile]
    return Terms(
        profile=profile,
        country=country,
        zone=ZONES[country],
        currency=CURRENCY[country],
        cap=_amount(kept.get("cap"), usual.cap),
        per_payer_daily=_count(kept.get("per_payer_daily"), usual.per_payer_daily),
        per_issuer_daily=_count(kept.get("per_issuer_daily"), usual.per_issuer_daily),
        is_sandbox=account.environment == "sandbox",
    )


def _choice(value: Any, known: Any, *otherwise: str) -> str:
    return next(str(v) for v in (value, *otherwise) if v in known)


def _amount(value: Any, usual: Decimal) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return usual
    return found if found.is_finite() and found > 0 else usual


def _count(value: Any, usual: int | None) -> int | None:
    text = str(value).strip()
    return (int(text) or None) if text.isdecimal() else usual

"""What an account has been approved for, as its settings say, and what follows for a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from providers.contract import InvoiceDocument, SendOptions
    from providers.models import ProviderAccount

SHORT_LIFE = timedelta(minutes=10)
LONGEST_LIFE = timedelta(days=60)
# They want strictly less than sixty days, by their clock and on arrival.
MARGIN = timedelta(minutes=1)
CURRENCY = {"NO": "NOK", "DK": "DKK", "FI": "EUR"}
MINIMUM = {"NOK": Decimal("1.00"), "DKK": Decimal("0.01"), "EUR": Decimal("0.01")}
MAXIMUM = Decimal("650000.00")
# How long a reservation may be collected where the bank promises nothing better.
CAPTURE_WITHIN = {"NO": timedelta(days=180), "DK": timedelta(days=14), "FI": timedelta(days=14)}


class Market(models.TextChoices):
    """Where the sales unit is at home; decides the currency and some deadlines."""

    NO = "NO", _("Norway (NOK)")
    DK = "DK", _("Denmark (DKK)")
    FI = "FI", _("Finland (EUR)")


class ReceiptMode(models.TextChoices):
    """How the customer sees in the app what the payment is for."""

    LINES = "lines", _("Invoice lines in the app")
    LINK = "link", _("A link to the invoice's page")
    RECEIPT_INFO_2023 = (
        "receipt_info_2023",
        _("The form of 2023, for sales units that still take it"),
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """An account's settings, read once."""

    market: str
    push: bool
    long_living: bool
    ceiling: timedelta
    receipt_mode: str
    partial_capture: bool
    order_management: bool
    zone: ZoneInfo
    is_sandbox: bool

    @property
    def currency(self) -> str:
        """The one currency of the sales unit."""
        return CURRENCY[self.market]


def of(account: ProviderAccount) -> Terms:
    """Read an account's settings; what was never filled in counts as not approved."""
    kept: dict[str, Any] = account.settings or {}
    market = kept.get("market") if kept.get("market") in CURRENCY else account.merchant.country
    return Terms(
        market=market if market in CURRENCY else "NO",
        push=bool(kept.get("push_approved")),
        long_living=bool(kept.get("long_living_approved")),
        ceiling=timedelta(hours=int(kept.get("ceiling_hours") or 24)),
        receipt_mode=kept.get("receipt_mode") or ReceiptMode.LINES,
        partial_capture=bool(kept.get("partial_capture", True)),
        order_management=bool(kept.get("order_management", True)),
        zone=ZoneInfo(account.merchant.time_zone),
        is_sandbox=account.environment == "sandbox",
    )


def due_until(document: InvoiceDocument, terms: Terms) -> datetime:
    """Return the last second of the due date, by the merchant's calendar."""
    return datetime.combine(document.due_date, time(23, 59, 59), terms.zone)


def push_until(document: InvoiceDocument, options: SendOptions, terms: Terms) -> datetime:
    """Return when a pushed request ends: with the due date, or sooner where they allow no more."""
    ceiling = min(terms.ceiling, LONGEST_LIFE - MARGIN)
    return min(due_until(document, terms), options.now + ceiling).replace(microsecond=0)

"""Rows put in the words, tones and icons that staff pages show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils import dateparse, formats, timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from invoices import numbers
from invoices.enums import InvoiceStatus
from invoices.models import Alert, Invoice, PaymentRequest
from invoices.words import ALERTS
from providers.contract import RequestState

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True, slots=True)
class Badge:
    """A status as a word, a tone and an icon: colour is never alone."""

    text: _StrOrPromise
    tone: str
    icon: str


BOOKS = {
    InvoiceStatus.DRAFT: Badge(_("Draft"), "", "pencil"),
    InvoiceStatus.OPEN: Badge(_("Open"), "info", "document-text"),
    InvoiceStatus.PAID: Badge(_("Paid"), "good", "check-circle"),
    InvoiceStatus.PARTIALLY_REFUNDED: Badge(_("Partly refunded"), "warn", "arrow-uturn-left"),
    InvoiceStatus.REFUNDED: Badge(_("Refunded"), "warn", "arrow-uturn-left"),
    InvoiceStatus.CANCELLED: Badge(_("Cancelled"), "", "no-symbol"),
    InvoiceStatus.UNCOLLECTIBLE: Badge(_("Uncollectible"), "bad", "no-symbol"),
}
OVERDUE = Badge(_("Overdue"), "bad", "exclamation-circle")
PROVIDER = {
    RequestState.QUEUED: ("info", "clock"),
    RequestState.SUBMITTING: ("info", "paper-airplane"),
    RequestState.SUBMITTED: ("info", "paper-airplane"),
    RequestState.CREATED: ("info", "paper-airplane"),
    RequestState.ACCEPTED: ("info", "hand-thumb-up"),
    RequestState.PAID: ("good", "check-circle"),
    RequestState.REJECTED: ("warn", "hand-raised"),
    RequestState.EXPIRED: ("warn", "clock"),
    RequestState.CANCELLED: ("", "no-symbol"),
    RequestState.INVALID: ("bad", "exclamation-circle"),
    RequestState.UNKNOWN: ("warn", "question-mark-circle"),
    RequestState.PARTIALLY_REFUNDED: ("warn", "arrow-uturn-left"),
    RequestState.REFUNDED: ("warn", "arrow-uturn-left"),
}


def books(invoice: Invoice, today: date) -> Badge:
    """Say what our books say."""
    return OVERDUE if invoice.is_overdue(today) else BOOKS[InvoiceStatus(invoice.status)]


def provider_says(request: PaymentRequest) -> Badge:
    """Say what the provider says."""
    state = RequestState(request.state)
    tone, icon = PROVIDER[state]
    return Badge(state.label, tone, icon)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAlert:
    """An alert in words, with what to do about it."""

    pk: int
    what: str
    text: str
    remedy: _StrOrPromise
    tone: str
    icon: str
    invoice: Invoice
    request: PaymentRequest | None
    raised_at: datetime


def alert(row: Alert) -> ShownAlert:
    """Put an alert in the reader's words."""
    words = ALERTS[row.what]
    return ShownAlert(
        pk=row.pk,
        what=row.what,
        text=str(words.text) % filled(row.data),
        remedy=words.detail,
        tone=words.tone,
        icon=words.icon,
        invoice=row.invoice,
        request=row.request,
        raised_at=row.raised_at,
    )


FIELDS: dict[str, _StrOrPromise] = {
    "consent": _("Consent"),
    "issuer": _("Issuer"),
    "quota": _("Daily limit"),
    "country": _("Country"),
    "customer.name": _("Customer's name"),
    "customer.address": _("Address"),
    "delivery_address": _("Delivery address"),
    "payment_reference": _("Payment reference"),
    "comment": _("Comment"),
    "merchant_contact": _("Your contact"),
    "merchant_order_number": _("Your order number"),
    "buyer_order_number": _("Buyer order number"),
    "pdf_url": _("PDF address"),
    "account": _("Account"),
    "amount": _("Amount"),
    "currency": _("Currency"),
    "customer.phone": _("Phone"),
    "phone": _("Phone"),
    "email": _("Email"),
    "customer.email": _("Email"),
    "has_contact_consent": _("Consent"),
    "push_approved": _("Push approval"),
    "long_living_approved": _("Long-living approval"),
    "receipt_mode": _("Receipt setting"),
    "channel": _("Road"),
    "kind": _("Document"),
    "due_date": _("Due date"),
    "expires_at": _("Expiry"),
    "reference": _("Reference"),
    "request": _("Open request"),
    "road": _("Road"),
    "status": _("Status"),
    "lines": _("Lines"),
    "customer": _("Customer"),
    "quantity": _("Quantity"),
    "unit_price": _("Price"),
    "vat_rate": _("VAT rate"),
    "description": _("Description"),
    "discount_value": _("Discount"),
    "issue_date": _("Issue date"),
    "delivery_date": _("Delivery date"),
    "order_date": _("Order date"),
    "kid": "KID",
    "number": _("Number"),
    "receipt": _("Receipt"),
    "hosted_url": _("Page address"),
    "return_url": _("Return address"),
}


def field_label(name: str) -> str:
    """Name a problem's field as staff know it."""
    if name in FIELDS:
        return str(FIELDS[name])
    last = name.rpartition(".")[2].replace("_", " ")
    return last.replace("vat", "VAT").replace("kid", "KID").strip().capitalize()


def row_label(name: str) -> str:
    """Name a field of the editor: `lines.1.vat_rate` is "Line 2, VAT rate"."""
    words = name.split(".")
    if words[0] == "lines" and len(words) == 3:
        number = int(words[1]) + 1
        return gettext("Line %(number)s") % {"number": number} + f", {field_label(words[2])}"
    return field_label(name)


class Filled(dict[str, str]):
    """Values for words; what an older fact lacks is shown as a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


def filled(data: Mapping[str, Any]) -> Filled:
    """Make a fact's values readable: amounts, instants and states by the name of the key."""
    return Filled({key: _readable(key, value) for key, value in data.items()})


def _readable(key: str, value: Any) -> str:
    if not value:
        return str(value or "")
    if key == "amount":
        return numbers.format_amount(Decimal(value), get_language() or "en")
    if key.endswith("_at") and (instant := dateparse.parse_datetime(value)):
        return formats.date_format(timezone.localtime(instant), "j M H:i")
    if key == "sha256":
        return f"{value[:4]}\u2026{value[-4:]}"
    if key == "state":
        return str(RequestState(value).label)
    return str(value)

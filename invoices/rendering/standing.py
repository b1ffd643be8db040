"""How an invoice stands, in the customer's words: what is true, and what to do now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from django.db.models import Sum
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from invoices.enums import PAYABLE, InvoiceStatus
from invoices.models import Invoice, Movement, PaymentRequest
from invoices.rendering import words
from invoices.rendering.paper import Fact
from providers import registry
from providers.contract import MovementKind, RequestState

REFUNDED = frozenset({InvoiceStatus.REFUNDED, InvoiceStatus.PARTIALLY_REFUNDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The headline, its tone and icon, what explains it, and the receipt when there is one.

    `amount` is the figure the page leads with: what is left to pay, or the total once settled.
    """

    headline: str
    tone: str
    icon: str
    amount: str
    detail: str = ""
    receipt: tuple[Fact, ...] = ()
    is_payable: bool = False
    declined_sharing: bool = False


def of(invoice: Invoice, today: date, language: str) -> Standing:
    """Say how an issued invoice stands, in the active language.

    `today` is by the merchant's calendar. Reads money only where the words need it.
    """
    status = InvoiceStatus(invoice.status)
    if status == InvoiceStatus.CANCELLED:
        return Standing(
            headline=_("Cancelled, nothing to pay"),
            tone="neutral",
            icon="no-symbol",
            amount=words.amount(invoice.total, language),
            receipt=tuple(_receipt(invoice, language)),
        )
    if status in REFUNDED:
        return _refunded(invoice, language)
    if status == InvoiceStatus.PAID:
        return _paid(invoice, language)
    return _to_pay(invoice, today, language)


def _refunded(invoice: Invoice, language: str) -> Standing:
    given_back = invoice.movements.filter(kind=MovementKind.REFUNDED).aggregate(
        sum=Sum("amount", default=Decimal(0))
    )["sum"]
    figure = words.amount(given_back, language)
    return Standing(
        headline=_("Refunded %(amount)s to you") % {"amount": f"{invoice.currency} {figure}"},
        tone="neutral",
        icon="arrow-uturn-left",
        amount=words.amount(invoice.total, language),
        receipt=tuple(_receipt(invoice, language)),
    )


def _paid(invoice: Invoice, language: str) -> Standing:
    zone = ZoneInfo(invoice.merchant.time_zone)
    when = invoice.paid_at.astimezone(zone).date() if invoice.paid_at else None
    headline = _("Paid %(date)s") % {"date": words.day(when, language)} if when else _("Paid")
    return Standing(
        headline=headline,
        tone="good",
        icon="check-circle",
        amount=words.amount(invoice.total, language),
        detail=_("Nothing is left to pay. This page is your receipt."),
        receipt=tuple(_receipt(invoice, language)),
    )


def _to_pay(invoice: Invoice, today: date, language: str) -> Standing:
    """Let the newest request speak first; without one the due date does."""
    request = invoice.latest_request
    state = RequestState(request.state) if request else None
    amount = words.amount(invoice.residual, language)
    if state == RequestState.ACCEPTED:
        return Standing(
            headline=_("Approved, thank you"),
            tone="good",
            icon="check-circle",
            amount=amount,
            detail=_approved_words(request, today, language),
        )
    declined_sharing = bool(request and state == RequestState.REJECTED and request.share_phone)
    headline, tone, icon, detail = _open_words(invoice, state, declined_sharing, today, language)
    return Standing(
        headline=headline,
        tone=tone,
        icon=icon,
        amount=amount,
        detail=detail,
        is_payable=invoice.status in PAYABLE and invoice.residual > 0,
        declined_sharing=declined_sharing,
    )


def _approved_words(request: PaymentRequest | None, today: date, language: str) -> str:
    day = parse_date(str(request.facts.get("payment_date") or "")) if request else None
    if day is None:
        return _("The amount is reserved and will be collected. Nothing more to do.")
    return _("The app pays it on %(date)s. Nothing more to do.") % {
        "date": _short(day, today, language)
    }


def _open_words(
    invoice: Invoice,
    state: RequestState | None,
    declined_sharing: bool,
    today: date,
    language: str,
) -> tuple[str, str, str, str]:
    headline, tone, icon, part = _due_words(invoice, today, language)
    if declined_sharing:
        detail = _("You did not share your number, and none was stored. Pay without sharing here.")
        return headline, tone, icon, detail
    told = {
        RequestState.CREATED: _("Waiting for you in the app."),
        RequestState.REJECTED: _("You declined this request. You can still pay here."),
        RequestState.EXPIRED: _("This request has run out. You can still pay here."),
    }
    return headline, tone, icon, " ".join(text for text in (told.get(state, ""), part) if text)  # type: ignore[arg-type]


def _due_words(invoice: Invoice, today: date, language: str) -> tuple[str, str, str, str]:
    due = invoice.due_date
    part = ""
    if invoice.residual < invoice.total:
        paid = words.amount(invoice.total - invoice.residual, language)
        part = _("%(amount)s is paid already.") % {"amount": f"{invoice.currency} {paid}"}
    if due is None:
        return _("To pay"), "info", "clock", part
    if due < today:
        return _("Was due %(date)s") % {"date": _short(due, today, language)}, "warn", "clock", part
    return _("To pay by %(date)s") % {"date": _short(due, today, language)}, "info", "clock", part


def _short(value: date, today: date, language: str) -> str:
    """Write a date of this year without the year: `5. desember`."""
    if value.year != today.year:
        return words.day(value, language)
    text: str = format_skeleton("MMMMd", value, locale=words.locale(language))
    return text


def _receipt(invoice: Invoice, language: str) -> list[Fact]:
    """List the payments: when, how much, through whom and under which reference."""
    zone = ZoneInfo(invoice.merchant.time_zone)
    rows = Movement.objects.filter(
        invoice=invoice, kind__in=[MovementKind.CAPTURED, MovementKind.RECEIVED]
    ).values_list("amount", "currency", "occurred_at", "account__provider", "request__reference")
    facts = []
    for amount, currency, at, provider, reference in rows:
        figure = f"{currency} {words.amount(amount, language)}"
        facts.append(Fact(label=words.day(at.astimezone(zone).date(), language), text=figure))
        facts.append(Fact(label=_through(provider), text=reference or ""))
    return facts


def _through(provider: str | None) -> str:
    known = registry.classes().get(provider or "")
    return str(known.label) if known else _("Bank")

"""Statuses as badges."""

from __future__ import annotations

from datetime import date

from django import template

from invoices import presenting
from invoices.models import Invoice
from invoices.presenting import Badge
from invoices.rendering import words

register = template.Library()


@register.filter
def books(invoice: Invoice, today: date) -> Badge:
    """Return the badge of what our books say."""
    return presenting.books(invoice, today)


@register.filter
def provider_says(invoice: Invoice) -> Badge | None:
    """Return the badge of what the provider says about the newest request, if there is one."""
    request = invoice.latest_request
    return presenting.provider_says(request) if request else None


@register.filter
def field_label(name: str) -> str:
    """Name a problem's field as staff know it."""
    return presenting.field_label(name)


@register.filter
def row_label(name: str) -> str:
    """Name a field of the editor: "lines.1.vat_rate" is "Line 2, VAT rate"."""
    return presenting.row_label(name)


@register.filter
def unit_name(code: str) -> str:
    """Name a unit in the active language."""
    return words.unit(code)


@register.filter
def sentence(text: object) -> str:
    """End a text with one full stop, whether it has one or not."""
    words = str(text).strip()
    return words if not words or words[-1] in ".:?" else f"{words}."

"""Money, dates and navigation as staff read them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.template.context import Context
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()
THIN, MINUS = "\u202f", "\u2212"


def _digits(amount: Decimal) -> str:
    whole, _dot, cents = f"{abs(amount):.2f}".partition(".")
    groups = [whole[max(end - 3, 0) : end] for end in range(len(whole), 0, -3)]
    comma = formats.get_format("DECIMAL_SEPARATOR")
    sign = MINUS if amount < 0 else ""
    between = "," if comma == "." else THIN
    return f"{sign}{between.join(reversed(groups))}{comma}{cents}"


@register.simple_tag
def money(amount: Decimal | None, currency: str = "") -> SafeString:
    """Write an amount with thin spaces and a true minus, the currency once and quietly."""
    if amount is None:
        return format_html('<span class="muted">{}</span>', "-")
    digits = _digits(Decimal(amount))
    if not currency:
        return format_html('<span class="money">{}</span>', digits)
    return format_html('<span class="money"><span class="cur">{}</span>{}</span>', currency, digits)


@register.filter
def amount(value: Decimal | None) -> str:
    """Write an amount as plain text."""
    return "" if value is None else _digits(Decimal(value))


@register.simple_tag(takes_context=True)
def nav_link(context: Context, name: str, *also: str) -> dict[str, Any] | None:
    """Return the address of a page of the merchant and whether we are there, or None.

    Below the pages named in `also` we are there too.
    """
    merchant = context.get("merchant")
    if merchant is None:
        return None
    try:
        urls = [reverse(each, kwargs={"merchant": merchant.slug}) for each in (name, *also)]
    except NoReverseMatch:
        return None
    url, path = urls[0], context["request"].path
    here = path == url if name == "dashboard" else path.startswith(tuple(urls))
    return {"url": url, "here": here}


@register.filter
def initials(name: object) -> str:
    """Return the first letters of the first two words."""
    words = str(name).replace("@", " ").split()
    return "".join(word[0] for word in words[:2]).upper()


@register.filter
def day(value: date | None) -> str:
    """Write a civil date as "3 Dec", with the year when it is not this one."""
    if value is None:
        return ""
    this_year = timezone.localdate().year
    return formats.date_format(value, "j M" if value.year == this_year else "j M Y")


@register.filter
def due_in(value: date | None, today: date) -> str:
    """Say how far off a due date is: "in 12 days", "today", "6 days late"."""
    if value is None:
        return ""
    days = (value - today).days
    if days == 0:
        return _("today")
    if days > 0:
        return ngettext("in %(days)s day", "in %(days)s days", days) % {"days": days}
    return ngettext("%(days)s day late", "%(days)s days late", -days) % {"days": -days}


@register.filter
def unlocalized(value: float) -> str:
    """Write a number for a drawing: a dot, whatever the reader's language."""
    return repr(value)

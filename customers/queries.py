"""Finding customers. Every query starts from one merchant."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet

from customers.models import Customer
from invoicing_site.merchants.models import Merchant


def of_merchant(merchant: Merchant) -> QuerySet[Customer]:
    """Return the merchant's customers that are not archived."""
    return Customer.objects.filter(merchant=merchant, archived_at=None)


def found(merchant: Merchant, text: str) -> QuerySet[Customer]:
    """Return customers by name, organisation number, email, city or phone in any notation."""
    rows = of_merchant(merchant)
    for word in text.casefold().split():
        rows = rows.filter(Q(search__contains=word) | _digits(text))
    return rows.order_by("name", "pk")


def _digits(text: str) -> Q:
    """Match a number typed with blanks, a plus or a country prefix."""
    digits = re.sub(r"^00", "", re.sub(r"\D", "", text))
    is_number = len(digits) >= 4 and not re.search(r"[^\W\d]", text)
    return Q(search__contains=digits) if is_number else Q(pk__in=[])


def search(merchant: Merchant, text: str, limit: int = 10) -> list[Customer]:
    """Return the first few customers that match, by name. One query."""
    return list(found(merchant, text)[:limit])


PAGE = 50


def page(merchant: Merchant, text: str, after: str) -> tuple[list[Customer], str]:
    """Return one page by name after a key `<pk>`, and the next page's key or "". One query more
    than none: the key's row is read to know its name."""
    rows = found(merchant, text)
    last = of_merchant(merchant).filter(pk=after).first() if _is_key(after) else None
    if last is not None:
        rows = rows.filter(Q(name__gt=last.name) | Q(name=last.name, pk__gt=last.pk))
    shown = list(rows[: PAGE + 1])
    following = str(shown[PAGE - 1].pk) if len(shown) > PAGE else ""
    return shown[:PAGE], following


def _is_key(text: str) -> bool:
    return text.isdecimal() and len(text) < 18

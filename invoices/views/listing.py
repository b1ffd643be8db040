"""The invoice list: the address is the filter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.vary import vary_on_headers

from invoices import queries, selecting
from invoices.enums import InvoiceStatus
from invoices.models import Invoice
from invoices.queries import Filter
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Merchant, Role
from invoicing_site.merchants.permissions import allows, viewer
from providers.contract import RequestState

VIEWS = {
    "all": gettext_lazy("All"),
    "drafts": gettext_lazy("Drafts"),
    "outstanding": gettext_lazy("Open"),
    "overdue": gettext_lazy("Overdue"),
    "paid": gettext_lazy("Paid"),
    "needs": gettext_lazy("Needs a person"),
}
DATES = ("issued_from", "issued_to", "due_from", "due_to")


def today_of(merchant: Merchant) -> date:
    """Return today's date where the merchant is."""
    return timezone.now().astimezone(ZoneInfo(merchant.time_zone)).date()


@viewer
@vary_on_headers("HX-Request")
def invoice_list(request: StaffRequest) -> HttpResponse:
    """Show one page of the invoices that the address asks for."""
    today = today_of(request.merchant)
    chosen = read_filter(request.GET)
    found = queries.filtered(request.merchant, chosen, today)
    rows, following = queries.page(found, chosen.after)
    part = request.htmx and not request.htmx.boosted
    context: dict[str, Any] = {
        "rows": rows,
        "chosen": chosen,
        "today": today,
        "next_url": _address(request.GET, after=following) if following else "",
    } | _to_send(request, found, rows)
    if part:
        return render(request, "invoices/list.html#rows", context)
    return render(request, "invoices/list.html", context | _around(request, chosen, today))


def _around(request: StaffRequest, chosen: Filter, today: date) -> dict[str, Any]:
    count = queries.counts(request.merchant, today)
    return {
        "tabs": [
            {"key": key, "label": label, "count": count[key], "url": f"?view={key}"}
            for key, label in VIEWS.items()
        ],
        "statuses": InvoiceStatus.choices,
        "request_states": RequestState.choices,
        "issuers": list(request.merchant.issuers.all()),
        "customer": _customer(request.merchant, chosen.customer),
        "narrowed": any(
            getattr(chosen, name) for name in ("q", "status", "request", "issuer", "customer",
                                               "currency", *DATES)
        ),
    }  # fmt: skip


def _to_send(
    request: StaffRequest, found: QuerySet[Invoice], rows: list[Invoice]
) -> dict[str, Any]:
    """Return what can be ticked and sent together: on this page, and of all that match."""
    may_go = {row.pk for row in rows if selecting.looks_sendable(row)}
    if not may_go or not allows(request.membership, Role.BILLER):
        return {"may_go": set(), "sendable": 0}
    query = request.GET.copy()
    query.pop("after", None)
    return {
        "may_go": may_go,
        "sendable": selecting.sendable(found).count(),
        "query": query.urlencode(),
    }


def _customer(merchant: Merchant, pk: int | None) -> object:
    return merchant.customers.filter(pk=pk).first() if pk else None


def _address(given: QueryDict, **more: object) -> str:
    changed = given.copy()
    for name, value in more.items():
        changed[name] = str(value)
    return f"?{changed.urlencode()}"


def read_filter(given: Mapping[str, str]) -> Filter:
    """Read the address; what cannot be read is named in `problems` and left out."""
    problems: dict[str, str] = {}
    return Filter(
        view=_one_of(given, "view", {*VIEWS, "recent", "reserved"}, problems) or "all",
        q=given.get("q", "").replace("\x00", "")[:200].strip(),
        status=_one_of(given, "status", set(InvoiceStatus.values), problems),
        request=_one_of(given, "request", set(RequestState.values), problems),
        issuer=_number(given, "issuer", problems),
        customer=_number(given, "customer", problems),
        currency=given.get("currency", "")[:3],
        after=_number(given, "after", problems),
        **{name: _date(given, name, problems) for name in DATES},
        problems=problems,
    )


def _one_of(given: Mapping[str, str], name: str, known: set[str], problems: dict[str, str]) -> str:
    value = given.get(name, "")
    if value and value not in known:
        problems[name] = _("“%(value)s” is not a choice here. Choose one from the list.") % {
            "value": value[:40]
        }
        return ""
    return value


def _number(given: Mapping[str, str], name: str, problems: dict[str, str]) -> int | None:
    value = given.get(name, "")
    if not value:
        return None
    if not value.isdecimal() or len(value) > 18:
        problems[name] = _("“%(value)s” is not known here. Choose one from the list.") % {
            "value": value[:40]
        }
        return None
    return int(value)


def _date(given: Mapping[str, str], name: str, problems: dict[str, str]) -> date | None:
    value = given.get(name, "")
    try:
        found = parse_date(value) if value else None
    except ValueError:
        found = None
    if value and found is None:
        problems[name] = _("“%(value)s” is not a date. Write it like 2026-11-21.") % {
            "value": value[:40]
        }
    return found

"""Dispatches: how far they have come, what was refused, the links they gave."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST

from invoices import dispatching, progress
from invoices.models import Dispatch
from invoices.progress import Counts
from invoices.roads import EMAIL
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller, viewer

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

NEWEST = 50
SHOWN = 100
WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where some invoices of a dispatch are: its name, its fill in the bar, when it is shown."""

    name: str
    label: _StrOrPromise
    fill: str
    always: bool = True


PLACES = (
    Place("paid", gettext_lazy("Paid"), "good"),
    Place("accepted", gettext_lazy("Approved"), "accent"),
    Place("delivered", gettext_lazy("With the customer"), "info"),
    Place("handed_over", gettext_lazy("Handed over"), "taken"),
    Place("waiting", gettext_lazy("Waiting"), "open"),
    Place("ended", gettext_lazy("Closed unpaid"), "neutral", always=False),
    Place("refused_by_us", gettext_lazy("Not sent by us"), "warn", always=False),
    Place("refused_by_provider", gettext_lazy("Refused by the provider"), "bad", always=False),
)
# What the same places are called where no provider takes part, and which do not exist there.
BY_MAIL = {
    "delivered": gettext_lazy("Emailed"),
    "refused_by_provider": gettext_lazy("Refused by the mail server"),
}
NOT_BY_MAIL = {"accepted", "handed_over"}


@viewer
def dispatch_list(request: StaffRequest) -> HttpResponse:
    """Show the newest dispatches and how far each has come."""
    rows = Dispatch.objects.filter(merchant=request.merchant).select_related("created_by")
    newest = list(rows.order_by("-pk")[:NEWEST])
    found = progress.of_many(newest)
    shown = [
        {"row": row, "label": gettext(row.road_label), "counts": found[row.pk],
         "bar": bar(found[row.pk])}
        for row in newest
    ]  # fmt: skip
    return render(request, "invoices/dispatch_list.html", {"dispatches": shown, "newest": NEWEST})


@viewer
def dispatch_detail(request: StaffRequest, pk: int) -> HttpResponse:
    """Show one dispatch."""
    dispatch = _found(request, pk)
    answer = render(request, "invoices/dispatch_detail.html", _page(dispatch, _moment(dispatch)))
    # It may hold links to pay: no copy of it outlives the visit.
    answer["Cache-Control"] = "no-store"
    return answer


@viewer
def live(request: StaffRequest, pk: int) -> HttpResponse:
    """Answer what changed since the page was drawn: 204 when nothing did, so nothing moves."""
    dispatch = _found(request, pk)
    moment = _moment(dispatch)
    if moment.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "invoices/dispatch_detail.html#live", _page(dispatch, moment))


@biller
@require_POST
def resend(request: StaffRequest, pk: int) -> HttpResponse:
    """Send what was refused again, as a dispatch of its own."""
    dispatch = _found(request, pk)
    try:
        again = dispatching.resend(dispatch, by=request.user, now=timezone.now())
    except dispatching.CannotDispatch as refused:
        messages.warning(request, f"{refused.problem.rule} {refused.problem.remedy}")
        return redirect("dispatch-detail", merchant=request.merchant.slug, pk=pk)
    return redirect("dispatch-detail", merchant=request.merchant.slug, pk=again.pk)


@biller
def links_csv(request: StaffRequest, pk: int) -> HttpResponse:
    """Hand the links out as a table: number, customer, link."""
    dispatch = _found(request, pk)
    # The mark at the start makes spreadsheets read the letters right.
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="links-{dispatch.pk}.csv"'
    answer["Cache-Control"] = "no-store"
    rows = csv.writer(answer)
    rows.writerow([gettext("Number"), gettext("Customer"), gettext("Link")])
    for link in progress.links(dispatch):
        if link.url:
            cells = (link.invoice.number, link.invoice.customer_name, link.url)
            rows.writerow([_cell(text) for text in cells])
    return answer


def _cell(text: str) -> str:
    """Keep a spreadsheet from reading a customer's name as a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _found(request: StaffRequest, pk: int) -> Dispatch:
    rows = Dispatch.objects.filter(merchant=request.merchant)
    return get_object_or_404(rows.select_related("created_by", "merchant"), pk=pk)


# -------------------------------------------------------------------------------- what is shown
@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the page is about to show, and what tells it from another moment."""

    counts: Counts
    gives_links: bool
    links_missing: int

    @property
    def seen(self) -> str:
        """Name this moment; the page asks for another."""
        return f"{self.counts.fingerprint}-{self.links_missing}"

    @property
    def every(self) -> int:
        """How often to look, in seconds; 0 when nothing changes by itself any more."""
        if self.counts.moving or self.links_missing:
            return 2
        return 15 if self.counts.unsettled else 0


def _moment(dispatch: Dispatch) -> Moment:
    gives_links = progress.hands_out_links(dispatch)
    return Moment(
        counts=progress.counts(dispatch),
        gives_links=gives_links,
        links_missing=progress.links_missing(dispatch) if gives_links else 0,
    )


def _page(dispatch: Dispatch, moment: Moment) -> dict[str, Any]:
    counts = moment.counts
    held = progress.held(dispatch, timezone.now()) if counts.waiting else None
    refused = progress.refused(dispatch, SHOWN) if counts.refused else []
    return {
        "dispatch": dispatch,
        "label": gettext(dispatch.road_label),
        "counts": counts,
        "moment": moment,
        "figures": figures(dispatch, counts),
        "bar": bar(counts),
        "held": held if held and held.count else None,
        "refused": refused,
        "again": len(dispatching.to_resend(dispatch)) if refused else 0,
        "shown_links": SHOWN,
        "links": progress.links(dispatch, SHOWN) if moment.gives_links else [],
    }


def figures(dispatch: Dispatch, counts: Counts) -> list[dict[str, Any]]:
    """Name each place with its count; rare places only when somebody is there."""
    by_mail = dispatch.road_key == EMAIL
    words, hidden = (BY_MAIL, NOT_BY_MAIL) if by_mail else ({}, set())
    return [
        {
            "label": words.get(place.name, place.label),
            "count": getattr(counts, place.name),
            "fill": place.fill,
        }
        for place in PLACES
        if place.name not in hidden and (place.always or getattr(counts, place.name))
    ]


def bar(counts: Counts) -> list[dict[str, Any]]:
    """Draw the places to scale on a width of 1000."""
    whole, x, found = counts.total or 1, 0.0, []
    for place in PLACES:
        width = getattr(counts, place.name) / whole * WIDTH
        if width and place.fill != "open":
            found.append({"fill": place.fill, "x": round(x, 1), "width": round(width, 1)})
        x += width
    return found

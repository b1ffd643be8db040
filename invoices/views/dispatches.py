"""Sending many: choose a road, see what can go and what cannot, decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from invoices import bulk, dispatching, preflight, queries, selecting
from invoices.enums import InvoiceStatus
from invoices.models import Dispatch
from invoices.views.listing import read_filter, today_of
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller
from providers.contract import Problem

# A number of more digits is no row of ours, and some databases refuse it.
DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a form says. `query` is the list's own address, for the way back."""

    ids: list[int]
    left: list[int]
    road: str
    step: str
    query: str
    seen: int


@biller
def send(request: StaffRequest) -> HttpResponse:
    """Take chosen invoices through choosing a road, the pre-flight and the decision.

    All that was chosen travels in the form, as it was seen: nothing is kept and nothing is sent
    before the decision.
    """
    if request.method != "POST":
        messages.info(request, _("Choose invoices in the list first."))
        return redirect("invoice-list", merchant=request.merchant.slug)
    try:
        asked = _read(request)
    except dispatching.CannotDispatch as refused:
        return _nothing(request, refused.problem)
    try:
        if asked.step == "send":
            return _decide(request, asked)
        if asked.step == "check":
            return _check(request, asked)
    except dispatching.CannotDispatch as refused:
        return _choose(request, asked, refused.problem)
    return _choose(request, asked)


# ------------------------------------------------------------------------------------- reading
def _read(request: StaffRequest) -> Asked:
    """Read the form; raises CannotDispatch when it names no invoices, or too many."""
    given = request.POST
    query = given.get("all", given.get("query", ""))
    if "all" in given:
        ids = _matching(request, query)
    else:
        ids = _ours(request, [*given.getlist("invoice"), *given.get("ids", "").split(",")])
    left = _ours(request, given.get("left", "").split(","))
    if not ids and not left:
        raise dispatching.CannotDispatch(dispatching.nothing_chosen())
    if len(ids) + len(left) > selecting.LIMIT:
        raise dispatching.CannotDispatch(dispatching.too_many(len(ids) + len(left)))
    return Asked(
        ids=ids,
        left=left,
        road=given.get("road", "")[:60],
        step=given.get("step", ""),
        query=query,
        seen=next(iter(_numbers([given.get("seen", "")])), 0),
    )


def _matching(request: StaffRequest, query: str) -> list[int]:
    """Return what the list's filter shows and can be sent.

    A filter that cannot be read is refused: leaving it out would choose more than was shown.
    """
    wanted = read_filter(QueryDict(query))
    for name, problem in wanted.problems.items():
        remedy = _("Go back to the list and choose again.")
        raise dispatching.CannotDispatch(Problem(field=name, rule=problem, remedy=remedy))
    found = queries.filtered(request.merchant, wanted, today_of(request.merchant))
    rows = selecting.sendable(found)
    if (count := rows.count()) > selecting.LIMIT:
        raise dispatching.CannotDispatch(dispatching.too_many(count))
    return sorted(rows.values_list("pk", flat=True))


def _ours(request: StaffRequest, texts: Iterable[str]) -> list[int]:
    """Return the merchant's issued invoices among the numbers given, oldest first."""
    wanted = _numbers(texts)
    if len(wanted) > selecting.LIMIT:
        raise dispatching.CannotDispatch(dispatching.too_many(len(wanted)))
    rows = queries.of_merchant(request.merchant).exclude(status=InvoiceStatus.DRAFT)
    return sorted(rows.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else []


def _numbers(texts: Iterable[str]) -> set[int]:
    return {int(text) for text in texts if text.isdecimal() and len(text) <= DIGITS}


# --------------------------------------------------------------------------------------- steps
def _nothing(request: StaffRequest, problem: Problem) -> HttpResponse:
    query = request.POST.get("all", request.POST.get("query", ""))
    context = {"problem": problem, "query": query, "ways": [], "count": 0}
    return render(request, "invoices/dispatch_choose.html", context, status=422)


def _choose(request: StaffRequest, asked: Asked, problem: Problem | None = None) -> HttpResponse:
    """Show the roads, with how many of the chosen each could take."""
    ids = sorted({*asked.ids, *asked.left})
    ways = selecting.ways_out(request.merchant, ids)
    best = max(ways, key=lambda way: way.count).key
    context = {
        "ways": ways,
        "chosen": asked.road if asked.road in {way.key for way in ways} else best,
        "count": len(ids),
        "ids": joined(ids),
        "query": asked.query,
        "problem": problem,
    }
    status = 422 if problem else 200
    return render(request, "invoices/dispatch_choose.html", context, status=status)


def _check(request: StaffRequest, asked: Asked) -> HttpResponse:
    """Show what can go and what cannot, and why. Nothing is sent, nothing is kept."""
    ids = sorted({*asked.ids, *asked.left})
    way = _way(request, ids, asked.road)
    looked = bulk.look_over(request.merchant, ids, way.key, now=timezone.now())
    report = preflight.report(request.merchant, looked)
    context: dict[str, Any] = {
        "way": way,
        "report": report,
        "ids": joined(report.can),
        "left": joined(report.cannot),
        "everything": joined(ids),
        "query": asked.query,
        "seen": _newest(request),
    }
    return render(request, "invoices/dispatch_check.html", context)


def _decide(request: StaffRequest, asked: Asked) -> HttpResponse:
    """Start the dispatch, and show it."""
    now = timezone.now()
    _way(request, asked.ids or asked.left, asked.road)
    left = bulk.look_over(request.merchant, asked.left, asked.road, now=now) if asked.left else []
    dispatch = dispatching.start(
        merchant=request.merchant,
        road_key=asked.road,
        ids=asked.ids,
        left={each.invoice_id: each.problems for each in left if each.problems},
        by=request.user,
        now=now,
        after=asked.seen,
    )
    return redirect("dispatch-detail", merchant=request.merchant.slug, pk=dispatch.pk)


def _way(request: StaffRequest, ids: list[int], key: str) -> selecting.WayOut:
    for way in selecting.ways_out(request.merchant, ids):
        if way.key == key:
            return way
    raise dispatching.CannotDispatch(dispatching.unknown_road(key))


def _newest(request: StaffRequest) -> int:
    rows = Dispatch.objects.filter(merchant=request.merchant).order_by("-pk")
    return rows.values_list("pk", flat=True).first() or 0


def joined(ids: Iterable[int]) -> str:
    """Write ids for a hidden field: one field, however many they are."""
    return ",".join(str(pk) for pk in ids)

"""The draft editor: a form that saves itself, beside the document it makes."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_POST
from django_htmx.http import reswap

from customers.models import Customer
from invoices import drafting, issuing, queries, sending, typed, vat
from invoices.drafting import NotADraft, Saved, Stale
from invoices.enums import Discount
from invoices.models import Invoice
from invoices.rendering import words
from invoices.views.listing import today_of
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller

UNITS = ("C62", "H87", "HUR", "DAY", "MON", "KGM", "MTR", "MTK", "LTR", "KMT", "XPK", "PR")


def _language() -> str:
    return get_language() or "en"


@biller
def new(request: StaffRequest) -> HttpResponse:
    """Begin a draft. With several issuers, staff choose; with one there is nothing to ask."""
    issuers = list(request.merchant.issuers.filter(active=True))
    chosen = request.POST.get("issuer") or request.GET.get("issuer")
    issuer = next((each for each in issuers if str(each.pk) == chosen), None)
    if request.method == "POST" and (issuer or len(issuers) == 1):
        customer = _customer(request, request.POST.get("customer", ""))
        invoice = drafting.start(
            merchant=request.merchant,
            issuer=issuer or issuers[0],
            by=request.user,
            customer=customer,
        )
        return redirect("invoice-edit", merchant=request.merchant.slug, pk=invoice.pk)
    recent = queries.of_merchant(request.merchant).exclude(status="draft").order_by("-pk")[:5]
    context = {"issuers": issuers, "recent": recent, "customer": request.GET.get("customer", "")}
    return render(request, "invoices/new.html", context)


def _customer(request: StaffRequest, pk: str) -> Customer | None:
    return Customer.objects.filter(merchant=request.merchant, pk=typed.row_id(pk) or 0).first()


def _draft(request: StaffRequest, pk: int) -> Invoice:
    rows = queries.of_merchant(request.merchant).select_related("issuer", "merchant", "customer")
    return get_object_or_404(rows, pk=pk)


@biller
def edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Show a draft in the editor. Without script, buttons of lines are answered here."""
    invoice = _draft(request, pk)
    if not invoice.is_draft:
        return redirect("invoice-detail", merchant=request.merchant.slug, pk=pk)
    if request.method == "POST":
        given = typed.of_post(request.POST)
        given["lines"] = _rearranged(given["lines"], request.POST.get("do", ""))
        try:
            _save(request, pk, given)
        except Stale as stale:
            return _conflict(request, invoice, given, stale)
        return redirect("invoice-edit", merchant=request.merchant.slug, pk=pk)
    saved = drafting.look(invoice, today=today_of(request.merchant), language=_language())
    return render(request, "invoices/draft.html", _page(request, saved, invoice.typed))


def _rearranged(lines: list[dict[str, str]], do: str) -> list[dict[str, str]]:
    """Do what a line's button says: `add`, `copy:2`, `remove:2`, `up:2`, `down:2`."""
    what, _colon, text = do.partition(":")
    row = typed.row_id(text)
    at = -1 if row is None else row
    if what == "add":
        return [*lines, {}]
    if not 0 <= at < len(lines):
        return lines
    if what == "copy":
        return [*lines[: at + 1], dict(lines[at]), *lines[at + 1 :]]
    if what == "remove":
        return [*lines[:at], *lines[at + 1 :]] or [{}]
    to = at + {"up": -1, "down": 1}.get(what, 0)
    if 0 <= to < len(lines):
        lines[at], lines[to] = lines[to], lines[at]
    return lines


def _save(request: StaffRequest, pk: int, given: dict[str, Any]) -> Saved:
    """Save what was typed. A revision that is missing or no number counts as outdated."""
    text = request.POST.get("revision", "")
    read = typed.row_id(text)
    revision = None if request.POST.get("keep") == "mine" else -1 if read is None else read
    return drafting.save(
        invoice_id=pk,
        merchant=request.merchant,
        given=given,
        revision=revision,
        by=request.user,
        today=today_of(request.merchant),
        language=_language(),
    )


@biller
@require_POST
def save(request: StaffRequest, pk: int) -> HttpResponse:
    """Save what was typed, and answer with the side of the page: totals, preview, errors."""
    invoice = _draft(request, pk)
    given = typed.of_post(request.POST)
    try:
        saved = _save(request, pk, given)
    except NotADraft:
        return _notice(request, "issued", {"invoice": invoice})
    except Stale as stale:
        return _conflict(request, invoice, given, stale)
    if not request.htmx:
        return redirect("invoice-edit", merchant=request.merchant.slug, pk=pk)
    return render(request, "invoices/draft.html#side", _side(request, saved))


def _conflict(
    request: StaffRequest, invoice: Invoice, given: dict[str, Any], stale: Stale
) -> HttpResponse:
    """Tell who saved meanwhile. What was typed here stays in the page, unsaved and whole."""
    context = {"invoice": invoice, "stale": stale}
    if request.htmx:
        return _notice(request, "conflict", context)
    invoice.typed = given
    saved = drafting.look(invoice, today=today_of(request.merchant), language=_language())
    page = _page(request, saved, given) | context
    return render(request, "invoices/draft.html", page, status=409)


def _notice(request: StaffRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Answer with a notice only: the page keeps its side, with the revision it was drawn from."""
    answer = render(request, f"invoices/draft.html#{name}", context, status=422)
    return reswap(answer, "none")


@biller
@require_POST
def issue(request: StaffRequest, pk: int) -> HttpResponse:
    """Save what was typed, then give the invoice its number. Refusals keep all that was typed."""
    invoice = _draft(request, pk)
    given = typed.of_post(request.POST)
    try:
        saved = _save(request, pk, given)
        issuing.issue(
            invoice_id=pk,
            by=request.user,
            today=today_of(request.merchant),
            now=timezone.now(),
        )
    except NotADraft:
        return redirect("invoice-detail", merchant=request.merchant.slug, pk=pk)
    except Stale as stale:
        return _conflict(request, invoice, given, stale)
    except issuing.CannotIssue as refused:
        for problem in refused.problems:
            saved.errors.setdefault(problem.field, f"{problem.rule} {problem.remedy}")
        page = _page(request, saved, given) | {"refused": True}
        return render(request, "invoices/draft.html", page, status=422)
    return redirect("invoice-detail", merchant=request.merchant.slug, pk=pk)


@biller
def delete(request: StaffRequest, pk: int) -> HttpResponse:
    """Delete a draft after asking. It had no number: nothing is missing afterwards."""
    invoice = _draft(request, pk)
    if request.method != "POST":
        return render(request, "invoices/draft_delete.html", {"invoice": invoice})
    try:
        drafting.delete(invoice_id=pk, merchant=request.merchant)
    except NotADraft:
        return redirect("invoice-detail", merchant=request.merchant.slug, pk=pk)
    return redirect("invoice-list", merchant=request.merchant.slug)


@biller
@require_POST
def copy(request: StaffRequest, pk: int) -> HttpResponse:
    """Begin a draft from an earlier invoice."""
    _draft(request, pk)
    made = drafting.copy(
        invoice_id=pk, merchant=request.merchant, by=request.user, language=_language()
    )
    return redirect("invoice-edit", merchant=request.merchant.slug, pk=made.pk)


def _page(request: StaffRequest, saved: Saved, given: dict[str, Any]) -> dict[str, Any]:
    """Return all that the editor shows."""
    invoice, today = saved.invoice, today_of(request.merchant)
    day = invoice.delivery_date or invoice.issue_date or today
    choices = [
        (typed.vat_key(rate.category, rate.percent), str(rate.label), rate)
        for rate in vat.rates(invoice.issuer.country, day)
    ]
    rows = given.get("lines") or [{}]
    return _side(request, saved) | {
        "given": given,
        "lines": [_row(row, number, saved.errors) for number, row in enumerate(rows)],
        "blank": _row({}, 0, {}),
        "vat_choices": choices,
        "vat_known": {key for key, _label, _rate in choices},
        "units": [(code, words.unit(code)) for code in UNITS],
        "discounts": Discount.choices,
        # The draft's own issuer stays a choice when it is not in use any more: a form that
        # lacks it would change it in silence.
        "issuers": list(request.merchant.issuers.filter(Q(active=True) | Q(pk=invoice.issuer_id))),
        "today": today,
    }


def _row(given: dict[str, str], number: int, errors: dict[str, str]) -> dict[str, Any]:
    prefix = f"lines.{number}."
    own = {
        name.removeprefix(prefix): text for name, text in errors.items() if name.startswith(prefix)
    }
    return {"given": given, "number": number, "errors": own}


def _side(request: StaffRequest, saved: Saved) -> dict[str, Any]:
    invoice = saved.invoice
    return {
        "invoice": invoice,
        "saved": saved,
        "document": saved.document,
        "errors": saved.errors,
        "roads": sending.roads(invoice, now=timezone.now()) if saved.document else [],
    }

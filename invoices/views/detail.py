"""One invoice: the next step, its money, its timeline, the ways to send it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.vary import vary_on_headers

from invoices import acting, lifecycle, options, preflight, presenting, queries, sending, timeline
from invoices.enums import PAYABLE, OperationKind, OperationState
from invoices.models import Invoice, PaymentRequest
from invoices.rendering import pdf
from invoices.views.listing import today_of
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Role
from invoicing_site.merchants.permissions import allows, viewer
from providers import registry
from providers.contract import OPEN_STATES, Provider, RequestState

WAITS_FOR_LINK = (RequestState.SUBMITTING, RequestState.SUBMITTED, RequestState.CREATED)


def found(request: StaffRequest, pk: int) -> Invoice:
    """Return an issued or draft invoice of the merchant, or 404."""
    rows = queries.of_merchant(request.merchant).select_related(
        "merchant", "issuer", "customer", "issued_by", "latest_request__account"
    )
    return get_object_or_404(rows, pk=pk)


@viewer
@vary_on_headers("HX-Request")
def invoice_detail(request: StaffRequest, pk: int) -> HttpResponse:
    """Show one invoice; a draft is shown in the editor."""
    invoice = found(request, pk)
    if invoice.is_draft:
        return redirect("invoice-edit", merchant=request.merchant.slug, pk=pk)
    return render(request, "invoices/detail.html", page(request, invoice))


@viewer
def live(request: StaffRequest, pk: int) -> HttpResponse:
    """Answer what changed since the page was drawn: 204 when nothing did, so nothing moves."""
    invoice = found(request, pk)
    if str(_position(invoice)) == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "invoices/detail.html#live", page(request, invoice) | {"fresh": True})


def _position(invoice: Invoice) -> int:
    last = invoice.timeline.order_by("-position").values_list("position", flat=True).first()
    return last or 0


def page(request: StaffRequest, invoice: Invoice) -> dict[str, Any]:
    """Return all that the invoice's page shows."""
    now, today = timezone.now(), today_of(request.merchant)
    entries = timeline.entries(invoice, show_payloads=allows(request.membership, Role.OWNER))
    return {
        "invoice": invoice,
        "today": today,
        "badge": presenting.books(invoice, today),
        "money": lifecycle.money(invoice),
        "bar": _bar(lifecycle.money(invoice)),
        "entries": entries,
        "seen": len(entries),
        "requests": _requests(invoice),
        "roads": sending.roads(invoice, now=now) if _may_send(invoice) else [],
        "waiting": _waiting(invoice),
        "alerts": [presenting.alert(each) for each in _alerts(invoice)],
        "versions": list(invoice.versions.order_by("-version")),
        "hosted_url": options.hosted_url(invoice),
    }


def _may_send(invoice: Invoice) -> bool:
    return invoice.status in PAYABLE


def _alerts(invoice: Invoice) -> list[Any]:
    rows = invoice.alerts.filter(resolved_at=None).select_related("invoice", "request__account")
    return list(rows)


def _waiting(invoice: Invoice) -> list[Any]:
    """Return what can still be called off."""
    kinds = [OperationKind.CREATE, OperationKind.EMAIL]
    return list(
        invoice.operations.filter(state=OperationState.DUE, kind__in=kinds)
        .select_related("request__account")
        .order_by("due_at")
    )


def _requests(invoice: Invoice) -> list[dict[str, Any]]:
    """Return each request with its badge and what may be done with it, newest first."""
    kept = lifecycle.captured_by_request(invoice)
    rows = invoice.requests.select_related("account").order_by("-attempt")
    shown = []
    for row in rows:
        row.invoice = invoice  # Loaded already, with merchant and customer.
        shown.append(_shown_request(row, kept.get(row.pk)))
    return shown


def _shown_request(row: Any, kept: Any) -> dict[str, Any]:
    provider = registry.classes().get(row.account.provider)
    channels = {c.slug: c for c in provider.channels} if provider else {}
    channel = channels.get(row.channel)
    hands_out_link = bool(channel and channel.hands_out_link)
    return {
        "row": row,
        "label": channel.label if channel else row.channel,
        "badge": presenting.provider_says(row),
        "may_withdraw": row.state in OPEN_STATES,
        "may_capture": bool(
            row.state == RequestState.ACCEPTED and provider and provider.can_capture
        ),
        "has_link": bool(row.redirect_url and hands_out_link and row.state in OPEN_STATES),
        "waits_for_link": bool(
            hands_out_link and not row.redirect_url and row.state in WAITS_FOR_LINK
        ),
        "payment_day": _payment_day(row),
        "may_compare": bool(
            provider and provider.compare is not Provider.compare and options.handle(row)
        ),
        "may_ask_consent": acting.may_ask_consent(row),
        "consent": _consent_words(row),
        "may_name": acting.is_nameless(row),
        "fix": _fix(row),
        "may_refund": bool(kept and kept > 0 and provider and provider.can_refund),
        "kept": kept,
    }


def _fix(row: PaymentRequest) -> str:
    """Return where what the provider refused is put right, while that is of use."""
    invoice = row.invoice
    if row.state != RequestState.INVALID or not _may_send(invoice):
        return ""
    slug, field = invoice.merchant.slug, str(row.problem.get("field", ""))
    found = preflight.put_right_at(slug, invoice, field)
    here = reverse("invoice-detail", args=[slug, invoice.pk])
    return reverse("invoice-correct", args=[slug, invoice.pk]) if found == here else found


def _payment_day(row: PaymentRequest) -> date | None:
    """Return the day that the customer chose to pay on, while it is to come."""
    if row.state != RequestState.ACCEPTED:
        return None
    return parse_date(str(row.facts.get("payment_date") or ""))


def _consent_words(row: PaymentRequest) -> str:
    """Say what became of asking the payer to be billed directly."""
    consent = row.facts.get("contact_consent")
    if not isinstance(consent, dict):
        return _("The payer is being asked.") if row.share_phone and row.redirect_url else ""
    words = {
        "pending": _("The payer was asked for permission to be billed directly: no answer yet."),
        "granted": _("The payer agreed to be billed directly."),
        "denied": _("The payer does not want to be billed directly."),
    }
    return words.get(str(consent.get("state")), "")


def _bar(money: lifecycle.MoneyMap) -> list[dict[str, Any]]:
    """Draw the money map to scale on a width of 1000."""
    whole = max(money.invoiced, money.received) or 1
    parts = [
        ("f-good", money.received - money.refunded),
        ("f-warn", money.refunded),
        ("f-info", money.reserved),
    ]
    bars, x = [], 0.0
    for css, amount in parts:
        width = float(amount / whole * 1000)
        if width > 0:
            bars.append({"css": css, "x": round(x, 1), "width": round(width, 1)})
            x += width
    return bars


@viewer
def invoice_pdf(request: StaffRequest, pk: int) -> HttpResponse:
    """Serve the newest version's PDF to staff."""
    invoice = found(request, pk)
    version = get_object_or_404(invoice.versions.order_by("-version")[:1])
    try:
        kept = pdf.content(version)
    except pdf.RenderFailed:
        return render(request, "invoices/pdf_later.html", {"invoice": invoice}, status=503)
    answer = HttpResponse(bytes(kept.content), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{_file_name(invoice)}"'
    return answer


def _file_name(invoice: Invoice) -> str:
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in invoice.number)
    return f"invoice-{safe}.pdf"

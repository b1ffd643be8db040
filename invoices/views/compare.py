"""An invoice through a provider's eyes: what it holds beside ours, and what its app will show."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.vary import vary_on_headers

from invoices import documents, options
from invoices.models import Invoice, PaymentRequest
from invoices.views.detail import found
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller
from providers import queries, registry
from providers.contract import Channel, Difference, InvoiceDocument, Preview, ProviderError
from providers.models import ProviderAccount


@biller
def compare(request: StaffRequest, pk: int, request_pk: int) -> HttpResponse:
    """Ask the provider what it holds of a request and lay it beside the document that was sent."""
    asked = get_object_or_404(
        PaymentRequest.objects.select_related("invoice", "account__merchant", "document"),
        invoice__merchant=request.merchant,
        invoice_id=pk,
        pk=request_pk,
    )
    rows, problem = _held(asked)
    context = {
        "invoice": asked.invoice,
        "asked": asked,
        "label": _label(asked.account),
        "rows": sorted(rows, key=_rank),
        "differ": sum(1 for row in rows if not row.same),
        "untold": sum(1 for row in rows if row.theirs is None),
        "problem": problem,
        "at": timezone.now(),
    }
    return render(request, "invoices/compare.html", context)


def _held(asked: PaymentRequest) -> tuple[list[Difference], str]:
    """Return the fields, or in words why there are none."""
    if asked.account.provider not in registry.classes():
        return [], _("This provider is not installed here any more, so it cannot be asked.")
    if not options.handle(asked):
        return [], _("The provider has given no id yet. Look again when the request has arrived.")
    try:
        document = documents.of(asked.document)
        return registry.of(asked.account).compare(document, options.asked(asked)), ""
    except ProviderError as error:
        return [], queries.problem_words(error)


def _rank(row: Difference) -> int:
    """Differences first, then what is the same, then what is not told. Else their own order."""
    if not row.same:
        return 0
    return 1 if row.theirs is not None else 2


def _label(account: ProviderAccount) -> Any:
    kind = registry.classes().get(account.provider)
    return kind.label if kind else account.provider


# -------------------------------------------------------------------------------------- preview
@biller
@vary_on_headers("HX-Request")
def preview(request: StaffRequest, pk: int, account_pk: int, channel: str) -> HttpResponse:
    """Show how an invoice will look in the payer's app, before it is sent. No HTTP."""
    invoice = found(request, pk)
    account = get_object_or_404(
        ProviderAccount.objects.select_related("merchant"),
        merchant=request.merchant,
        pk=account_pk,
        provider__in=registry.classes(),
    )
    way = _channel(account, channel)
    shown, problem = _seen(invoice, account, way)
    context = {
        "invoice": invoice,
        "account": account,
        "channel": way,
        "label": _label(account),
        "preview": shown,
        "problem": problem,
    }
    template = "invoices/preview.html#app" if request.htmx else "invoices/preview.html"
    return render(request, template, context)


def _channel(account: ProviderAccount, slug: str) -> Channel:
    for each in registry.of(account).channels:
        if each.slug == slug:
            return each
    raise Http404("The provider has no such channel.")


def _seen(
    invoice: Invoice, account: ProviderAccount, channel: Channel
) -> tuple[Preview | None, str]:
    """Return what the app shows, or in words why that cannot be said."""
    document = _document(invoice)
    if document is None:
        return None, _("The draft cannot be read as an invoice yet. Correct it in the editor.")
    asked = options.offered(
        invoice,
        channel.slug,
        amount=_amount(invoice, document),
        now=timezone.now(),
        account=account,
    )
    try:
        return registry.of(account).preview(document, asked), ""
    except ValueError as error:
        # An amount or a phone that the provider's own form of it has no place for.
        return None, str(error)


def _document(invoice: Invoice) -> InvoiceDocument | None:
    try:
        return documents.shown(invoice)
    except (ValueError, ArithmeticError):
        return None


def _amount(invoice: Invoice, document: InvoiceDocument) -> Decimal:
    """Return what would be asked for: what is left, or all of it where nothing is left."""
    left = document.totals.payable if invoice.is_draft else invoice.residual
    return left or document.totals.payable

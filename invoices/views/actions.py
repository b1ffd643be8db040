"""What staff do to an invoice: each a page that says what will happen, then does it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from invoices import acting, alerts, lifecycle, numbers, sending
from invoices.views import detail
from invoices.views.dialogs import ReasonForm, back, dialog, request_of
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller


class AmountForm(forms.Form):
    """How much, in the reader's own notation."""

    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        max_length=40,
        widget=forms.TextInput(attrs={"class": "input num", "inputmode": "decimal"}),
    )

    def clean_amount(self) -> Decimal:
        """Read the amount; at most two decimals, because money has no more."""
        try:
            amount = numbers.parse_decimal(
                self.cleaned_data["amount"], language=get_language() or "en"
            )
        except numbers.UnreadableNumber as error:
            raise forms.ValidationError(str(error)) from error
        if abs(amount) > Decimal("99999999999.99"):
            raise forms.ValidationError(
                _("“%(amount)s” is too large.") % {"amount": self.cleaned_data["amount"]}
            )
        if amount != amount.quantize(Decimal("0.01")):
            raise forms.ValidationError(
                _("“%(amount)s” has more than two decimals. Money has two.")
                % {"amount": self.cleaned_data["amount"]}
            )
        return amount.quantize(Decimal("0.01"))


class RefundForm(AmountForm, ReasonForm):
    """How much goes back, and why."""


@biller
@require_POST
def send(request: StaffRequest, pk: int) -> HttpResponse:
    """Send an invoice by the chosen road, now or at a chosen time."""
    invoice = detail.found(request, pk)
    try:
        at = _chosen_time(request)
        sending.send(
            invoice_id=invoice.pk,
            road_key=request.POST.get("road", ""),
            by=request.user,
            now=timezone.now(),
            at=at,
        )
    except sending.CannotSend as refused:
        context = detail.page(request, detail.found(request, pk)) | {"refused": refused.problems}
        return render(request, "invoices/detail.html", context, status=422)
    except ValueError:
        problem = _(
            "“%(at)s” is no time to send at. Choose one from now to a year ahead, or leave it empty."
        ) % {"at": request.POST.get("at", "")[:40]}
        context = detail.page(request, invoice) | {"refused_time": problem}
        return render(request, "invoices/detail.html", context, status=422)
    if request.POST.get("road") == sending.PRINT:
        return redirect("invoice-pdf", merchant=request.merchant.slug, pk=pk)
    return back(request, pk)


def _chosen_time(request: StaffRequest) -> datetime | None:
    text = request.POST.get("at", "").strip()
    if not text:
        return None
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(request.merchant.time_zone))
    now = timezone.now()
    if not now - timedelta(minutes=5) <= at <= now + timedelta(days=366):
        raise ValueError(text)
    return at


@biller
@require_POST
def drop(request: StaffRequest, pk: int, operation: int) -> HttpResponse:
    """Call off what waits to be sent."""
    invoice = detail.found(request, pk)
    waiting = get_object_or_404(invoice.operations, pk=operation)
    try:
        acting.drop(operation_id=waiting.pk, by=request.user, now=timezone.now())
    except acting.CannotAct as refused:
        messages.warning(request, str(refused))
    return back(request, pk)


@biller
def withdraw(request: StaffRequest, pk: int, request_pk: int) -> HttpResponse:
    """Take a request back."""
    row = request_of(request, pk, request_pk)
    return dialog(
        request,
        row.invoice,
        row=row,
        action="withdraw",
        title=_("Withdraw request %(reference)s") % {"reference": row.reference},
        button=_("Withdraw the request"),
        form=ReasonForm(request.POST or None),
        do=lambda data: acting.withdraw(
            request_id=row.pk, by=request.user, reason=data["reason"], now=timezone.now()
        ),
    )


@biller
def capture(request: StaffRequest, pk: int, request_pk: int) -> HttpResponse:
    """Collect what the customer approved."""
    row = request_of(request, pk, request_pk)
    reserved = min(lifecycle.request_sums(row).reserved, row.invoice.residual)
    return dialog(
        request,
        row.invoice,
        row=row,
        action="capture",
        title=_("Collect what the customer approved"),
        button=_("Collect"),
        form=AmountForm(request.POST or None, initial={"amount": _written(reserved)}),
        amount=reserved,
        danger=False,
        do=lambda data: acting.capture(
            request_id=row.pk, amount=data["amount"], by=request.user, now=timezone.now()
        ),
    )


@biller
def refund(request: StaffRequest, pk: int, request_pk: int) -> HttpResponse:
    """Pay money back, in full or in part."""
    row = request_of(request, pk, request_pk)
    money = lifecycle.request_sums(row)
    left = money.captured - money.refunded
    return dialog(
        request,
        row.invoice,
        row=row,
        action="refund",
        title=_("Refund to the customer"),
        button=_("Refund"),
        form=RefundForm(request.POST or None, initial={"amount": _written(left)}),
        amount=left,
        do=lambda data: acting.refund(
            request_id=row.pk,
            amount=data["amount"],
            reason=data["reason"],
            by=request.user,
            now=timezone.now(),
        ),
    )


@biller
def cancel(request: StaffRequest, pk: int) -> HttpResponse:
    """Cancel an invoice that nobody has paid."""
    invoice = detail.found(request, pk)
    return dialog(
        request,
        invoice,
        action="cancel",
        title=_("Cancel invoice %(number)s") % {"number": invoice.number},
        button=_("Cancel invoice of %(currency)s %(amount)s")
        % {"currency": invoice.currency, "amount": _written(invoice.total)},
        form=ReasonForm(request.POST or None),
        do=lambda data: acting.cancel_invoice(
            invoice_id=pk, by=request.user, reason=data["reason"], now=timezone.now()
        ),
    )


@biller
def uncollectible(request: StaffRequest, pk: int) -> HttpResponse:
    """Write an invoice off in the books."""
    invoice = detail.found(request, pk)
    return dialog(
        request,
        invoice,
        action="uncollectible",
        title=_("Mark invoice %(number)s uncollectible") % {"number": invoice.number},
        button=_("Mark uncollectible"),
        form=ReasonForm(request.POST or None),
        do=lambda data: acting.mark_uncollectible(
            invoice_id=pk, by=request.user, reason=data["reason"], now=timezone.now()
        ),
    )


@biller
@require_POST
def resolve(request: StaffRequest, pk: int, alert: int) -> HttpResponse:
    """Close an alert by hand, with what was done about it."""
    invoice = detail.found(request, pk)
    row = get_object_or_404(invoice.alerts, pk=alert)
    resolution = request.POST.get("resolution", "").replace("\x00", "").strip()[:300] or _(
        "Looked at"
    )
    alerts.resolve(alert_id=row.pk, resolution=resolution, by=request.user, now=timezone.now())
    return back(request, pk)


def _written(amount: Decimal) -> str:
    return numbers.format_amount(amount, get_language() or "en")

"""The page that says what an action will do, and does it when it is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy

from invoices import acting
from invoices.models import Invoice, PaymentRequest
from invoicing_site.merchants.http import StaffRequest


class ReasonForm(forms.Form):
    """Why something is done; it stands on the timeline."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("Stands on the timeline, with your name."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )


def dialog(
    request: StaffRequest,
    invoice: Invoice,
    *,
    action: str,
    title: str,
    button: str,
    form: forms.Form,
    do: Callable[[dict[str, Any]], None],
    row: PaymentRequest | None = None,
    amount: Decimal | None = None,
    danger: bool = True,
) -> HttpResponse:
    """Show what an action will do, and do it when it is confirmed. Refusals keep the form."""
    refused = ""
    if request.method == "POST" and form.is_valid():
        try:
            do(form.cleaned_data)
            return back(request, invoice.pk)
        except acting.CannotAct as problem:
            refused = str(problem)
    context = {
        "invoice": invoice,
        "row": row,
        "title": title,
        "button": button,
        "form": form,
        "effects": acting.effects(action, invoice, row, amount),
        "refused": refused,
        "danger": danger,
        "amount": amount,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "invoices/dialog.html", context, status=status)


def request_of(request: StaffRequest, pk: int, request_pk: int) -> PaymentRequest:
    """Return a payment request of the merchant's invoice, or answer 404."""
    rows = PaymentRequest.objects.select_related("invoice", "account").filter(
        invoice__merchant=request.merchant, invoice_id=pk
    )
    return get_object_or_404(rows, pk=request_pk)


def back(request: StaffRequest, pk: int) -> HttpResponse:
    """Go back to the invoice's page."""
    return redirect("invoice-detail", merchant=request.merchant.slug, pk=pk)

"""Correcting what an issued invoice says."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoices import acting, correcting, documents
from invoices.models import Invoice
from invoices.texts import LIMITS
from invoices.views import detail
from invoices.views.dialogs import ReasonForm, back
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller
from providers.contract import RequestState


def _text(label: Any, limit: int, *, required: bool = False) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "input", "autocomplete": "off"})
    return forms.CharField(label=label, max_length=limit, required=required, widget=widget)


def _day(label: Any, *, required: bool = False) -> forms.DateField:
    widget = forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d")
    return forms.DateField(
        label=label, required=required, widget=widget, input_formats=["%Y-%m-%d"]
    )


class CorrectionForm(ReasonForm):
    """What may be corrected; the reason comes first, because it is what is read later."""

    name = _text(_("Customer's name"), 200, required=True)
    street = _text(_("Street"), 200)
    street2 = _text(_("Second line"), 200)
    postcode = _text(_("Postcode"), 12)
    city = _text(_("City"), 100)
    email = forms.EmailField(
        label=_("Email"), required=False, widget=forms.EmailInput(attrs={"class": "input"})
    )
    due_date = _day(_("Due date"), required=True)
    order_date = _day(_("Order date"))
    delivery_date = _day(_("Delivery date"))
    payment_reference = _text(_("Payment reference"), LIMITS["payment_reference"])
    buyer_reference = _text(_("Buyer reference"), LIMITS["buyer_reference"])
    buyer_order_number = _text(_("Buyer order number"), LIMITS["buyer_order_number"])
    merchant_order_number = _text(_("Your order number"), LIMITS["merchant_order_number"])
    merchant_contact = _text(_("Your contact"), LIMITS["merchant_contact"])
    subject = _text(_("Subject"), LIMITS["subject"])
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=LIMITS["comment"],
        widget=forms.Textarea(attrs={"class": "input", "rows": 3}),
    )


# What providers' refusals name, by the field that puts it right.
CORRECTED_IN = {"customer.name": "name", "customer.address": "street"}


def _mark_refused(form: CorrectionForm, invoice: Invoice) -> None:
    """Say at the field that the provider refused what it refused."""
    request = invoice.latest_request
    if request is None or request.state != RequestState.INVALID:
        return
    name = str(request.problem.get("field", ""))
    field = form.fields.get(CORRECTED_IN.get(name, name))
    if field is not None:
        said = (request.problem.get("meaning"), request.problem.get("remedy"))
        field.help_text = " ".join(str(part) for part in said if part)
        field.widget.attrs["aria-invalid"] = "true"


@biller
def correct(request: StaffRequest, pk: int) -> HttpResponse:
    """Show the correction, and freeze it as the next version."""
    invoice = detail.found(request, pk)
    if invoice.is_draft:
        return back(request, pk)
    before = correcting.correctable(documents.latest(invoice))
    form = CorrectionForm(request.POST or None, initial=before)
    if not form.is_bound:
        _mark_refused(form, invoice)
    refused = correcting.obstacle(invoice)
    if request.method == "POST" and form.is_valid() and not refused:
        values = dict(form.cleaned_data)
        reason = values.pop("reason")
        try:
            correcting.correct(
                invoice_id=pk, values=values, reason=reason, by=request.user, now=timezone.now()
            )
            return back(request, pk)
        except correcting.CannotCorrect as problem:
            if problem.field:
                form.add_error(problem.field, str(problem))
            else:
                refused = str(problem)
    context = {
        "invoice": invoice,
        "title": _("Correct invoice %(number)s") % {"number": invoice.number},
        "button": _("Make the corrected version"),
        "form": form,
        "effects": acting.effects("correct", invoice),
        "refused": refused,
        "danger": False,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "invoices/dialog.html", context, status=status)

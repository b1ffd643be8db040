"""What staff do with one request beside withdrawing it: hand its link on, name it, ask the payer."""

from __future__ import annotations

import uuid

import segno
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices import acting, options, reconcile
from invoices.models import PaymentRequest
from invoices.views.dialogs import back, dialog, request_of
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller
from providers import registry
from providers.contract import ProviderError
from providers.queries import problem_words


@biller
def link(request: StaffRequest, pk: int, request_pk: int) -> HttpResponse:
    """Show a request's link to pay: to copy, to send in a message, and as a QR code to print."""
    row = request_of(request, pk, request_pk)
    # A link made when the customer pressed pay is theirs alone, and short-lived.
    url = options.link_of(row) if hands_out_link(row) else ""
    if not url:
        messages.info(request, _("This request has no link to hand on."))
        return back(request, pk)
    text = _("%(seller)s: invoice %(number)s, %(currency)s %(amount)s. Pay here: %(url)s") % {
        "seller": row.invoice.issuer.name,
        "number": row.invoice.number,
        "currency": row.currency,
        "amount": row.amount,
        "url": url,
    }
    context = {
        "invoice": row.invoice,
        "row": row,
        "provider": registry.classes()[row.account.provider],
        "url": url,
        "text": text,
        "qr": segno.make(url, micro=False, error="m").svg_data_uri(scale=5, border=4, light="#fff"),
    }
    answer = render(request, "invoices/link.html", context)
    # Whoever has the link sees the invoice: no copy of this page outlives the visit.
    answer["Cache-Control"] = "no-store"
    return answer


def hands_out_link(row: PaymentRequest) -> bool:
    """Say whether a request's link is ours to hand on."""
    kind = registry.classes().get(row.account.provider)
    return any(c.slug == row.channel and c.hands_out_link for c in kind.channels) if kind else False


class HandleForm(forms.Form):
    """The id under which the provider's portal shows the invoice."""

    handle = forms.CharField(
        label=gettext_lazy("Their id of the invoice"),
        max_length=100,
        help_text=gettext_lazy("As the provider's portal shows it. We compare number and amount."),
        widget=forms.TextInput(attrs={"class": "input code", "autocomplete": "off"}),
    )

    def clean_handle(self) -> str:
        """Read it as the providers write ids: a GUID."""
        value = self.cleaned_data["handle"].strip()
        try:
            return str(uuid.UUID(value))
        except ValueError as error:
            raise forms.ValidationError(
                _("“%(value)s” is not an id. It has 32 letters a to f and digits, in five groups.")
                % {"value": value[:60]}
            ) from error


@biller
def name(request: StaffRequest, pk: int, request_pk: int) -> HttpResponse:
    """Give a request, whose answer was lost, the id that a person found."""
    row = request_of(request, pk, request_pk)

    def do(data: dict[str, str]) -> None:
        try:
            same = reconcile.name(request_id=row.pk, handle=data["handle"], now=timezone.now())
        except ProviderError as error:
            raise acting.CannotAct(problem_words(error)) from error
        if not same:
            raise acting.CannotAct(
                _("Under this id the provider holds another invoice. Compare number and amount.")
            )

    return dialog(
        request,
        row.invoice,
        row=row,
        action="name",
        title=_("Say which invoice it is there"),
        button=_("Compare and keep"),
        form=HandleForm(request.POST or None),
        danger=False,
        do=do,
    )


@biller
def absent(request: StaffRequest, pk: int, request_pk: int) -> HttpResponse:
    """Say that the provider does not have a request whose answer was lost."""
    row = request_of(request, pk, request_pk)
    return dialog(
        request,
        row.invoice,
        row=row,
        action="absent",
        title=_("It is not there"),
        button=_("I have looked: it is not there"),
        form=forms.Form(request.POST if request.method == "POST" else None),
        do=lambda data: acting.declare_absent(
            request_id=row.pk, by=request.user, now=timezone.now()
        ),
    )


@biller
def ask_consent(request: StaffRequest, pk: int, request_pk: int) -> HttpResponse:
    """Ask the payer for permission to be billed directly."""
    row = request_of(request, pk, request_pk)
    return dialog(
        request,
        row.invoice,
        row=row,
        action="consent",
        title=_("Ask to bill this customer directly"),
        button=_("Ask the customer"),
        form=forms.Form(request.POST if request.method == "POST" else None),
        danger=False,
        do=lambda data: acting.ask_consent(request_id=row.pk, by=request.user, now=timezone.now()),
    )

"""The departments and branches that issue invoices."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from invoicing_site.merchants.forms import IssuerForm
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import HOME_CURRENCY, Issuer
from invoicing_site.merchants.permissions import owner, viewer


@viewer
def issuer_list(request: StaffRequest) -> HttpResponse:
    """List the merchant's issuers, the active ones first."""
    issuers = request.merchant.issuers.defer("logo").order_by("-active", "name")
    return render(request, "merchants/issuer_list.html", {"issuers": issuers})


@owner
def issuer_new(request: StaffRequest) -> HttpResponse:
    """Add an issuer, at home where the merchant is."""
    country = request.merchant.country
    issuer = Issuer(
        merchant=request.merchant, country=country, currency=HOME_CURRENCY.get(country, "")
    )
    return _edit(request, issuer)


@owner
def issuer_edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Change an issuer. Issued invoices keep what was printed on them."""
    return _edit(request, get_object_or_404(Issuer, merchant=request.merchant, pk=pk))


def _edit(request: StaffRequest, issuer: Issuer) -> HttpResponse:
    posted = request.method == "POST"
    form = IssuerForm(
        request.POST if posted else None,
        request.FILES if posted else None,
        instance=issuer,
        merchant=request.merchant,
    )
    if posted and form.is_valid() and form.store():
        messages.success(request, _("Saved. New invoices are made with it."))
        return redirect("issuer-list", request.merchant.slug)
    context = {"form": form, "issuer": Issuer.objects.filter(pk=issuer.pk).defer("logo").first()}
    return render(request, "merchants/issuer_edit.html", context, status=422 if posted else 200)

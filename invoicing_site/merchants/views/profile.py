"""The legal entity itself."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from invoicing_site.merchants.forms import MerchantForm
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Merchant
from invoicing_site.merchants.permissions import owner


@owner
def merchant_edit(request: StaffRequest) -> HttpResponse:
    """Change the merchant's name and numbers."""
    # A copy: the page's frame shows the stored name while the form holds the typed one.
    form = MerchantForm(request.POST or None, instance=Merchant.objects.get(pk=request.merchant.pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved. New invoices are made with it."))
        return redirect("merchant-edit", request.merchant.slug)
    status = 422 if request.method == "POST" else 200
    return render(request, "merchants/profile.html", {"form": form}, status=status)

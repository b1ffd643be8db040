"""Where staff land."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from invoicing_site.merchants.models import Membership


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Go to the only merchant, or let a member of several (or none) choose."""
    memberships = list(
        Membership.objects.select_related("merchant")
        .filter(user_id=request.user.pk or 0)
        .order_by("merchant__name")
    )
    if len(memberships) == 1 and "choose" not in request.GET:
        return redirect("dashboard", merchant=memberships[0].merchant.slug)
    return render(request, "merchants/choose.html", {"memberships": memberships})

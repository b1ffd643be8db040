"""Webhook registrations and what came through them, as an owner manages them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import owner
from providers import inbox, queries, registrations
from providers.contract import ProviderError
from providers.models import WebhookDelivery, WebhookRegistration
from providers.views.accounts import account_of


@owner
@require_POST
def webhook_register(request: StaffRequest, pk: int) -> HttpResponse:
    """Give the provider our address."""
    account = account_of(request, pk)
    try:
        registrations.register(account, now=timezone.now())
    except ProviderError as error:
        messages.error(request, _("Not registered. %s") % queries.problem_words(error))
    else:
        messages.success(request, _("Registered. The provider tells us what happens from now on."))
    return redirect("provider-detail", request.merchant.slug, pk)


@owner
@require_POST
def webhook_delete(request: StaffRequest, pk: int, registration: int) -> HttpResponse:
    """Delete one of our registrations at the provider."""
    found = get_object_or_404(
        WebhookRegistration.objects.select_related("account"),
        account=account_of(request, pk),
        pk=registration,
        removed_at=None,
    )
    try:
        registrations.remove(found, now=timezone.now())
    except ProviderError as error:
        messages.error(request, _("Not deleted. %s") % queries.problem_words(error))
    else:
        messages.success(request, _("Deleted. States are fetched instead, which is slower."))
    return redirect("provider-detail", request.merchant.slug, pk)


def _delivery(request: StaffRequest, pk: int, delivery: int) -> WebhookDelivery:
    return get_object_or_404(
        WebhookDelivery.objects.select_related("account"),
        account=account_of(request, pk),
        pk=delivery,
    )


@owner
def delivery_detail(request: StaffRequest, pk: int, delivery: int) -> HttpResponse:
    """Show one delivery with its secrets masked, and what became of it."""
    found = _delivery(request, pk, delivery)
    context = {
        "account": found.account,
        "delivery": found,
        "body": queries.masked_body(found),
        "facts": queries.told(found),
    }
    return render(request, "providers/delivery.html", context)


@owner
@require_POST
def delivery_replay(request: StaffRequest, pk: int, delivery: int) -> HttpResponse:
    """Process a delivery again; facts that are held already add nothing."""
    found = _delivery(request, pk, delivery)
    if inbox.replay(found.pk, now=timezone.now()):
        messages.success(request, _("Processed. Facts that were known already added nothing."))
    else:
        found.refresh_from_db()
        messages.error(request, _("Still not processed. %s") % found.problem)
    return redirect("delivery-detail", request.merchant.slug, pk, found.pk)

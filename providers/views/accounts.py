"""The pages about accounts at providers, drawn from what each adapter says of itself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Role
from invoicing_site.merchants.permissions import allows, owner, viewer
from providers import accounts, queries, registry
from providers.consents import queries as consents
from providers.contract import Provider, ProviderError
from providers.forms import AccountForm, PauseForm, settings_form
from providers.models import ProviderAccount


def account_of(request: StaffRequest, pk: int) -> ProviderAccount:
    """Return the merchant's account, or answer 404."""
    return get_object_or_404(ProviderAccount, merchant=request.merchant, pk=pk)


def kind_of(slug: str) -> type[Provider]:
    """Return an installed provider's class, or answer 404."""
    try:
        return registry.classes()[slug]
    except KeyError as error:
        raise Http404("No such provider.") from error


@viewer
def provider_list(request: StaffRequest) -> HttpResponse:
    """List the merchant's accounts, and the providers that may be added."""
    rows = [
        {"account": each, "kind": kind_of(each.provider), "ready": queries.readiness(each)}
        for each in queries.accounts_of(request.merchant)
    ]
    kinds = registry.classes().values()
    return render(request, "providers/list.html", {"rows": rows, "kinds": kinds})


@owner
def provider_new(request: StaffRequest, slug: str) -> HttpResponse:
    """Add an account at one provider."""
    kind_of(slug)
    return _edit(request, ProviderAccount(merchant=request.merchant, provider=slug))


@owner
def provider_edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Change an account's settings and keys."""
    return _edit(request, account_of(request, pk))


def _edit(request: StaffRequest, account: ProviderAccount) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    before = account.base_url
    form = AccountForm(data, instance=account, merchant=request.merchant)
    valid = data is not None and form.is_valid()
    # Keys stay with the address they were typed for.
    own = settings_form(account, data, keep_keys=account.base_url == before)
    if valid and own.is_valid():
        cleaned = form.cleaned_data
        accounts.store(
            account,
            credentials=own.credentials(),
            settings=own.kept_settings(),
            issuers=cleaned["issuers"],
        )
        messages.success(request, _("Saved. Test the keys to see whether they work."))
        return redirect("provider-detail", request.merchant.slug, account.pk)
    stored = ProviderAccount.objects.filter(pk=account.pk).first()
    context = {
        "form": form,
        "own": own,
        "account": stored,
        "kind": kind_of(account.provider),
        "stored": queries.shown_credentials(stored) if stored else [],
    }
    return render(request, "providers/edit.html", context, status=422 if data else 200)


@viewer
def provider_detail(request: StaffRequest, pk: int) -> HttpResponse:
    """Show what stands between an account and its first request, and how it fares."""
    account = account_of(request, pk)
    return render(request, "providers/detail.html", _about(request, account))


def _about(request: StaffRequest, account: ProviderAccount) -> dict[str, Any]:
    is_owner = allows(request.membership, Role.OWNER)
    provider = registry.of(account)
    return {
        "account": account,
        "kind": type(provider),
        "steps": queries.steps(provider.checklist()),
        "channels": provider.channels,
        "issuers": account.issuers.all(),
        "settings": queries.shown_settings(account),
        "credentials": queries.shown_credentials(account) if is_owner else [],
        "deliveries": queries.deliveries(account),
        "rejections": queries.rejections(account, timezone.localdate()),
        "calls": account.calls.all()[: queries.SHOWN],
        "pause_form": PauseForm(),
        "consent": consents.card(account),
        "limits": queries.limits(account, timezone.localdate()),
        **_webhooks(request, account),
    }


def _webhooks(request: StaffRequest, account: ProviderAccount) -> dict[str, Any]:
    """Return the registrations: as the provider lists them when an owner asks, else as kept."""
    if not type(registry.of(account)).has_webhook_registrations:
        return {}
    if "ask" not in request.GET or not allows(request.membership, Role.OWNER):
        return {"webhooks": queries.kept_webhooks(account)}
    try:
        return {"webhooks": queries.listed_webhooks(account), "asked": True}
    except ProviderError as error:
        return {
            "webhooks": queries.kept_webhooks(account),
            "webhook_problem": queries.problem_words(error),
        }


@owner
@require_POST
def provider_probe(request: StaffRequest, pk: int) -> HttpResponse:
    """Prove the keys by one harmless call."""
    account = account_of(request, pk)
    evidence = registry.of(account).probe()
    say = messages.success if evidence.ok else messages.error
    say(request, f"{evidence.label}: {evidence.proof}" if evidence.ok else str(evidence.proof))
    return redirect("provider-detail", request.merchant.slug, pk)


@owner
@require_POST
def provider_pause(request: StaffRequest, pk: int) -> HttpResponse:
    """Hold everything queued to an account."""
    account = account_of(request, pk)
    form = PauseForm(request.POST)
    if not form.is_valid():
        context = _about(request, account) | {"pause_form": form}
        return render(request, "providers/detail.html", context, status=422)
    reason = f"{request.user}: {form.cleaned_data['reason']}"
    if not accounts.pause(account, reason=reason, now=timezone.now()):
        messages.info(request, _("It was paused already."))
    return redirect("provider-detail", request.merchant.slug, pk)


@owner
@require_POST
def provider_resume(request: StaffRequest, pk: int) -> HttpResponse:
    """Let an account's queue go on."""
    accounts.resume(account_id=account_of(request, pk).pk)
    messages.success(request, _("It goes on. What waited is sent now."))
    return redirect("provider-detail", request.merchant.slug, pk)

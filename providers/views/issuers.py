"""The provider's senders beside our issuers: what each stands for, and where they differ."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Issuer
from invoicing_site.merchants.permissions import owner
from providers import issuers, queries, registry
from providers.contract import ProviderError
from providers.models import ProviderAccount, ProviderIssuer
from providers.views.accounts import account_of, kind_of


class HandForm(forms.Form):
    """A sender as a person copies it from the provider's portal."""

    external_id = forms.CharField(
        label=gettext_lazy("Id"),
        max_length=100,
        help_text=gettext_lazy("A GUID, as the portal shows it for the sender."),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=issuers.NAME_LENGTH,
        help_text=gettext_lazy("The name that the payer sees."),
    )
    issuer = forms.ModelChoiceField(
        Issuer.objects.none(),
        label=gettext_lazy("Stands for"),
        required=False,
        empty_label=gettext_lazy("None of ours"),
    )

    def __init__(self, *args: Any, account: ProviderAccount, **kwargs: Any) -> None:
        """Offer the issuers that the account serves."""
        super().__init__(*args, **kwargs)
        self.fields["issuer"].queryset = issuers.ours(account)  # type: ignore[attr-defined]


def _account(request: StaffRequest, pk: int) -> ProviderAccount:
    """Return an account whose provider has senders of its own, or answer 404."""
    account = account_of(request, pk)
    if not kind_of(account.provider).has_issuers:
        raise Http404("This provider has no issuers of its own.")
    return account


@owner
def provider_issuers(request: StaffRequest, pk: int) -> HttpResponse:
    """Show their senders beside our issuers."""
    account = account_of(request, pk)
    if not kind_of(account.provider).has_issuers:
        messages.info(request, _("This provider has no senders of its own: there is none to map."))
        return redirect("provider-detail", request.merchant.slug, pk)
    return _page(request, account)


@owner
@require_POST
def provider_issuers_sync(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask the provider for its senders now."""
    account = _account(request, pk)
    try:
        count = issuers.sync(account, now=timezone.now())
    except ProviderError as error:
        return _page(request, account, status=422, problem=queries.problem_words(error))
    words = ngettext("%d sender is listed there.", "%d senders are listed there.", count)
    messages.success(request, words % count)
    return redirect("provider-issuers", request.merchant.slug, pk)


@owner
@require_POST
def provider_issuer_map(request: StaffRequest, pk: int, remote: int) -> HttpResponse:
    """Let a sender stand for the issuer that was chosen, or for none."""
    account = _account(request, pk)
    found = get_object_or_404(
        ProviderIssuer.objects.select_related("account"), account=account, pk=remote
    )
    field = forms.ModelChoiceField(issuers.ours(account), required=False)
    try:
        issuers.map_(found, field.clean(request.POST.get("issuer", "")))
    except forms.ValidationError:
        refused = _("That issuer is not one that this account serves. Choose one of the list.")
    except issuers.CannotMap as problem:
        refused = str(problem)
    else:
        messages.success(request, _("Saved."))
        return redirect("provider-issuers", request.merchant.slug, pk)
    return _page(request, account, status=422, refused=refused, refused_pk=found.pk)


@owner
@require_POST
def provider_issuer_hand(request: StaffRequest, pk: int) -> HttpResponse:
    """Keep a sender that was typed in."""
    account = _account(request, pk)
    form = HandForm(request.POST, account=account)
    if form.is_valid():
        try:
            issuers.enter_by_hand(account, **form.cleaned_data)
        except issuers.CannotEnter as error:
            for name, words in error.problems.items():
                form.add_error(name, words)
        except issuers.CannotMap as error:
            form.add_error("issuer", str(error))
        else:
            messages.success(request, _("Entered. It is checked when the list can be had."))
            return redirect("provider-issuers", request.merchant.slug, pk)
    return _page(request, account, status=422, form=form)


def _page(
    request: StaffRequest, account: ProviderAccount, *, status: int = 200, **context: Any
) -> HttpResponse:
    remotes = list(account.remote_issuers.select_related("issuer"))
    ours = list(issuers.ours(account))
    mapped = {each.issuer_id for each in remotes}
    context = {
        "form": HandForm(account=account),
        "account": account,
        "kind": type(registry.of(account)),
        "portal": issuers.portal(account),
        "rows": [_row(each) for each in remotes],
        "ours": ours,
        "unmapped": [each for each in ours if each.pk not in mapped],
        "synced": issuers.last_synced(account),
    } | context
    return render(request, "providers/issuers.html", context, status=status)


def _row(remote: ProviderIssuer) -> dict[str, Any]:
    pairs = issuers.differences(remote, remote.issuer) if remote.issuer else []
    return {
        "remote": remote,
        "pairs": pairs,
        "differ": sum(1 for each in pairs if not each.same),
    }

"""A merchant's consent at a provider: asked for, come back with, shown, withdrawn."""

from __future__ import annotations

from csp.constants import SELF
from csp.decorators import csp_replace
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import owner, viewer
from providers import queries as account_queries
from providers.consents import flow, grants, queries
from providers.contract import ProviderError
from providers.models import ConsentAttempt
from providers.views.accounts import account_of

COOKIE_PATH = "/consents/"
# Chromium holds form-action against redirects too: the button leads to the provider's page.
LEAVES_TO = [SELF, "https:"]
if settings.SANDBOX:
    LEAVES_TO += ["http://127.0.0.1:*", "http://localhost:*"]


class EnrolledForm(forms.Form):
    """What has to be so before the consent screen makes sense."""

    enrolled = forms.BooleanField(
        label=gettext_lazy("The merchant is enrolled at the provider"),
        help_text=gettext_lazy(
            "The agreement with the provider comes first: without it the provider shows an error "
            "instead of the consent screen."
        ),
        error_messages={
            "required": gettext_lazy(
                "Tick this when the merchant's agreement with the provider is in place. "
                "Enrol there first if it is not."
            )
        },
    )


@viewer
def consent_list(request: StaffRequest) -> HttpResponse:
    """Show the consents of all accounts side by side."""
    return render(request, "providers/consents.html", {"cards": queries.cards(request.merchant)})


@csp_replace({"form-action": LEAVES_TO})
@owner
def consent_start(request: StaffRequest, pk: int) -> HttpResponse:
    """Explain what happens at the provider, and lead there once the merchant is enrolled."""
    account = account_of(request, pk)
    card = queries.card(account)
    if card is None:
        messages.info(request, _("This provider asks for no consent."))
        return redirect("provider-detail", request.merchant.slug, pk)
    form = EnrolledForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            begun = flow.start(account, request.user, now=timezone.now())
        except ProviderError as error:
            form.add_error(None, account_queries.problem_words(error))
        else:
            return _away(begun)
    way_back = flow.callback_url(account.provider)
    context = {"account": account, "card": card, "form": form, "way_back": way_back}
    return render(request, "providers/consent_start.html", context, status=status)


def _away(begun: flow.Begun) -> HttpResponse:
    headers = {"Location": begun.url, "Referrer-Policy": "no-referrer"}
    answer = HttpResponse(status=303, headers=headers)
    answer.set_cookie(
        begun.cookie,
        begun.browser,
        max_age=flow.LIFETIME,
        path=COOKIE_PATH,
        secure=settings.HTTPS,
        httponly=True,
        # The provider's page posts across sites, where only such a cookie comes along; browsers
        # take it over https only. The sandbox over plain http is on our own site.
        samesite="None" if settings.HTTPS else "Lax",
    )
    return answer


@csrf_exempt
@never_cache
@sensitive_post_parameters()
def consent_callback(request: HttpRequest, provider: str) -> HttpResponse:
    """Take the browser back from the provider's page. `state` and our cookie guard this."""
    if request.method != "POST":
        return render(request, "providers/consent_lost.html", status=400)
    cookie = flow.cookie_name(request.POST.get("state", ""))
    browser = request.COOKIES.get(cookie, "")
    try:
        attempt = flow.finish(provider, request.POST.dict(), browser, now=timezone.now())
    except flow.Refused as refusal:
        if refusal.attempt is None:
            context = {"why": refusal.why}
            return render(request, "providers/consent_lost.html", context, status=400)
        attempt = refusal.attempt
    # The session's cookie does not come with a post across sites, but with this GET.
    answer = redirect("consent-returned", attempt.account.merchant.slug, attempt.pk)
    answer.status_code = 303
    answer.delete_cookie(cookie, path=COOKIE_PATH)
    return answer


@viewer
def consent_returned(request: StaffRequest, attempt: int) -> HttpResponse:
    """Say on the account's page how an attempt ended."""
    found = get_object_or_404(ConsentAttempt, pk=attempt, account__merchant=request.merchant)
    if found.outcome == flow.GRANTED:
        messages.success(request, _("Consent given. Requests can be sent now."))
    else:
        messages.error(request, found.outcome or _("It ended without an answer. Start again."))
    return redirect("provider-detail", request.merchant.slug, found.account_id)


@owner
def consent_withdraw(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask once more, then forget the tokens."""
    account = account_of(request, pk)
    card = queries.card(account)
    if card is None or card.consent is None or not card.holds:
        messages.info(request, _("There is no consent to withdraw."))
        return redirect("provider-detail", request.merchant.slug, pk)
    if request.method != "POST":
        return render(
            request, "providers/consent_withdraw.html", {"account": account, "card": card}
        )
    grants.withdraw(card.consent, now=timezone.now())
    messages.success(
        request, _("Withdrawn here. Remove it at the provider too, so that it is gone there.")
    )
    return redirect("provider-detail", request.merchant.slug, pk)

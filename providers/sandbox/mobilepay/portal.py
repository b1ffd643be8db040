"""The merchant portal's screens: sign in, choose a merchant, give consent and take it back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_http_methods, require_safe

from providers.sandbox import clock
from providers.sandbox.mobilepay import authorize, wording
from providers.sandbox.mobilepay.authorize import AuthorizationRequest
from providers.sandbox.mobilepay.calls import log
from providers.sandbox.models import Grant, PortalMerchant, PortalUser

COOKIE = "sandbox_portal"
SALT = "sandbox.mobilepay.session"
SESSION = timedelta(hours=8)


@dataclass(frozen=True)
class Visit:
    """Somebody signed in at the portal, with the request that brought them here."""

    user: PortalUser
    asked: AuthorizationRequest
    ticket: str


@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponseBase:
    """Sign in, and go on to the consent screen or to the integrations."""
    ticket = request.GET.get("request", "")
    email = request.POST.get("email", "").strip()
    problem = ""
    if request.method == "POST":
        user = PortalUser.objects.filter(email__iexact=email).first()
        if user and constant_time_compare(user.password, request.POST.get("password", "")):
            return _signed_in(user, ticket)
        problem = wording.WRONG_LOGIN
    asked = authorize.reopened(ticket) if ticket else None
    if ticket and asked is None:
        return _lost(request)
    return render(
        request,
        "sandbox/portal_login.html",
        {
            "email": email,
            "problem": problem,
            "asked": asked,
            "suggestions": PortalUser.objects.order_by("pk")[:6],
        },
        status=422 if problem else 200,
    )


@require_http_methods(["GET", "POST"])
def logout(request: HttpRequest) -> HttpResponseBase:
    """Sign out of the portal; keeps a waiting request for whoever signs in next."""
    response = redirect(_address("sandbox:portal_login", request.GET.get("request", "")))
    response.delete_cookie(COOKIE, path=_cookie_path(), samesite="Lax")
    return response


@require_http_methods(["GET", "POST"])
def end_session(request: HttpRequest) -> HttpResponseBase:
    """End the session at an app's wish."""
    return logout(request)


@require_http_methods(["GET", "POST"])
def consent(request: HttpRequest) -> HttpResponseBase:
    """Ask the merchant's user, unless the answer is known; then send the browser back."""
    ticket = request.GET.get("request", "")
    asked = authorize.reopened(ticket)
    if asked is None:
        return _lost(request)
    user = signed_in_user(request)
    if user is None:
        return redirect(_address("sandbox:portal_login", ticket))
    visit = Visit(user, asked, ticket)
    if request.POST.get("action") == "deny":
        return authorize.denied(request, asked)
    candidates = _candidates(visit)
    merchant = _chosen(request, candidates)
    if merchant is None:
        return _choose(request, visit, candidates)
    if live := _live_grant(visit, merchant):
        return authorize.granted(request, asked, live)
    if request.POST.get("action") == "grant" and user.is_super_manager:
        return authorize.granted(request, asked, _grant(visit, merchant))
    return _ask(request, visit, merchant)


@require_http_methods(["GET", "POST"])
def integration(request: HttpRequest) -> HttpResponseBase:
    """Settings, Integration: which apps a merchant let in, and the button that takes it back."""
    user = signed_in_user(request)
    if user is None:
        return redirect("sandbox:portal_login")
    if request.method == "POST":
        grant = get_object_or_404(_grants(user), pk=_number(request.POST.get("grant", "")))
        if user.is_super_manager:
            return _remove(grant)
        problem = wording.NOT_MANAGER_REMOVES.format(merchant=grant.merchant.name)
        return _integrations(request, user, problem=problem, status=403)
    return _integrations(request, user)


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """Go where somebody is sent who opens the portal itself."""
    return redirect("sandbox:portal_integration")


def signed_in_user(request: HttpRequest) -> PortalUser | None:
    """Tell who is signed in at the portal; this is no session of our own site."""
    try:
        subject = request.get_signed_cookie(COOKIE, salt=SALT, max_age=SESSION)
    except (KeyError, signing.BadSignature):
        return None
    return PortalUser.objects.filter(subject=subject or "").first()


def _signed_in(user: PortalUser, ticket: str) -> HttpResponse:
    onward = "sandbox:portal_consent" if ticket else "sandbox:portal_integration"
    response = redirect(_address(onward, ticket))
    response.set_signed_cookie(
        COOKIE, str(user.subject), salt=SALT, path=_cookie_path(), httponly=True, samesite="Lax"
    )
    return response


def _candidates(visit: Visit) -> list[PortalMerchant]:
    mine = visit.user.merchants.all()
    vat = visit.asked.merchant_vat
    return list(mine.filter(vat_number=vat) if vat else mine)


def _chosen(request: HttpRequest, candidates: list[PortalMerchant]) -> PortalMerchant | None:
    if len(candidates) == 1:
        return candidates[0]
    wanted = request.POST.get("merchant") or request.GET.get("merchant", "")
    return next((one for one in candidates if str(one.merchant_id) == wanted), None)


def _choose(request: HttpRequest, visit: Visit, candidates: list[PortalMerchant]) -> HttpResponse:
    problem = ""
    if not candidates:
        words = wording.NOT_YOURS if visit.asked.merchant_vat else wording.NO_MERCHANT
        problem = words.format(email=visit.user.email, vat=visit.asked.merchant_vat)
    facts = {"visit": visit, "candidates": candidates, "problem": problem}
    return render(request, "sandbox/portal_merchants.html", facts)


def _live_grant(visit: Visit, merchant: PortalMerchant) -> Grant | None:
    held = Grant.objects.filter(app=visit.asked.app, merchant=merchant, revoked_at=None).first()
    return held if held and set(visit.asked.scopes) <= set(held.scopes.split()) else None


def _grant(visit: Visit, merchant: PortalMerchant) -> Grant:
    now = clock.now()
    app = visit.asked.app
    with transaction.atomic():
        held = Grant.objects.select_for_update().filter(app=app, merchant=merchant, revoked_at=None)
        # A wider consent takes the place of the narrower one, and with it of its tokens.
        held.update(revoked_at=now)
        made = Grant.objects.create(
            app=app, merchant=merchant, user=visit.user, scopes=visit.asked.scope, granted_at=now
        )
    log("consent", str(merchant.merchant_id), 302, reason="granted")
    return made


def _ask(request: HttpRequest, visit: Visit, merchant: PortalMerchant) -> HttpResponse:
    facts: dict[str, Any] = {
        "visit": visit,
        "merchant": merchant,
        "several": len(_candidates(visit)) > 1,
        "shares": [wording.scope(name) for name in visit.asked.scopes],
    }
    if not visit.user.is_super_manager:
        facts["problem"] = wording.NOT_MANAGER.format(merchant=merchant.name)
    refused = request.method == "POST" and "problem" in facts
    return render(request, "sandbox/portal_consent.html", facts, status=422 if refused else 200)


def _grants(user: PortalUser) -> QuerySet[Grant]:
    rows = Grant.objects.filter(merchant__in=user.merchants.all())
    return rows.select_related("app", "merchant", "user")


def _integrations(
    request: HttpRequest, user: PortalUser, *, problem: str = "", status: int = 200
) -> HttpResponse:
    grants = _grants(user)
    facts = {
        "user": user,
        "problem": problem,
        "live": [(grant, _words(grant)) for grant in grants.filter(revoked_at=None)],
        "past": grants.exclude(revoked_at=None).order_by("-revoked_at"),
        "removed": grants.filter(pk=_number(request.GET.get("removed", ""))).first(),
    }
    return render(request, "sandbox/portal_integration.html", facts, status=status)


def _words(grant: Grant) -> list[str]:
    return [wording.scope(name) for name in grant.scopes.split()]


def _remove(grant: Grant) -> HttpResponseBase:
    if Grant.objects.filter(pk=grant.pk, revoked_at=None).update(revoked_at=clock.now()):
        log("consent", str(grant.merchant.merchant_id), 302, reason="removed")
    return redirect(f"{reverse('sandbox:portal_integration')}?removed={grant.pk}")


def _lost(request: HttpRequest) -> HttpResponse:
    facts = {"problem": wording.LOST_REQUEST}
    return render(request, "sandbox/portal_lost.html", facts, status=400)


def _address(name: str, ticket: str) -> str:
    return reverse(name) + (f"?{urlencode({'request': ticket})}" if ticket else "")


def _cookie_path() -> str:
    return reverse("sandbox:portal_home")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

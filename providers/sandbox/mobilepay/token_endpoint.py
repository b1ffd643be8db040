"""POST connect/token: codes and refresh tokens against fresh tokens; and introspection."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from providers.sandbox import clock
from providers.sandbox.mobilepay import tokens
from providers.sandbox.mobilepay.calls import Answer, serve
from providers.sandbox.models import AuthorizationCode, Grant, IssuedToken, PortalApp

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
Redeem = Callable[[HttpRequest, PortalApp, datetime], dict[str, Any]]


class Refused(Exception):
    """An OAuth error word for the client, and the reason for the log."""

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(error)
        self.error = error
        self.reason = reason


@csrf_exempt
def token(request: HttpRequest) -> HttpResponseBase:
    """Answer a token request."""
    return serve(request, "token", _account(request), lambda: _answered(request, _tokens))


@csrf_exempt
def introspect(request: HttpRequest) -> HttpResponseBase:
    """Tell an app whether a token of its own still works."""
    return serve(request, "introspect", _account(request), lambda: _answered(request, _facts))


def _answered(
    request: HttpRequest, work: Callable[[HttpRequest, PortalApp], dict[str, Any]]
) -> Answer:
    try:
        if request.method != "POST":
            raise Refused("invalid_request", f"{request.method} instead of POST")
        if request.content_type != "application/x-www-form-urlencoded":
            raise Refused("invalid_request", f"not form-encoded: {request.content_type}")
        return Answer(200, work(request, _app(request)))
    except Refused as refused:
        return Answer(400, {"error": refused.error}, refused.reason)


def _tokens(request: HttpRequest, app: PortalApp) -> dict[str, Any]:
    redeem = REDEEM.get(request.POST.get("grant_type", ""))
    if redeem is None:
        raise Refused("unsupported_grant_type", "neither a code nor a refresh token")
    if not app.redirect_uris:
        raise Refused("unauthorized_client", "the app has no registered redirect address")
    return redeem(request, app, clock.now())


def _app(request: HttpRequest) -> PortalApp:
    app = PortalApp.objects.filter(client_id=request.POST.get("client_id", "")).first()
    secret = request.POST.get("client_secret", "")
    if app is None or not constant_time_compare(app.client_secret, secret):
        raise Refused("invalid_client", "unknown client id or wrong secret")
    return app


def _redeem_code(request: HttpRequest, app: PortalApp, now: datetime) -> dict[str, Any]:
    with transaction.atomic():
        code = _code(request, app)
        if code.used_at is None:
            _check_code(code, request, now)
            code.used_at = now
            code.save(update_fields=["used_at"])
            return tokens.issue(code.grant, now, nonce=code.nonce)
        _take_back(code.grant, code.used_at, now)
    # Outside, so that the revocation is kept.
    raise Refused("invalid_grant", "code used twice: its tokens are revoked")


def _code(request: HttpRequest, app: PortalApp) -> AuthorizationCode:
    rows = AuthorizationCode.objects.select_for_update(of=("self",))
    found = (
        rows.select_related("grant__app", "grant__merchant", "grant__user")
        .filter(code_hash=tokens.digest(request.POST.get("code", "")), grant__app=app)
        .first()
    )
    if found is None:
        raise Refused("invalid_grant", "unknown code")
    return found


def _check_code(code: AuthorizationCode, request: HttpRequest, now: datetime) -> None:
    verifier = request.POST.get("code_verifier", "")
    if code.expires_at <= now:
        raise Refused("invalid_grant", "the code is older than five minutes")
    if code.grant.revoked_at is not None:
        raise Refused("invalid_grant", "the merchant withdrew the consent")
    if request.POST.get("redirect_uri", "") != code.redirect_uri:
        raise Refused("invalid_grant", "another redirect_uri than at the start")
    if not VERIFIER.fullmatch(verifier) or challenge(verifier) != code.code_challenge:
        raise Refused("invalid_grant", "code_verifier does not fit the challenge")


def challenge(verifier: str) -> str:
    """Compute the S256 challenge of a code verifier."""
    hashed = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def _take_back(grant: Grant, used_at: datetime, now: datetime) -> None:
    rows = IssuedToken.objects.filter(grant=grant, predecessor=None, issued_at=used_at).values_list(
        "pk", flat=True
    )
    generation = list(rows)
    while generation:
        IssuedToken.objects.filter(pk__in=generation, expires_at__gt=now).update(expires_at=now)
        rows = IssuedToken.objects.filter(predecessor__in=generation).values_list("pk", flat=True)
        generation = list(rows)


def _redeem_refresh(request: HttpRequest, app: PortalApp, now: datetime) -> dict[str, Any]:
    with transaction.atomic():
        held = _refresh_token(request, app)
        _check_refresh(held, app, now)
        asked = set(request.POST.get("scope", "").split())
        if not asked <= set(held.grant.scopes.split()):
            raise Refused("invalid_scope", "more than was granted")
        if held.rotated_at is None:
            held.rotated_at = held.used_at = now
            held.save(update_fields=["rotated_at", "used_at"])
        return tokens.issue(held.grant, now, after=held)


def _refresh_token(request: HttpRequest, app: PortalApp) -> IssuedToken:
    rows = IssuedToken.objects.select_for_update(of=("self",))
    found = (
        rows.select_related("grant__app", "grant__merchant", "grant__user")
        .filter(
            kind=IssuedToken.Kind.REFRESH,
            token_hash=tokens.digest(request.POST.get("refresh_token", "")),
            grant__app=app,
        )
        .first()
    )
    if found is None:
        raise Refused("invalid_grant", "unknown refresh token")
    return found


def _check_refresh(held: IssuedToken, app: PortalApp, now: datetime) -> None:
    if held.grant.revoked_at is not None:
        raise Refused("invalid_grant", "the merchant withdrew the consent")
    if held.expires_at <= now:
        raise Refused("invalid_grant", "expired or revoked refresh token")
    if held.rotated_at is None:
        return
    if held.successors.filter(kind=IssuedToken.Kind.REFRESH, used_at__isnull=False).exists():
        raise Refused("invalid_grant", "refresh token whose successor was used")
    if held.rotated_at + timedelta(seconds=app.refresh_grace) <= now:
        raise Refused("invalid_grant", "refresh token used before")


def _facts(request: HttpRequest, app: PortalApp) -> dict[str, Any]:
    given = request.POST.get("token", "")
    kinds = (IssuedToken.Kind.ACCESS, IssuedToken.Kind.REFRESH)
    found = next((row for kind in kinds if (row := tokens.find(given, kind))), None)
    if found is None or found.grant.app != app or not _works(found):
        return {"active": False}
    return {
        "active": True,
        "iss": tokens.ISSUER,
        "client_id": app.client_id,
        "sub": str(found.grant.user.subject),
        "scope": found.grant.scopes,
        "exp": int(found.expires_at.timestamp()),
    }


def _works(found: IssuedToken) -> bool:
    alive = found.grant.revoked_at is None and found.rotated_at is None
    return alive and found.expires_at > clock.now()


def _account(request: HttpRequest) -> str:
    """Name the merchant where the code or the token tells, or else the client."""
    given = request.POST
    refresh = tokens.find(given.get("refresh_token", ""), IssuedToken.Kind.REFRESH)
    code = AuthorizationCode.objects.filter(code_hash=tokens.digest(given.get("code", ""))).first()
    grant = refresh.grant if refresh else code.grant if code else None
    return str(grant.merchant.merchant_id) if grant else given.get("client_id", "")[:60]


REDEEM: dict[str, Redeem] = {
    "authorization_code": _redeem_code,
    "refresh_token": _redeem_refresh,
}

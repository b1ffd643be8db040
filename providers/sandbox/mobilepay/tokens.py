"""Tokens: made for a grant, kept by their hash, and who stands behind the one in a request."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from providers.sandbox import clock
from providers.sandbox.mobilepay import keys
from providers.sandbox.models import Grant, IssuedToken, PortalApp, PortalMerchant

# The same in every environment, and no prefix of any address.
ISSUER = "https://api.mobilepay.dk/merchant"
AUDIENCE = f"{ISSUER}/resources"
TOKEN_SECONDS = 300
REFRESH_LIFE = timedelta(days=396)
SCOPE = "invoice"
UNAUTHORIZED = {
    "httpCode": "401",
    "httpMessage": "Unauthorized",
    "moreInformation": "Authorization has been denied for this request.",
}
NOT_SUBSCRIBED = {
    "httpCode": "403",
    "httpMessage": "Forbidden",
    "moreInformation": "The application is not subscribed to the Invoice product.",
}


class Unauthorized(Exception):
    """The call's credentials are not good (401). ``reason`` is for the log, never the answer."""

    status = 401
    body = UNAUTHORIZED

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Forbidden(Unauthorized):
    """The app is known but not subscribed to the product (403)."""

    status = 403
    body = NOT_SUBSCRIBED


@dataclass(frozen=True)
class Caller:
    """Who calls: an app, for the merchant that granted it access."""

    app: PortalApp
    merchant: PortalMerchant
    grant: Grant


def caller(request: HttpRequest) -> Caller:
    """Identify the caller. Raises Unauthorized (401) or its kin Forbidden (403).

    Both carry ``status`` and ``body``, the gateway's own shape.
    """
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else ""
    found = find(token, IssuedToken.Kind.ACCESS)
    if found is None or found.expires_at <= clock.now():
        _check_gateway(request, None)
        raise Unauthorized("no access token, an unknown or an expired one")
    grant = found.grant
    _check_gateway(request, grant.app)
    if grant.revoked_at is not None:
        raise Unauthorized("the merchant withdrew the consent")
    if SCOPE not in grant.scopes.split():
        raise Unauthorized(f"scope {SCOPE} was not granted")
    return Caller(app=grant.app, merchant=grant.merchant, grant=grant)


def issue(
    grant: Grant, now: datetime, *, nonce: str = "", after: IssuedToken | None = None
) -> dict[str, Any]:
    """Make the three tokens of one answer; ``after`` is the refresh token they were bought with."""
    access = keys.sign(_access_claims(grant, now))
    refresh = secrets.token_hex(32)
    _keep(grant, IssuedToken.Kind.ACCESS, access, now, timedelta(seconds=TOKEN_SECONDS), after)
    _keep(grant, IssuedToken.Kind.REFRESH, refresh, now, REFRESH_LIFE, after)
    more = {"at_hash": keys.half_hash(access)} | ({"nonce": nonce} if nonce else {})
    return {
        "id_token": id_token(grant, **more),
        "access_token": access,
        "expires_in": TOKEN_SECONDS,
        "token_type": "Bearer",
        "refresh_token": refresh,
    }


def id_token(grant: Grant, **more: Any) -> str:
    """Sign who granted what, with the claims that differ between the two channels."""
    return keys.sign(id_claims(grant, **more))


def id_claims(grant: Grant, **more: Any) -> dict[str, Any]:
    """Write an id token's claims, for signing as they are or for spoiling first.

    Times are the world's: whoever checks this signature looks at a real clock, while the
    sandbox's may be months ahead.
    """
    now = int(timezone.now().timestamp())
    signed_in = min(now, int((grant.granted_at - clock.offset()).timestamp()))
    return {
        "nbf": now,
        "exp": now + TOKEN_SECONDS,
        "iss": ISSUER,
        "aud": grant.app.client_id,
        "iat": now,
        "sub": str(grant.user.subject),
        "auth_time": signed_in,
        "idp": "local",
        "amr": ["pwd"],
    } | more


def find(token: str, kind: IssuedToken.Kind) -> IssuedToken | None:
    """Look a token up by its hash, expired and revoked ones too."""
    rows = IssuedToken.objects.select_related("grant__app", "grant__merchant", "grant__user")
    return rows.filter(kind=kind, token_hash=digest(token)).first() if token else None


def digest(token: str) -> str:
    """Hash a token or a code; nothing else of it is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def _check_gateway(request: HttpRequest, app: PortalApp | None) -> None:
    named = request.headers.get("x-ibm-client-id", "")
    front = PortalApp.objects.filter(gateway_id=named).first() if named else None
    if front is not None or (app is not None and app.requires_gateway_headers):
        secret = request.headers.get("x-ibm-client-secret", "")
        if front is None or not constant_time_compare(front.gateway_secret, secret):
            raise Unauthorized("wrong or missing gateway credentials")
        if app is not None and front != app:
            raise Unauthorized("gateway credentials of another app")
    asking = app or front
    if asking is not None and not asking.has_invoice_product:
        raise Forbidden("not subscribed to the product")


def _access_claims(grant: Grant, now: datetime) -> dict[str, Any]:
    begins = int(now.timestamp())
    return {
        "nbf": begins,
        "exp": begins + TOKEN_SECONDS,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "client_id": grant.app.client_id,
        "sub": str(grant.user.subject),
        "auth_time": int(grant.granted_at.timestamp()),
        "idp": "local",
        "jti": uuid.uuid4().hex,
        "scope": grant.scopes.split(),
        "amr": ["pwd"],
    }


def _keep(
    grant: Grant,
    kind: IssuedToken.Kind,
    token: str,
    now: datetime,
    life: timedelta,
    after: IssuedToken | None,
) -> None:
    IssuedToken.objects.create(
        grant=grant,
        kind=kind,
        token_hash=digest(token),
        issued_at=now,
        expires_at=now + life,
        predecessor=after,
    )

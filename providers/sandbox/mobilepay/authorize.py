"""GET connect/authorize: check every parameter, then send the browser on; and the way back.

A malformed request gets a bare page without a reason. The reason is in the call log only.
"""

import re
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from django.core import signing
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import get_random_string

from providers.sandbox import clock, faults
from providers.sandbox.mobilepay import keys, tokens, wording
from providers.sandbox.mobilepay.calls import PROVIDER, log
from providers.sandbox.models import AuthorizationCode, Grant, PortalApp, SeenNonce

ENDPOINT = "authorize"
SALT = "sandbox.mobilepay.request"
CODE_LIFE = timedelta(minutes=5)
REQUEST_SECONDS = 30 * 60
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43,128}")
VAT = re.compile(r"(DK|FI)\d{8}", re.ASCII)
MODES = {"form_post", "fragment"}
LOCAL = {"localhost", "127.0.0.1", "::1"}
# Fields as the answer posts them, in this order.
Fields = dict[str, str]


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request that has been checked; it travels through the screens as a signed ticket."""

    client_id: str
    redirect_uri: str
    response_mode: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    merchant_vat: str = ""

    @property
    def app(self) -> PortalApp:
        return PortalApp.objects.get(client_id=self.client_id)

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()

    def ticket(self) -> str:
        return signing.dumps(asdict(self), salt=SALT, compress=True)


class Malformed(Exception):
    """What is wrong with a request; never shown to whoever sent it."""


def authorize(request: HttpRequest) -> HttpResponseBase:
    """Check the request and go on to the portal's screens."""
    account = request.GET.get("client_id", "")
    plan = faults.take(provider=PROVIDER, account=account, endpoint=ENDPOINT)
    if early := plan.before(request):
        return early
    try:
        if request.method != "GET":
            raise Malformed(f"{request.method} instead of GET")
        asked = checked(request.GET)
    except Malformed as malformed:
        log(ENDPOINT, account, 400, reason=str(malformed))
        return unauthorized(request)
    log(ENDPOINT, account, 302)
    return redirect(f"{reverse('sandbox:portal_consent')}?{urlencode({'request': asked.ticket()})}")


def checked(given: QueryDict) -> AuthorizationRequest:
    """Check every parameter and burn the nonce. Raises Malformed."""
    for name in given:
        if len(given.getlist(name)) > 1:
            raise Malformed(f"{name} is there twice")
    app = _app(given)
    _check_words(given)
    _check_scope(given.get("scope", ""), app)
    for name in ("state", "nonce"):
        if not 1 <= len(given.get(name, "")) <= 200:
            raise Malformed(f"{name} is missing or too long")
    vat = given.get("merchant_vat", "")
    if vat and not VAT.fullmatch(vat):
        raise Malformed("merchant_vat is not DK or FI and 8 digits")
    asked = AuthorizationRequest(
        **{part.name: given.get(part.name, "") for part in fields(AuthorizationRequest)}
    )
    _burn(app, asked.nonce)
    return asked


def reopened(ticket: str) -> AuthorizationRequest | None:
    """Read a ticket back; None when it is forged or half an hour old."""
    try:
        return AuthorizationRequest(**signing.loads(ticket, salt=SALT, max_age=REQUEST_SECONDS))
    except (signing.BadSignature, TypeError):
        return None


def unauthorized(request: HttpRequest) -> HttpResponse:
    """Draw the bare page that keeps its reason to itself."""
    return render(request, "sandbox/portal_unauthorized.html", status=400)


def granted(request: HttpRequest, asked: AuthorizationRequest, grant: Grant) -> HttpResponseBase:
    """Send the browser back with a code and an id token."""
    code = get_random_string(43)
    AuthorizationCode.objects.create(
        grant=grant,
        code_hash=tokens.digest(code),
        redirect_uri=asked.redirect_uri,
        nonce=asked.nonce,
        code_challenge=asked.code_challenge,
        expires_at=clock.now() + CODE_LIFE,
    )
    id_token = tokens.id_token(grant, nonce=asked.nonce, c_hash=keys.half_hash(code))
    answer = {
        "code": code,
        "id_token": id_token,
        "scope": asked.scope,
        "state": asked.state,
        "session_state": get_random_string(43),
    }
    return _back(request, asked, answer)


def denied(request: HttpRequest, asked: AuthorizationRequest) -> HttpResponseBase:
    """Send the browser back with a no."""
    log("consent", asked.client_id, 302, reason="denied")
    answer = {
        "error": "access_denied",
        "error_description": wording.DENIED,
        "state": asked.state,
    }
    return _back(request, asked, answer)


def _back(request: HttpRequest, asked: AuthorizationRequest, answer: Fields) -> HttpResponseBase:
    if asked.response_mode == "fragment":
        return HttpResponseRedirect(f"{asked.redirect_uri}#{urlencode(answer)}")
    response = render(
        request,
        "sandbox/portal_form_post.html",
        {"action": asked.redirect_uri, "fields": answer, "app": asked.app},
    )
    target = urlsplit(asked.redirect_uri)
    # The answer leaves for the app's own host, which the site's policy does not know.
    response["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        f"base-uri 'none'; frame-ancestors 'none'; form-action {target.scheme}://{target.netloc}"
    )
    response["Cache-Control"] = "no-store"
    # The ticket is in this page's address; the callback sees no Referer, and "Origin: null".
    response["Referrer-Policy"] = "no-referrer"
    return response


def _app(given: QueryDict) -> PortalApp:
    app = PortalApp.objects.filter(client_id=given.get("client_id", "")).first()
    if app is None:
        raise Malformed("unknown client_id")
    address = given.get("redirect_uri", "")
    if address not in app.redirect_uris:
        raise Malformed("redirect_uri is not registered for this client")
    parts = urlsplit(address)
    local = parts.scheme == "http" and parts.hostname in LOCAL
    if parts.scheme != "https" and not local:
        raise Malformed("redirect_uri is not https")
    return app


def _check_words(given: QueryDict) -> None:
    if given.get("response_type") != "code id_token":
        raise Malformed("response_type is not 'code id_token'")
    if given.get("response_mode") not in MODES:
        raise Malformed("response_mode is neither form_post nor fragment")
    if given.get("code_challenge_method") != "S256":
        raise Malformed("code_challenge_method is not S256")
    if not CHALLENGE.fullmatch(given.get("code_challenge", "")):
        raise Malformed("code_challenge is not 43 to 128 base64url characters")


def _check_scope(text: str, app: PortalApp) -> None:
    scopes = set(text.split())
    if missing := {"openid", "offline_access"} - scopes:
        raise Malformed(f"scope lacks {' '.join(sorted(missing))}")
    if unknown := scopes - wording.SCOPES.keys():
        raise Malformed(f"unknown scope {' '.join(sorted(unknown))}")
    if tokens.SCOPE in scopes and not app.has_invoice_product:
        raise Malformed("the app is not subscribed to the product")


def _burn(app: PortalApp, nonce: str) -> None:
    try:
        with transaction.atomic():
            SeenNonce.objects.create(app=app, nonce=nonce)
    except IntegrityError:
        raise Malformed("nonce was used before") from None

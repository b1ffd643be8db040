"""Access tokens and the headers every call must carry.

Tokens are signed and carry their own expiry, so that checking one costs no query of its own.
Source: developer.vippsmobilepay.com/api/access-token and docs/knowledge-base/http-headers.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from providers.sandbox import clock, faults
from providers.sandbox.models import Call, SalesUnit
from providers.sandbox.vipps import problems
from providers.sandbox.vipps.problems import gateway, invalid

PROVIDER = "vipps"
SYSTEM_HEADERS = (
    "Vipps-System-Name",
    "Vipps-System-Version",
    "Vipps-System-Plugin-Name",
    "Vipps-System-Plugin-Version",
)
KEY = re.compile(r"[\x21-\x7e]{1,50}")


@dataclass(frozen=True)
class Caller:
    """Who calls: the sales unit behind token, subscription key and MSN, which must agree."""

    unit: SalesUnit
    subscription_key: str


@csrf_exempt
def access_token(request: HttpRequest) -> HttpResponse:
    """POST /accesstoken/get: numbers in the answer are strings, as the provider writes them."""
    account = request.headers.get("Merchant-Serial-Number", "")
    plan = faults.take(provider=PROVIDER, account=account, endpoint="token", refusal=_as_fault)
    if early := plan.before(request):
        return early  # type: ignore[return-value]
    now = clock.now()
    try:
        unit = _unit_for_credentials(request)
        status, content = 200, _token_answer(unit, now)
    except problems.Refusal as refusal:
        unit = None
        status = refusal.status
        content = problems.body(refusal, shape=problems.Shape.GATEWAY, path=request.path)
    Call.objects.create(
        provider=PROVIDER,
        account=unit.msn if unit else account[:60],
        endpoint="token",
        status=status,
        at=now,
    )
    response = HttpResponse(
        json.dumps(content), status=status, content_type="application/json;charset=UTF-8"
    )
    return plan.after(request, response)  # type: ignore[return-value]


def caller(request: HttpRequest, now: datetime, *, system_header_limit: int = 30) -> Caller:
    """Identify the caller. Raises Refusal in the gateway's shape with 401, or a 400."""
    subscription_key = request.headers.get("Ocp-Apim-Subscription-Key", "")
    if not subscription_key:
        raise gateway(
            401,
            "Access denied due to missing subscription key. Make sure to include "
            "subscription key when making requests to an API.",
        )
    header = request.headers.get("Authorization", "")
    if not header.startswith("Bearer "):
        raise gateway(401, "Unauthorized. Access token is missing or invalid.")
    unit = _unit_of_token(header.removeprefix("Bearer ").strip(), now)
    _check_subscription_key(unit, subscription_key)
    _check_msn(unit, request.headers.get("Merchant-Serial-Number", ""))
    for name in SYSTEM_HEADERS:
        if len(request.headers.get(name, "")) > system_header_limit:
            raise invalid(name, f"must be at most {system_header_limit} characters")
    return Caller(unit=unit, subscription_key=subscription_key)


def idempotency_key(request: HttpRequest, *, required: bool) -> str:
    """Read the key. Raises Refusal when it is missing where required, or too long."""
    key = request.headers.get("Idempotency-Key", "")
    if not key and required:
        raise invalid("Idempotency-Key", "The Idempotency-Key header is required.")
    if key and not KEY.fullmatch(key):
        raise invalid("Idempotency-Key", "must be 1 to 50 characters")
    return key


def issue(unit: SalesUnit, now: datetime) -> str:
    """Make an access token for a sales unit; opaque, and over a thousand characters long."""
    head = {"typ": "JWT", "alg": "HS256"}
    claims = {
        "msn": unit.msn,
        "nbf": now.timestamp(),
        "exp": now.timestamp() + unit.token_seconds,
        "jti": uuid.uuid4().hex,
        # Real tokens are this long; columns and headers must have room.
        "pad": secrets.token_urlsafe(700),
    }
    signed = f"{_b64(json.dumps(head))}.{_b64(json.dumps(claims))}"
    return f"{signed}.{_signature(unit, signed)}"


def _unit_for_credentials(request: HttpRequest) -> SalesUnit:
    if request.method != "POST":
        raise gateway(404, "Resource not found")
    # WSGI folds client_id and client-id into one name; the provider's has an underscore.
    client_id = request.META.get("HTTP_CLIENT_ID", "")
    client_secret = request.META.get("HTTP_CLIENT_SECRET", "")
    if not client_id or not client_secret:
        raise gateway(400, "client_id and client_secret are required.")
    unit = SalesUnit.objects.filter(client_id=client_id).first()
    if unit is None or not constant_time_compare(unit.client_secret, client_secret):
        raise gateway(401, "Unauthorized. The client credentials are invalid.")
    _check_subscription_key(unit, request.headers.get("Ocp-Apim-Subscription-Key", ""))
    msn = request.headers.get("Merchant-Serial-Number", unit.msn)
    _check_msn(unit, msn)
    return unit


def _token_answer(unit: SalesUnit, now: datetime) -> dict[str, str]:
    seconds = unit.token_seconds
    return {
        "token_type": "Bearer",
        "expires_in": str(seconds),
        "ext_expires_in": str(seconds),
        "expires_on": str(int((now + timedelta(seconds=seconds)).timestamp())),
        "not_before": str(int(now.timestamp())),
        "resource": "00000002-0000-0000-c000-000000000000",
        "access_token": issue(unit, now),
    }


def _unit_of_token(token: str, now: datetime) -> SalesUnit:
    wrong = gateway(401, "Unauthorized. Access token is missing or invalid.")
    try:
        signed, signature = token.rsplit(".", 1)
        claims = json.loads(_unb64(signed.split(".")[1]))
        unit = SalesUnit.objects.get(msn=str(claims["msn"]))
        begins, ends = float(claims["nbf"]), float(claims["exp"])
    except (ValueError, LookupError, TypeError, SalesUnit.DoesNotExist):
        raise wrong from None
    if not constant_time_compare(_signature(unit, signed), signature):
        raise wrong
    if ends <= now.timestamp():
        raise gateway(401, "Unauthorized. Access token has expired.")
    if unit.tokens_from and datetime.fromtimestamp(begins, UTC) < unit.tokens_from:
        raise gateway(401, "Unauthorized. Access token has been revoked.")
    return unit


def _check_subscription_key(unit: SalesUnit, key: str) -> None:
    good = [constant_time_compare(key, theirs) for theirs in (unit.key_primary, unit.key_secondary)]
    if not key or not any(good):
        raise gateway(
            401,
            "Access denied due to invalid subscription key. Make sure to provide a valid key "
            "for an active subscription.",
        )


def _check_msn(unit: SalesUnit, msn: str) -> None:
    if not msn:
        raise invalid("Merchant-Serial-Number", "The Merchant-Serial-Number header is required.")
    if msn != unit.msn:
        raise gateway(401, "Unauthorized. The merchant serial number is not yours.")


def _signature(unit: SalesUnit, signed: str) -> str:
    mac = hmac.new(unit.client_secret.encode(), signed.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def _b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _as_fault(fault: Any) -> HttpResponse:
    content = {"statusCode": fault.status or 401, "message": fault.code or "Refused."}
    return problems.answer(fault.status or 401, content)

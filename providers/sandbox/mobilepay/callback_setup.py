"""PUT .../auth/basic and .../auth/apikey: where callbacks go, and with which credentials.

Every set-up replaces the one before. There is neither a GET nor a DELETE.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from providers.sandbox.mobilepay import callbacks, consumers
from providers.sandbox.mobilepay.endpoint import Answer, Exchange, endpoint
from providers.sandbox.mobilepay.problems import invalid
from providers.sandbox.models import PortalMerchant

Scheme = PortalMerchant.Scheme
HEADER = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
LOCAL = {"localhost", "127.0.0.1", "::1", "testserver"}
LONGEST = {"username": 200, "password": 500, "apiKey": 500, "callbackUrl": 2000}


@endpoint("auth_basic", takes_body=True)
def basic(exchange: Exchange) -> Answer:
    """PUT /merchants/{merchantId}/auth/basic: username, password, callbackUrl."""
    given = _members(exchange, "username", "password", "callbackUrl")
    if ":" in given["username"]:
        raise invalid("username", "Must not contain a colon")
    callbacks.set_up(
        exchange.merchant,
        exchange.now,
        scheme=Scheme.BASIC,
        username=given["username"],
        secret=given["password"],
        url=given["callbackUrl"],
    )
    return 204, None


@endpoint("auth_apikey", takes_body=True)
def api_key(exchange: Exchange) -> Answer:
    """PUT /merchants/{merchantId}/auth/apikey: apiKey, callbackUrl."""
    given = _members(exchange, "apiKey", "callbackUrl")
    if not HEADER.fullmatch(given["apiKey"]):
        raise invalid("apiKey", "Cannot be the value of an Authorization header")
    callbacks.set_up(
        exchange.merchant,
        exchange.now,
        scheme=Scheme.API_KEY,
        secret=given["apiKey"],
        url=given["callbackUrl"],
    )
    return 204, None


def _members(exchange: Exchange, *names: str) -> dict[str, str]:
    # Credentials stay out of the call log.
    exchange.raw = b""
    found = {name: consumers.member(exchange.body, name) for name in names}
    if problems := [
        (name, problem) for name, value in found.items() if (problem := _problem(name, value))
    ]:
        refusal = invalid(*problems[0])
        refusal.description = "".join(invalid(*one).description for one in problems)
        raise refusal
    return found


def _problem(name: str, value: Any) -> str:
    if value is None or value == "":
        return "Required"
    if not isinstance(value, str) or "\x00" in value:
        return "Invalid input"
    if len(value) > LONGEST[name]:
        return f"Must be at most {LONGEST[name]} characters"
    return "Must be an https address" if name == "callbackUrl" and not _reachable(value) else ""


def _reachable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    # A developer's own machine has no certificate.
    if host in LOCAL:
        return parts.scheme in {"http", "https"}
    return bool(host) and parts.scheme == "https"

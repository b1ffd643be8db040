"""An OpenID provider faked at the wire, and an account at a provider that asks for consent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import responses
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import Key, KeySet, RSAKey

from providers import registry
from providers.consents import flow, grants
from providers.consents.exchange import Tokens
from providers.contract import ConsentTerms, Evidence, ProviderError
from providers.models import MerchantConsent, ProviderAccount
from providers.vipps_mobilepay.adapter import VippsMobilePay
from tests import factories

SLUG = "consenting"
API, PORTAL = "https://api.example", "https://portal.example"
ISSUER = "https://issuer.example/merchant"
DISCOVERY = f"{PORTAL}/account/.well-known/openid-configuration"
TOKEN_PATH, JWKS_PATH = "/auth/connect/token", "/auth/jwks"
SCOPES = ("openid", "offline_access", "invoice")
CLIENT = {"client_id": "backoffice.test", "client_secret": "canary-client-secret-77"}
SUBJECT = "4b7f0f3a"
LIFETIME = timedelta(days=395)
KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
LATER = RSAKey.generate_key(2048, {"kid": "later", "use": "sig"})


class Consenting(VippsMobilePay):
    """A provider like another, but that a merchant must consent."""

    slug = SLUG
    label = "Consenting"
    merchant_id = "merchant-one"
    # Whom it says a new token is for; "" when it does not tell, an error when it cannot.
    new_token_is: str | ProviderError = ""

    def consent_terms(self) -> ConsentTerms:
        """The fake's addresses in two environments."""
        return ConsentTerms(
            discovery_path="/account/.well-known/openid-configuration",
            issuer=ISSUER,
            scopes=SCOPES,
            origins={"test": API, "production": "https://live.example"},
            portals={"test": PORTAL, "production": "https://live-portal.example"},
            refresh_lifetime=LIFETIME,
            merchant_hint=("merchant_vat", "DK31415926"),
        )

    def merchant_of(self, token: str) -> str:
        """Tell of a token that is not kept yet."""
        if isinstance(self.new_token_is, ProviderError):
            raise self.new_token_is
        return self.new_token_is

    def probe(self) -> Evidence:
        """Learn whose consent it is, as a real adapter would from its first call."""
        from providers.consents import tokens  # noqa: PLC0415 -- only this fake needs it

        tokens.access_token(self.account)
        tokens.remember_merchant(self.account, type(self).merchant_id)
        return Evidence(label="keys", ok=True, proof="answered")


def install(monkeypatch: Any) -> None:
    """Let the registry know the fake besides the real ones."""
    found = {**registry.classes(), SLUG: Consenting}
    monkeypatch.setattr(registry, "classes", lambda: found)


def account(**given: Any) -> ProviderAccount:
    """An account in the provider's test environment."""
    fields = {"provider": SLUG, "environment": "test", "base_url": "", "credentials": CLIENT}
    return factories.ProviderAccountFactory(**(fields | given))


def granted(account: ProviderAccount, now: datetime, *, lives: float = 300) -> MerchantConsent:
    """A consent that was given, without the way there."""
    tokens = Tokens(
        access="access-0", refresh="refresh-0", id_token="", lifetime=lives, scopes=None
    )
    return grants.give(
        account, tokens, subject=SUBJECT, scopes=SCOPES,
        by=factories.MembershipFactory(merchant=account.merchant).user, home=API,
        lifetime=LIFETIME, now=now,
    )  # fmt: skip


def half(value: str) -> str:
    """The left half of a hash, as at_hash and c_hash have it."""
    found = create_half_hash(value, "RS256")
    assert found is not None
    return found.decode()


def claims(now: datetime, **more: Any) -> dict[str, Any]:
    """What an id token says; a value of None leaves a claim out."""
    at = int(now.timestamp())
    said = {
        "iss": ISSUER, "aud": CLIENT["client_id"], "sub": SUBJECT, "iat": at, "nbf": at,
        "exp": at + 300, "auth_time": at, "idp": "local", "amr": ["pwd"],
    }  # fmt: skip
    return {name: value for name, value in (said | more).items() if value is not None}


def signed(said: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    """Sign an id token as the provider does."""
    names = {"alg": "RS256", "kid": key.kid, "x5t": "abc"} | header
    return jwt.encode(names, said, key, algorithms=[names["alg"]])


class Server:
    """What the fake answers, and what it was asked."""

    def __init__(self, mock: Any) -> None:
        self.mock = mock
        self.keys: list[Key] = [KEY]
        self.document = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{PORTAL}/account/connect/authorize",
            "token_endpoint": f"{API}{TOKEN_PATH}",
            "jwks_uri": f"{API}{JWKS_PATH}",
            "end_session_endpoint": f"{PORTAL}/account/connect/endsession",
        }
        self.asked: list[dict[str, str]] = []
        self.answers: list[Any] = []
        mock.add_callback("GET", DISCOVERY, lambda _: (200, {}, json.dumps(self.document)))
        mock.add_callback("GET", f"{API}{JWKS_PATH}", lambda _: (200, {}, self._jwks()))
        mock.add_callback("POST", f"{API}{TOKEN_PATH}", self._token)

    def count(self, url: str) -> int:
        """How often an address was called."""
        return sum(1 for each in self.mock.calls if each.request.url == url)

    def renewed(self, now: datetime, number: int = 1, **more: Any) -> dict[str, Any]:
        """A right answer of the token endpoint; `id_token` claims may be changed."""
        access = f"access-{number}"
        said = claims(now, **({"at_hash": half(access)} | more))
        return {
            "id_token": signed(said), "access_token": access, "expires_in": 300,
            "token_type": "Bearer", "refresh_token": f"refresh-{number}",
        }  # fmt: skip

    def _jwks(self) -> str:
        return json.dumps(KeySet(self.keys).as_dict(private=False))

    def _token(self, request: Any) -> tuple[int, dict[str, str], str]:
        form = parse_qs(request.body.decode())
        self.asked.append({name: values[0] for name, values in form.items()})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return status, {}, json.dumps(body)


@contextmanager
def serving() -> Iterator[Server]:
    """Fake the provider; any other address is refused."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Server(mock)


def begin(account: ProviderAccount, user: Any, now: datetime) -> tuple[dict[str, str], str]:
    """Start an attempt. Returns what the provider's page was asked, and the browser's cookie."""
    begun = flow.start(account, user, now=now)
    asked = parse_qs(urlsplit(begun.url).query)
    return {name: values[0] for name, values in asked.items()}, begun.browser


def back(asked: dict[str, str], now: datetime, **more: Any) -> dict[str, str]:
    """What the provider's page posts back when the merchant agrees."""
    code = "code-1"
    said = claims(now, nonce=asked["nonce"], c_hash=half(code))
    form = {
        "code": code, "id_token": signed(said), "state": asked["state"],
        "scope": asked["scope"], "session_state": "x",
    }  # fmt: skip
    return form | more

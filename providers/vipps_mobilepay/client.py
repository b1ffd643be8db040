"""Their HTTP: paths, access tokens, headers. Raises the error family.

Source: developer.vippsmobilepay.com/docs/APIs/access-token-api and .../epayment-api, read 2026-10.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from invoicing_site.merchants.fields import box
from providers import http
from providers.contract import NotAuthorised, Refused
from providers.vipps_mobilepay import errors

if TYPE_CHECKING:
    from providers.models import ProviderAccount

PAYMENTS = "/epayment/v1/payments"
REFERENCE = re.compile(r"[a-zA-Z0-9-]{8,64}")
_SUB = re.compile(r"[0-9A-Za-z-]{1,64}")
_MSN = re.compile(r"[0-9]{4,10}")
_NAME_LIMIT = 30

# One thread of a process fetches a token, the others wait for it.
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the subscription key it was got with; both are secret."""

    value: str
    key: str


class Client:
    """One account's calls. Cheap to make; never shared between threads."""

    base_urls: ClassVar[Mapping[str, str]] = {
        "test": "https://apitest.vipps.no",
        "production": "https://api.vipps.no",
    }

    def __init__(self, account: ProviderAccount) -> None:
        self.account = account
        self._credentials: Mapping[str, str] = account.credentials or {}

    @property
    def msn(self) -> str:
        """The sales unit's number, as a string of digits."""
        return str(self._credentials.get("msn", ""))

    # ------------------------------------------------------------------------------- payments
    def create(self, body: Mapping[str, Any], *, key: str) -> dict[str, Any]:
        """Create a payment and return their answer."""
        return self._object("POST", PAYMENTS, body, key=key, reference=body["reference"])

    def payment(self, reference: str) -> dict[str, Any]:
        """Get a payment. Raises NotFound."""
        return self._object("GET", _path(reference), reference=reference)

    def events(self, reference: str) -> list[Any]:
        """Get a payment's event log, as they order it. Raises NotFound."""
        found = self._call("GET", f"{_path(reference)}/events", reference=reference)
        events: list[Any] = self._wanted(found, list)
        return events

    def modify(
        self, reference: str, what: str, body: Mapping[str, Any], *, key: str
    ) -> dict[str, Any]:
        """Capture, refund or cancel, and return the payment's new sums."""
        path = f"{_path(reference)}/{what}"
        return self._object("POST", path, body, key=key, reference=reference)

    def userinfo(self, sub: str) -> dict[str, Any]:
        """Get what a customer agreed to share. Raises Refused for a sub that cannot be one."""
        if not _SUB.fullmatch(sub):
            raise Refused("The sub is not written as theirs are.", code="sub", field="sub")
        path = "/vipps-userinfo-api/userinfo/"
        # The sub is a person's pseudonym: it stays out of the log.
        return self._object("GET", path + quote(sub, safe=""), logged_path=path + "-")

    def put_category(self, reference: str, body: Mapping[str, Any]) -> None:
        """Put a link button on the payment; a later one replaces it."""
        path = f"/order-management/v2/ECOM/categories/{_quoted(reference)}"
        self._call("PUT", path, body, reference=reference, writes=True)

    # ------------------------------------------------------------------------------- webhooks
    def register(self, url: str, events: list[str]) -> dict[str, Any]:
        """Register an address; the answer holds the secret, this once."""
        return self._object("POST", "/webhooks/v1/webhooks", {"url": url, "events": events})

    def registrations(self) -> list[Any]:
        """List registered addresses."""
        found = self._object("GET", "/webhooks/v1/webhooks").get("webhooks")
        return found if isinstance(found, list) else []

    def unregister(self, registration_id: str) -> None:
        """Delete a registration. Raises NotFound."""
        path = f"/webhooks/v1/webhooks/{quote(registration_id, safe='')}"
        self._call("DELETE", path, writes=True)

    def new_token(self) -> None:
        """Fetch a fresh access token, whatever is kept: the proof that the keys are right."""
        self._keep(*self._fetch_token())

    # ---------------------------------------------------------------------------- the one call
    def _object(self, method: str, path: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._wanted(self._call(method, path, *args, **kwargs), dict)
        return found

    def _wanted(self, found: tuple[http.Answer, Any, bool], kind: type) -> Any:
        answer, content, writes = found
        if not isinstance(content, kind):
            raise http.unreadable(answer, writes=writes)
        return content

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        reference: str = "",
        logged_path: str = "",
        writes: bool | None = None,
    ) -> tuple[http.Answer, Any, bool]:
        writes = method != "GET" if writes is None else writes
        token = self._token()
        answer = self._send(method, path, body, key, reference, logged_path, writes, token)
        if answer.status == 401:
            # Revoked before its time, or keys were rotated: once more with a fresh one.
            self._forget(token)
            token = self._token()
            answer = self._send(method, path, body, key, reference, logged_path, writes, token)
        errors.raise_for(answer, writes=writes)
        return answer, _content(answer, writes=writes), writes

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        key: str,
        reference: str,
        logged_path: str,
        writes: bool,
        token: Token,
    ) -> http.Answer:
        headers = self._headers()
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        call = http.Call(
            method=method,
            path=path,
            headers=headers,
            credentials={
                "Authorization": f"Bearer {token.value}",
                "Ocp-Apim-Subscription-Key": token.key,
            },
            body=None if body is None else encode(body),
            writes=writes,
            reference=reference,
            logged_path=logged_path,
            told=errors.told,
        )
        return http.send(self.account, self.base_urls, call)

    def _headers(self) -> dict[str, str]:
        if not _MSN.fullmatch(self.msn):
            raise _missing("msn", _("The sales unit number must have four to ten digits."))
        # They cut nothing off: a name that is too long is refused.
        return {
            "Merchant-Serial-Number": self.msn,
            "Vipps-System-Name": settings.SYSTEM_NAME[:_NAME_LIMIT],
            "Vipps-System-Version": settings.SYSTEM_VERSION[:_NAME_LIMIT],
            "Vipps-System-Plugin-Name": "vipps-mobilepay-invoice",
            "Vipps-System-Plugin-Version": settings.SYSTEM_VERSION[:_NAME_LIMIT],
        }

    # ---------------------------------------------------------------------------------- tokens
    def _token(self) -> Token:
        if kept := self._kept():
            return kept
        with _locks[self._cache_key]:
            if kept := self._kept():
                return kept
            token, seconds = self._fetch_token()
            self._keep(token, seconds)
            return token

    def _fetch_token(self) -> tuple[Token, float]:
        keys = [self._credentials.get(k, "") for k in ("subscription_key", "subscription_key_2")]
        keys = [key for key in keys if key]
        for name in ("client_id", "client_secret"):
            if not self._credentials.get(name):
                raise _missing(name, _("The account lacks its client id or client secret."))
        if not keys:
            raise _missing("subscription_key", _("The account lacks its subscription key."))
        for key in keys:
            answer = self._ask_for_token(key)
            # While keys are being rotated, the other one is the good one.
            if answer.status != 401:
                break
        if answer.status == 400:
            answer = http.Answer(401, answer.headers, answer.body)
        errors.raise_for(answer, writes=False)
        return _read_token(answer, key)

    def _ask_for_token(self, key: str) -> http.Answer:
        credentials = {
            "client_id": self._credentials["client_id"],
            "client_secret": self._credentials["client_secret"],
            "Ocp-Apim-Subscription-Key": key,
        }
        call = http.Call(
            method="POST",
            path="/accesstoken/get",
            headers=self._headers(),
            credentials=credentials,
            told=errors.told,
        )
        return http.send(self.account, self.base_urls, call)

    @property
    def _cache_key(self) -> str:
        base = http.base_url(self.account, self.base_urls)
        names = ("msn", "client_id", "client_secret", "subscription_key", "subscription_key_2")
        parts = [self.account.environment, base, *(self._credentials.get(n, "") for n in names)]
        # Hashed: the key names the secrets that the token was got with, so that a token never
        # outlives a change of them, and shows none.
        return "vipps-token-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _kept(self) -> Token | None:
        sealed = cache.get(self._cache_key)
        if not sealed:
            return None
        try:
            return Token(*json.loads(box().decrypt(sealed)))
        except (InvalidToken, ValueError, TypeError):
            return None

    def _keep(self, token: Token, seconds: float) -> None:
        usable = int(seconds - max(60.0, seconds * 0.1))
        if usable > 0:
            sealed = box().encrypt(json.dumps([token.value, token.key]).encode())
            cache.set(self._cache_key, sealed, usable)

    def _forget(self, token: Token) -> None:
        # Another thread may have fetched a better one meanwhile.
        if self._kept() == token:
            cache.delete(self._cache_key)


def encode(body: Mapping[str, Any]) -> bytes:
    """Write a body the same each time: a repeat under one key must be byte-equal."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _path(reference: str) -> str:
    return f"{PAYMENTS}/{_quoted(reference)}"


def _quoted(reference: str) -> str:
    if not REFERENCE.fullmatch(reference):
        raise Refused(
            f"{reference!r} cannot be one of their references.", code="reference", field="reference"
        )
    return quote(reference, safe="")


def _content(answer: http.Answer, *, writes: bool) -> Any:
    if answer.status == 204:
        return None
    try:
        return answer.json()
    except ValueError:
        raise http.unreadable(answer, writes=writes) from None


def _read_token(answer: http.Answer, key: str) -> tuple[Token, float]:
    try:
        content = answer.json()
        # They write numbers as strings here.
        seconds = float(content["expires_in"])
        value = content["access_token"]
    except (ValueError, TypeError, KeyError):
        raise http.unreadable(answer, writes=False) from None
    is_token = isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]+", value)
    if not is_token or not 0 < seconds < 10**8:
        raise http.unreadable(answer, writes=False)
    return Token(value, key), seconds


def _missing(field: str, why: str) -> NotAuthorised:
    remedy = _("Complete the account's settings.")
    return NotAuthorised(why, code="incomplete", meaning=why, remedy=remedy, field=field)

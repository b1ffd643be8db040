"""The one call to a provider's token endpoint: a code or a refresh token for new tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from providers import http
from providers.consents import discovery, words
from providers.contract import NotAuthorised, OutcomeUnknown, Refused, Unavailable

if TYPE_CHECKING:
    from providers.models import ProviderAccount

_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A token answer. All but `lifetime` and `scopes` are secret.

    `scopes` is None where the answer does not name them: as asked.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    id_token: str = field(repr=False)
    lifetime: float
    scopes: tuple[str, ...] | None


def ask(
    account: ProviderAccount, grant: Mapping[str, str], *, where: str = ""
) -> Mapping[str, Any]:
    """Send a grant and return the answer's object as it came.

    `where` is the token endpoint, from a caller that must not wait for discovery now.
    Raises Refused with OAuth's word as code, NotAuthorised when our keys are refused,
    Unavailable when nothing happened, OutcomeUnknown when the grant may be used up.
    """
    origin, path = discovery.split(where or discovery.endpoints(account).token)
    body = urlencode({**grant, **client(account)}).encode()
    call = http.Call(method="POST", path=path, headers=_HEADERS, body=body, writes=True, told=_told)
    answer = http.send_to(account, origin, call)
    http.raise_if_unclear(answer, writes=True)
    if answer.status != 200:
        raise _error(answer)
    return _object(answer)


def read(answer: Mapping[str, Any]) -> Tokens:
    """Read a token answer. Raises Refused when it holds no bearer token."""
    access, kind = answer.get("access_token"), str(answer.get("token_type", "Bearer"))
    lifetime = answer.get("expires_in")
    if not isinstance(access, str) or not access.isascii() or not access.strip():
        raise Refused("No access token.", code="no token", meaning=words.BAD_ANSWER)
    known = isinstance(lifetime, int | float) and not isinstance(lifetime, bool) and lifetime > 0
    if kind.lower() != "bearer" or not known:
        raise Refused("No usable token.", code="no token", meaning=words.BAD_ANSWER)
    scope = answer.get("scope")
    return Tokens(
        access=access,
        refresh=_text(answer, "refresh_token"),
        id_token=_text(answer, "id_token"),
        lifetime=float(lifetime),  # type: ignore[arg-type]
        scopes=tuple(scope.split()) if isinstance(scope, str) else None,
    )


def client(account: ProviderAccount) -> dict[str, str]:
    """Return our id and secret at the provider. Raises NotAuthorised when one is missing."""
    found = {
        name: str(account.credentials.get(name, "")) for name in ("client_id", "client_secret")
    }
    if not all(found.values()):
        raise NotAuthorised("No client keys.", code="keys", meaning=words.NO_KEYS)
    return found


def _error(answer: http.Answer) -> Exception:
    code = _code(answer)
    about: dict[str, Any] = {"code": code or f"status {answer.status}", "status": answer.status}
    message = f"HTTP {answer.status} from the token service: {about['code']}."
    if answer.status == 429:
        return Unavailable(message, retry_after=answer.retry_after, **about)
    if code == "unauthorized_client":
        return NotAuthorised(message, meaning=words.NOT_ALLOWED, remedy=words.ASK_SUPPORT, **about)
    if code == "invalid_client" or answer.status in {401, 403}:
        return NotAuthorised(message, meaning=words.KEYS_REFUSED, remedy=words.CHECK_KEYS, **about)
    return Refused(message, **about)


def _code(answer: http.Answer) -> str:
    """Return OAuth's word for the error; never its free text, which may quote what we sent."""
    try:
        found = answer.json()
    except ValueError:
        return ""
    word = found.get("error") if isinstance(found, dict) else None
    return word[:40] if isinstance(word, str) and word.replace("_", "").isalnum() else ""


def _told(answer: http.Answer) -> http.Told:
    return http.Told("ok" if answer.status == 200 else _code(answer) or f"status {answer.status}")


def _object(answer: http.Answer) -> Mapping[str, Any]:
    try:
        # Plain numbers: the answer is stored before anything is made of it.
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise http.unreadable(answer, writes=True) from error
    if not isinstance(found, dict):
        raise OutcomeUnknown("The token answer is no object.", code="unreadable")
    return found


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""

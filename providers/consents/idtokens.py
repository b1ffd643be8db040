"""Reading id tokens: signature, issuer, audience, times, nonce, and what they are bound to."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from authlib.oidc.core import CodeIDToken, HybridIDToken
from joserfc import jws, jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    DecodeError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
    MissingClaimError,
    UnsupportedAlgorithmError,
)

from providers.consents import discovery, jwks, words

if TYPE_CHECKING:
    from providers.models import ProviderAccount

ALGORITHM = "RS256"
SKEW_SECONDS = 60
_LONGEST = 16 * 1024
# Whose absence says the same as a wrong value.
_OWN_WORDS = frozenset({"nonce", "azp"})


class Refused(Exception):
    """An id token that is not to be trusted. `reason` is a key of `words.ID_TOKEN`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an id token must say. `nonce` and `subject` are not compared when empty."""

    issuer: str
    client_id: str
    now: datetime
    nonce: str = ""
    subject: str = ""


def expected(
    account: ProviderAccount, *, now: datetime, nonce: str = "", subject: str = ""
) -> Expected:
    """Return what every id token of an account must say."""
    return Expected(
        issuer=discovery.terms_of(account).issuer,
        client_id=str(account.credentials.get("client_id", "")),
        now=now,
        nonce=nonce,
        subject=subject,
    )


def front_channel(account: ProviderAccount, raw: str, wanted: Expected, *, code: str) -> str:
    """Validate the id token that came by the browser, before its code is used.

    Returns the subject. Raises Refused, or the provider error family when the provider's keys
    cannot be had.
    """
    claims = HybridIDToken(*_signed(account, raw), params=_params(wanted, code=code))
    _validate(claims, wanted, bound_by="c_hash")
    return str(claims["sub"])


def back_channel(account: ProviderAccount, raw: str, wanted: Expected, *, access_token: str) -> str:
    """Validate an id token of the token endpoint. Returns the subject; raises as `front_channel`.

    After a refresh there is no nonce to compare.
    """
    claims = CodeIDToken(*_signed(account, raw), params=_params(wanted, access_token=access_token))
    _validate(claims, wanted, bound_by="at_hash")
    return str(claims["sub"])


def _params(wanted: Expected, **bound: str) -> dict[str, Any]:
    return {"client_id": wanted.client_id, **bound}


def _signed(account: ProviderAccount, raw: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return claims and header of a rightly signed token."""
    header = _header(raw)
    if header.get("alg") != ALGORITHM:
        raise Refused("algorithm")
    if not isinstance(header.get("kid"), str):
        raise Refused("key")
    try:
        token = _decode(account, raw)
    except (UnsupportedAlgorithmError, BadSignatureError) as error:
        raise Refused("signature") from error
    except InvalidKeyIdError as error:
        raise Refused("key") from error
    except (JoseError, ValueError, TypeError) as error:
        raise Refused("unreadable") from error
    return dict(token.claims), dict(token.header)


def _header(raw: str) -> Mapping[str, Any]:
    if not raw or len(raw) > _LONGEST or not raw.isascii():
        raise Refused("unreadable")
    try:
        return jws.extract_compact(raw.encode()).protected
    except (DecodeError, JoseError, ValueError, TypeError) as error:
        raise Refused("unreadable") from error


def _decode(account: ProviderAccount, raw: str) -> jwt.Token:
    try:
        return jwt.decode(raw, jwks.keys(account), algorithms=[ALGORITHM])
    except InvalidKeyIdError:
        # Providers change keys within the day that we keep them.
        return jwt.decode(raw, jwks.keys(account, fresh=True), algorithms=[ALGORITHM])


def _validate(claims: Any, wanted: Expected, *, bound_by: str) -> None:
    claims.options = {
        "iss": {"essential": True, "value": wanted.issuer},
        "aud": {"essential": True, "value": wanted.client_id},
    }
    if not claims.get(bound_by):
        raise Refused(bound_by)
    try:
        claims.validate(now=int(wanted.now.timestamp()), leeway=SKEW_SECONDS)
    except ExpiredTokenError as error:
        raise Refused("exp") from error
    except MissingClaimError as error:
        raise Refused(error.claim if error.claim in _OWN_WORDS else "missing") from error
    except ClaimError as error:
        raise Refused(error.claim if error.claim in words.ID_TOKEN else "unreadable") from error
    _compare("nonce", claims.get("nonce"), wanted.nonce)
    _compare("sub", claims.get("sub"), wanted.subject)


def _compare(name: str, found: Any, wanted: str) -> None:
    if wanted and not hmac.compare_digest(str(found or "").encode(), wanted.encode()):
        raise Refused(name)

"""The keys that a provider signs id tokens with: fetched, kept, fetched anew for an unknown one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from providers.consents import discovery
from providers.contract import Unavailable

if TYPE_CHECKING:
    from providers.models import ProviderAccount


def keys(account: ProviderAccount, *, fresh: bool = False) -> KeySet:
    """Return the provider's public RSA keys, at most a day old. `fresh` asks for them now.

    Raises the provider error family.
    """
    terms = discovery.terms_of(account)
    key = discovery.cache_key(account, terms, "jwks")
    kept = None if fresh else cache.get(key)
    if kept is not None:
        return _key_set(kept)
    fetched = _fetch(account)
    found = _key_set(fetched)
    cache.set(key, fetched, discovery.KEPT.total_seconds())
    return found


def _fetch(account: ProviderAccount) -> list[dict[str, Any]]:
    origin, path = discovery.split(discovery.endpoints(account).jwks)
    published = discovery.get_json(account, origin, path).get("keys")
    rows = published if isinstance(published, list) else []
    return [row for row in rows if isinstance(row, dict) and _signs(row)]


def _signs(row: dict[str, Any]) -> bool:
    """Take RSA keys for signatures only; a key without a name cannot be asked for."""
    return row.get("kty") == "RSA" and row.get("use", "sig") == "sig" and bool(row.get("kid"))


def _key_set(rows: list[dict[str, Any]]) -> KeySet:
    try:
        return KeySet.import_key_set({"keys": rows})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Unavailable(
            "The provider publishes no usable signing key.", code="no keys"
        ) from error

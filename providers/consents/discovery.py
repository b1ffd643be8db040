"""Finding a provider's OpenID endpoints, and trusting only the hosts that its terms name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.cache import cache
from django.utils.translation import gettext as _

from providers import http, registry
from providers.consents import words
from providers.contract import ConsentTerms, NotAuthorised, Unavailable

if TYPE_CHECKING:
    from providers.models import ProviderAccount

KEPT = timedelta(hours=24)
_MEMBERS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where a provider's authorisation server is. All are on hosts that the terms name."""

    authorization: str
    token: str
    jwks: str
    end_session: str = ""


def terms_of(account: ProviderAccount) -> ConsentTerms:
    """Return the terms on which merchants consent. Raises NotAuthorised where there are none."""
    terms = registry.of(account).consent_terms()
    if terms is None:
        raise NotAuthorised(f"{account.provider} has no consents.", meaning=words.NO_TERMS)
    return terms


def home(account: ProviderAccount, terms: ConsentTerms) -> str:
    """Return the address that an account's tokens belong to and never leave."""
    return http.base_url(account, terms.origins)


def endpoints(account: ProviderAccount) -> Endpoints:
    """Return the account's endpoints, at most a day old.

    Raises NotAuthorised when the document names another issuer or a foreign host, Unavailable
    when it cannot be fetched.
    """
    terms = terms_of(account)
    key = cache_key(account, terms, "discovery")
    # What is kept is checked as what is fetched: a cache is shared with others.
    if kept := cache.get(key):
        return _checked(account, terms, kept)
    fetched = _fetch(account, terms)
    found = _checked(account, terms, fetched)
    cache.set(key, fetched, KEPT.total_seconds())
    return found


def cache_key(account: ProviderAccount, terms: ConsentTerms, kind: str) -> str:
    """Return where the cache keeps something of the account's portal; environments never mix."""
    where = f"{home(account, terms)} {http.base_url(account, terms.portals)}{terms.discovery_path}"
    digest = hashlib.sha256(where.encode()).hexdigest()[:32]
    return f"consents:{account.environment}:{kind}:{digest}"


def split(url: str) -> tuple[str, str]:
    """Return an address's origin and its path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path


def get_json(account: ProviderAccount, origin: str, path: str) -> Mapping[str, Any]:
    """Fetch a JSON object. Raises Unavailable when there is none."""
    answer = http.send_to(account, origin, http.Call(method="GET", path=path))
    http.raise_if_unclear(answer, writes=False)
    if answer.status != 200:
        raise Unavailable(f"HTTP {answer.status} from the provider.", status=answer.status)
    try:
        found = answer.json()
    except ValueError as error:
        raise http.unreadable(answer, writes=False) from error
    if not isinstance(found, Mapping):
        raise http.unreadable(answer, writes=False)
    return found


def _fetch(account: ProviderAccount, terms: ConsentTerms) -> dict[str, str]:
    document = get_json(account, http.base_url(account, terms.portals), terms.discovery_path)
    names = ("issuer", *_MEMBERS, "end_session_endpoint")
    return {name: str(document.get(name) or "") for name in names}


def _checked(
    account: ProviderAccount, terms: ConsentTerms, document: Mapping[str, str]
) -> Endpoints:
    if document.get("issuer") != terms.issuer:
        raise _distrusted(_("Its issuer is %(issuer)s.") % {"issuer": document.get("issuer")})
    trusted = {split(http.base_url(account, table))[0] for table in (terms.origins, terms.portals)}
    for name in _MEMBERS:
        _check_host(name, document.get(name, ""), trusted)
    if end := document.get("end_session_endpoint", ""):
        _check_host("end_session_endpoint", end, trusted)
    return Endpoints(
        authorization=document["authorization_endpoint"],
        token=document["token_endpoint"],
        jwks=document["jwks_uri"],
        end_session=end,
    )


def _check_host(name: str, url: str, trusted: set[str]) -> None:
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}" not in trusted or parts.query or parts.fragment:
        raise _distrusted(_("Its %(name)s is %(url)s.") % {"name": name, "url": url or "-"})


def _distrusted(why: str) -> NotAuthorised:
    meaning = _("The provider's discovery document is not what we expect.")
    return NotAuthorised(
        f"Discovery refused. {why}",
        code="discovery",
        meaning=f"{meaning} {why}",
        remedy=_("Nothing was sent there. Tell the operators."),
    )

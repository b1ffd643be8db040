"""The way to a provider's consent screen and back."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from django.conf import settings
from django.urls import reverse

from providers import registry
from providers.consents import discovery, exchange, grants, idtokens, words
from providers.contract import (
    ConsentTerms,
    NotAuthorised,
    OutcomeUnknown,
    ProviderError,
    Unavailable,
)
from providers.contract import Refused as ProviderRefused
from providers.models import ConsentAttempt, MerchantConsent, ProviderAccount

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User

LIFETIME = timedelta(minutes=10)
# How an attempt ended that ended well; all others end in plain words.
GRANTED = "granted"
_challenge: Callable[[str], str] = create_s256_code_challenge


class Refused(Exception):
    """A way back that leads to no consent. `attempt` is None where it belongs to none."""

    def __init__(self, why: str, attempt: ConsentAttempt | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.attempt = attempt


class Begun(NamedTuple):
    """Where to send the browser, and the cookie that it must bring back."""

    url: str
    cookie: str
    browser: str


# ----------------------------------------------------------------------------------------- there
def start(account: ProviderAccount, user: User, *, now: datetime) -> Begun:
    """Begin an attempt.

    Raises the provider error family when the provider's addresses cannot be had.
    """
    terms, endpoints = discovery.terms_of(account), discovery.endpoints(account)
    client_id = exchange.client(account)["client_id"]
    state, nonce, browser = (secrets.token_urlsafe(32) for _each in range(3))
    verifier = secrets.token_urlsafe(64)
    home = discovery.home(account, terms)
    attempt = ConsentAttempt(account=account, started_by=user, started_at=now)
    attempt.state_hash, attempt.browser_hash = _hash(state), _hash(browser)
    attempt.secrets = {"nonce": nonce, "code_verifier": verifier, "home": home}
    attempt.redirect_uri = callback_url(account.provider)
    attempt.save()
    asked = {
        "response_type": "code id_token",
        "response_mode": "form_post",
        "client_id": client_id,
        "redirect_uri": attempt.redirect_uri,
        "scope": " ".join(terms.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
        **_hint(terms),
    }
    return Begun(f"{endpoints.authorization}?{urlencode(asked)}", cookie_name(state), browser)


def cookie_name(state: str) -> str:
    """Name an attempt's cookie: two tabs may each be on their way."""
    return f"consent-{_hash(state)[:8]}"


def callback_url(provider: str) -> str:
    """Return the address that the provider sends browsers back to; it is registered there."""
    return f"{settings.PUBLIC_URL}{reverse('consent-callback', args=[provider])}"


def _hint(terms: ConsentTerms) -> dict[str, str]:
    if not terms.merchant_hint or not terms.merchant_hint[1]:
        return {}
    name, value = terms.merchant_hint
    return {name: value}


# ------------------------------------------------------------------------------------------ back
def finish(
    provider: str, form: Mapping[str, str], browser: str, *, now: datetime
) -> ConsentAttempt:
    """Take what the provider's page sent back, and store the consent.

    Raises Refused, with plain words, for everything else. An attempt leads back once.
    """
    attempt = _attempt(provider, form.get("state", ""), browser, now)
    try:
        consent = _grant(attempt, form, now)
        _use(attempt.account, consent)
    except Refused as refusal:
        _note(attempt, refusal.why)
        raise
    except idtokens.Refused as error:
        raise _refused(attempt, words.id_token_refused(error.reason)) from error
    except ProviderError as error:
        raise _refused(attempt, str(error.meaning or error)) from error
    _note(attempt, GRANTED)
    return attempt


def _attempt(provider: str, state: str, browser: str, now: datetime) -> ConsentAttempt:
    """Return the attempt that a state belongs to, used up by this. Raises Refused."""
    attempt = (
        ConsentAttempt.objects.select_related("account__merchant", "started_by")
        .filter(state_hash=_hash(state), account__provider=provider)
        .first()
    )
    if not state or attempt is None:
        raise Refused(str(words.RETURN["state"]))
    if not hmac.compare_digest(_hash(browser), attempt.browser_hash):
        # Not used up: the browser that started may still come.
        raise Refused(str(words.RETURN["browser"]))
    unused = ConsentAttempt.objects.filter(pk=attempt.pk, used_at=None)
    if not unused.update(used_at=now):
        raise Refused(str(words.RETURN["used"]), attempt)
    if not attempt.started_at <= now <= attempt.started_at + LIFETIME:
        raise _refused(attempt, str(words.RETURN["late"]))
    return attempt


def _grant(attempt: ConsentAttempt, form: Mapping[str, str], now: datetime) -> MerchantConsent:
    account = attempt.account
    terms = discovery.terms_of(account)
    _check_start(attempt, discovery.home(account, terms))
    _check_error(attempt, form, now)
    code, nonce = form.get("code", ""), attempt.secrets["nonce"]
    if not code or not code.isascii():
        raise Refused(str(words.RETURN["code"]), attempt)
    wanted = idtokens.expected(account, now=now, nonce=nonce)
    subject = idtokens.front_channel(account, form.get("id_token", ""), wanted, code=code)
    tokens = _redeem(attempt, code)
    wanted = idtokens.expected(account, now=now, nonce=nonce, subject=subject)
    idtokens.back_channel(account, tokens.id_token, wanted, access_token=tokens.access)
    _check_merchant(account, tokens.access)
    return grants.give(
        account,
        tokens,
        subject=subject,
        scopes=_scopes(attempt, terms, tokens, form),
        by=attempt.started_by,
        home=attempt.secrets["home"],
        lifetime=terms.refresh_lifetime,
        now=now,
    )


def _check_start(attempt: ConsentAttempt, home: str) -> None:
    """Refuse when the account points elsewhere now, or its owner is one no more."""
    if attempt.secrets["home"] != home:
        raise Refused(str(words.RETURN["moved"]), attempt)
    members = attempt.account.merchant.memberships
    if not members.filter(user=attempt.started_by, role="owner", user__is_active=True).exists():
        raise Refused(str(words.RETURN["owner"]), attempt)


def _check_error(attempt: ConsentAttempt, form: Mapping[str, str], now: datetime) -> None:
    error = form.get("error", "")
    if error == "access_denied":
        grants.decline(attempt.account, now=now)
        raise Refused(str(words.DENIED), attempt)
    if error:
        raise Refused(str(words.RETURN["failed"]) % {"error": error[:60]}, attempt)


def _redeem(attempt: ConsentAttempt, code: str) -> exchange.Tokens:
    """Exchange the code, once: a code whose answer was lost is spent."""
    grant = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.secrets["code_verifier"],
    }
    try:
        tokens = exchange.read(exchange.ask(attempt.account, grant))
    except (OutcomeUnknown, Unavailable) as error:
        raise Refused(str(words.RETURN["no answer"]), attempt) from error
    except ProviderRefused as error:
        why = str(error.meaning or words.RETURN["redeemed"])
        raise Refused(why, attempt) from error
    if not tokens.refresh:
        raise Refused(str(words.BAD_ANSWER), attempt)
    return tokens


def _check_merchant(account: ProviderAccount, token: str) -> None:
    """Refuse another merchant's consent before it takes the place of this one's."""
    consent = MerchantConsent.objects.filter(account=account).first()
    known = grants.merchant_of(consent) if consent else ""
    if not consent or not known:
        return
    try:
        found = registry.of(account).merchant_of(token)
    except ProviderError:
        if consent.state == MerchantConsent.State.GRANTED:
            raise  # What works stays until the new one is known to be for the same.
        return
    if found and found.lower() != known.lower():
        raise grants.other_merchant(found=found, known=known)


def _scopes(
    attempt: ConsentAttempt,
    terms: ConsentTerms,
    tokens: exchange.Tokens,
    form: Mapping[str, str],
) -> list[str]:
    """Return what was granted, as the token endpoint or else the browser says; all as asked."""
    told = form["scope"].split() if form.get("scope") else list(terms.scopes)
    granted = list(told if tokens.scopes is None else tokens.scopes)
    if missing := [each for each in terms.scopes if each not in granted]:
        why = str(words.RETURN["scopes"]) % {"missing": ", ".join(missing)}
        raise Refused(why, attempt)
    return granted


def _use(account: ProviderAccount, consent: MerchantConsent) -> None:
    """Make one harmless call with the new token, which tells whose consent it is."""
    # What is wrong, if it is the consent, is in its row afterwards.
    with suppress(ProviderError):
        registry.of(account).probe()
    now_is = MerchantConsent.objects.get(pk=consent.pk)
    if now_is.state == MerchantConsent.State.NEEDED:
        raise NotAuthorised(now_is.failure, meaning=now_is.failure)
    grants.let_go_on(account, consent)


def _refused(attempt: ConsentAttempt, why: str) -> Refused:
    _note(attempt, why)
    return Refused(why, attempt)


def _note(attempt: ConsentAttempt, outcome: str) -> None:
    """Keep how it went, and forget the secrets."""
    attempt.outcome, attempt.secrets = outcome[:300], {}
    attempt.save(update_fields=["outcome", "secrets"])


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()

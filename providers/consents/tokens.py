"""The access token that an account's calls carry, and which merchant it is for."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from providers.consents import discovery, grants, renewal, words
from providers.contract import Unavailable
from providers.models import MerchantConsent

if TYPE_CHECKING:
    from providers.models import ProviderAccount

MARGIN = timedelta(seconds=30)
LONGEST_WAIT = 15.0
_PAUSE = 0.1


def access_token(account: ProviderAccount, *, stale: str = "") -> str:
    """Return a token that the account's calls may carry, renewed when it is about to run out.

    `stale` is a token that the provider has just refused: it is not given again. Many callers
    at once make one renewal; the others wait for it. Raises NotAuthorised without a consent,
    Unavailable when the token service is, or when a renewal takes too long. Call it outside
    transactions.
    """
    begun, until = timezone.now(), time.monotonic() + LONGEST_WAIT
    while True:
        consent = _standing(account)
        if token := _usable(consent, stale):
            return token
        _fail_alike(consent, begun)
        if token := renewal.attempt(consent):
            return token
        if time.monotonic() > until:
            raise Unavailable("Waited for a renewal.", meaning=words.BUSY, retry_after=5)
        time.sleep(_PAUSE)


def refused(account: ProviderAccount, token: str) -> None:
    """Note that the provider refuses a token that was just renewed: the consent is gone.

    Another token than the one stored changes nothing.
    """
    consent = MerchantConsent.objects.filter(account=account).first()
    if consent and consent.tokens.get("access") == token:
        grants.lose(consent, str(words.REFUSED_TOKEN), now=timezone.now())


def remember_merchant(account: ProviderAccount, merchant_id: str) -> None:
    """Keep which merchant the consent turned out to be for.

    Raises NotAuthorised, and needs a new consent, when the account was another merchant's.
    """
    consent = _row(account)
    known = grants.merchant_of(consent)
    if known and known.lower() != merchant_id.lower():
        error = grants.other_merchant(found=merchant_id, known=known)
        grants.lose(consent, str(error), now=timezone.now())
        raise error
    MerchantConsent.objects.filter(pk=consent.pk).update(remote_merchant=merchant_id)


def remote_merchant(account: ProviderAccount) -> str:
    """Return the merchant's id at the provider; "" when it has to be asked for."""
    found = MerchantConsent.objects.filter(account=account).values_list(
        "remote_merchant", flat=True
    )
    return found.first() or ""


def _row(account: ProviderAccount) -> MerchantConsent:
    consent = MerchantConsent.objects.filter(account=account).first()
    if consent is None:
        raise renewal.not_authorised(str(words.NO_CONSENT))
    # The caller's account, which may be unsaved changes ahead, is the one that calls.
    consent.account = account
    return consent


def _standing(account: ProviderAccount) -> MerchantConsent:
    consent = _row(account)
    if consent.state == MerchantConsent.State.NEEDED:
        raise renewal.not_authorised(consent.failure)
    if consent.state != MerchantConsent.State.GRANTED:
        raise renewal.not_authorised(str(words.NO_CONSENT))
    if consent.tokens.get("home") != discovery.home(account, discovery.terms_of(account)):
        raise renewal.not_authorised(str(words.MOVED))
    return consent


def _usable(consent: MerchantConsent, stale: str) -> str:
    token = str(consent.tokens.get("access", ""))
    lives = consent.access_expires_at
    if consent.answer is not None or token == stale or lives is None:
        return ""
    return token if lives - MARGIN > timezone.now() else ""


def _fail_alike(consent: MerchantConsent, begun: datetime) -> None:
    """The failure of the one that renewed is that of all who waited: no herd follows it."""
    if consent.failed_at and consent.failed_at >= begun:
        raise Unavailable(consent.failure, code="renewal", meaning=consent.failure, retry_after=5)

"""Consents against the simulated portal over real HTTP: rotation, revocation, new keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from providers.consents import discovery, exchange, grants, tokens, words
from providers.contract import NotAuthorised, Unavailable
from providers.models import MerchantConsent, ProviderAccount, ProviderCall
from providers.sandbox import clock, portal_seeding
from providers.sandbox.mobilepay import tokens as portal_tokens
from providers.sandbox.models import Fault, Grant, PortalApp
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "/sandbox/mobilepay/merchant-authentication-openidconnect/connect/token"


@pytest.fixture
def account(live_server: Any) -> ProviderAccount:
    """An account with a consent whose access token is about to run out."""
    portal = portal_seeding.portal(
        refresh_grace=0, redirect_uris=[f"{live_server.url}/consents/mobilepay_invoice/callback/"]
    )
    found = factories.ProviderAccountFactory(
        provider="mobilepay_invoice",
        base_url=f"{live_server.url}/sandbox/mobilepay",
        credentials={
            "client_id": portal.app.client_id,
            "client_secret": portal.app.client_secret,
        },
        settings={"country": "DK", "profile": "1.5"},
    )
    consented(found, portal_seeding.grant(portal), portal.user.subject)
    return found


def consented(account: ProviderAccount, grant: Grant, subject: object) -> None:
    """Store a first pair as the way by the consent screen does."""
    terms = discovery.terms_of(account)
    given = exchange.read(portal_tokens.issue(grant, clock.now()))
    grants.give(
        account, given, subject=str(subject), scopes=terms.scopes,
        by=factories.MembershipFactory(merchant=account.merchant).user,
        home=discovery.home(account, terms), lifetime=terms.refresh_lifetime, now=timezone.now(),
    )  # fmt: skip
    MerchantConsent.objects.update(access_expires_at=timezone.now() + timedelta(seconds=10))


def renewals() -> int:
    return ProviderCall.objects.filter(path=TOKEN).count()


def ask(account: ProviderAccount) -> str:
    """Ask for a token in a thread of its own."""
    try:
        return tokens.access_token(account)
    finally:
        connections.close_all()


@pytest.mark.requirement("M1-20", "M1-21")
def test_twenty_threads_renew_once_where_a_second_use_would_burn(account: ProviderAccount) -> None:
    """The portal takes each refresh token once: a second renewal would end the consent."""
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(ask, [account] * 20))

    assert len(set(found)) == 1
    assert renewals() == 1
    assert MerchantConsent.objects.get().state == "granted"


@pytest.mark.requirement("M1-18", "M1-20")
def test_rotated_tokens_renew_again_and_again(account: ProviderAccount) -> None:
    seen = [tokens.access_token(account)]
    for _ in range(3):
        seen.append(tokens.access_token(account, stale=seen[-1]))

    assert len(set(seen)) == 4
    assert renewals() == 4
    assert MerchantConsent.objects.get().generation == 5


@pytest.mark.requirement("M1-23")
def test_consent_removed_at_the_portal_is_needed_anew(account: ProviderAccount) -> None:
    Grant.objects.update(revoked_at=clock.now())

    with pytest.raises(NotAuthorised) as refusal:
        tokens.access_token(account)

    assert refusal.value.meaning == words.REVOKED
    assert MerchantConsent.objects.get().state == "needed"
    account.refresh_from_db()
    assert account.paused_reason == str(words.REVOKED)


def test_token_service_that_fails_costs_no_consent(account: ProviderAccount) -> None:
    Fault.objects.create(
        provider="mobilepay",
        endpoint="token",
        kind=Fault.Kind.ERROR_BEFORE,
        status=500,
        remaining=2,
    )
    with pytest.raises(Unavailable):
        tokens.access_token(account)

    assert tokens.access_token(account)
    assert MerchantConsent.objects.get().state == "granted"


@pytest.mark.requirement("M1-20")
def test_answer_cut_off_after_the_rotation_ends_in_a_new_consent(account: ProviderAccount) -> None:
    """Without grace the lost answer took the token along: one more try, then a person."""
    Fault.objects.create(
        provider="mobilepay", endpoint="token", kind=Fault.Kind.CUT_AFTER, remaining=1
    )
    with pytest.raises(NotAuthorised):
        tokens.access_token(account)

    assert renewals() == 2
    assert MerchantConsent.objects.get().state == "needed"


@pytest.mark.requirement("M1-20")
def test_answer_cut_off_is_had_again_within_the_grace(account: ProviderAccount) -> None:
    PortalApp.objects.update(refresh_grace=60)
    Fault.objects.create(
        provider="mobilepay", endpoint="token", kind=Fault.Kind.CUT_AFTER, remaining=1
    )

    assert tokens.access_token(account)

    assert renewals() == 2
    assert MerchantConsent.objects.get().state == "granted"

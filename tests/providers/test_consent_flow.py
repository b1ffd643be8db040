"""The way to the consent screen and back."""

import base64
import hashlib
import logging
from datetime import timedelta

import pytest
import requests
from django.utils import timezone, translation

from providers import accounts
from providers.consents import flow, tokens, words
from providers.contract import NotAuthorised, Unavailable
from providers.models import ConsentAttempt, MerchantConsent, ProviderAccount, ProviderCall
from tests import factories
from tests.providers import consent_server as server

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(monkeypatch):
    server.install(monkeypatch)
    return server.account()


@pytest.fixture
def owner(account):
    return factories.MembershipFactory(merchant=account.merchant, role="owner").user


@pytest.fixture
def provider():
    with server.serving() as found:
        yield found


@pytest.fixture
def at():
    return timezone.now()


def answer(provider, at, asked, **more):
    """Let the token endpoint answer rightly to the code."""
    provider.answers.append(provider.renewed(at, nonce=asked["nonce"], **more))


def finish(asked, browser, at, **more):
    return flow.finish(server.SLUG, server.back(asked, at, **more), browser, now=at)


def refused(asked, browser, at, **more):
    with pytest.raises(flow.Refused) as refusal:
        finish(asked, browser, at, **more)
    return refusal.value.why


def granted_anew(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)
    answer(provider, at, asked)
    return finish(asked, browser, at)


@pytest.mark.requirement("M1-12", "M1-13", "M1-15")
def test_request_is_the_hybrid_flow_with_pkce(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)

    attempt = ConsentAttempt.objects.get()
    digest = hashlib.sha256(attempt.secrets["code_verifier"].encode()).digest()
    assert asked == {
        "response_type": "code id_token",
        "response_mode": "form_post",
        "client_id": "backoffice.test",
        "redirect_uri": "http://127.0.0.1:8000/consents/consenting/callback/",
        "scope": "openid offline_access invoice",
        "state": asked["state"],
        "nonce": attempt.secrets["nonce"],
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "merchant_vat": "DK31415926",
    }
    assert 43 <= len(attempt.secrets["code_verifier"]) <= 128
    assert asked["state"] not in attempt.state_hash
    assert browser not in attempt.browser_hash


@pytest.mark.requirement("M1-15")
def test_no_two_attempts_share_anything(provider, account, owner, at):
    (one, first), (two, second) = (server.begin(account, owner, at) for _ in range(2))

    assert first != second
    assert not {one["state"], one["nonce"], one["code_challenge"]} & set(two.values())


@pytest.mark.requirement("M1-17")
def test_code_becomes_three_tokens(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)
    verifier = ConsentAttempt.objects.get().secrets["code_verifier"]
    answer(provider, at, asked)

    attempt = finish(asked, browser, at)

    assert provider.asked == [
        {
            "grant_type": "authorization_code", "code": "code-1", "code_verifier": verifier,
            "redirect_uri": asked["redirect_uri"], **server.CLIENT,
        }
    ]  # fmt: skip
    consent = MerchantConsent.objects.get()
    assert (consent.state, consent.granted_by, consent.granted_at) == ("granted", owner, at)
    assert consent.tokens["access"] == "access-1"
    assert consent.tokens["refresh"] == "refresh-1"
    assert consent.scopes == "openid offline_access invoice"
    assert consent.refresh_expires_at == at + server.LIFETIME
    assert tokens.remote_merchant(account) == "merchant-one"
    assert attempt.outcome == flow.GRANTED
    assert ConsentAttempt.objects.get().secrets == {}


@pytest.mark.requirement("M1-15")
def test_state_leads_back_once(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)
    answer(provider, at, asked)
    finish(asked, browser, at)

    assert refused(asked, browser, at) == words.RETURN["used"]
    assert len(provider.asked) == 1
    assert ConsentAttempt.objects.get().outcome == flow.GRANTED


@pytest.mark.requirement("M1-15")
@pytest.mark.parametrize("state", ["", "made up"])
def test_state_that_is_missing_or_foreign_is_refused(provider, account, owner, at, state):
    asked, browser = server.begin(account, owner, at)

    assert refused(asked, browser, at, state=state) == words.RETURN["state"]
    assert ConsentAttempt.objects.get().used_at is None


@pytest.mark.requirement("M1-15")
def test_state_of_one_attempt_does_not_serve_another(provider, account, owner, at):
    """Two attempts of one browser each: state and answer swapped."""
    one, _mine = server.begin(account, owner, at)
    two, yours = server.begin(account, owner, at)

    why = refused(one, yours, at, state=two["state"])

    assert why == words.id_token_refused("nonce")
    assert provider.asked == []


@pytest.mark.requirement("M1-15")
@pytest.mark.parametrize("browser", ["", "another"])
def test_another_browser_is_refused_and_burns_nothing(provider, account, owner, at, browser):
    asked, mine = server.begin(account, owner, at)

    assert refused(asked, browser, at) == words.RETURN["browser"]

    answer(provider, at, asked)
    assert finish(asked, mine, at).outcome == flow.GRANTED


@pytest.mark.requirement("M1-15")
def test_after_ten_minutes_it_is_too_late(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)
    late = at + timedelta(minutes=10, seconds=1)

    assert refused(asked, browser, late) == words.RETURN["late"]


@pytest.mark.requirement("M1-15")
def test_callback_of_another_provider_is_refused(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)

    with pytest.raises(flow.Refused, match="no attempt"):
        flow.finish("vipps_mobilepay", server.back(asked, at), browser, now=at)


@pytest.mark.requirement("M1-22")
def test_declined_stores_nothing_and_may_be_tried_again(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)
    form = {"state": asked["state"], "error": "access_denied", "error_description": "no"}

    with pytest.raises(flow.Refused) as refusal:
        flow.finish(server.SLUG, form, browser, now=at)

    assert refusal.value.why == str(words.DENIED)
    consent = MerchantConsent.objects.get()
    assert (consent.state, consent.tokens) == ("denied", {})
    assert provider.asked == []
    with pytest.raises(NotAuthorised):
        tokens.access_token(account)

    assert granted_anew(provider, account, owner, at).outcome == flow.GRANTED
    assert tokens.access_token(account) == "access-1"


def test_declined_leaves_a_consent_that_holds(provider, account, owner, at):
    server.granted(account, at)
    asked, browser = server.begin(account, owner, at)

    with pytest.raises(flow.Refused):
        flow.finish(
            server.SLUG, {"state": asked["state"], "error": "access_denied"}, browser, now=at
        )

    assert tokens.access_token(account) == "access-0"


def test_other_error_is_named(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)

    with pytest.raises(flow.Refused, match="server_error"):
        flow.finish(
            server.SLUG, {"state": asked["state"], "error": "server_error"}, browser, now=at
        )

    assert not MerchantConsent.objects.exists()


@pytest.mark.requirement("M1-16")
@pytest.mark.parametrize("claim", ["nonce", "c_hash", "iss", "aud"])
def test_code_is_not_used_before_the_id_token_is_believed(provider, account, owner, at, claim):
    asked, browser = server.begin(account, owner, at)
    said = server.claims(at, nonce=asked["nonce"], c_hash=server.half("code-1")) | {claim: "wrong"}

    why = refused(asked, browser, at, id_token=server.signed(said))

    assert why == words.id_token_refused(claim)
    assert provider.asked == []
    assert not MerchantConsent.objects.exists()
    assert ConsentAttempt.objects.get().outcome == why


@pytest.mark.requirement("M1-17")
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"at_hash": "wrong"}, "at_hash"),
        ({"at_hash": None}, "at_hash"),
        ({"sub": "somebody-else"}, "sub"),
        ({"iss": "https://elsewhere.example"}, "iss"),
    ],
)
def test_tokens_are_not_stored_before_theirs_is_believed(
    provider, account, owner, at, more, reason
):
    asked, browser = server.begin(account, owner, at)
    answer(provider, at, asked, **more)

    assert refused(asked, browser, at) == words.id_token_refused(reason)
    assert not MerchantConsent.objects.exists()


@pytest.mark.requirement("M1-13")
@pytest.mark.parametrize("scope", ["openid invoice", "openid offline_access"])
def test_less_than_was_asked_for_is_no_consent(provider, account, owner, at, scope):
    asked, browser = server.begin(account, owner, at)
    answer(provider, at, asked)

    assert "missing" in refused(asked, browser, at, scope=scope)
    assert not MerchantConsent.objects.exists()


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ((400, {"error": "invalid_grant"}), words.RETURN["redeemed"]),
        ((400, {"error": "invalid_client"}), words.KEYS_REFUSED),
        ((500, {}), words.RETURN["no answer"]),
        (requests.ConnectionError("cut"), words.RETURN["no answer"]),
        ({"token_type": "Bearer"}, words.BAD_ANSWER),
    ],
)
def test_code_that_is_not_taken_is_told(provider, account, owner, at, answers, why):
    asked, browser = server.begin(account, owner, at)
    provider.answers.append(answers)

    assert refused(asked, browser, at) == why
    assert len(provider.asked) == 1
    assert not MerchantConsent.objects.exists()


def test_owner_who_is_one_no_more_finishes_nothing(provider, account, owner, at):
    asked, browser = server.begin(account, owner, at)
    owner.memberships.update(role="viewer")

    assert refused(asked, browser, at) == words.RETURN["owner"]


@pytest.mark.requirement("M1-06")
def test_attempt_does_not_survive_another_environment(provider, account, owner, at, settings):
    settings.SANDBOX = True
    asked, browser = server.begin(account, owner, at)
    ProviderAccount.objects.update(environment="production")

    assert refused(asked, browser, at) == words.RETURN["moved"]
    assert provider.asked == []


@pytest.mark.requirement("M1-23")
def test_new_consent_lets_the_held_queue_go_on(provider, account, owner, at):
    server.granted(account, at)
    tokens.refused(account, "access-0")
    assert ProviderAccount.objects.get().paused_reason == str(words.REFUSED_TOKEN)

    granted_anew(provider, account, owner, at)

    assert ProviderAccount.objects.get().paused_at is None


@pytest.mark.parametrize("language", ["en", "fi"])
@pytest.mark.parametrize("why", words.HEALED)
def test_account_held_for_want_of_consent_goes_on(provider, account, owner, at, why, language):
    """Workers, and customers who wait on a page, hold accounts in their own language."""
    with translation.override(language):
        accounts.pause(account, reason=str(why), now=at)

    with translation.override("da"):
        granted_anew(provider, account, owner, at)

    assert ProviderAccount.objects.get().paused_at is None


def test_pause_by_a_person_outlives_a_new_consent(provider, account, owner, at):
    server.granted(account, at)
    accounts.pause(account, reason="Ola: stock-taking", now=at)

    granted_anew(provider, account, owner, at)

    assert ProviderAccount.objects.get().paused_at == at


def test_consent_of_another_merchant_is_an_error_that_names_both(
    provider, account, owner, at, monkeypatch
):
    granted_anew(provider, account, owner, at)
    monkeypatch.setattr(server.Consenting, "merchant_id", "merchant-two")
    asked, browser = server.begin(account, owner, at)
    answer(provider, at, asked)

    why = refused(asked, browser, at)

    assert "merchant-one" in why
    assert "merchant-two" in why
    consent = MerchantConsent.objects.get()
    assert (consent.state, "access" in consent.tokens) == ("needed", False)
    assert ProviderAccount.objects.get().paused_reason == why


@pytest.mark.parametrize("told", ["merchant-two", Unavailable("down", meaning="Down.")])
def test_consent_of_another_merchant_leaves_the_one_that_works(
    provider, account, owner, at, monkeypatch, told
):
    granted_anew(provider, account, owner, at)
    monkeypatch.setattr(server.Consenting, "new_token_is", told)
    asked, browser = server.begin(account, owner, at)
    provider.answers.append(provider.renewed(at, 2, nonce=asked["nonce"]))

    why = refused(asked, browser, at)

    assert "merchant-one" in why or why == "Down."
    assert tokens.access_token(account) == "access-1"
    assert ProviderAccount.objects.get().paused_at is None


def test_consent_of_the_same_merchant_takes_the_place_of_the_old(
    provider, account, owner, at, monkeypatch
):
    granted_anew(provider, account, owner, at)
    monkeypatch.setattr(server.Consenting, "new_token_is", "MERCHANT-ONE")
    asked, browser = server.begin(account, owner, at)
    provider.answers.append(provider.renewed(at, 2, nonce=asked["nonce"]))

    finish(asked, browser, at)

    assert tokens.access_token(account) == "access-2"


def test_lost_consent_is_given_again_though_the_merchant_cannot_be_asked(
    provider, account, owner, at, monkeypatch
):
    granted_anew(provider, account, owner, at)
    tokens.refused(account, "access-1")
    monkeypatch.setattr(server.Consenting, "new_token_is", Unavailable("down"))

    granted_anew(provider, account, owner, at)

    assert MerchantConsent.objects.get().state == "granted"


def test_nothing_secret_is_logged(provider, account, owner, at, caplog):
    caplog.set_level(logging.DEBUG)
    asked, browser = server.begin(account, owner, at)
    verifier = ConsentAttempt.objects.get().secrets["code_verifier"]
    answer(provider, at, asked)
    finish(asked, browser, at)
    asked, browser = server.begin(account, owner, at)
    provider.answers.append((400, {"error": "invalid_grant", "error_description": "code-1"}))
    refused(asked, browser, at)

    rows = [
        str(vars(each)) for each in [*ProviderCall.objects.all(), *ConsentAttempt.objects.all()]
    ]
    found = "\n".join([caplog.text, *rows])
    hidden = [verifier, browser, "code-1", "access-1", "refresh-1", server.CLIENT["client_secret"]]
    assert [each for each in hidden if each in found] == []
    assert ProviderCall.objects.filter(path=server.TOKEN_PATH, outcome="invalid_grant").exists()

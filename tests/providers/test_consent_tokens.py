"""Access tokens: kept, renewed once however many ask, and never lost between answer and store."""

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
from django.db import connections
from django.utils import timezone

from providers.consents import exchange, grants, queries, renewal, telling, tokens, words
from providers.contract import NotAuthorised, Unavailable
from providers.models import MerchantConsent, ProviderAccount
from tests import factories
from tests.providers import consent_server as server

CUT = requests.exceptions.ChunkedEncodingError("cut")
SLOW = requests.ReadTimeout("no answer")


@pytest.fixture
def account(db, monkeypatch):
    server.install(monkeypatch)
    return server.account()


@pytest.fixture
def at():
    return timezone.now()


@pytest.fixture
def due(account, at):
    """A consent whose access token is about to run out."""
    return server.granted(account, at, lives=20)


@pytest.fixture
def provider():
    with server.serving() as found:
        yield found


def stored():
    return MerchantConsent.objects.get()


def held():
    return ProviderAccount.objects.get().paused_reason


# ------------------------------------------------------------------------------------- the token
def test_token_that_lives_is_given_without_a_call(provider, account, at):
    server.granted(account, at)

    assert tokens.access_token(account) == "access-0"
    assert provider.asked == []


@pytest.mark.requirement("M1-18", "M1-20")
def test_token_about_to_run_out_is_renewed(provider, account, due, at):
    provider.answers.append(provider.renewed(at))

    assert tokens.access_token(account) == "access-1"

    assert provider.asked == [
        {"grant_type": "refresh_token", "refresh_token": "refresh-0", **server.CLIENT}
    ]
    consent = stored()
    assert (consent.tokens["access"], consent.tokens["refresh"]) == ("access-1", "refresh-1")
    assert consent.generation == due.generation + 1
    assert (consent.answer, consent.lease, consent.lease_until) == (None, "", None)
    assert consent.refreshed_at >= at
    assert consent.refresh_expires_at == consent.refreshed_at + server.LIFETIME


@pytest.mark.requirement("M1-19")
def test_token_that_was_refused_is_not_given_again(provider, account, at):
    server.granted(account, at)
    provider.answers.append(provider.renewed(at))

    assert tokens.access_token(account, stale="access-0") == "access-1"
    assert tokens.access_token(account, stale="access-0") == "access-1"
    assert len(provider.asked) == 1


@pytest.mark.requirement("M1-20")
def test_each_renewal_uses_the_newest_refresh_token(provider, account, due, at):
    provider.answers += [provider.renewed(at, 1), provider.renewed(at, 2)]

    tokens.access_token(account)
    tokens.access_token(account, stale="access-1")

    assert [each["refresh_token"] for each in provider.asked] == ["refresh-0", "refresh-1"]


@pytest.mark.requirement("M1-24")
@pytest.mark.parametrize("state", ["", "denied", "withdrawn", "needed"])
def test_without_consent_there_is_no_token(provider, account, at, state):
    if state:
        server.granted(account, at)
        MerchantConsent.objects.update(state=state, failure="gone")

    with pytest.raises(NotAuthorised) as refusal:
        tokens.access_token(account)

    assert refusal.value.remedy == words.ASK_AGAIN
    assert queries.holds(account) is False
    assert provider.asked == []


@pytest.mark.requirement("M1-06")
@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_token_never_leaves_for_another_environment(provider, account, due, environment):
    account.environment, account.base_url = environment, "http://127.0.0.1:8000/sandbox/x"
    account.save()

    with pytest.raises(NotAuthorised) as refusal:
        tokens.access_token(account)

    assert refusal.value.meaning == words.MOVED
    assert len(provider.mock.calls) == 0


@pytest.mark.requirement("M1-06")
def test_refresh_token_never_leaves_for_a_foreign_host(provider, account, due):
    provider.document["token_endpoint"] = "https://evil.example/token"
    provider.mock.post("https://evil.example/token", json={})

    with pytest.raises(NotAuthorised):
        tokens.access_token(account)

    assert provider.count("https://evil.example/token") == 0
    assert stored().tokens["refresh"] == "refresh-0"


# -------------------------------------------------------------------------------- all at once
@pytest.mark.requirement("M1-21")
@pytest.mark.django_db(transaction=True)
def test_twenty_threads_make_one_renewal(provider, account, due, at):
    answer, token_url = provider.renewed(at), f"{server.API}{server.TOKEN_PATH}"
    provider.mock.remove("POST", token_url)
    fetched = []

    def slowly(request):
        fetched.append(request.body)
        time.sleep(0.3)
        return provider._token(request)

    provider.answers.append(answer)
    provider.mock.add_callback("POST", token_url, slowly)

    def ask(_number):
        try:
            return tokens.access_token(account)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(ask, range(20)))

    assert found == ["access-1"] * 20
    assert len(fetched) == 1
    assert stored().generation == due.generation + 1


@pytest.mark.requirement("M1-21")
def test_second_worker_waits_for_the_first(provider, account, due, monkeypatch):
    """The first finishes while the second sleeps."""
    lease = renewal.take_lease(due)
    assert renewal.take_lease(due) == ""

    def finish(_seconds):
        MerchantConsent.objects.update(
            tokens=due.tokens | {"access": "access-1"},
            access_expires_at=timezone.now() + timedelta(minutes=5),
        )

    monkeypatch.setattr(time, "sleep", finish)

    assert lease
    assert tokens.access_token(account) == "access-1"
    assert provider.asked == []


def test_wait_for_another_worker_has_an_end(provider, account, due, monkeypatch):
    renewal.take_lease(due)
    monkeypatch.setattr(tokens, "LONGEST_WAIT", 0.0)

    with pytest.raises(Unavailable) as failure:
        tokens.access_token(account)

    assert failure.value.meaning == words.BUSY


def test_failure_of_one_is_that_of_all_who_waited(provider, account, due, monkeypatch):
    renewal.take_lease(due)

    def fail(_seconds):
        MerchantConsent.objects.update(lease="", lease_until=None)
        grants.note_failure(due, "down", now=timezone.now())

    monkeypatch.setattr(time, "sleep", fail)

    with pytest.raises(Unavailable, match="down"):
        tokens.access_token(account)
    assert provider.asked == []


def test_lease_of_a_dead_worker_runs_out(provider, account, due, at):
    renewal.take_lease(due)
    MerchantConsent.objects.update(lease_until=at - timedelta(seconds=1))
    provider.answers.append(provider.renewed(at))

    assert tokens.access_token(account) == "access-1"


def test_lease_is_taken_when_discovery_is_done(provider, account, due, at):
    """Discovery may take as long as a lease lasts."""
    leases = []

    def slow(_request):
        leases.append(stored().lease)
        return 200, {}, json.dumps(provider.document)

    provider.mock.remove("GET", server.DISCOVERY)
    provider.mock.add_callback("GET", server.DISCOVERY, slow)
    provider.answers.append(provider.renewed(at))

    assert tokens.access_token(account) == "access-1"
    assert leases == [""]


def test_lease_is_fresh_when_the_refresh_token_leaves(provider, account, due, at, monkeypatch):
    """A worker that was put to sleep with its lease must not leave with a lapsed one."""
    monkeypatch.setattr(renewal, "_reread", lambda *_: age_lease(at))
    lives, answer = [], provider.renewed(at)

    def ask(_account, _grant, **_manner):
        lives.append(stored().lease_until - timezone.now())
        return answer

    monkeypatch.setattr(exchange, "ask", ask)

    tokens.access_token(account)

    assert lives[0] > timedelta(seconds=25)


def age_lease(at):
    MerchantConsent.objects.update(lease_until=at - timedelta(seconds=1))


def test_worker_that_lost_its_lease_sends_no_refresh_token(provider, account, due, at, monkeypatch):
    monkeypatch.setattr(
        renewal, "_reread", lambda *_: MerchantConsent.objects.update(lease="another's")
    )

    with pytest.raises(Unavailable):
        tokens.access_token(account)

    assert provider.asked == []
    assert stored().lease == "another's"


def test_withdrawal_during_a_renewal_wins(provider, account, due, at, monkeypatch):
    answer = provider.renewed(at)

    def withdrawn_meanwhile(_account, _grant, **_manner):
        grants.withdraw(stored(), now=at)
        return answer

    monkeypatch.setattr(exchange, "ask", withdrawn_meanwhile)

    with pytest.raises(Unavailable):
        tokens.access_token(account)

    assert (stored().state, stored().tokens, stored().answer) == ("withdrawn", {}, None)


# ------------------------------------------------------------------------------- what goes wrong
class Crash(Exception):
    """The worker is killed here."""


@pytest.mark.requirement("M1-20")
def test_crash_between_answer_and_store_loses_nothing(provider, account, due, at, monkeypatch):
    provider.answers.append(provider.renewed(at))
    with monkeypatch.context() as patch:
        patch.setattr(grants, "renew", crash)
        with pytest.raises(Crash):
            tokens.access_token(account)
    assert stored().tokens["refresh"] == "refresh-0"

    assert tokens.access_token(account) == "access-1"

    assert len(provider.asked) == 1
    assert (stored().tokens["refresh"], stored().answer) == ("refresh-1", None)


def crash(*_args, **_kwargs):
    raise Crash


@pytest.mark.requirement("M1-20")
def test_answer_found_later_is_judged_as_of_when_it_came(provider, account, due, at):
    """An id token lives five minutes; a crashed worker may be found an hour later."""
    came = at - timedelta(hours=1)
    kept = {"received_at": came.isoformat(), "body": provider.renewed(came)}
    MerchantConsent.objects.update(answer=kept)

    assert tokens.access_token(account) == "access-1"
    assert provider.asked == []


def test_answer_stays_while_the_keys_cannot_be_had(provider, account, due, at):
    provider.answers.append(provider.renewed(at))
    url = f"{server.API}{server.JWKS_PATH}"
    provider.mock.replace("GET", url, status=503)
    with pytest.raises(Unavailable):
        tokens.access_token(account)

    provider.mock.replace("GET", url, body=provider._jwks())
    assert tokens.access_token(account) == "access-1"
    assert len(provider.asked) == 1


@pytest.mark.parametrize("lost", [CUT, SLOW, (500, {}), (502, {})])
def test_lost_answer_is_asked_for_once_more(provider, account, due, at, lost):
    provider.answers += [lost, provider.renewed(at)]

    assert tokens.access_token(account) == "access-1"
    assert [each["refresh_token"] for each in provider.asked] == ["refresh-0"] * 2


def test_answer_lost_twice_is_tried_later_with_the_same_token(provider, account, due, at):
    provider.answers += [SLOW, SLOW]
    with pytest.raises(Unavailable):
        tokens.access_token(account)
    assert (stored().state, stored().failure) == ("granted", words.LOST)
    assert held() == ""

    provider.answers.append(provider.renewed(at))
    assert tokens.access_token(account) == "access-1"


@pytest.mark.parametrize("answer", [(429, {}), (503, {})])
def test_token_service_that_is_down_costs_no_consent(provider, account, due, answer):
    provider.answers += [answer, answer]

    with pytest.raises(Unavailable):
        tokens.access_token(account)

    assert stored().state == "granted"
    assert stored().failed_at is not None


@pytest.mark.requirement("M1-23")
def test_refused_refresh_needs_a_new_consent_and_holds_the_queue(provider, account, due):
    provider.answers.append((400, {"error": "invalid_grant"}))

    with pytest.raises(NotAuthorised) as refusal:
        tokens.access_token(account)

    assert refusal.value.meaning == words.REVOKED
    consent = stored()
    assert (consent.state, consent.failure) == ("needed", words.REVOKED)
    assert "refresh" not in consent.tokens
    assert held() == words.REVOKED
    with pytest.raises(NotAuthorised):
        tokens.access_token(account)
    assert len(provider.asked) == 1


@pytest.mark.requirement("M1-23")
def test_owners_are_told_once(
    provider, account, due, mailoutbox, django_capture_on_commit_callbacks
):
    owner = factories.MembershipFactory(merchant=account.merchant, role="owner").user
    factories.MembershipFactory(merchant=account.merchant, role="viewer")
    provider.answers.append((400, {"error": "invalid_grant"}))
    others = [each.user.email for each in account.merchant.memberships.filter(role="owner")]

    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            with pytest.raises(NotAuthorised):
                tokens.access_token(account)

    assert sorted(mail.to[0] for mail in mailoutbox) == sorted(others)
    mail = next(each for each in mailoutbox if each.to == [owner.email])
    assert str(words.REVOKED) in mail.body
    assert f"/providers/{account.pk}/consent/start/" in mail.body


def test_mail_server_that_is_away_stops_nothing(account, monkeypatch):
    factories.MembershipFactory(merchant=account.merchant, role="owner")
    monkeypatch.setattr(telling, "send_mail", away)

    assert telling.consent_needed(account, "gone") == 0


def away(*_args):
    raise ConnectionRefusedError


@pytest.mark.requirement("M1-23")
def test_refused_after_a_lost_answer_needs_a_new_consent(provider, account, due):
    provider.answers += [SLOW, (400, {"error": "invalid_grant"})]

    with pytest.raises(NotAuthorised):
        tokens.access_token(account)

    assert stored().state == "needed"


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "invalid_scope"])
def test_refused_keys_take_a_person_but_cost_no_consent(provider, account, due, error):
    provider.answers.append((400, {"error": error}))

    with pytest.raises(NotAuthorised) as refusal:
        tokens.access_token(account)

    assert refusal.value.code == error
    assert (stored().state, stored().tokens["refresh"]) == ("granted", "refresh-0")
    assert stored().failure


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"at_hash": None}, "at_hash"),
        ({"at_hash": "wrong"}, "at_hash"),
        ({"sub": "somebody-else"}, "sub"),
        ({"iss": "https://elsewhere.example"}, "iss"),
        ({"aud": "another"}, "aud"),
    ],
)
def test_renewal_with_a_forged_id_token_is_not_used(provider, account, due, at, more, reason):
    provider.answers.append(provider.renewed(at, **more))

    with pytest.raises(NotAuthorised):
        tokens.access_token(account)

    assert (stored().state, stored().answer) == ("needed", None)
    assert stored().failure == words.id_token_refused(reason)


def test_renewal_without_an_id_token_is_allowed(provider, account, due, at):
    answer = provider.renewed(at)
    del answer["id_token"]
    provider.answers.append(answer)

    assert tokens.access_token(account) == "access-1"


def test_renewal_without_a_new_refresh_token_keeps_the_old(provider, account, due, at):
    answer = provider.renewed(at)
    del answer["refresh_token"]
    provider.answers.append(answer)

    tokens.access_token(account)

    assert stored().tokens["refresh"] == "refresh-0"


@pytest.mark.requirement("M1-19", "M1-23")
def test_fresh_token_that_is_refused_means_that_the_consent_is_gone(account, at):
    server.granted(account, at)

    tokens.refused(account, "an older one")
    assert stored().state == "granted"
    tokens.refused(account, "access-0")

    assert (stored().state, held()) == ("needed", words.REFUSED_TOKEN)


# ---------------------------------------------------------------------------------- the merchant
def test_merchant_is_remembered(account, at):
    server.granted(account, at)
    assert tokens.remote_merchant(account) == ""

    tokens.remember_merchant(account, "5d2e")
    tokens.remember_merchant(account, "5D2E")

    assert tokens.remote_merchant(account).lower() == "5d2e"
    assert stored().state == "granted"


def test_merchant_is_not_remembered_without_a_consent(account):
    with pytest.raises(NotAuthorised):
        tokens.remember_merchant(account, "5d2e")
    assert tokens.remote_merchant(account) == ""


def test_nothing_secret_is_logged(provider, account, due, at, caplog):
    caplog.set_level(logging.DEBUG)
    provider.answers += [SLOW, provider.renewed(at), (400, {"error": "invalid_grant"})]
    tokens.access_token(account)
    with pytest.raises(NotAuthorised) as refusal:
        tokens.access_token(account, stale="access-1")

    text = caplog.text + repr(refusal.value) + str(stored())
    hidden = ["access-0", "access-1", "refresh-0", "refresh-1", server.CLIENT["client_secret"]]
    assert [each for each in hidden if each in text] == []

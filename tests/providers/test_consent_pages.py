"""The pages about consents: start, come back, look, withdraw."""

from datetime import timedelta

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from providers.consents import flow, grants, queries, tokens, words
from providers.models import ConsentAttempt, MerchantConsent, ProviderAccount
from tests import factories
from tests.providers import consent_server as server

pytestmark = pytest.mark.django_db
CALLBACK = f"/consents/{server.SLUG}/callback/"


@pytest.fixture
def account(monkeypatch):
    server.install(monkeypatch)
    return server.account(name="Skovbo")


@pytest.fixture
def owner(account):
    return factories.MembershipFactory(merchant=account.merchant, role="owner").user


@pytest.fixture
def browser(owner):
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def provider():
    with server.serving() as found:
        yield found


def page(name, account, **ids):
    return reverse(name, kwargs={"merchant": account.merchant.slug} | ids)


def start(browser, account):
    """Press the button. Returns the attempt's request and the answer."""
    answer = browser.post(page("consent-start", account, pk=account.pk), {"enrolled": "on"})
    asked = dict(each.split("=", 1) for each in answer["Location"].partition("?")[2].split("&"))
    return asked, answer


def returned(browser, account, **more):
    """Come back with a yes and follow to the account's page."""
    asked, _answer = start(browser, account)
    form = server.back({"scope": " ".join(server.SCOPES), **asked}, timezone.now())
    form["scope"] = " ".join(server.SCOPES)
    return browser.post(CALLBACK, form | more)


def said(browser, answer):
    """Follow redirects and return what the last page says."""
    found = browser.get(answer["Location"], follow=True)
    assert found.status_code == 200
    return [str(each) for each in found.context["messages"]]


def agreeing(provider, monkeypatch):
    """Let the token endpoint answer to whichever attempt is the latest."""

    def answer(request):
        nonce = ConsentAttempt.objects.latest("pk").secrets["nonce"]
        provider.answers.append(provider.renewed(timezone.now(), nonce=nonce))
        return server.Server._token(provider, request)

    provider.mock.remove("POST", f"{server.API}{server.TOKEN_PATH}")
    provider.mock.add_callback("POST", f"{server.API}{server.TOKEN_PATH}", answer)


# ------------------------------------------------------------------------------------- the start
@pytest.mark.requirement("M1-03")
def test_page_explains_and_waits_for_the_box(browser, account):
    text = browser.get(page("consent-start", account, pk=account.pk)).content.decode()

    assert "The merchant is enrolled at the provider" in text
    assert 'data-needs="id_enrolled"' in text
    assert "offline_access" in text


@pytest.mark.requirement("M1-03")
def test_without_the_box_nothing_starts(browser, account):
    answer = browser.post(page("consent-start", account, pk=account.pk))

    assert answer.status_code == 422
    assert "Tick this when" in answer.content.decode()
    assert not ConsentAttempt.objects.exists()


def test_button_leads_to_the_provider(browser, provider, account, owner):
    _asked, answer = start(browser, account)

    assert answer.status_code == 303
    assert answer["Location"].startswith(f"{server.PORTAL}/account/connect/authorize?")
    assert ConsentAttempt.objects.get().started_by == owner


def test_policy_lets_the_button_lead_away(browser, account):
    policy = browser.get(page("consent-start", account, pk=account.pk))["Content-Security-Policy"]

    assert "form-action 'self' https:" in policy
    assert "script-src 'self';" in policy


@pytest.mark.requirement("M1-15")
@pytest.mark.parametrize(("https", "samesite"), [(True, "None"), (False, "Lax")])
def test_cookie_binds_the_browser(browser, provider, account, settings, https, samesite):
    settings.HTTPS = https

    asked, answer = start(browser, account)

    cookie = answer.cookies[flow.cookie_name(asked["state"])]
    assert cookie["samesite"] == samesite
    assert bool(cookie["secure"]) == https
    assert cookie["httponly"]
    assert (cookie["path"], cookie["max-age"]) == ("/consents/", 600)


def test_portal_that_is_away_is_told_and_the_box_stays(browser, provider, account):
    provider.mock.replace("GET", server.DISCOVERY, status=503)

    answer = browser.post(page("consent-start", account, pk=account.pk), {"enrolled": "on"})

    assert answer.status_code == 422
    assert "cannot be opened" in answer.content.decode()
    assert "checked" in answer.content.decode()


def test_missing_keys_are_told(browser, provider, account):
    ProviderAccount.objects.filter(pk=account.pk).update(credentials={})

    answer = browser.post(page("consent-start", account, pk=account.pk), {"enrolled": "on"})

    assert str(words.NO_KEYS) in answer.content.decode()


def test_provider_without_consents_leads_back(browser, account):
    plain = factories.ProviderAccountFactory(merchant=account.merchant)

    answer = browser.get(page("consent-start", plain, pk=plain.pk))

    assert answer["Location"] == page("provider-detail", plain, pk=plain.pk)


# ------------------------------------------------------------------------------------- the return
@pytest.mark.requirement("M1-17")
def test_yes_is_told_on_the_accounts_page(browser, provider, account, monkeypatch):
    agreeing(provider, monkeypatch)

    answer = returned(browser, account)

    assert answer.status_code == 303
    assert [each.value for each in answer.cookies.values()] == [""]
    assert said(browser, answer) == ["Consent given. Requests can be sent now."]
    assert tokens.access_token(account) == "access-1"


def test_return_needs_no_session(browser, provider, account, monkeypatch):
    """The session's cookie does not come with a post from another site."""
    agreeing(provider, monkeypatch)
    asked, _answer = start(browser, account)
    stranger = Client(enforce_csrf_checks=True)
    name = flow.cookie_name(asked["state"])
    stranger.cookies[name] = browser.cookies[name].value
    form = server.back(asked | {"scope": " ".join(server.SCOPES)}, timezone.now())

    answer = stranger.post(CALLBACK, form)

    assert answer.status_code == 303
    assert MerchantConsent.objects.get().state == "granted"


def test_two_tabs_do_not_disturb_each_other(browser, provider, account):
    other = server.account(merchant=account.merchant, name="Other")
    tabs = [(each, *start(browser, each)) for each in (account, other)]

    for each, asked, _answer in tabs:
        form = {"state": asked["state"], "error": "access_denied"}
        answer = browser.post(CALLBACK, form)
        assert answer.status_code == 303
        assert said(browser, answer) == [str(words.DENIED)]
        assert MerchantConsent.objects.get(account=each).state == "denied"


@pytest.mark.requirement("M1-22")
def test_no_is_told_on_the_accounts_page(browser, provider, account):
    answer = returned(browser, account, error="access_denied")

    assert said(browser, answer) == [str(words.DENIED)]


@pytest.mark.requirement("M1-15", "M1-16")
def test_forgery_is_told_on_the_accounts_page(browser, provider, account):
    answer = returned(browser, account, id_token="forged")

    assert said(browser, answer) == [words.id_token_refused("unreadable")]


@pytest.mark.requirement("M1-15")
def test_foreign_state_gets_a_friendly_page(browser, provider, account):
    answer = returned(browser, account, state="made up")

    assert answer.status_code == 400
    assert "It belongs to no attempt of ours." in answer.content.decode()


def test_whoever_types_the_address_gets_a_friendly_page(browser, account):
    answer = browser.get(CALLBACK)

    assert answer.status_code == 400
    assert "Start on the account" in answer.content.decode()


def test_outcome_is_for_members_only(browser, provider, account):
    answer = returned(browser, account, error="access_denied")
    stranger = Client()
    stranger.force_login(factories.MembershipFactory(role="owner").user)

    assert stranger.get(answer["Location"]).status_code == 404


def test_attempt_that_ended_nowhere_says_so(browser, account, owner):
    attempt = ConsentAttempt(account=account, started_by=owner, started_at=timezone.now())
    attempt.secrets = {}
    attempt.save()

    answer = browser.get(page("consent-returned", account, attempt=attempt.pk), follow=True)

    assert "It ended without an answer." in answer.content.decode()


# --------------------------------------------------------------------------------------- the card
def drawn(account, *, may_set_up=True):
    about = {"merchant": account.merchant, "may_set_up": may_set_up}
    return render_to_string("providers/consent_card.html", about | {"card": queries.card(account)})


@pytest.mark.requirement("M1-25")
def test_card_says_who_gave_what_and_until_when(account):
    at = timezone.now()
    consent = server.granted(account, at)
    tokens.remember_merchant(account, "5d2e-merchant")
    grants.note_failure(consent, "The provider was away.", now=at)

    text = drawn(account)

    for told in [
        "Granted", str(consent.granted_by), "offline_access", "5d2e-merchant",
        "The provider was away.", f"{at + server.LIFETIME:%Y}", "Withdraw",
    ]:  # fmt: skip
        assert told in text
    assert "access-0" not in text


@pytest.mark.requirement("M1-24", "M1-25")
@pytest.mark.parametrize(
    ("state", "label"),
    [
        ("", "No consent yet"),
        ("denied", "Not granted"),
        ("needed", "New consent needed"),
        ("withdrawn", "Withdrawn"),
    ],
)
def test_card_asks_for_what_is_missing(account, state, label):
    if state:
        MerchantConsent.objects.create(account=account, state=state)

    text = drawn(account)

    assert label in text
    assert "Nothing is sent before the merchant has consented" in text
    assert page("consent-start", account, pk=account.pk) in text
    assert page("consent-withdraw", account, pk=account.pk) not in text


def test_card_has_no_buttons_for_who_may_not(account):
    server.granted(account, timezone.now())

    assert "href" not in drawn(account, may_set_up=False)


def test_card_of_a_consent_that_ran_out_says_so(account):
    server.granted(account, timezone.now() - server.LIFETIME - timedelta(days=1))

    assert "Has run out" in drawn(account)


def test_provider_without_consents_has_no_card(account):
    assert queries.card(factories.ProviderAccountFactory()) is None
    assert queries.holds(factories.ProviderAccountFactory()) is True


@pytest.mark.requirement("M1-25")
def test_consents_stand_side_by_side(browser, account, django_assert_max_num_queries, monkeypatch):
    server.granted(account, timezone.now())
    others = [server.account(merchant=account.merchant, name=f"Account {n}") for n in range(6)]
    for each in others[:5]:
        server.granted(each, timezone.now())
    factories.ProviderAccountFactory(merchant=account.merchant, name="Without consents")

    with django_assert_max_num_queries(8):
        text = browser.get(page("consent-list", account)).content.decode()

    assert text.count("data-row") == 7
    assert "Without consents" not in text
    assert text.index("Account 5") < text.index("Account 0")  # Who waits for somebody is first.


def test_list_of_none_says_so(browser, account):
    account.delete()

    assert (
        "No account needs a consent" in browser.get(page("consent-list", account)).content.decode()
    )


# --------------------------------------------------------------------------------- the withdrawal
@pytest.mark.requirement("M1-25")
def test_withdrawal_is_asked_once_more_and_forgets_the_tokens(browser, account):
    server.granted(account, timezone.now())
    where = page("consent-withdraw", account, pk=account.pk)

    asked = browser.get(where).content.decode()
    assert MerchantConsent.objects.get().state == "granted"
    assert f"{server.PORTAL}/account/" in asked
    browser.post(where)

    consent = MerchantConsent.objects.get()
    assert (consent.state, consent.tokens, consent.answer) == ("withdrawn", {}, None)
    assert queries.holds(account) is False


@pytest.mark.requirement("M1-25")
def test_withdrawal_holds_the_account_until_there_is_a_new_consent(browser, account):
    server.granted(account, timezone.now())
    browser.post(page("consent-withdraw", account, pk=account.pk))
    account.refresh_from_db()
    assert account.paused_reason == "The merchant has not consented that we send for it."

    with translation.override("da"):
        assert grants.let_go_on(account, server.granted(account, timezone.now()))

    account.refresh_from_db()
    assert account.paused_at is None


def test_what_is_not_there_cannot_be_withdrawn(browser, account):
    answer = browser.post(page("consent-withdraw", account, pk=account.pk), follow=True)

    assert "There is no consent to withdraw." in answer.content.decode()

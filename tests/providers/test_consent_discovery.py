"""Where the endpoints are, and whom we believe about it."""

import pytest
from django.core.cache import cache

from providers.consents import discovery, jwks
from providers.contract import NotAuthorised, Unavailable
from providers.models import ProviderAccount
from tests.providers import consent_server as server

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(monkeypatch):
    server.install(monkeypatch)
    return server.account()


@pytest.fixture
def provider():
    with server.serving() as found:
        yield found


@pytest.mark.requirement("M1-14")
def test_document_is_read_once_a_day(account, provider):
    first, second = discovery.endpoints(account), discovery.endpoints(account)

    assert first == second
    assert first.token == f"{server.API}{server.TOKEN_PATH}"
    assert provider.count(server.DISCOVERY) == 1


def test_issuer_is_pinned(account, provider):
    provider.document["issuer"] = "https://portal.example"

    with pytest.raises(NotAuthorised, match="issuer"):
        discovery.endpoints(account)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/token",
        "http://api.example/token",
        "https://api.example:8443/token",
        "https://api.example@evil.example/token",
        "https://api.example.evil.example/token",
        "https://api.example/token?to=evil",
        "",
    ],
)
def test_endpoint_on_a_foreign_host_is_refused(account, provider, name, url):
    provider.document[name] = url

    with pytest.raises(NotAuthorised) as refusal:
        discovery.endpoints(account)

    assert name in str(refusal.value.meaning)
    assert refusal.value.remedy


def test_end_session_on_a_foreign_host_is_refused_and_may_be_absent(account, provider):
    provider.document["end_session_endpoint"] = "https://evil.example/out"
    with pytest.raises(NotAuthorised):
        discovery.endpoints(account)

    del provider.document["end_session_endpoint"]
    assert discovery.endpoints(account).end_session == ""


def test_poisoned_cache_leads_nowhere(account, provider):
    terms = discovery.terms_of(account)
    cache.set(
        discovery.cache_key(account, terms, "discovery"),
        provider.document | {"token_endpoint": "https://evil.example/token"},
    )

    with pytest.raises(NotAuthorised, match="token_endpoint"):
        discovery.endpoints(account)


@pytest.mark.requirement("M1-06")
def test_environments_share_nothing(account, provider):
    live = ProviderAccount(provider=server.SLUG, environment="production")
    terms = discovery.terms_of(account)

    assert discovery.cache_key(account, terms, "jwks") != discovery.cache_key(live, terms, "jwks")
    with pytest.raises(Unavailable):
        discovery.endpoints(live)  # Nothing else answers here: it asked its own portal.


@pytest.mark.requirement("M1-06")
def test_sandbox_needs_the_sandbox_and_only_there_is_http_allowed(account, provider, settings):
    account.environment, account.base_url = "sandbox", "http://127.0.0.1:8000/sandbox/x"
    terms = discovery.terms_of(account)
    assert discovery.home(account, terms) == account.base_url

    settings.SANDBOX = False
    with pytest.raises(NotAuthorised):
        discovery.home(account, terms)


@pytest.mark.parametrize("answer", [{"body": b"<html>"}, {"json": []}, {"status": 503}])
def test_document_that_cannot_be_read_is_asked_for_later(account, provider, answer):
    provider.mock.replace("GET", server.DISCOVERY, **answer)

    with pytest.raises(Unavailable):
        discovery.endpoints(account)


def test_only_named_rsa_keys_for_signatures_are_taken(account, provider):
    good = server.KEY.as_dict(private=False)
    others = [
        good | {"kid": "for encryption", "use": "enc"},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
        {name: good[name] for name in ("kty", "n", "e")},
        "no key",
    ]
    url = f"{server.API}{server.JWKS_PATH}"
    provider.mock.replace("GET", url, json={"keys": [*others, good]})

    assert [each.kid for each in jwks.keys(account)] == ["first"]


@pytest.mark.parametrize("keys", [[], None, [{"kty": "RSA", "kid": "broken"}]])
def test_without_a_usable_key_nothing_is_believed(account, provider, keys):
    provider.mock.replace("GET", f"{server.API}{server.JWKS_PATH}", json={"keys": keys})

    with pytest.raises(Unavailable):
        jwks.keys(account)


def test_account_without_terms_has_no_consent_screen(vipps):
    with pytest.raises(NotAuthorised, match="no consents"):
        discovery.terms_of(vipps.account)

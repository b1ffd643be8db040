"""MobilePay's merchant portal: the authorization request, the screens, and the way back."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client, RequestFactory
from joserfc import jwk, jwt

from providers.sandbox import clock, portal_seeding
from providers.sandbox.mobilepay import authorize, keys, token_endpoint, tokens
from providers.sandbox.models import (
    AuthorizationCode,
    Call,
    Fault,
    Grant,
    IssuedToken,
    PortalUser,
)
from providers.sandbox.portal_seeding import Portal

BASE = "/sandbox/mobilepay"
ACCOUNT = f"{BASE}/account"
CALLBACK = "https://billing.example.test/mobilepay/callback"
VERIFIER = "v" * 64
GOOD = {
    "response_type": "code id_token",
    "response_mode": "form_post",
    "client_id": "backoffice.dk31415926",
    "redirect_uri": CALLBACK,
    "scope": "openid offline_access invoice",
    "state": "state-1",
    "nonce": "nonce-1",
    "code_challenge": token_endpoint.challenge(VERIFIER),
    "code_challenge_method": "S256",
    "merchant_vat": "DK31415926",
}
INPUT = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def portal(db) -> Portal:
    return portal_seeding.portal(redirect_uris=[CALLBACK])


@pytest.fixture
def browser(portal) -> Client:
    """A browser that checks CSRF tokens, as real ones are checked."""
    return Client(enforce_csrf_checks=True)


def start(browser: Client, **changes: str | None) -> Any:
    given = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return browser.get(f"{ACCOUNT}/connect/authorize", given, follow=True)


def press(browser: Client, page: Any, **fields: str) -> Any:
    """Post the page's form with its hidden fields, as a click on a button does."""
    request = page.request
    hidden = dict(INPUT.findall(page.content.decode()))
    address = request["PATH_INFO"] + (
        f"?{request['QUERY_STRING']}" if request["QUERY_STRING"] else ""
    )
    return browser.post(address, hidden | fields, follow=True)


def sign_in(browser: Client, page: Any, user: PortalUser, password: str = "") -> Any:
    given = password or portal_seeding.PASSWORD
    return press(browser, page, email=user.email, password=given)


def consent_screen(browser: Client, portal: Portal, **changes: str | None) -> Any:
    return sign_in(browser, start(browser, **changes), portal.user)


def answer(page: Any) -> dict[str, str]:
    """What the page posts to the redirect address."""
    found = INPUT.findall(page.content.decode())
    return {name: html.unescape(value) for name, value in found}


def verified(token: str) -> Any:
    """Check a signature against the published keys; gives header and claims."""
    published: Any = keys.jwks()
    return jwt.decode(token, jwk.KeySet.import_key_set(published), algorithms=["RS256"])


def redeem(client: Client, portal: Portal, code: str) -> Any:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": portal.app.client_id,
        "client_secret": portal.app.client_secret,
    }
    return client.post(
        f"{BASE}/merchant-authentication-openidconnect/connect/token",
        urlencode(fields),
        content_type="application/x-www-form-urlencoded",
    )


def test_discovery_names_the_constant_issuer_and_endpoints_on_this_host(client, db):
    found = client.get(f"{ACCOUNT}/.well-known/openid-configuration").json()
    service = f"http://testserver{BASE}/merchant-authentication-openidconnect"

    assert found["issuer"] == "https://api.mobilepay.dk/merchant"
    assert found["authorization_endpoint"] == f"http://testserver{ACCOUNT}/connect/authorize"
    assert found["token_endpoint"] == f"{service}/connect/token"
    assert found["jwks_uri"] == f"{service}/.well-known/openid-configuration/jwks"
    assert found["introspection_endpoint"] == f"{service}/connect/introspect"
    assert found["end_session_endpoint"] == f"http://testserver{ACCOUNT}/connect/endsession"
    assert found["frontchannel_logout_supported"] is True
    assert found["frontchannel_logout_session_supported"] is True
    assert client.get(f"{service}/.well-known/openid-configuration").json() == found


@pytest.mark.requirement("M1-10", "M1-12", "M1-17")
def test_the_whole_way_from_request_to_tokens(browser, portal):
    page = start(browser)
    assert "Sign in" in page.content.decode()
    page = sign_in(browser, page, portal.user)
    assert "Send invoices for you" in page.content.decode()
    page = press(browser, page, action="grant")
    posted = answer(page)

    assert f'action="{CALLBACK}"' in page.content.decode()
    assert list(posted) == ["code", "id_token", "scope", "state", "session_state"]
    assert (posted["state"], posted["scope"]) == ("state-1", GOOD["scope"])
    grant = Grant.objects.get()
    assert (grant.merchant, grant.user, grant.revoked_at) == (portal.merchant, portal.user, None)
    assert redeem(browser, portal, posted["code"]).status_code == 200


@pytest.mark.requirement("M1-16")
def test_front_channel_id_token_carries_the_documented_claims(browser, portal):
    posted = answer(press(browser, consent_screen(browser, portal), action="grant"))
    token = verified(posted["id_token"])
    claims = token.claims

    wanted = "nbf exp iss aud nonce iat c_hash sub auth_time idp amr"
    assert " ".join(sorted(claims)) == " ".join(sorted(wanted.split()))
    assert {"kid", "x5t"} <= set(token.header)
    assert claims["exp"] - claims["iat"] == 300
    assert claims["c_hash"] == keys.half_hash(posted["code"])
    assert (claims["nonce"], claims["aud"]) == ("nonce-1", portal.app.client_id)
    assert claims["sub"] == str(portal.user.subject)
    back = redeem(browser, portal, posted["code"]).json()["id_token"]
    again = verified(back).claims
    assert [again[name] for name in ("iss", "sub", "nonce")] == [
        claims[name] for name in ("iss", "sub", "nonce")
    ]


def test_id_token_is_good_by_the_worlds_clock_when_the_sandbox_is_ahead(browser, portal):
    clock.push(timedelta(days=40))
    posted = answer(press(browser, consent_screen(browser, portal), action="grant"))
    token = verified(posted["id_token"])

    jwt.JWTClaimsRegistry(leeway=60).validate(token.claims)
    assert token.claims["auth_time"] <= token.claims["iat"]


@pytest.mark.requirement("M1-11", "M1-12", "M1-13")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"response_type": "code"}, "response_type"),
        ({"response_type": "id_token code"}, "response_type"),
        ({"response_type": None}, "response_type"),
        ({"response_mode": "query"}, "response_mode"),
        ({"response_mode": None}, "response_mode"),
        ({"client_id": "unknown"}, "client_id"),
        ({"client_id": None}, "client_id"),
        ({"redirect_uri": CALLBACK + "/"}, "redirect_uri"),
        ({"redirect_uri": CALLBACK + "?x=1"}, "redirect_uri"),
        ({"redirect_uri": "https://evil.example.test/"}, "redirect_uri"),
        ({"redirect_uri": None}, "redirect_uri"),
        ({"scope": "openid invoice"}, "offline_access"),
        ({"scope": "offline_access invoice"}, "openid"),
        ({"scope": "openid offline_access everything"}, "everything"),
        ({"scope": None}, "openid"),
        ({"state": None}, "state"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "n" * 201}, "nonce"),
        ({"code_challenge": None}, "code_challenge"),
        ({"code_challenge": "c" * 42}, "code_challenge"),
        ({"code_challenge": "c" * 129}, "code_challenge"),
        ({"code_challenge": "c" * 42 + "="}, "code_challenge"),
        ({"code_challenge_method": "plain"}, "code_challenge_method"),
        ({"code_challenge_method": None}, "code_challenge_method"),
        ({"merchant_vat": "31415926"}, "merchant_vat"),
        ({"merchant_vat": "SE31415926"}, "merchant_vat"),
        ({"merchant_vat": "DK314159260"}, "merchant_vat"),
    ],
)
def test_malformed_request_is_refused_without_a_reason(browser, changes, reason):
    page = start(browser, **changes)

    assert page.status_code == 400
    text = re.sub(r"<[^>]+>", " ", page.content.decode())
    assert set(text.split()) == {"unauthorized"}
    call = Call.objects.get(endpoint="authorize")
    assert (call.status, reason in call.reference) == (400, True)


def test_parameter_given_twice_is_malformed(browser):
    page = browser.get(f"{ACCOUNT}/connect/authorize?{urlencode(GOOD)}&state=other")

    assert page.status_code == 400


def test_redirect_address_must_be_https_but_on_this_machine(browser, portal):
    local, plain = "http://localhost:8000/back", "http://billing.example.test/back"
    portal_seeding.portal(redirect_uris=[local, plain])

    assert start(browser, redirect_uri=plain).status_code == 400
    assert start(browser, redirect_uri=local, nonce="nonce-2").status_code == 200


def test_app_without_the_product_cannot_ask_for_invoice(browser):
    portal_seeding.portal(has_invoice_product=False)

    assert start(browser).status_code == 400


@pytest.mark.requirement("M1-15")
def test_nonce_is_refused_the_second_time(browser):
    assert start(browser).status_code == 200
    assert start(browser, state="state-2").status_code == 400
    assert "nonce" in Call.objects.filter(endpoint="authorize").latest("pk").reference


def test_refused_request_does_not_burn_its_nonce(browser):
    assert start(browser, response_mode="query").status_code == 400
    assert start(browser).status_code == 200


@pytest.mark.requirement("M1-22")
def test_denial_goes_back_with_an_error_and_leaves_nothing(browser, portal):
    page = press(browser, consent_screen(browser, portal), action="deny")

    assert answer(page) == {
        "error": "access_denied",
        "error_description": "The user denied the request",
        "state": "state-1",
    }
    assert not Grant.objects.exists()
    assert not AuthorizationCode.objects.exists()


def test_screen_is_skipped_once_consent_is_there(browser, portal):
    press(browser, consent_screen(browser, portal), action="grant")
    page = start(browser, nonce="nonce-2", state="state-2")

    assert answer(page)["state"] == "state-2"
    assert Grant.objects.count() == 1
    assert redeem(browser, portal, answer(page)["code"]).status_code == 200


def test_more_scopes_are_asked_for_again_and_replace_the_narrower_consent(browser, portal):
    first = press(browser, consent_screen(browser, portal), action="grant")
    held = redeem(browser, portal, answer(first)["code"]).json()["refresh_token"]
    wider = f"{GOOD['scope']} transactionreporting"
    page = start(browser, nonce="nonce-2", scope=wider)
    assert "Read your transactions" in page.content.decode()
    press(browser, page, action="grant")

    assert Grant.objects.get(revoked_at=None).scopes == wider
    assert IssuedToken.objects.get(token_hash=tokens.digest(held)).grant.revoked_at is not None


def test_fragment_mode_answers_behind_the_hash(browser, portal):
    screen = consent_screen(browser, portal, response_mode="fragment")
    hidden = dict(INPUT.findall(screen.content.decode()))
    address = f"{screen.request['PATH_INFO']}?{screen.request['QUERY_STRING']}"
    back = browser.post(address, hidden | {"action": "grant"})
    parts = urlsplit(back["Location"])

    assert back.status_code == 302
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CALLBACK
    assert parts.query == ""
    assert set(parse_qs(parts.fragment)) == {"code", "id_token", "scope", "state", "session_state"}


def test_page_that_goes_back_may_post_to_that_host_only(browser, portal):
    page = press(browser, consent_screen(browser, portal), action="grant")
    policy = page["Content-Security-Policy"]

    assert "form-action https://billing.example.test" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert page["Cache-Control"] == "no-store"
    assert "sandbox/portal.js" in page.content.decode()


def test_wrong_password_keeps_the_email_and_names_the_remedy(browser, portal):
    page = sign_in(browser, start(browser), portal.user, password="wrong")
    text = page.content.decode()

    assert page.status_code == 422
    assert f'value="{portal.user.email}"' in text
    assert "email or the password is wrong" in text
    assert not browser.cookies.get("sandbox_portal")


def test_signing_in_at_the_portal_is_not_signing_in_at_our_site(browser, portal):
    consent_screen(browser, portal)

    cookie = browser.cookies["sandbox_portal"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (f"{ACCOUNT}/", True, "Lax")
    assert "sessionid" not in browser.cookies


def test_forged_session_is_nobodys(browser, portal):
    browser.cookies["sandbox_portal"] = f"{portal.user.subject}:forged"

    assert "Password" in start(browser).content.decode()


def test_several_merchants_are_chosen_from(browser, portal):
    second = portal_seeding.portal("DK27182818").merchant
    portal.user.merchants.add(second)
    page = consent_screen(browser, portal, merchant_vat=None)
    assert "Which company?" in page.content.decode()
    chosen = f"{page.request['PATH_INFO']}?{page.request['QUERY_STRING']}"
    page = browser.get(f"{chosen}&merchant={second.merchant_id}")
    press(browser, page, action="grant")

    assert Grant.objects.get().merchant == second


def test_vat_number_picks_the_merchant(browser, portal):
    second = portal_seeding.portal("DK27182818").merchant
    portal.user.merchants.add(second)
    page = consent_screen(browser, portal, merchant_vat="DK27182818")

    assert "DK27182818" in page.content.decode()
    press(browser, page, action="grant")
    assert Grant.objects.get().merchant == second


def test_user_who_does_not_act_for_the_merchant_is_told(browser, portal):
    portal_seeding.portal("DK27182818")
    page = consent_screen(browser, portal, merchant_vat="DK27182818")

    assert "does not act for DK27182818" in page.content.decode()
    press(browser, page, action="grant")
    assert not Grant.objects.exists()


def test_only_a_super_manager_may_grant(browser, portal):
    PortalUser.objects.update(is_super_manager=False)
    page = consent_screen(browser, portal)

    assert "Only a SuperManager" in page.content.decode()
    assert 'value="grant"' not in page.content.decode()
    assert press(browser, page, action="grant").status_code == 422
    assert not Grant.objects.exists()


def test_ticket_cannot_be_forged_or_kept(browser, portal, monkeypatch):
    screen = consent_screen(browser, portal)
    kept = f"{ACCOUNT}/consent/?{screen.request['QUERY_STRING']}"
    monkeypatch.setattr(authorize, "REQUEST_SECONDS", -1)
    assert browser.get(kept).status_code == 400
    page = browser.get(f"{ACCOUNT}/consent/?request=forged")
    assert (page.status_code, "Start again" in page.content.decode()) == (400, True)
    assert browser.get(f"{ACCOUNT}/login/?request=forged").status_code == 400
    assert browser.get(f"{ACCOUNT}/consent/").status_code == 400


def test_signing_out_keeps_the_request_waiting(browser, portal):
    page = consent_screen(browser, portal)
    page = browser.get(f"{ACCOUNT}/logout/?{page.request['QUERY_STRING']}", follow=True)
    assert "Password" in page.content.decode()

    other = portal_seeding.portal("DK27182818").user
    other.merchants.add(portal.merchant)
    assert "asks for access" in sign_in(browser, page, other).content.decode()


def test_end_session_signs_out(browser, portal):
    consent_screen(browser, portal)
    browser.get(f"{ACCOUNT}/connect/endsession")

    assert browser.get(f"{ACCOUNT}/integration/").status_code == 302


@pytest.mark.requirement("M1-23")
def test_super_manager_removes_access(browser, portal):
    posted = answer(press(browser, consent_screen(browser, portal), action="grant"))
    access = redeem(browser, portal, posted["code"]).json()["access_token"]
    page = browser.get(f"{ACCOUNT}/", follow=True)
    assert portal.app.name in page.content.decode()
    grant = Grant.objects.get()
    headers = {
        "Authorization": f"Bearer {access}",
        "x-ibm-client-id": portal.app.gateway_id,
        "x-ibm-client-secret": portal.app.gateway_secret,
    }
    page = press(browser, page, grant=str(grant.pk))

    assert "no longer has access" in page.content.decode()
    grant.refresh_from_db()
    assert grant.revoked_at is not None
    with pytest.raises(tokens.Unauthorized, match="withdrew"):
        tokens.caller(RequestFactory().get("/", headers=headers))
    assert "asks for access" in start(browser, nonce="nonce-2").content.decode()


def test_other_users_cannot_remove_access(browser, portal):
    grant = portal_seeding.grant(portal)
    PortalUser.objects.update(is_super_manager=False)
    page = sign_in(browser, browser.get(f"{ACCOUNT}/login/"), portal.user)
    assert 'name="grant"' not in page.content.decode()
    refused = press(browser, page, grant=str(grant.pk))

    assert (refused.status_code, Grant.objects.filter(revoked_at=None).count()) == (403, 1)


def test_access_of_another_company_is_out_of_reach(browser, portal):
    portal_seeding.grant(portal)
    other = portal_seeding.grant(portal_seeding.portal("DK27182818"))
    page = sign_in(browser, browser.get(f"{ACCOUNT}/login/"), portal.user)

    assert press(browser, page, grant=str(other.pk)).status_code == 404
    assert press(browser, page, grant="one").status_code == 404


def test_faults_strike_the_start_too(browser, portal):
    Fault.objects.create(
        provider="mobilepay", endpoint="authorize", kind="error_before", remaining=1
    )

    assert start(browser).status_code == 500
    assert start(browser).status_code == 200

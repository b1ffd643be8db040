"""MobilePay Invoice's token service: codes, refreshing, keys, and who is behind a token."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import RequestFactory
from joserfc import jwk, jws
from joserfc.errors import BadSignatureError

from providers.sandbox import clock, portal_seeding
from providers.sandbox.mobilepay import keys, token_endpoint, tokens
from providers.sandbox.models import AuthorizationCode, Call, Fault, IssuedToken, SigningKey
from providers.sandbox.portal_seeding import Portal

BASE = "/sandbox/mobilepay"
SERVICE = f"{BASE}/merchant-authentication-openidconnect"
TOKEN = f"{SERVICE}/connect/token"
JWKS = f"{SERVICE}/.well-known/openid-configuration/jwks"
CALLBACK = "https://billing.example.test/mobilepay/callback"
VERIFIER = "v" * 43
CODE = "the-code"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def portal(db) -> Portal:
    return portal_seeding.portal(redirect_uris=[CALLBACK])


@pytest.fixture
def grant(portal):
    return portal_seeding.grant(portal)


@pytest.fixture
def code(grant) -> AuthorizationCode:
    return AuthorizationCode.objects.create(
        grant=grant,
        code_hash=tokens.digest(CODE),
        redirect_uri=CALLBACK,
        nonce="n-1",
        code_challenge=token_endpoint.challenge(VERIFIER),
        expires_at=clock.now() + timedelta(minutes=5),
    )


@pytest.fixture
def ask(client, portal):
    """Post a token request; None leaves a field out."""

    def post(**changes: str | None) -> Any:
        fields = {"client_id": portal.app.client_id, "client_secret": portal.app.client_secret}
        given = {name: value for name, value in (fields | changes).items() if value is not None}
        return client.post(TOKEN, urlencode(given), content_type=FORM)

    return post


@pytest.fixture
def redeem(ask, code):
    def post(**changes: str | None) -> Any:
        given = {
            "grant_type": "authorization_code",
            "code": CODE,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return ask(**(given | changes))

    return post


@pytest.fixture
def refresh(ask):
    def post(token: str, **changes: str | None) -> Any:
        return ask(**({"grant_type": "refresh_token", "refresh_token": token} | changes))

    return post


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def api_request(portal: Portal, access: str, **headers: str) -> Any:
    given = {
        "Authorization": f"Bearer {access}",
        "x-ibm-client-id": portal.app.gateway_id,
        "x-ibm-client-secret": portal.app.gateway_secret,
    } | headers
    return RequestFactory().get("/", headers=given)


@pytest.mark.requirement("M1-17")
def test_code_buys_three_tokens_as_documented(redeem, client, portal):
    answer = redeem()
    content = answer.json()

    assert answer.status_code == 200
    assert set(content) == {
        "id_token",
        "access_token",
        "expires_in",
        "token_type",
        "refresh_token",
    }
    assert (content["expires_in"], content["token_type"]) == (300, "Bearer")
    identity = claims(content["id_token"])
    assert identity["at_hash"] == keys.half_hash(content["access_token"])
    assert (identity["nonce"], identity["aud"]) == ("n-1", portal.app.client_id)
    assert identity["iss"] == "https://api.mobilepay.dk/merchant"
    assert identity["exp"] - identity["iat"] == 300
    assert "c_hash" not in identity
    access = claims(content["access_token"])
    assert access["aud"] == "https://api.mobilepay.dk/merchant/resources"
    assert access["scope"] == ["openid", "offline_access", "invoice"]
    assert access["client_id"] == portal.app.client_id


def test_tokens_verify_against_the_published_keys(redeem, client):
    content = redeem().json()
    published = jwk.KeySet.import_key_set(client.get(JWKS).json())

    for name in ("id_token", "access_token"):
        found = jws.deserialize_compact(content[name], published, algorithms=["RS256"])
        assert found.headers()["kid"] == found.headers()["x5t"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"client_id": "somebody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"code": "another"}, "invalid_grant"),
        ({"code": None}, "invalid_grant"),
        ({"redirect_uri": CALLBACK + "/"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "v" * 42}, "invalid_grant"),
        ({"code_verifier": "v" * 129}, "invalid_grant"),
        ({"code_verifier": "ø" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
    ],
)
def test_wrong_code_request_is_refused_in_one_word(redeem, changes, word):
    assert error(redeem(**changes)) == (400, word)
    assert not IssuedToken.objects.exists()


def test_credentials_must_be_in_a_form_body(client, portal, code):
    fields = {"grant_type": "authorization_code", "code": CODE}

    assert error(client.post(TOKEN, fields, content_type="application/json"))[1] == (
        "invalid_request"
    )
    assert error(client.get(TOKEN, fields)) == (400, "invalid_request")


def test_app_that_is_not_whitelisted_may_not_use_the_flow(redeem, portal):
    portal_seeding.portal(redirect_uris=[])

    assert error(redeem()) == (400, "unauthorized_client")


def test_code_dies_after_five_minutes(redeem):
    clock.push(timedelta(seconds=301))

    assert error(redeem()) == (400, "invalid_grant")


def test_code_lives_just_under_five_minutes(redeem):
    clock.push(timedelta(seconds=290))

    assert redeem().status_code == 200


def test_code_of_another_app_is_unknown(redeem):
    other = portal_seeding.portal("DK27182818", redirect_uris=[CALLBACK]).app
    answer = redeem(client_id=other.client_id, client_secret=other.client_secret)

    assert error(answer) == (400, "invalid_grant")


def test_code_of_a_withdrawn_consent_is_dead(redeem, grant):
    grant.revoked_at = clock.now()
    grant.save()

    assert error(redeem()) == (400, "invalid_grant")


def test_reused_code_revokes_what_it_gave_and_nothing_else(redeem, refresh, portal, grant):
    elsewhere = tokens.issue(grant, clock.now())
    first = redeem().json()
    second = refresh(first["refresh_token"]).json()

    assert error(redeem()) == (400, "invalid_grant")
    assert error(refresh(second["refresh_token"])) == (400, "invalid_grant")
    for content in (first, second):
        with pytest.raises(tokens.Unauthorized):
            tokens.caller(api_request(portal, content["access_token"]))
    assert refresh(elsewhere["refresh_token"]).status_code == 200


@pytest.mark.requirement("M1-18", "M1-20")
def test_refreshing_gives_three_new_tokens_without_a_nonce(redeem, refresh):
    first = redeem().json()
    second = refresh(first["refresh_token"]).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    identity = claims(second["id_token"])
    assert identity["at_hash"] == keys.half_hash(second["access_token"])
    assert "nonce" not in identity
    assert identity["sub"] == claims(first["id_token"])["sub"]


def test_without_grace_the_old_refresh_token_is_dead_at_once(redeem, refresh):
    portal_seeding.portal(refresh_grace=0)
    first = redeem().json()["refresh_token"]
    second = refresh(first).json()["refresh_token"]

    assert error(refresh(first)) == (400, "invalid_grant")
    assert refresh(second).status_code == 200


@pytest.mark.requirement("M1-20")
def test_within_grace_a_lost_answer_can_be_fetched_again(redeem, refresh):
    first = redeem().json()["refresh_token"]
    refresh(first)
    clock.push(timedelta(seconds=50))

    second = refresh(first)

    assert second.status_code == 200
    clock.push(timedelta(seconds=20))
    assert error(refresh(first)) == (400, "invalid_grant")
    assert refresh(second.json()["refresh_token"]).status_code == 200


def test_grace_ends_when_the_successor_is_used(redeem, refresh):
    first = redeem().json()["refresh_token"]
    second = refresh(first).json()["refresh_token"]
    refresh(second)

    assert error(refresh(first)) == (400, "invalid_grant")


def test_refresh_token_lasts_thirteen_months_from_its_last_use(redeem, refresh):
    held = redeem().json()["refresh_token"]
    for _ in range(2):
        clock.push(timedelta(days=390))
        held = refresh(held).json()["refresh_token"]
    clock.push(timedelta(days=397))

    assert error(refresh(held)) == (400, "invalid_grant")


@pytest.mark.requirement("M1-23")
def test_withdrawn_consent_ends_refreshing_and_calling(redeem, refresh, portal, grant):
    content = redeem().json()
    grant.revoked_at = clock.now()
    grant.save()

    assert error(refresh(content["refresh_token"])) == (400, "invalid_grant")
    with pytest.raises(tokens.Unauthorized) as refused:
        tokens.caller(api_request(portal, content["access_token"]))
    assert refused.value.status == 401


def test_refreshing_may_narrow_but_not_widen_the_scope(redeem, refresh):
    held = redeem().json()["refresh_token"]

    assert error(refresh(held, scope="invoice webhooks")) == (400, "invalid_scope")
    assert refresh(held, scope="invoice").status_code == 200


def test_access_token_is_no_refresh_token(redeem, refresh):
    assert error(refresh(redeem().json()["access_token"])) == (400, "invalid_grant")


def test_only_hashes_are_kept(redeem):
    content = redeem().json()

    kept = json.dumps(list(IssuedToken.objects.values()), default=str)
    assert content["access_token"] not in kept
    assert content["refresh_token"] not in kept
    assert tokens.digest(content["refresh_token"]) in kept


def test_call_log_names_the_grant_type_and_no_secret(redeem, portal, grant):
    content = redeem().json()
    call = Call.objects.get(endpoint="token")

    assert (call.status, call.body) == (200, "grant_type=authorization_code")
    assert call.account == str(portal.merchant.merchant_id)
    everything = json.dumps(list(Call.objects.values()), default=str)
    for secret in (CODE, VERIFIER, portal.app.client_secret, content["refresh_token"]):
        assert secret not in everything


def test_reason_of_a_refusal_is_in_the_log_only(redeem):
    answer = redeem(code_verifier="w" * 43)

    assert set(answer.json()) == {"error"}
    assert "challenge" in Call.objects.get(endpoint="token").reference


@pytest.mark.parametrize(
    ("kind", "status"), [("error_before", 500), ("rate_limited", 429), ("error_after", 500)]
)
def test_faults_strike_the_token_service(redeem, refresh, portal, kind, status):
    held = redeem().json()["refresh_token"]
    Fault.objects.create(
        provider="mobilepay",
        account=str(portal.merchant.merchant_id),
        endpoint="token",
        kind=kind,
        remaining=1,
    )

    assert refresh(held).status_code == status
    assert refresh(held).status_code == 200


def test_refusal_on_demand_uses_the_oauth_word(redeem):
    Fault.objects.create(
        provider="mobilepay", endpoint="token", kind="refuse", code="invalid_scope", remaining=1
    )

    assert error(redeem()) == (400, "invalid_scope")


@pytest.mark.parametrize("endpoint", ["jwks", "discovery"])
def test_faults_strike_the_documents(client, db, endpoint):
    Fault.objects.create(
        provider="mobilepay", endpoint=endpoint, kind="error_before", status=503, remaining=1
    )
    address = JWKS if endpoint == "jwks" else f"{BASE}/account/.well-known/openid-configuration"

    assert client.get(address).status_code == 503
    assert client.get(address).status_code == 200


def test_rotation_signs_with_a_new_key_and_still_publishes_the_old(client, grant):
    before = tokens.id_token(grant)
    keys.rotate()
    after = tokens.id_token(grant)
    published = jwk.KeySet.import_key_set(client.get(JWKS).json())

    assert len(published.keys) == 2
    for token in (before, after):
        jws.deserialize_compact(token, published, algorithms=["RS256"])


def test_withdrawn_key_is_gone_from_the_published_ones(client, grant):
    before = keys.current().kid
    keys.rotate(withdraw=True)

    kids = [key["kid"] for key in client.get(JWKS).json()["keys"]]
    assert kids == [SigningKey.objects.get().kid]
    assert before not in kids


def test_forged_header_keeps_the_true_key(client, grant):
    forged = keys.sign(tokens.id_claims(grant, iss="https://evil.example"), kid="unknown")
    published = jwk.KeySet.import_key_set(client.get(JWKS).json())
    stranger = jwk.RSAKey.generate_key(2048)

    head = json.loads(base64.urlsafe_b64decode(forged.split(".")[0] + "=="))
    assert (head["kid"], head["alg"]) == ("unknown", "RS256")
    jws.deserialize_compact(forged, published.keys[0], algorithms=["RS256"])
    with pytest.raises(BadSignatureError):
        jws.deserialize_compact(forged, stranger, algorithms=["RS256"])


def test_caller_is_app_and_merchant(portal, grant):
    access = tokens.issue(grant, clock.now())["access_token"]

    found = tokens.caller(api_request(portal, access))

    assert (found.app, found.merchant, found.grant) == (portal.app, portal.merchant, grant)


@pytest.mark.requirement("M1-07")
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Basic abc"},
        {"x-ibm-client-id": ""},
        {"x-ibm-client-id": "unknown"},
        {"x-ibm-client-secret": ""},
        {"x-ibm-client-secret": "wrong"},
    ],
)
def test_call_without_good_credentials_is_unauthorized(portal, grant, headers):
    access = tokens.issue(grant, clock.now())["access_token"]

    with pytest.raises(tokens.Unauthorized) as refused:
        tokens.caller(api_request(portal, access, **headers))
    assert (refused.value.status, refused.value.body["httpCode"]) == (401, "401")


def test_gateway_headers_of_another_app_are_refused(portal, grant):
    other = portal_seeding.portal("DK27182818").app
    access = tokens.issue(grant, clock.now())["access_token"]
    headers = {"x-ibm-client-id": other.gateway_id, "x-ibm-client-secret": other.gateway_secret}

    with pytest.raises(tokens.Unauthorized):
        tokens.caller(api_request(portal, access, **headers))


def test_gateway_headers_can_be_optional(grant):
    portal = portal_seeding.portal(requires_gateway_headers=False)
    access = tokens.issue(grant, clock.now())["access_token"]
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {access}"})

    assert tokens.caller(request).merchant == portal.merchant


def test_access_token_dies_after_five_minutes(portal, grant):
    access = tokens.issue(grant, clock.now())["access_token"]
    clock.push(timedelta(seconds=300))

    with pytest.raises(tokens.Unauthorized):
        tokens.caller(api_request(portal, access))


def test_consent_without_the_invoice_scope_opens_nothing(portal):
    grant = portal_seeding.grant(portal, scopes="openid offline_access transactionreporting")
    access = tokens.issue(grant, clock.now())["access_token"]

    with pytest.raises(tokens.Unauthorized):
        tokens.caller(api_request(portal, access))


@pytest.mark.requirement("M1-09")
def test_app_without_the_product_is_forbidden(portal, grant):
    portal_seeding.portal(has_invoice_product=False)
    access = tokens.issue(grant, clock.now())["access_token"]

    with pytest.raises(tokens.Forbidden) as refused:
        tokens.caller(api_request(portal, access))
    assert refused.value.status == 403
    assert "not subscribed" in refused.value.body["moreInformation"]


def test_introspection_tells_whether_a_token_works(client, portal, grant):
    access = tokens.issue(grant, clock.now())["access_token"]
    fields = {
        "client_id": portal.app.client_id,
        "client_secret": portal.app.client_secret,
        "token": access,
    }

    def active() -> bool:
        answer = client.post(f"{SERVICE}/connect/introspect", urlencode(fields), content_type=FORM)
        return bool(answer.json()["active"])

    assert active()
    grant.revoked_at = clock.now()
    grant.save()
    assert not active()


def test_seeding_twice_changes_only_what_is_given(portal):
    again = portal_seeding.portal(cap=500, refresh_grace=5)

    assert again.merchant.merchant_id == portal.merchant.merchant_id
    assert again.app.redirect_uris == [CALLBACK]
    assert (str(again.merchant.cap), again.app.refresh_grace) == ("500", 5)
    assert [issuer.pk for issuer in again.issuers] == [issuer.pk for issuer in portal.issuers]
    assert [issuer.status for issuer in again.issuers] == ["enabled", "enabled", "disabled"]


@pytest.mark.requirement("M1-02", "M4-106", "M4-107")
def test_seeding_knows_countries_profiles_and_integrators(portal):
    finnish = portal_seeding.portal("FI27182818", app=portal.app)
    older = portal_seeding.portal("FI16180339", profile="1.4")

    assert finnish.app == portal.app
    caps = [str(one.merchant.cap) for one in (portal, finnish, older)]
    assert caps == ["15000", "2000", "500"]
    assert older.merchant.per_payer_daily == 3

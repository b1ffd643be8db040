"""Tokens, headers, the gateway's own answers."""

import pytest

from providers.sandbox import seeding
from providers.sandbox.models import Call

from .conftest import BASE, Api, error_code, request_body, wrong_field


def test_token_writes_its_numbers_as_strings(api):
    content = api.fetch_token().json()

    assert content["token_type"] == "Bearer"
    assert (content["expires_in"], content["ext_expires_in"]) == ("3600", "3600")
    assert int(content["expires_on"]) - int(content["not_before"]) == 3600
    assert len(content["access_token"]) > 1000


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"client_id": "unknown"}, 401),
        ({"client_id": ""}, 400),
        ({"Ocp-Apim-Subscription-Key": "wrong"}, 401),
        ({"Merchant-Serial-Number": "999999"}, 401),
    ],
)
def test_wrong_credentials_get_the_gateways_answer(client, unit, headers, status):
    good = {
        "client_id": unit.client_id,
        "client_secret": unit.client_secret,
        "Ocp-Apim-Subscription-Key": unit.key_secondary,
    }

    answer = client.post(f"{BASE}/accesstoken/get", headers=good | headers)

    assert answer.status_code == status
    assert set(answer.json()) == {"statusCode", "message"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "bearer {token}"}, 401),
        ({"Authorization": "{token}"}, 401),
        ({"Authorization": "Bearer {token}x"}, 401),
        ({"Authorization": "Bearer a.b.c"}, 401),
        ({"Ocp-Apim-Subscription-Key": ""}, 401),
        ({"Ocp-Apim-Subscription-Key": "x"}, 401),
        ({"Merchant-Serial-Number": "654321"}, 401),
        ({"Merchant-Serial-Number": ""}, 400),
        ({"Vipps-System-Name": "x" * 31}, 400),
    ],
)
def test_headers_are_checked(api, headers, status):
    given = {name: value.format(token=api.token) for name, value in headers.items()}

    answer = api.get("/epayment/v1/payments/inv-unknown-1", **given)

    assert answer.status_code == status


def test_key_of_another_sales_unit_is_refused(api):
    other = seeding.sales_unit(msn="654321")
    headers = {"Ocp-Apim-Subscription-Key": other.key_primary}

    assert api.get("/epayment/v1/payments/inv-unknown-1", **headers).status_code == 401


def test_token_runs_out_with_the_clock(api):
    api.control("clock", seconds=3601)

    answer = api.get("/epayment/v1/payments/inv-unknown-1")

    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)


def test_unknown_reference_is_5090(api):
    answer = api.get("/epayment/v1/payments/inv-unknown-1")

    assert (answer.status_code, error_code(answer)) == (404, "5090")
    assert {"type", "title", "status", "traceId", "instance"} <= set(answer.json())


def test_missing_idempotency_key_is_named(api):
    answer = api.create(key="")

    assert wrong_field(answer) == "Idempotency-Key"


@pytest.mark.parametrize("raw", [" ", "{", '{"a": "\\u0000"}', "[" * 100_000])
def test_malformed_json_is_refused(api: Api, raw):
    answer = api.send("/epayment/v1/payments", raw)

    assert (answer.status_code, wrong_field(answer)) == (400, "body")


def test_other_content_type_is_refused(api):
    answer = api.client.post(
        f"{BASE}/epayment/v1/payments",
        data=request_body(),
        headers=api.headers(**{"Idempotency-Key": "k1"}),
    )

    assert answer.status_code == 415


def test_sixth_create_within_a_minute_is_too_many(api):
    body = request_body()
    answers = [api.create(key="same-key", **body) for _ in range(6)]

    assert [a.status_code for a in answers] == [201] * 5 + [429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 61
    assert set(answers[-1].json()) == {"statusCode", "message"}
    api.control("clock", seconds=61)
    assert api.create(key="same-key", **body).status_code == 201


def test_rate_limit_can_be_switched_off(api):
    seeding.sales_unit(rate_limits=False)
    body = request_body()

    answers = [api.create(key="same-key", **body) for _ in range(7)]

    assert {a.status_code for a in answers} == {201}


def test_reading_is_limited_to_120_a_minute(api):
    reference = request_body()["reference"]
    api.create(reference=reference)

    answers = [api.get(f"/epayment/v1/payments/{reference}") for _ in range(121)]

    assert [a.status_code for a in answers[-2:]] == [200, 429]


def test_every_call_is_logged(api):
    reference = request_body()["reference"]
    api.create(reference=reference, key="key-1")

    call = Call.objects.get(endpoint="create")
    assert (call.account, call.reference, call.key, call.status) == (
        api.unit.msn,
        reference,
        "key-1",
        201,
    )

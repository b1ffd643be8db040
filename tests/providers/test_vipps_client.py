"""Access tokens, headers and odd answers, faked at the wire."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import responses
from django.core.cache import cache

from providers.contract import NotAuthorised, NotFound, OutcomeUnknown, Refused, Unavailable
from providers.vipps_mobilepay.client import Client
from tests.providers import samples
from tests.providers.samples import HOST, PAYMENTS, REFERENCE

TOKENS = f"{HOST}/accesstoken/get"
BODY = {"reference": REFERENCE}


@pytest.fixture
def client() -> Client:
    return Client(samples.account())


@pytest.fixture
def mock():
    with samples.wire() as found:
        yield found


def sent(mock: responses.RequestsMock, url: str) -> list[Any]:
    return [each.request for each in mock.calls if each.request.url == url]


def test_token_is_fetched_once_and_kept(mock, client):
    mock.get(f"{PAYMENTS}/{REFERENCE}", json={})

    client.payment(REFERENCE)
    Client(samples.account()).payment(REFERENCE)

    assert len(sent(mock, TOKENS)) == 1


def test_threads_that_start_together_fetch_one_token(client):
    fetched = []

    def answer(_request: Any) -> tuple[int, dict[str, str], str]:
        fetched.append(1)
        time.sleep(0.1)
        return 200, {}, json.dumps(samples.token())

    with samples.wire(tokens=False) as mock, ThreadPoolExecutor(8) as pool:
        mock.add_callback(responses.POST, TOKENS, answer)
        mock.get(f"{PAYMENTS}/{REFERENCE}", json={})
        list(pool.map(lambda _: Client(samples.account()).payment(REFERENCE), range(8)))

    assert len(fetched) == 1


def test_token_call_carries_the_keys_and_an_empty_body(mock, client):
    client.new_token()

    request = sent(mock, TOKENS)[0]
    assert request.headers["client_id"] == "fb492b5e-7907-4d83-bc20-c7fb60ca35de"
    assert request.headers["client_secret"] == "Y8Kteew6GE3ZmeycEt6egg=="
    assert request.headers["Ocp-Apim-Subscription-Key"] == "0f14ebcab0ec4b29ae0cb90d91b4a84a"
    assert request.headers["Merchant-Serial-Number"] == "123456"
    assert (request.body, request.headers["Content-Length"]) == (None, "0")


def test_token_is_kept_without_showing_it(mock, client):
    client.new_token()

    kept = repr(cache._cache) if hasattr(cache, "_cache") else ""
    assert "a-token" not in kept
    assert "0f14ebcab0ec4b29ae0cb90d91b4a84a" not in kept
    assert client._kept() is not None


@pytest.mark.parametrize(
    ("seconds", "usable"), [("3600", 3240), ("86398", 77758), ("120", 60), ("60", None)]
)
def test_token_is_renewed_when_a_tenth_or_a_minute_is_left(client, monkeypatch, seconds, usable):
    kept = []
    monkeypatch.setattr(cache, "set", lambda _key, _value, timeout: kept.append(timeout))
    with samples.wire(tokens=False) as mock:
        mock.post(TOKENS, json=samples.token(seconds=seconds))
        client.new_token()

    assert kept == ([usable] if usable else [])


def test_token_of_other_keys_is_not_used(mock, client):
    mock.get(f"{PAYMENTS}/{REFERENCE}", json={})
    client.payment(REFERENCE)
    other = samples.account()
    other.credentials["client_secret"] = "changed"

    Client(other).payment(REFERENCE)

    assert len(sent(mock, TOKENS)) == 2


def test_refused_token_is_replaced_once(client):
    with samples.wire(tokens=False) as mock:
        mock.post(TOKENS, json=samples.token("old"))
        mock.post(TOKENS, json=samples.token("new"))
        mock.get(f"{PAYMENTS}/{REFERENCE}", status=401, json={"statusCode": 401, "message": "no"})
        mock.get(f"{PAYMENTS}/{REFERENCE}", json={"state": "CREATED"})

        found = client.payment(REFERENCE)
        used = [r.headers["Authorization"] for r in sent(mock, f"{PAYMENTS}/{REFERENCE}")]

    assert (found, used) == ({"state": "CREATED"}, ["Bearer old", "Bearer new"])


def test_second_refusal_of_the_token_needs_a_person(mock, client):
    mock.get(f"{PAYMENTS}/{REFERENCE}", status=401, json={"statusCode": 401, "message": "no"})

    with pytest.raises(NotAuthorised):
        client.payment(REFERENCE)

    assert len(sent(mock, f"{PAYMENTS}/{REFERENCE}")) == 2


def test_second_subscription_key_takes_over(client):
    account = samples.account()
    account.credentials["subscription_key_2"] = "the-other-key"
    with samples.wire(tokens=False) as mock:
        mock.post(TOKENS, status=401, json={"statusCode": 401, "message": "no"})
        mock.post(TOKENS, json=samples.token())
        mock.get(f"{PAYMENTS}/{REFERENCE}", json={})

        Client(account).payment(REFERENCE)
        used = [r.headers["Ocp-Apim-Subscription-Key"] for r in (c.request for c in mock.calls)]

    assert used == ["0f14ebcab0ec4b29ae0cb90d91b4a84a", "the-other-key", "the-other-key"]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_wrong_keys_need_a_person(client, status):
    with samples.wire(tokens=False) as mock:
        mock.post(TOKENS, status=status, json={"statusCode": status, "message": "no"})
        with pytest.raises(NotAuthorised):
            client.create(BODY, key="k")


def test_token_that_does_not_come_means_that_nothing_was_sent(client):
    with samples.wire(tokens=False) as mock:
        mock.post(TOKENS, status=503)
        with pytest.raises(Unavailable):
            client.create(BODY, key="k")


@pytest.mark.parametrize(
    "answer",
    [{}, {"access_token": "x"}, samples.token(seconds="nan"), samples.token("two words"), []],
)
def test_token_answer_that_cannot_be_read_means_that_nothing_was_sent(client, answer):
    with samples.wire(tokens=False) as mock:
        mock.post(TOKENS, json=answer)
        with pytest.raises(Unavailable):
            client.create(BODY, key="k")


@pytest.mark.parametrize("name", ["client_id", "client_secret", "subscription_key", "msn"])
def test_missing_key_is_named_before_any_call(name):
    account = samples.account()
    account.credentials[name] = ""

    with samples.wire() as mock, pytest.raises(NotAuthorised) as caught:
        Client(account).payment(REFERENCE)

    assert caught.value.field == name
    assert len(mock.calls) == 0


def test_every_header_is_there(mock, client):
    mock.post(PAYMENTS, status=201, json={})

    client.create(BODY, key="key-1")

    headers = sent(mock, PAYMENTS)[0].headers
    assert headers["Authorization"] == "Bearer a-token"
    assert headers["Idempotency-Key"] == "key-1"
    assert headers["Content-Type"] == "application/json"
    names = ("Name", "Version", "Plugin-Name", "Plugin-Version")
    assert all(1 <= len(headers[f"Vipps-System-{name}"]) <= 30 for name in names)


def test_body_is_the_same_bytes_each_time(mock, client):
    mock.post(PAYMENTS, status=201, json={})

    for _ in range(2):
        client.create({"reference": REFERENCE, "x": "Blåbær"}, key="k")

    first, second = (request.body for request in sent(mock, PAYMENTS))
    assert (
        first
        == second
        == json.dumps(
            {"reference": REFERENCE, "x": "Blåbær"}, ensure_ascii=False, separators=(",", ":")
        ).encode()
    )


@pytest.mark.parametrize("body", [b"", b"<html>welcome</html>", b'{"reference":', b"[]", b'"x"'])
def test_success_that_cannot_be_read_is_unknown(mock, client, body):
    mock.post(PAYMENTS, status=201, body=body)

    with pytest.raises(OutcomeUnknown):
        client.create(BODY, key="k")


def test_read_that_cannot_be_read_may_be_repeated(mock, client):
    mock.get(f"{PAYMENTS}/{REFERENCE}", body=b"<html>")

    with pytest.raises(Unavailable):
        client.payment(REFERENCE)


REFUSALS = [
    (400, samples.problem("4040"), Refused, "4040"),
    (400, samples.problem("3010"), Unavailable, "3010"),
    (400, samples.problem("6250"), Unavailable, "6250"),
    (409, samples.problem("4150"), Refused, "4150"),
    (403, samples.problem("5080"), Refused, "5080"),
    (403, {"statusCode": 403, "message": "no"}, NotAuthorised, ""),
    (404, samples.problem("5090"), NotFound, "5090"),
    (404, {"statusCode": 404, "message": "no"}, NotFound, ""),
    (423, {"title": "Locked"}, Unavailable, ""),
    (429, {"statusCode": 429, "message": "slow"}, Unavailable, ""),
    (500, samples.problem("3010"), OutcomeUnknown, "3010"),
    (502, b"<html>", OutcomeUnknown, ""),
    (504, b"", OutcomeUnknown, ""),
]


@pytest.mark.parametrize(("status", "body", "error", "code"), REFUSALS)
def test_refusal_becomes_one_of_the_family(mock, client, status, body, error, code):
    given = {"body": body} if isinstance(body, bytes) else {"json": body}
    mock.post(PAYMENTS, status=status, **given)

    with pytest.raises(error) as caught:
        client.create(BODY, key="k")

    assert type(caught.value) is error
    assert (caught.value.code, caught.value.status) == (code, status)
    assert caught.value.meaning
    assert caught.value.remedy


def test_waiting_time_is_theirs_or_ours(mock, client):
    mock.post(PAYMENTS, status=429, headers={"Retry-After": "7"})
    mock.post(PAYMENTS, status=429)
    mock.post(PAYMENTS, status=423)

    waits = []
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            client.create(BODY, key="k")
        waits.append(caught.value.retry_after)

    assert waits == [7.0, 60.0, 3.0]


def test_field_of_a_validation_error_is_named(mock, client):
    details = [{"name": "paymentDescription", "reason": "too long"}]
    mock.post(PAYMENTS, status=400, json={"title": "Bad Request", "extraDetails": details})

    with pytest.raises(Refused) as caught:
        client.create(BODY, key="k")

    assert (caught.value.field, caught.value.code) == ("paymentDescription", "")
    assert "too long" in str(caught.value)


def test_order_management_names_the_field_in_its_own_way(mock, client):
    url = f"{HOST}/order-management/v2/ECOM/categories/{REFERENCE}"
    mock.put(url, status=400, json={"invalidParams": [{"name": "category", "reason": "no"}]})

    with pytest.raises(Refused) as caught:
        client.put_category(REFERENCE, {})

    assert caught.value.field == "category"


@pytest.mark.parametrize("reference", ["", "short", "with/slash-1", "..", "a" * 65, "æøå-12345"])
def test_reference_that_cannot_be_one_never_becomes_a_path(client, reference):
    with samples.wire() as mock, pytest.raises(Refused):
        client.payment(reference)

    assert len(mock.calls) == 0


@pytest.mark.parametrize("sub", ["", "../x", "a" * 65])
def test_sub_that_cannot_be_one_never_becomes_a_path(client, sub):
    with samples.wire() as mock, pytest.raises(Refused):
        client.userinfo(sub)

    assert len(mock.calls) == 0

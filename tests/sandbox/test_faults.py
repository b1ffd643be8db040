"""Fault switches, over a real socket where a socket is what breaks."""

import pytest
import requests

from providers.sandbox import faults, seeding
from providers.sandbox.models import Fault, Payment

from .conftest import BASE, Api, error_code, new_reference, request_body


def test_error_before_the_effect(api: Api):
    api.control("faults", kind="error_before", endpoint="create", remaining=1, status=503)

    answers = [api.create().status_code for _ in range(2)]

    assert answers == [503, 201]
    assert Payment.objects.count() == 1


def test_error_after_the_effect_is_healed_by_a_replay(api: Api):
    api.control("faults", kind="error_after", endpoint="create", remaining=1)
    body = request_body()

    answers = [api.create(key="k-1", **body).status_code for _ in range(2)]

    assert answers == [500, 201]
    assert Payment.objects.count() == 1


def test_refusal_with_a_code(api: Api):
    reference = api.approved()
    api.control("faults", kind="refuse", endpoint="capture", code="6280", remaining=1)

    answers = [api.modify(reference, "capture", 10_000) for _ in range(2)]

    assert [(a.status_code, error_code(a)) for a in answers] == [(400, "6280"), (200, "")]


@pytest.mark.parametrize(
    ("style", "pattern"), [("absent", "None"), ("seconds", "7"), ("date", "GMT")]
)
def test_too_many_requests(api: Api, style, pattern):
    api.control("faults", kind="rate_limited", endpoint="create", retry_after=style, seconds=7)

    answer = api.create()

    assert answer.status_code == 429
    assert str(answer.headers.get("Retry-After")).endswith(pattern)


def test_html_page_and_half_a_json(api: Api):
    api.control("faults", kind="html", endpoint="create", remaining=1)
    page = api.create()
    api.control("faults", kind="truncated_json", endpoint="create", remaining=1)
    half = api.create()

    assert (page.status_code, page.content[:15]) == (200, b"<!doctype html>")
    assert half.status_code == 201
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        half.json()
    assert Payment.objects.count() == 1


def test_fault_of_one_account_leaves_others_alone(api: Api):
    api.control("faults", kind="error_before", account="654321")

    assert api.create().status_code == 201
    assert Fault.objects.get().fired == 0


def test_last_shot_is_fired_once(unit):
    fault = Fault.objects.create(provider="vipps", kind="error_before", remaining=1)

    plans = [faults.take(provider="vipps", account=unit.msn, endpoint="create") for _ in range(2)]

    assert [plan.fault for plan in plans] == [fault, None]
    fault.refresh_from_db()
    assert (fault.fired, fault.remaining) == (1, 0)


def test_unknown_fault_is_refused(api: Api):
    assert api.control("faults", kind="explode").status_code == 400
    assert api.control("faults", typ="latency").status_code == 400


# --- over a socket ----------------------------------------------------------------------------


@pytest.fixture
def wire(live_server, transactional_db):
    """A client with a connection of its own, and the keys in headers with underscores."""
    unit = seeding.sales_unit()
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Ocp-Apim-Subscription-Key"] = unit.key_primary
        session.headers["Merchant-Serial-Number"] = unit.msn
        keys = {"client_id": unit.client_id, "client_secret": unit.client_secret}
        url = f"{live_server.url}{BASE}"
        token = session.post(f"{url}/accesstoken/get", headers=keys, data=b"", timeout=10)
        session.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        yield session, url


def create(wire, key: str, reference: str, timeout: float = 10):
    session, url = wire
    return session.post(
        f"{url}/epayment/v1/payments",
        json=request_body(reference=reference),
        headers={"Idempotency-Key": key},
        timeout=timeout,
    )


@pytest.mark.parametrize(
    ("kind", "error", "held"),
    [
        ("drop_before", requests.ConnectionError, 0),
        ("drop_after", requests.ConnectionError, 1),
        ("cut_after", (requests.ConnectionError, requests.exceptions.ChunkedEncodingError), 1),
        ("timeout_before", requests.ReadTimeout, 0),
        ("timeout_after", requests.ReadTimeout, 1),
    ],
)
def test_broken_connections(wire, kind, error, held):
    Fault.objects.create(provider="vipps", endpoint="create", kind=kind, seconds=0.8, remaining=1)
    reference = new_reference()

    with pytest.raises(error):
        create(wire, "k-1", reference, timeout=0.4 if kind.startswith("timeout") else 10)

    if not kind.startswith("timeout"):
        assert Payment.objects.count() == held
    again = create(wire, "k-1", reference)
    assert (again.status_code, again.json()["reference"]) == (201, reference)
    assert Payment.objects.count() == 1

"""The remote control, and the clock behind it."""

from datetime import timedelta

import pytest

from providers.sandbox import clock, seeding, state
from providers.sandbox.models import Payment, SalesUnit

from .conftest import BASE, new_reference, push_body


def test_clock_only_goes_forward(api):
    before = clock.now()

    api.control("clock", seconds=3600)

    assert timedelta(seconds=3599) < clock.now() - before < timedelta(seconds=3610)
    assert api.control("clock", seconds=-1).status_code == 400


def test_clock_goes_to_a_moment(api):
    target = clock.now() + timedelta(days=3)

    api.control("clock", to=target.isoformat())

    assert abs(clock.now() - target) < timedelta(seconds=3)


def test_pushing_the_clock_expires_what_is_due(api):
    api.create()

    assert api.control("clock", seconds=601).json()["settled"] == 1
    assert Payment.objects.get().state == "EXPIRED"


def test_pushes_of_a_number(api, client):
    api.create(**push_body(reference="inv-2026-000123-a1"))

    rows = client.get(f"{BASE}/_control/pushes?phoneNumber=4791234567").json()["pushes"]

    assert [row["reference"] for row in rows] == ["inv-2026-000123-a1"]


def test_calls_keep_the_body(api, client):
    api.create(reference="inv-2026-000123-a1")

    rows = client.get(f"{BASE}/_control/calls?endpoint=create").json()["calls"]

    assert '"userFlow": "WEB_REDIRECT"' in rows[0]["body"]


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("approve", {}, 400),
        ("approve", {"reference": "inv-unknown-1"}, 404),
        ("sales-units", {"colour": "red"}, 400),
        ("clock", {"to": "tomorrow"}, 400),
    ],
)
def test_nonsense_is_refused_in_words(api, what, body, status):
    answer = api.control(what, **body)

    assert answer.status_code == status
    assert answer.json()["error"]


def test_wrong_method_says_which(api, client):
    assert client.get(f"{BASE}/_control/approve").json() == {"error": "Use POST."}


def test_reset_empties_all_but_the_sales_units(api):
    api.approved()

    api.control("reset")

    assert state.ledger()["payments"] == []
    assert SalesUnit.objects.count() == 1


def test_sales_unit_keeps_what_is_not_said(db):
    seeding.sales_unit(name="Nordlys", push_allowed=False)

    unit = seeding.sales_unit(rate_limits=False)

    assert (unit.name, unit.push_allowed, unit.rate_limits) == ("Nordlys", False, False)


def test_approving_twice_is_refused(api):
    reference = new_reference()
    api.create(reference=reference)

    answers = [api.control("approve", reference=reference) for _ in range(2)]

    assert [a.status_code for a in answers] == [200, 409]
    assert answers[1].json()["code"] == "6230"

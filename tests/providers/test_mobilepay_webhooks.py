"""Their callbacks: who may send them, and what becomes of what they say."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from providers.contract import (
    InvalidSignature,
    MalformedDelivery,
    RequestState,
    StatusChange,
    WebhookRequest,
)
from providers.mobilepay_invoice import webhooks
from tests.providers.mobilepay_samples import INVOICE, LINK, NOW, OTHER, ZONE

BASIC = webhooks.Secret("basic", "mp-7b0c2f54", "long-random")
KEY = webhooks.Secret("apikey", "", "long-random-token68")
ACCEPTED = {
    "InvoiceId": INVOICE.upper(),
    "Status": "Accepted",
    "PaymentDate": "2026-12-03",
    "Date": "2026-11-21T11:00:44.1834407+00:00",
    "Sequence": 2,
}
INVALID = {
    "InvoiceId": OTHER,
    "Status": "Invalid",
    "ErrorCode": 10310,
    "ErrorMessage": "Due date",
    "Date": "2026-11-21T11:00:41.0000127+00:00",
    "Sequence": 1,
}
BATCH_LINK = {
    "InvoiceId": INVOICE,
    "Status": "Created",
    "Links": [{"Rel": "self", "Href": "https://no"}, {"Rel": "user-redirect", "Href": LINK}],
    "Date": "2026-11-21T11:00:02.4410093+00:00",
    "Sequence": 1,
}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def request(authorization: str | None, body: bytes = b"[]") -> WebhookRequest:
    return WebhookRequest(
        method="POST",
        url="https://billing.example.test/webhooks/mobilepay_invoice/x/",
        headers={} if authorization is None else {"authorization": authorization},
        body=body,
        received_at=NOW,
    )


def parse(*items: Any) -> list[StatusChange]:
    return webhooks.parse(json.dumps(items).encode(), ZONE)


@pytest.mark.requirement("M4-66", "M4-100")
@pytest.mark.parametrize("code", [10999, None])
def test_unknown_reason_names_what_their_support_asks_for(code):
    """A callback has no correlation id."""
    (change,) = parse(INVALID | {"ErrorCode": code})

    assert OTHER in change.problem["remedy"]
    assert "correlation" not in change.problem["remedy"]


# ------------------------------------------------------------------------------- who sends it
GOOD = basic("mp-7b0c2f54", "long-random")


@pytest.mark.requirement("M4-76")
@pytest.mark.parametrize(
    "authorization", [GOOD, GOOD.replace("Basic", "basic"), "long-random-token68"]
)
def test_live_secret_opens(authorization):
    webhooks.verify(request(authorization), [KEY.dumps(), BASIC.dumps()])


@pytest.mark.requirement("M4-76")
@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "headers missing"),
        ("", "headers missing"),
        (basic("mp-7b0c2f54", "other"), "wrong secret"),
        (basic("other", "long-random"), "wrong secret"),
        ("Basic long-random-token68", "wrong secret"),
        ("Basic !!!", "wrong secret"),
        ("ApiKey long-random-token68", "wrong secret"),
        ("mp-7b0c2f54:long-random", "wrong secret"),
        ("long-random", "wrong secret"),
        ("Bearer \udce9", "wrong secret"),
    ],
)
def test_anything_else_does_not(authorization, reason):
    with pytest.raises(InvalidSignature) as caught:
        webhooks.verify(request(authorization), [KEY.dumps(), BASIC.dumps()])

    assert caught.value.reason == reason


@pytest.mark.parametrize("kept", [[], ["not-ours"], ['["basic","",""]'], ['{"a": 1}']])
def test_without_a_readable_secret_nothing_opens(kept):
    with pytest.raises(InvalidSignature) as caught:
        webhooks.verify(request(basic("", "")), kept)

    assert caught.value.reason == "no secret"


@pytest.mark.parametrize(("scheme", "known_as"), [("basic", "basic:mp-"), ("apikey", "apikey:mp-")])
def test_chosen_secret_is_long_new_each_time_and_read_back(scheme, known_as):
    (name, one), (_, two) = webhooks.new_secret(scheme), webhooks.new_secret(scheme)

    assert name.startswith(known_as)
    assert one.password != two.password
    assert len(one.password) >= 43
    assert webhooks.loads(one.dumps()) == one


def test_setup_names_the_fields_as_their_description_does():
    url = "https://billing.example.test/x"

    assert webhooks.setup(url, BASIC) == {
        "username": "mp-7b0c2f54",
        "password": "long-random",
        "callbackUrl": url,
    }
    assert webhooks.setup(url, KEY) == {"apiKey": "long-random-token68", "callbackUrl": url}


# --------------------------------------------------------------------------------- what it says
@pytest.mark.requirement("M4-67", "M4-76")
def test_event_becomes_a_fact():
    change = parse(ACCEPTED)[0]

    assert (change.reference, change.event_id, change.sequence) == (INVOICE, "seq:2", 2)
    assert change.state == RequestState.ACCEPTED
    assert change.occurred_at == datetime(2026, 11, 21, 11, 0, 44, 183440, UTC)
    assert change.extra == {"payment_date": "2026-12-03"}
    assert not change.authoritative


@pytest.mark.requirement("M4-64")
@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Created", RequestState.CREATED),
        ("INVALID", RequestState.INVALID),
        ("accepted", RequestState.ACCEPTED),
        ("Paid", RequestState.PAID),
        ("Rejected", RequestState.REJECTED),
        ("Expired", RequestState.EXPIRED),
        ("Canceled", RequestState.CANCELLED),
        ("Cancelled", RequestState.CANCELLED),
        ("Postponed", None),
    ],
)
def test_every_status_is_known_and_another_moves_nothing(word, state):
    assert parse(ACCEPTED | {"Status": word})[0].state == state


@pytest.mark.requirement("M4-66", "M4-44")
def test_invalid_says_why_and_what_to_do():
    problem = parse(INVALID)[0].problem

    assert (problem["code"], problem["field"]) == ("10310", "due_date")
    assert problem["meaning"]
    assert problem["remedy"]
    json.dumps(problem)


@pytest.mark.requirement("M4-55")
def test_link_of_a_batch_comes_with_created_and_stays_out_of_the_payload():
    change = parse(BATCH_LINK)[0]

    assert change.redirect_url == LINK
    assert change.extra == {"waits_for_link": False}
    assert LINK not in json.dumps(change.payload)


def test_money_is_never_believed():
    change = parse(ACCEPTED | {"Status": "Paid", "Amount": 1000000})[0]

    assert change.money is None
    assert change.extra["paid_at"] == "2026-11-21T11:00:44.183440+00:00"


def test_event_of_before_sequences_is_named_by_word_and_time():
    old = {name: value for name, value in ACCEPTED.items() if name != "Sequence"}

    one, two = parse(old, old | {"Date": "2026-11-22T11:00:00.0000000+00:00"})

    assert one.sequence is None
    assert one.event_id == parse(old)[0].event_id
    assert one.event_id != two.event_id


@pytest.mark.requirement("M4-76")
def test_repeat_and_order_change_no_fact():
    items = [ACCEPTED | {"Sequence": n, "Status": "Accepted"} for n in range(1, 8)] * 2
    expected = {change.event_id: change for change in parse(*items)}
    items = items[5:] + items[4::-1]

    assert {change.event_id: change for change in parse(*items)} == expected


ODD: list[Any] = [
    None,
    7,
    "Paid",
    [],
    {},
    {"InvoiceId": "x", "Status": "Paid", "Date": ACCEPTED["Date"]},
    ACCEPTED | {"Status": None},
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_item_is_left_out_and_the_rest_is_read(odd):
    found = parse(INVALID, odd, BATCH_LINK)

    assert [change.reference for change in found] == [OTHER, INVOICE]


@pytest.mark.requirement("M4-76")
def test_event_without_a_readable_time_is_told_by_its_count():
    """A figure that is written oddly must not cost the state."""
    late, text = parse(
        ACCEPTED | {"Date": None}, ACCEPTED | {"Sequence": "2", "Links": "https://x"}
    )

    assert (late.event_id, late.occurred_at, late.state) == ("seq:2", None, RequestState.ACCEPTED)
    assert (text.event_id, text.sequence) == ("seq:2", 2)
    assert parse(ACCEPTED | {"Date": None, "Sequence": None})[0].event_id == "accepted:"


@pytest.mark.requirement("M4-66")
def test_text_of_theirs_carries_no_nul():
    """PostgreSQL would refuse the row."""
    (change,) = parse(INVALID | {"ErrorMessage": "Due\x00 date", "ErrorCode": "10\x00310"})

    assert (change.problem["text"], change.problem["code"]) == ("Due date", "10310")
    assert parse(ACCEPTED | {"Status": "Post\x00poned"})[0].provider_word == "Postponed"


OBJECT = json.dumps(ACCEPTED).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"<xml/>", b"7", b'"Paid"', b"null", b"{}", OBJECT, b"[NaN]", b"\xff", b"[" * 100_000],
)
def test_what_is_no_list_is_malformed(body):
    with pytest.raises(MalformedDelivery):
        webhooks.parse(body, ZONE)
    with pytest.raises(MalformedDelivery):
        webhooks.delivery_id(request(GOOD, body))


def test_delivery_is_named_by_its_content():
    one, same, other = (
        webhooks.delivery_id(request(GOOD, body)) for body in (b"[]", b"[]", b"[ ]")
    )

    assert one == same != other


# ------------------------------------------------------------------------------ what is asked
@pytest.mark.requirement("M4-72")
def test_what_is_paid_or_contradicts_itself_is_asked_about():
    third = "66e0a1d4-3b0c-4c7e-9f2b-0b7c5d9e4a10"
    told = parse(
        ACCEPTED,
        ACCEPTED | {"Status": "Paid", "Sequence": 3},
        INVALID,
        ACCEPTED | {"InvoiceId": third, "Status": "Rejected", "Sequence": 4},
        ACCEPTED | {"InvoiceId": third, "Status": "Canceled", "Sequence": 5},
    )

    assert webhooks.to_confirm(told) == [INVOICE, third]


def test_plain_news_is_believed_without_asking():
    assert webhooks.to_confirm(parse(ACCEPTED, INVALID, BATCH_LINK)) == []


@pytest.mark.requirement("M4-67")
def test_day_of_payment_is_the_merchants():
    (change,) = parse(ACCEPTED | {"PaymentDate": "2026-12-02T23:00:00+00:00"})

    assert change.extra["payment_date"] == "2026-12-03"

"""What the adapter makes of answers, faked at the wire."""

import json
from decimal import Decimal
from typing import Any

import pytest

from providers import registry
from providers.contract import (
    MovementKind,
    NotFound,
    OutcomeUnknown,
    Refused,
    RequestState,
    Unavailable,
)
from providers.vipps_mobilepay import facts
from providers.vipps_mobilepay.adapter import VippsMobilePay
from tests.providers import samples
from tests.providers.samples import HOST, PAYMENTS, REFERENCE, document, event, options, payment

ONE = f"{PAYMENTS}/{REFERENCE}"
URL = "https://pay.example.com/?token=t-secret"


@pytest.fixture
def mock():
    with samples.wire() as found:
        yield found


def test_registry_finds_the_adapter():
    assert registry.classes()["vipps_mobilepay"] is VippsMobilePay


def test_channels_say_what_the_panel_needs():
    """V-02."""
    shown = {
        c.slug: (c.creates_on_press, c.shares_phone, c.needs_contact_consent)
        for c in VippsMobilePay.channels
    }

    assert shown == {
        "push": (False, False, True),
        "link": (True, False, False),
        "link_phone": (True, True, False),
    }


# --------------------------------------------------------------------------------------- sending
def test_sent_link_gives_the_address_and_its_short_life(mock, vipps):
    mock.post(PAYMENTS, status=201, json={"reference": REFERENCE, "redirectUrl": URL})

    sent = vipps.send(document(), options("link"))

    assert (sent.reference, sent.redirect_url) == (REFERENCE, URL)
    assert (sent.expires_at - samples.NOW).total_seconds() == 600


def test_stored_key_and_reference_are_used(mock, vipps):
    mock.post(PAYMENTS, status=201, json={"reference": REFERENCE})

    vipps.send(document(), options())

    request = mock.calls[-1].request
    assert request.headers["Idempotency-Key"] == "create-inv-2026-000123-a1"
    assert json.loads(request.body)["reference"] == REFERENCE


def test_incomplete_request_is_refused_without_a_call(vipps):
    with samples.wire() as mock, pytest.raises(Refused) as caught:
        vipps.send(document(), options(phone=""))

    assert (caught.value.field, len(mock.calls)) == ("phone", 0)


TAKEN = [(409, "4150"), (409, "4020"), (400, "4150"), (409, "")]


@pytest.mark.parametrize(("status", "code"), TAKEN)
def test_request_made_before_is_found_again(mock, vipps, status, code):
    mock.post(PAYMENTS, status=status, json=samples.problem(code) if code else {"title": "x"})
    mock.get(ONE, json=payment() | {"redirectUrl": URL})

    sent = vipps.send(document(), options("link"))

    assert (sent.redirect_url, sent.provider_id) == (URL, "7686f7788898767977")
    assert [change.state for change in sent.changes] == [RequestState.CREATED]


def test_reference_of_another_amount_is_refused(mock, vipps):
    mock.post(PAYMENTS, status=409, json=samples.problem("4150"))
    mock.get(ONE, json=payment() | {"amount": {"currency": "NOK", "value": 1}})

    with pytest.raises(Refused) as caught:
        vipps.send(document(), options("link"))

    assert caught.value.code == "4150"


def test_taken_key_without_a_payment_is_refused(mock, vipps):
    mock.post(PAYMENTS, status=409, json=samples.problem("4020"))
    mock.get(ONE, status=404, json=samples.problem("5090"))

    with pytest.raises(Refused) as caught:
        vipps.send(document(), options("link"))

    assert caught.value.code == "4020"


def test_taken_reference_that_cannot_be_asked_about_is_unknown(mock, vipps):
    mock.post(PAYMENTS, status=409, json=samples.problem("4150"))
    mock.get(ONE, status=500)

    with pytest.raises(OutcomeUnknown):
        vipps.send(document(), options("link"))


def test_answer_about_another_reference_is_unknown(mock, vipps):
    mock.post(PAYMENTS, status=201, json={"reference": "another-one"})

    with pytest.raises(OutcomeUnknown):
        vipps.send(document(), options("link"))


def test_other_refusals_are_passed_on(mock, vipps):
    mock.post(PAYMENTS, status=400, json=samples.problem("7010"))

    with pytest.raises(Refused) as caught:
        vipps.send(document(), options())

    assert caught.value.code == "7010"
    assert "do not say why" in str(caught.value.meaning)


# --------------------------------------------------------------------------------------- fetching
def answers(mock: Any, state: dict[str, Any], *events: dict[str, Any]) -> None:
    mock.get(f"{ONE}/events", json=list(events))
    mock.get(ONE, json=state)


def test_fetch_tells_all_events_and_the_present_state_last(mock, vipps):
    answers(
        mock,
        payment("AUTHORIZED", authorized=125000, captured=125000),
        event("CAPTURED", "3", timestamp="2026-11-21T11:02:00Z"),
        event("CREATED", "1"),
        event("AUTHORIZED", "2", timestamp="2026-11-21T11:01:00Z"),
    )

    changes = vipps.fetch(REFERENCE)

    assert [(c.event_id, c.state, c.authoritative) for c in changes] == [
        ("1:CREATED", RequestState.CREATED, False),
        ("2:AUTHORIZED", RequestState.ACCEPTED, False),
        ("3:CAPTURED", None, False),
        ("state:AUTHORIZED:125000:0:0", RequestState.PAID, True),
    ]
    assert [c.money.kind for c in changes if c.money] == [
        MovementKind.AUTHORISED,
        MovementKind.CAPTURED,
    ]
    assert changes[-1].occurred_at == changes[-2].occurred_at


def test_event_is_the_same_fact_by_webhook_and_by_asking(mock, vipps):
    logged = event("CAPTURED", "3", idempotencyKey="k")
    answers(mock, payment("AUTHORIZED", authorized=125000, captured=125000), logged)

    asked = vipps.fetch(REFERENCE)[0]
    (told,) = vipps.parse(json.dumps({"msn": "123456"} | logged).encode())

    assert (asked.event_id, asked.state, asked.money) == (told.event_id, told.state, told.money)
    assert asked.occurred_at == told.occurred_at


PRESENT = [
    ("CREATED", {}, RequestState.CREATED),
    ("ABORTED", {}, RequestState.REJECTED),
    ("EXPIRED", {}, RequestState.EXPIRED),
    ("TERMINATED", {"cancelled": 10}, RequestState.CANCELLED),
    ("AUTHORIZED", {"authorized": 10}, RequestState.ACCEPTED),
    ("AUTHORIZED", {"authorized": 10, "captured": 4}, RequestState.ACCEPTED),
    ("AUTHORIZED", {"authorized": 10, "captured": 10}, RequestState.PAID),
    ("AUTHORIZED", {"authorized": 10, "captured": 4, "cancelled": 6}, RequestState.PAID),
    ("AUTHORIZED", {"authorized": 10, "cancelled": 10}, RequestState.CANCELLED),
    (
        "AUTHORIZED",
        {"authorized": 10, "captured": 10, "refunded": 3},
        RequestState.PARTIALLY_REFUNDED,
    ),
    ("AUTHORIZED", {"authorized": 10, "captured": 10, "refunded": 10}, RequestState.REFUNDED),
    (
        "AUTHORIZED",
        {"authorized": 10, "captured": 4, "refunded": 4, "cancelled": 6},
        RequestState.REFUNDED,
    ),
    ("INVENTED", {}, None),
]


@pytest.mark.parametrize(("state", "sums", "ours"), PRESENT)
def test_present_state_follows_from_state_and_sums(mock, vipps, state, sums, ours):
    """Reserved is not paid, collected is."""
    answers(mock, payment(state, **sums))

    assert vipps.fetch(REFERENCE)[-1].state == ours


def test_unchanged_word_repeats_its_id(mock, vipps):
    answers(mock, payment("AUTHORIZED", authorized=10))

    assert vipps.fetch(REFERENCE)[-1].event_id == vipps.fetch(REFERENCE)[-1].event_id


@pytest.mark.parametrize(
    ("country", "guaranteed", "before"),
    [
        ("NO", None, "2027-05-20T11:00:00+00:00"),
        ("DK", None, "2026-12-05T11:00:00+00:00"),
        ("FI", None, "2026-12-05T11:00:00+00:00"),
        ("NO", "2026-11-28T11:00:00+00:00", "2026-11-28T11:00:00+00:00"),
        ("DK", "2026-12-21T11:00:00Z", "2026-12-05T11:00:00+00:00"),
    ],
)
def test_reservation_says_until_when_it_can_be_collected(mock, country, guaranteed, before):
    vipps = VippsMobilePay(samples.account(country=country))
    more = {"captureGuaranteedUntil": guaranteed} if guaranteed else {}
    approved = event("AUTHORIZED", timestamp="2026-11-21T11:00:00Z")
    answers(mock, payment("AUTHORIZED", authorized=125000) | more, approved)

    assert [change.extra for change in vipps.fetch(REFERENCE)] == [{"capture_before": before}] * 2


def test_unknown_reference_is_not_found(mock, vipps):
    mock.get(f"{ONE}/events", status=404, json=samples.problem("5090"))

    with pytest.raises(NotFound):
        vipps.fetch(REFERENCE)


@pytest.mark.parametrize(
    "broken", [{}, payment() | {"amount": 3}, payment() | {"reference": "another-one"}]
)
def test_answer_that_is_not_this_payment_may_be_asked_again(mock, vipps, broken):
    answers(mock, broken)

    with pytest.raises(Unavailable):
        vipps.fetch(REFERENCE)


def test_secrets_are_not_in_what_is_kept(mock, vipps):
    answers(mock, payment() | {"redirectUrl": URL}, event("CREATED"))

    kept = json.dumps([change.payload for change in vipps.fetch(REFERENCE)], default=str)

    assert "t-secret" not in kept


# --------------------------------------------------------------------------------- shared numbers
SHARED = payment("AUTHORIZED", authorized=10) | {"profile": {"sub": "c06c4afe-d9e1"}}
USERINFO = f"{HOST}/vipps-userinfo-api/userinfo/c06c4afe-d9e1"


def phones(changes: list[Any]) -> list[Any]:
    return [change.profile["phone"] for change in changes if change.profile]


def test_number_is_read_off_the_payment(mock, vipps):
    """V-40."""
    answers(mock, SHARED | {"userDetails": {"mobileNumber": "4791234567", "email": None}})

    assert phones(vipps.fetch(REFERENCE)) == ["+4791234567"]
    assert not [c for c in mock.calls if "userinfo" in c.request.url]


@pytest.mark.parametrize("details", [None, {}, {"mobileNumber": None}, {"mobileNumber": ""}])
def test_number_that_is_not_there_is_asked_for_by_sub(mock, vipps, details):
    """V-41."""
    answers(mock, SHARED | {"userDetails": details})
    mock.get(USERINFO, json={"sub": "c06c4afe-d9e1", "phone_number": "4791234567"})

    assert phones(vipps.fetch(REFERENCE)) == ["+4791234567"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"phone_number": "[Expired]"}),
        (200, {}),
        (400, {"extraInfo": "x"}),
        (401, {}),
        (403, {}),
        (404, {"extraInfo": "x"}),
        (500, {}),
    ],
)
def test_number_that_cannot_be_had_is_no_number(mock, vipps, status, body):
    """V-41: a stale sub, a withdrawn consent: the payment is none the worse."""
    answers(mock, SHARED)
    mock.get(USERINFO, status=status, json=body)

    changes = vipps.fetch(REFERENCE)

    assert (phones(changes), changes[-1].state) == ([], RequestState.ACCEPTED)


def test_nobody_is_asked_where_nothing_was_shared(mock, vipps):
    """V-36."""
    answers(mock, payment("AUTHORIZED", authorized=10))

    vipps.fetch(REFERENCE)

    assert not [c for c in mock.calls if "userinfo" in c.request.url]


# ---------------------------------------------------------------------- capture, refund, cancel
MOVES = [
    ("capture", "CAPTURED", "captured", "6170"),
    ("refund", "REFUNDED", "refunded", "6180"),
]


def move(vipps: VippsMobilePay, what: str) -> None:
    getattr(vipps, what)(REFERENCE, amount=Decimal("1250.00"), currency="NOK", key="key-9")


@pytest.mark.parametrize(("what", "_name", "column", "_code"), MOVES)
def test_move_is_done_when_their_sums_say_so(mock, vipps, what, _name, column, _code):
    mock.post(f"{ONE}/{what}", json=payment("AUTHORIZED", **{column: 125000}))

    move(vipps, what)

    request = mock.calls[-1].request
    assert request.headers["Idempotency-Key"] == "key-9"
    assert json.loads(request.body) == {"modificationAmount": {"currency": "NOK", "value": 125000}}


@pytest.mark.parametrize(("what", "_name", "_column", "_code"), MOVES)
def test_move_that_their_sums_do_not_show_is_unknown(mock, vipps, what, _name, _column, _code):
    mock.post(f"{ONE}/{what}", json=payment("AUTHORIZED"))

    with pytest.raises(OutcomeUnknown):
        move(vipps, what)


@pytest.mark.parametrize(("what", "name", "_column", "code"), MOVES)
def test_move_done_before_under_our_key_is_done(mock, vipps, what, name, _column, code):
    mock.post(f"{ONE}/{what}", status=400, json=samples.problem(code))
    answers(mock, payment("AUTHORIZED"), event(name, idempotencyKey="key-9"))

    move(vipps, what)


@pytest.mark.parametrize(("what", "name", "_column", "code"), MOVES)
def test_move_under_another_key_is_not_ours(mock, vipps, what, name, _column, code):
    mock.post(f"{ONE}/{what}", status=400, json=samples.problem(code))
    answers(
        mock,
        payment("AUTHORIZED", authorized=250000, captured=125000),
        event(name, idempotencyKey="another"),
    )

    with pytest.raises(Refused) as caught:
        move(vipps, what)

    assert caught.value.code == code


@pytest.mark.parametrize(("what", "name"), [("capture", "CAPTURED"), ("refund", "REFUNDED")])
def test_failed_event_under_our_key_is_no_proof(mock, vipps, what, name):
    mock.post(f"{ONE}/{what}", status=409, json=samples.problem("4010"))
    state = payment("AUTHORIZED", authorized=125000)
    answers(mock, state | {}, event(name, idempotencyKey="key-9", success=False))

    if what == "refund":
        mock.post(f"{ONE}/{what}", status=409, json=samples.problem("4150"))
    with pytest.raises(Refused):
        move(vipps, what)


def test_all_that_could_be_collected_has_been(mock, vipps):
    mock.post(f"{ONE}/capture", status=400, json=samples.problem("6170"))
    answers(mock, payment("AUTHORIZED", authorized=125000, captured=125000))

    move(vipps, "capture")


def test_part_is_not_collected_where_only_the_whole_may_be():
    vipps = VippsMobilePay(samples.account(partial_capture=False))
    with samples.wire() as mock:
        mock.get(ONE, json=payment("AUTHORIZED", authorized=250000))

        with pytest.raises(Refused) as caught:
            move(vipps, "capture")

    assert (caught.value.code, caught.value.field) == ("6140", "amount")


@pytest.mark.parametrize("early", [True, False])
def test_cancel_says_whether_an_approval_may_be_undone(mock, vipps, early):
    mock.post(f"{ONE}/cancel", json=payment("TERMINATED", cancelled=125000))

    vipps.cancel(REFERENCE, key="key-9", before_approval_only=early)

    request = mock.calls[-1].request
    assert json.loads(request.body) == {"cancelTransactionOnly": early}
    assert request.headers["Idempotency-Key"] == "key-9"


def test_cancel_that_lost_against_the_approval_keeps_the_code(mock, vipps):
    mock.post(f"{ONE}/cancel", status=400, json=samples.problem("6060"))

    with pytest.raises(Refused) as caught:
        vipps.cancel(REFERENCE, key="k", before_approval_only=True)

    assert caught.value.code == "6060"


@pytest.mark.parametrize(
    ("state", "sums"),
    [
        ("TERMINATED", {}),
        ("ABORTED", {}),
        ("EXPIRED", {}),
        ("AUTHORIZED", {"authorized": 10, "cancelled": 10}),
    ],
)
@pytest.mark.parametrize("code", ["6050", "6190"])
def test_cancel_of_what_is_over_is_done(mock, vipps, state, sums, code):
    mock.post(f"{ONE}/cancel", status=400, json=samples.problem(code))
    mock.get(ONE, json=payment(state, **sums))

    vipps.cancel(REFERENCE, key="k", before_approval_only=False)


def test_cancel_of_what_is_still_reserved_is_refused(mock, vipps):
    mock.post(f"{ONE}/cancel", status=400, json=samples.problem("6190"))
    mock.get(ONE, json=payment("AUTHORIZED", authorized=10))

    with pytest.raises(Refused):
        vipps.cancel(REFERENCE, key="k", before_approval_only=False)


def test_cancel_that_their_sums_do_not_show_is_unknown(mock, vipps):
    mock.post(f"{ONE}/cancel", json=payment("AUTHORIZED", authorized=10))

    with pytest.raises(OutcomeUnknown):
        vipps.cancel(REFERENCE, key="k", before_approval_only=False)


@pytest.mark.parametrize("code", ["6160", "6250", "6280", "3010"])
def test_operation_under_way_is_tried_again_with_the_same_key(mock, vipps, code):
    mock.post(f"{ONE}/capture", status=400, json=samples.problem(code))

    with pytest.raises(Unavailable) as caught:
        move(vipps, "capture")

    assert caught.value.retry_after == 15.0


# ------------------------------------------------------------------------------------ the rest
def test_button_goes_onto_the_paid_transaction(mock):
    account = samples.account(environment="production")
    base = "https://api.vipps.no"
    mock.post(f"{base}/accesstoken/get", json=samples.token())
    mock.put(f"{base}/order-management/v2/ECOM/categories/{REFERENCE}", json="uuid")

    VippsMobilePay(account).after_paid(document(), REFERENCE, samples.PAGE)

    assert json.loads(mock.calls[-1].request.body) == {
        "category": "GENERAL",
        "orderDetailsUrl": samples.PAGE,
    }


@pytest.mark.parametrize(
    "account",
    [samples.account(), samples.account(environment="production", order_management=False)],
)
def test_no_button_where_there_is_no_order_management(account):
    with samples.wire() as mock:
        VippsMobilePay(account).after_paid(document(), REFERENCE, samples.PAGE)

    assert len(mock.calls) == 0


def test_webhook_address_must_be_https(vipps):
    with pytest.raises(Refused) as caught:
        vipps.register_webhook("http://billing.example.com/hook")

    assert caught.value.field == "url"


def test_registration_gives_id_and_secret(mock, vipps):
    mock.post(f"{HOST}/webhooks/v1/webhooks", status=201, json={"id": "i", "secret": "s"})

    assert vipps.register_webhook("https://billing.example.com/hook") == ("i", "s")
    assert len(json.loads(mock.calls[-1].request.body)["events"]) == 8


def test_registration_without_a_secret_is_unknown(mock, vipps):
    mock.post(f"{HOST}/webhooks/v1/webhooks", status=201, json={"id": "i"})

    with pytest.raises(OutcomeUnknown):
        vipps.register_webhook("https://billing.example.com/hook")


def test_registration_that_is_gone_is_deleted(mock, vipps):
    mock.delete(f"{HOST}/webhooks/v1/webhooks/i", status=404, json={"title": "Not found"})

    vipps.delete_webhook("i")


def test_probe_proves_keys_and_sales_unit(mock, vipps):
    mock.get(f"{HOST}/webhooks/v1/webhooks", json={"webhooks": []})

    assert vipps.probe().ok is True


def test_probe_of_wrong_keys_says_which_to_check(vipps):
    with samples.wire(tokens=False) as mock:
        mock.post(f"{HOST}/accesstoken/get", status=401, json={"message": "no"})
        found = vipps.probe()

    assert found.ok is False
    assert "client secret" in str(found.proof)


def test_probe_of_a_silent_provider_proves_nothing(vipps):
    with samples.wire(tokens=False) as mock:
        mock.post(f"{HOST}/accesstoken/get", status=503)

        assert vipps.probe().ok is None


def test_checklist_of_an_empty_account_says_what_is_missing():
    account = samples.account(push_approved=False, long_living_approved=False)
    account.credentials = {"msn": "123456"}

    found = VippsMobilePay(account).checklist()

    assert [step.ok for step in found] == [False, None, None, None, False]
    assert "client secret" in str(found[0].proof)


def test_every_word_of_theirs_has_a_meaning():
    names = {"CREATED", "AUTHORIZED", "ABORTED", "EXPIRED", "TERMINATED"}

    assert set(facts.STATUSES) == names | {"CAPTURED", "CANCELLED", "REFUNDED"}
    assert all(str(word.meaning) for word in facts.STATUSES.values())

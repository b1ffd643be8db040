"""States, arithmetic, replay. §1.5 and §3 of the wire contract; V-24 to V-27."""

import pytest

from providers.sandbox import seeding, state
from providers.sandbox.models import Payment

from .conftest import Api, error_code, new_reference, push_body, request_body, wrong_field


def aggregates(api: Api, reference: str) -> tuple[int, ...]:
    """(authorized, captured, cancelled, refunded)."""
    held = api.payment(reference)["aggregate"]
    names = ("authorizedAmount", "capturedAmount", "cancelledAmount", "refundedAmount")
    return tuple(held[name]["value"] for name in names)


def test_approval_reserves_and_capture_takes(api):
    reference = api.approved(10_000)
    created = api.payment(reference)

    answers = [api.modify(reference, "capture", value) for value in (4_000, 6_000)]

    assert created["state"] == "AUTHORIZED"
    assert [a.status_code for a in answers] == [200, 200]
    assert aggregates(api, reference) == (10_000, 10_000, 0, 0)
    assert api.events(reference) == [
        ("CREATED", 10_000, True),
        ("AUTHORIZED", 10_000, True),
        ("CAPTURED", 4_000, True),
        ("CAPTURED", 6_000, True),
    ]


def test_psp_reference_is_the_creations_but_each_event_has_its_own(api):
    reference = api.approved()
    answer = api.modify(reference, "capture", 10_000).json()

    rows = api.get(f"/epayment/v1/payments/{reference}/events").json()

    assert (
        answer["pspReference"] == rows[0]["pspReference"] == api.payment(reference)["pspReference"]
    )
    assert len({row["pspReference"] for row in rows}) == 3


def test_cancel_before_approval_terminates(api):
    reference = new_reference()
    api.create(reference=reference)

    answer = api.modify(reference, "cancel")

    assert (answer.status_code, answer.json()["state"]) == (200, "TERMINATED")
    assert aggregates(api, reference) == (0, 0, 10_000, 0)


def test_cancel_takes_an_empty_body_and_no_key(api):
    reference = new_reference()
    api.create(reference=reference)
    path = f"/sandbox/vipps/epayment/v1/payments/{reference}/cancel"

    answer = api.client.post(path, data="", content_type="application/json", headers=api.headers())

    assert answer.status_code == 200


def test_cancel_releases_the_whole_remainder(api):
    reference = api.approved(10_000)
    api.modify(reference, "capture", 4_000)

    answer = api.modify(reference, "cancel")

    assert answer.json()["state"] == "AUTHORIZED"
    assert aggregates(api, reference) == (10_000, 4_000, 6_000, 0)
    assert api.events(reference)[-1] == ("CANCELLED", 6_000, True)


def test_refunds_up_to_what_was_captured(api):
    reference = api.approved(10_000)
    api.modify(reference, "capture", 10_000)

    answers = [api.modify(reference, "refund", value) for value in (2_500, 7_501, 7_500, 1)]

    assert [a.status_code for a in answers] == [200, 400, 200, 400]
    assert [error_code(a) for a in answers] == ["", "6150", "", "6180"]
    assert aggregates(api, reference) == (10_000, 10_000, 0, 10_000)


CREATED, APPROVED, CAPTURED, PART, CANCELLED, TERMINATED, ABORTED = [
    "created",
    "approved",
    "captured",
    "part",
    "cancelled",
    "terminated",
    "aborted",
]


def _bring_to(api: Api, stage: str) -> str:
    if stage in {CREATED, TERMINATED, ABORTED}:
        reference = new_reference()
        api.create(reference=reference)
        if stage == TERMINATED:
            api.modify(reference, "cancel")
        if stage == ABORTED:
            api.control("reject", reference=reference)
        return reference
    reference = api.approved(10_000)
    if stage == CAPTURED:
        api.modify(reference, "capture", 10_000)
    if stage == PART:
        api.modify(reference, "capture", 4_000)
    if stage == CANCELLED:
        api.modify(reference, "cancel")
    return reference


@pytest.mark.parametrize(
    ("stage", "what", "value", "code"),
    [
        (CREATED, "capture", 1, "6080"),
        (TERMINATED, "capture", 1, "6070"),
        (ABORTED, "capture", 1, "6200"),
        (CANCELLED, "capture", 1, "6070"),
        (CAPTURED, "capture", 1, "6170"),
        (PART, "capture", 6_001, "6090"),
        (APPROVED, "capture", 0, "4040"),
        (APPROVED, "capture", -1, "4040"),
        (CREATED, "refund", 1, "6020"),
        (ABORTED, "refund", 1, "6210"),
        (APPROVED, "refund", 1, "6150"),
        (PART, "refund", 4_001, "6150"),
        (CAPTURED, "refund", 123, "5100"),
        (CAPTURED, "refund", 124, "6220"),
        (CAPTURED, "cancel", None, "6040"),
        (CANCELLED, "cancel", None, "6190"),
        (TERMINATED, "cancel", None, "6190"),
        (ABORTED, "cancel", None, "6190"),
    ],
)
def test_refusals_change_nothing(api, stage, what, value, code):
    reference = _bring_to(api, stage)
    before = (aggregates(api, reference), api.events(reference))

    answer = api.modify(reference, what, value)

    assert (answer.status_code, error_code(answer)) == (400, code)
    assert (aggregates(api, reference), api.events(reference)) == before


def test_transaction_only_cancel_never_touches_reserved_money(api):
    reference = api.approved()

    answer = api.send(f"/epayment/v1/payments/{reference}/cancel", {"cancelTransactionOnly": True})

    assert error_code(answer) == "6060"
    assert aggregates(api, reference) == (10_000, 0, 0, 0)


def test_capture_in_another_currency_is_refused(api):
    reference = api.approved()
    body = {"modificationAmount": {"currency": "DKK", "value": 10_000}}

    assert error_code(api.send(f"/epayment/v1/payments/{reference}/capture", body)) == "4040"


def test_unit_without_partial_capture_refuses_a_part(api):
    seeding.sales_unit(partial_capture_allowed=False)
    reference = api.approved(10_000)

    answers = [api.modify(reference, "capture", value) for value in (4_000, 10_000)]

    assert [error_code(a) for a in answers] == ["6140", ""]


def test_unknown_fields_in_a_modification_are_refused(api):
    reference = api.approved()
    body = {"modificationAmount": {"currency": "NOK", "value": 1}, "text": "x"}

    assert wrong_field(api.send(f"/epayment/v1/payments/{reference}/capture", body)) == "text"


# --- replay ---------------------------------------------------------------------------------


def test_replayed_create_answers_the_same_and_creates_nothing(api):
    body = request_body()

    first, second = api.create(key="k-1", **body), api.create(key="k-1", **body)

    assert (second.status_code, second.json()) == (201, first.json())
    assert Payment.objects.count() == 1


def test_replayed_create_may_conflict_instead(api):
    seeding.sales_unit(conflict_on_replayed_create=True)
    body = request_body()
    api.create(key="k-1", **body)

    answer = api.create(key="k-1", **body)

    assert (answer.status_code, error_code(answer)) == (409, "4020")


def test_same_key_for_another_body_conflicts(api):
    body = request_body()
    api.create(key="k-1", **body)

    other = api.create(key="k-1", **(body | {"paymentDescription": "Something else"}))
    elsewhere = api.create(key="k-1", **(body | {"reference": new_reference()}))

    assert [(a.status_code, error_code(a)) for a in (other, elsewhere)] == [(409, "4020")] * 2
    assert Payment.objects.count() == 1


def test_replayed_capture_takes_the_money_once(api):
    reference = api.approved(10_000)

    answers = [api.modify(reference, "capture", 4_000, key="c-1") for _ in range(3)]

    assert [a.status_code for a in answers] == [200, 200, 200]
    assert aggregates(api, reference) == (10_000, 4_000, 0, 0)


@pytest.mark.parametrize(("what", "code"), [("capture", "4010"), ("refund", "4150")])
def test_key_of_another_modification_conflicts(api, what, code):
    reference = api.approved(10_000)
    api.modify(reference, "capture", 4_000, key="c-1")
    if what == "refund":
        api.modify(reference, "refund", 1_000, key="r-1")

    answer = api.modify(reference, what, 2_000, key="c-1" if what == "capture" else "r-1")

    assert (answer.status_code, error_code(answer)) == (409, code)


def test_refused_request_stays_refused_under_its_key(api):
    reference = new_reference()
    api.create(reference=reference)
    early = api.modify(reference, "capture", 10_000, key="c-1")
    api.control("approve", reference=reference)

    again = api.modify(reference, "capture", 10_000, key="c-1")

    assert (early.status_code, again.status_code) == (400, 400)
    assert error_code(again) == "6080"
    assert api.modify(reference, "capture", 10_000, key="c-2").status_code == 200


def test_same_key_at_two_sales_units_is_two_keys(api, client):
    other = Api(unit=seeding.sales_unit(msn="654321"), client=client)
    other.fetch_token()

    answers = [api.create(key="k-1"), other.create(key="k-1")]

    assert [a.status_code for a in answers] == [201, 201]


# --- the customer and the clock -----------------------------------------------------------


def test_soft_dismissal_leaves_no_trace(api):
    """V-25."""
    reference = new_reference()
    api.create(**push_body(reference=reference))
    before = (api.payment(reference), api.events(reference))

    api.control("dismiss", reference=reference)

    assert (api.payment(reference), api.events(reference)) == before
    assert api.control("approve", reference=reference).json()["state"] == "AUTHORIZED"


def test_payment_expires_by_the_clock(api):
    """V-26."""
    reference = new_reference()
    api.create(reference=reference)
    api.control("clock", seconds=601)

    api.fetch_token()

    assert api.payment(reference)["state"] == "EXPIRED"
    assert api.events(reference)[-1] == ("EXPIRED", 10_000, True)
    assert api.control("approve", reference=reference).status_code == 409


def test_long_living_payment_outlives_ten_minutes(api):
    reference = new_reference()
    api.create(**push_body(reference=reference))
    api.control("clock", seconds=19 * 3600)
    api.fetch_token()

    assert api.payment(reference)["state"] == "CREATED"
    api.control("clock", seconds=3600)
    api.fetch_token()
    assert api.payment(reference)["state"] == "EXPIRED"


def test_uncaptured_money_is_released_after_the_deadline(api):
    seeding.sales_unit(market="DK", currency="DKK")
    api.unit.refresh_from_db()
    reference = api.approved(10_000, returnUrl="https://example.com/r")
    api.modify(reference, "capture", 4_000)
    api.control("clock", seconds=14 * 86400 + 60)
    api.fetch_token()

    assert aggregates(api, reference) == (10_000, 4_000, 6_000, 0)
    assert error_code(api.modify(reference, "capture", 6_000)) == "6070"


def test_refund_is_refused_after_a_year(api):
    reference = api.approved(10_000)
    api.modify(reference, "capture", 10_000)
    api.control("clock", seconds=366 * 86400)
    api.fetch_token()

    assert error_code(api.modify(reference, "refund", 1)) == "6220"


@pytest.mark.parametrize("amount", [151, 182, 183, 184, 186, 187, 197])
def test_failing_amounts_log_a_failure_and_stay_created(api, amount):
    reference = new_reference()
    api.create(reference=reference, amount={"currency": "NOK", "value": amount})

    api.control("approve", reference=reference)

    assert api.payment(reference)["state"] == "CREATED"
    assert api.events(reference)[-1] == ("AUTHORIZED", amount, False)


def test_amount_201_is_unknown_for_an_hour(api):
    reference = new_reference()
    body = push_body(reference=reference, amount={"currency": "NOK", "value": 201})
    api.create(**body)
    api.control("approve", reference=reference)

    assert error_code(api.modify(reference, "cancel")) == "6250"
    api.control("clock", seconds=3601)
    api.fetch_token()
    assert api.payment(reference)["state"] == "AUTHORIZED"


def test_amount_202_needs_a_second_yes(api):
    reference = new_reference()
    api.create(reference=reference, amount={"currency": "NOK", "value": 202})

    shown = [api.control("approve", reference=reference).json()["phoneShows"] for _ in range(2)]

    assert shown == ["confirm", "approved"]


def test_force_approve_by_number_and_by_token(api):
    references = [new_reference(), new_reference()]
    tokens = [
        api.create(reference=reference).json()["redirectUrl"].partition("token=")[2]
        for reference in references
    ]
    bodies = [{"customer": {"phoneNumber": "4791234567"}}, {"token": tokens[1]}]

    answers = [
        api.send(f"/epayment/v1/test/payments/{reference}/approve", body)
        for reference, body in zip(references, bodies, strict=True)
    ]

    assert [a.status_code for a in answers] == [200, 200]
    assert {api.payment(reference)["state"] for reference in references} == {"AUTHORIZED"}


def test_ledger_sums_what_the_provider_holds(api):
    first, second = api.approved(10_000), api.approved(5_000)
    api.modify(first, "capture", 10_000)
    api.modify(first, "refund", 3_000)
    api.modify(second, "cancel")

    ledger = state.ledger()

    assert ledger["totals"] == {
        "NOK": {"authorized": 15_000, "captured": 10_000, "cancelled": 5_000, "refunded": 3_000}
    }
    assert ledger["calls"] == {
        "cancel 200": 1,
        "capture 200": 1,
        "create 201": 2,
        "refund 200": 1,
        "token 200": 1,
    }

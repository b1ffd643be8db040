"""Many invoices in one call: what is refused at once, what later, and how long it takes."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from providers.sandbox import clock
from providers.sandbox.mobilepay import lifecycle, problems
from providers.sandbox.models import AppEvent, AppInvoice, Call, PortalIssuer
from tests.sandbox import mobilepay_openapi as openapi
from tests.sandbox.mobilepay_merchant import BASE, Merchant, alias, day
from tests.sandbox.mobilepay_merchant import merchant as new_merchant

pytestmark = pytest.mark.django_db
Status = AppInvoice.Status
FULL = 2000


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_URL = "https://shop.example"


@pytest.fixture
def merchant() -> Merchant:
    return new_merchant()


def many(merchant: Merchant, count: int) -> list[dict[str, Any]]:
    """Bodies to as many different payers."""
    return [
        merchant.full(ConsumerAlias=alias(f"+45{30_000_000 + number}")) for number in range(count)
    ]


def post(merchant: Merchant, items: Any, path: str = "/invoices/batch") -> dict[str, Any]:
    answer = merchant.post(path, items)
    assert answer.status_code == 202, answer.content
    told: dict[str, Any] = answer.json()
    assert set(told) == {"Accepted", "Rejected"}
    return told


@pytest.mark.requirement("M4-40", "M4-42")
def test_accepted_items_are_named_by_number_and_wait_for_validation(merchant):
    items = many(merchant, 3)

    told = post(merchant, items)

    rows = AppInvoice.objects.order_by("pk")
    assert told == {
        "Accepted": [
            {"InvoiceNumber": row.number, "InvoiceId": str(row.invoice_id)} for row in rows
        ],
        "Rejected": [],
    }
    assert [row.number for row in rows] == [item["InvoiceNumber"] for item in items]
    assert {(row.status, row.from_batch) for row in rows} == {("pending", True)}
    assert AppEvent.objects.count() == 0
    assert Call.objects.get().reference == "3 invoices"


@pytest.mark.requirement("M4-42", "M4-43", "M4-86")
def test_mixed_batch_refuses_faulty_items_and_duplicates_at_once(merchant):
    good, faulty, trick = many(merchant, 3)
    faulty |= {"DueDate": None, "TotalAmount": "x"}
    trick |= {"ConsumerAlias": alias("+4511910504")}
    stranger = merchant.full(InvoiceIssuer="0f6d9c3a-51b7-4e0e-9c42-8a7be1d2f530")
    items = [good, faulty, good, stranger, trick, 7]

    told = post(merchant, items)

    assert [row["InvoiceNumber"] for row in told["Accepted"]] == [good["InvoiceNumber"]]
    assert {row["InvoiceNumber"]: row["Errors"] for row in told["Rejected"]} == {
        faulty["InvoiceNumber"]: [
            {"ErrorText": "input.TotalAmount : Invalid input", "ErrorCode": None},
            {"ErrorText": "input.DueDate : Required", "ErrorCode": None},
        ],
        good["InvoiceNumber"]: [{"ErrorText": "Invoice already exists", "ErrorCode": 10104}],
        stranger["InvoiceNumber"]: [{"ErrorText": problems.text(10202), "ErrorCode": 10202}],
        trick["InvoiceNumber"]: [{"ErrorText": problems.text(10504), "ErrorCode": 10504}],
        None: [{"ErrorText": "input.body : Invalid input", "ErrorCode": None}],
    }
    assert AppInvoice.objects.count() == 1


@pytest.mark.requirement("M4-42")
def test_14_puts_the_error_into_the_item_itself(merchant):
    merchant.set(profile="1.4")
    body = merchant.full()
    post(merchant, [body])

    assert post(merchant, [body])["Rejected"] == [
        {
            "InvoiceNumber": body["InvoiceNumber"],
            "ErrorText": "Invoice already exists",
            "ErrorCode": 10104,
        }
    ]


@openapi.needs_file
@pytest.mark.requirement("M4-40", "M4-42")
def test_answer_fits_the_providers_own_description(merchant):
    body = merchant.full()

    told = post(merchant, [body, body])

    assert [len(told["Accepted"]), len(told["Rejected"])] == [1, 1]
    assert openapi.faults("RestAPI.Models.Invoice.InvoiceBatchResultModel", told) == []


@pytest.mark.requirement("M4-44", "M4-65", "M4-66", "M4-72")
def test_most_rules_come_later_as_invalid(merchant):
    broken: dict[int, dict[str, Any]] = {
        10008: {"TotalAmount": 0},
        10201: {"TotalAmount": 15_000.01},
        10310: {"DueDate": day(400)},
        10311: {"DueDate": day(-1)},
        10312: {"IssueDate": day(1)},
        10101: {"ConsumerAlias": alias("+4791234567")},
        10105: {"ConsumerAlias": alias("+4511810105")},
    }
    items = [*many(merchant, 1), *[merchant.full(**given) for given in broken.values()]]

    told = post(merchant, items)
    settled = lifecycle.settle_pending(clock.now())

    assert (len(told["Accepted"]), settled) == (8, 8)
    events = AppEvent.objects.order_by("invoice")
    assert [(event.status, event.sequence) for event in events] == [
        ("created", 1),
        *[("invalid", 1)] * 7,
    ]
    found = [event.payload.get("ErrorCode") for event in events]
    assert found == [None, *broken]
    assert events[1].payload["ErrorMessage"] == problems.text(10008)
    assert lifecycle.settle_pending(clock.now()) == 0


@pytest.mark.requirement("M4-97", "M4-98", "M4-44")
def test_daily_limits_bind_within_a_batch(merchant):
    merchant.set(per_payer_daily=2, per_issuer_daily=4)
    merchant.post("/invoices", merchant.full())
    same_payer = [merchant.full() for _ in range(2)]

    post(merchant, [*same_payer, *many(merchant, 3)])

    late = AppInvoice.objects.order_by("pk").values_list("late_error", flat=True)
    assert list(late) == [None, None, 10314, None, None, 10313]


def test_issuer_with_a_bad_account_is_found_out_later(merchant):
    PortalIssuer.objects.filter(issuer_id=merchant.issuer).update(account_is_valid=False)

    told = post(merchant, many(merchant, 1))

    assert (len(told["Accepted"]), AppInvoice.objects.get().late_error) == (1, 10203)


@pytest.mark.requirement("M4-54", "M4-55", "M4-48")
def test_links_of_a_batch_come_by_callback_alone(merchant):
    items = [merchant.full(ConsumerAlias=None) for _ in range(2)]

    told = post(merchant, items, "/invoices/link/batch")
    lifecycle.settle_pending(clock.now())

    assert [set(row) for row in told["Accepted"]] == [{"InvoiceNumber", "InvoiceId"}] * 2
    first = AppInvoice.objects.earliest("pk")
    links = AppEvent.objects.earliest("pk").payload["Links"]
    assert [link["Rel"] for link in links] == ["self", "user-redirect"]
    assert links[1]["Href"] == f"https://shop.example{BASE}/pay/{first.token}/"
    details = merchant.get(f"/invoices/{first.invoice_id}").json()
    assert "Links" not in details


@pytest.mark.requirement("M4-54")
def test_duplicate_link_in_a_batch_has_its_own_code(merchant):
    body = merchant.body(ConsumerAlias=None)

    told = post(merchant, [body, body], "/invoices/link/batch")

    assert told["Rejected"][0]["Errors"][0]["ErrorCode"] == 10301


def test_validation_waits_for_the_merchants_delay(merchant):
    merchant.set(validation_delay=30)
    post(merchant, many(merchant, 1))

    assert lifecycle.settle_pending(clock.now()) == 0
    clock.push(timedelta(seconds=31))
    assert lifecycle.settle_pending(clock.now()) == 1


@pytest.mark.requirement("M4-41")
@pytest.mark.parametrize("content", [[], {}, None, "x"])
def test_what_is_no_batch_is_refused_whole(merchant, content):
    answer = merchant.post("/invoices/batch", content)

    assert (answer.status_code, answer.json()["error"]) == (400, "InputError")


@pytest.mark.requirement("M4-41")
def test_2001_are_too_many(merchant):
    answer = merchant.post("/invoices/batch", [{}] * (FULL + 1))

    assert answer.status_code == 400
    assert answer.json()["error_description"] == (
        "input.body : At most 2000 invoices are allowed\r\n"
    )


@pytest.mark.requirement("M4-41")
@pytest.mark.parametrize("path", ["/invoices/batch", "/invoices/link/batch"])
def test_full_batch_is_quick(merchant, path, django_assert_max_num_queries):
    # Larger than what the site itself would take in a form.
    items = [item | {"Comment": "Tak for i dag. " * 80} for item in many(merchant, FULL)]
    # The first call of a process loads the site's addresses.
    merchant.get("/invoiceissuers")
    began = time.process_time()

    with django_assert_max_num_queries(150):
        told = post(merchant, items, path)
    taken_in = time.process_time()
    with django_assert_max_num_queries(150):
        settled = lifecycle.settle_pending(clock.now())
    ended = time.process_time()

    assert (len(told["Accepted"]), settled) == (FULL, FULL)
    assert AppInvoice.objects.filter(status=Status.CREATED, sequence=1).count() == FULL
    assert AppEvent.objects.count() == FULL
    # Of the processor's time, so that a busy machine does not matter.
    assert taken_in - began < 3
    assert ended - taken_in < 3


@pytest.mark.requirement("M4-45")
def test_repeated_batch_doubles_nothing(merchant):
    items = many(merchant, 50)
    first = post(merchant, items)

    again = post(merchant, items)

    assert (len(first["Accepted"]), len(again["Accepted"])) == (50, 0)
    assert {row["Errors"][0]["ErrorCode"] for row in again["Rejected"]} == {10104}
    assert AppInvoice.objects.count() == 50


@pytest.mark.requirement("M4-45")
@pytest.mark.django_db(transaction=True)
def test_twins_at_the_same_moment_become_one():
    merchant = new_merchant()
    body = merchant.full()

    def send(_: int) -> int:
        try:
            answer = replace(merchant, client=Client()).post("/invoices", body)
            return int(answer.status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(send, range(4)))

    assert statuses == [200, 409, 409, 409]
    assert AppInvoice.objects.count() == 1


@pytest.mark.requirement("M1-26")
def test_first_documentation_takes_thousands_in_its_array(merchant):
    merchant.set(profile="v1")
    items = [
        merchant.first(ConsumerAlias=alias(f"+45{30_000_000 + number}")) for number in range(FULL)
    ]

    answer = merchant.post("/invoices", items)
    lifecycle.settle_pending(clock.now())

    assert answer.status_code == 202
    assert len({row["InvoiceId"] for row in answer.json()}) == FULL
    assert AppInvoice.objects.filter(status=Status.CREATED).count() == FULL

"""Callbacks over real HTTP: set-up, authorization, arrays, retries, faults. Contract section 8."""

import base64
import re
from datetime import timedelta

import pytest

from providers.sandbox import clock
from providers.sandbox.mobilepay import callbacks, lifecycle
from providers.sandbox.models import AppEvent, AppInvoice, Call, Delivery, Subscription

from . import mobilepay_wire as wire
from .mobilepay_wire import Merchant, Receiver

KEY = "a-long-random-key-0123456789"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00")


@pytest.fixture
def merchant(live_server, transactional_db) -> Merchant:
    return wire.merchant(live_server.url)


@pytest.fixture
def receiver():
    with wire.receiving() as found:
        yield found


@pytest.fixture
def heard(merchant: Merchant, receiver: Receiver) -> Receiver:
    """A receiver that the merchant has set up with an ApiKey."""
    answer = merchant.own("PUT", "auth/apikey", {"apiKey": KEY, "callbackUrl": receiver.url})
    assert answer.status_code == 204, answer.text
    return receiver


def said(receiver: Receiver) -> list[tuple[str, str]]:
    return [(item["InvoiceId"], item["Status"]) for item in receiver.items]


def many(merchant: Merchant, count: int) -> list[str]:
    """Make invoices with their first event, without the API's own work."""
    now = clock.now()
    rows = [
        AppInvoice(
            merchant=merchant.portal.merchant,
            issuer=merchant.portal.issuers[0],
            token=f"token-{number}",
            body={},
            body_hash=str(number),
            number=f"N-{number}",
            alias=f"+4520{number:06d}",
            total=100,
            currency="DKK",
            due_date=merchant.today() + timedelta(days=10),
            status="created",
            sequence=1,
            created_at=now,
            updated_at=now,
        )
        for number in range(count)
    ]
    AppInvoice.objects.bulk_create(rows)
    AppEvent.objects.bulk_create([lifecycle.event_of(row, now) for row in rows])
    return [str(row.invoice_id) for row in rows]


@pytest.mark.requirement("M4-76")
def test_api_key_comes_raw_without_a_scheme_word(merchant, heard):
    invoice = merchant.direct()

    done = merchant.control("deliver").json()

    assert done["delivered"] == 1
    assert heard.calls[0].headers["Authorization"] == KEY
    assert heard.calls[0].headers["Content-Type"] == "application/json"
    assert said(heard) == [(invoice, "Created")]


@pytest.mark.requirement("M4-76")
def test_basic_replaces_the_api_key(merchant, heard):
    body = {"username": "mp", "password": "lång og hemmelig", "callbackUrl": f"{heard.url}/b"}
    assert merchant.own("PUT", "auth/basic", body).status_code == 204
    merchant.direct()

    merchant.control("deliver")

    pair = base64.b64encode("mp:lång og hemmelig".encode()).decode()
    assert [call.headers["Authorization"] for call in heard.calls] == [f"Basic {pair}"]
    assert Subscription.objects.filter(deleted_at=None).count() == 1


def test_names_are_read_whatever_their_case(merchant, receiver):
    body = {"ApiKey": KEY, "callbackurl": receiver.url}

    assert merchant.own("PUT", "auth/apikey", body).status_code == 204
    assert wire.fresh(merchant).callback_url == receiver.url


@pytest.mark.parametrize(
    ("scheme", "changes", "field"),
    [
        ("basic", {"password": None}, "password"),
        ("basic", {"username": "a:b"}, "username"),
        (
            "basic",
            {"callbackUrl": None, "callback_url": "https://billing.example.test/"},
            "callbackUrl",
        ),
        ("apikey", {"apiKey": None}, "apiKey"),
        ("apikey", {"apiKey": "two\nlines"}, "apiKey"),
        ("apikey", {"apiKey": "blåbær"}, "apiKey"),
        ("apikey", {"apiKey": 12345}, "apiKey"),
        ("apikey", {"callbackUrl": "http://billing.example.test/"}, "callbackUrl"),
        ("apikey", {"callbackUrl": "x" * 2001}, "callbackUrl"),
    ],
)
def test_set_up_is_checked(merchant, scheme, changes, field):
    whole = {
        "basic": {
            "username": "mp",
            "password": "p",
            "callbackUrl": "https://billing.example.test/",
        },
        "apikey": {"apiKey": KEY, "callbackUrl": "https://billing.example.test/"},
    }[scheme]
    body = {name: value for name, value in (whole | changes).items() if value is not None}

    answer = merchant.own("PUT", f"auth/{scheme}", body)

    assert answer.status_code == 400
    assert answer.json()["error"] == "InputError"
    assert answer.json()["error_description"].startswith(f"input.{field} : ")
    assert not Subscription.objects.exists()


def test_set_up_of_another_merchant_is_refused(merchant, receiver):
    body = {"apiKey": KEY, "callbackUrl": receiver.url}

    answer = merchant.call(
        "PUT", "merchants/7b0c2f54-9a1e-4d3b-8f66-2c5d0a9e1b11/auth/apikey", body
    )

    assert answer.status_code == 404
    assert not Subscription.objects.exists()


def test_credentials_stay_out_of_the_call_log(merchant, heard):
    assert not [row for row in Call.objects.all() if KEY in row.body]


@pytest.mark.requirement("M4-76")
def test_an_array_holds_the_news_of_many_invoices(merchant, heard):
    first, second = merchant.direct(), merchant.direct()
    merchant.control("pay", invoiceId=first)

    merchant.control("deliver")

    assert len(heard.calls) == 1
    assert said(heard) == [
        (first, "Created"),
        (second, "Created"),
        (first, "Accepted"),
        (first, "Paid"),
    ]
    items = heard.items
    assert all(DATE.fullmatch(item["Date"]) for item in items)
    assert [item["Sequence"] for item in items] == [1, 1, 2, 3]
    assert items[2]["PaymentDate"] == merchant.today().isoformat()
    assert "PaymentDate" not in items[3]


def test_arrays_are_of_500_at_most_and_nothing_is_sent_twice(merchant, heard):
    ids = many(merchant, 1201)

    merchant.control("deliver")
    merchant.control("deliver")

    assert [len(call.items) for call in heard.calls] == [500, 500, 201]
    assert [item["InvoiceId"] for item in heard.items] == ids


def test_shuffled_copied_and_lost_on_demand(merchant, heard):
    ids = many(merchant, 300)

    merchant.control("deliver", size=40, seed=7, copies=3, lost=0.1)

    seen = [item["InvoiceId"] for item in heard.items]
    assert {len(call.items) for call in heard.calls[:-1]} == {40}
    assert 0.8 * 300 < len(set(seen)) < 300
    assert all(seen.count(one) == 3 for one in set(seen))
    assert seen != sorted(seen, key=ids.index)


def test_the_same_seed_shuffles_alike():
    manner = callbacks.Manner(size=3, seed=5, copies=2, lost=0.2)

    assert manner.arrays(list(range(20))) == manner.arrays(list(range(20)))


def test_nobody_is_told_where_no_address_is_set_up(merchant):
    merchant.direct()

    assert merchant.control("deliver").json()["delivered"] == 0
    assert not Delivery.objects.exists()
    assert not AppEvent.objects.filter(queued_at=None).exists()


@pytest.mark.requirement("M4-76")
def test_eight_retries_and_no_more(merchant, heard):
    heard.answers[:] = [500] * 20
    merchant.direct()
    merchant.control("deliver")
    waits = [5, 19 * 60, 39 * 60, 79 * 60, 159 * 60, 319 * 60, 639 * 60, 1279 * 60]

    for number, wait in enumerate(waits, start=1):
        merchant.control("clock", seconds=wait - 3)
        merchant.control("deliver")
        assert len(heard.calls) == number
        merchant.control("clock", seconds=3)
        merchant.control("deliver")
        assert len(heard.calls) == number + 1
    merchant.control("clock", seconds=30 * 86400)
    merchant.control("deliver")

    first = next(row for row in merchant.look("callbacks")["callbacks"] if row["attempts"] > 1)
    assert (first["attempts"], first["settled"], first["delivered"]) == (9, True, False)
    assert not Subscription.objects.exclude(deleted_at=None).exists()


def test_a_failing_array_holds_up_no_other(merchant, heard):
    heard.answers[:] = [503]
    first = merchant.direct()
    merchant.control("deliver")
    second = merchant.direct()
    merchant.control("deliver")

    assert said(heard) == [(first, "Created"), (second, "Created")]
    merchant.control("clock", seconds=6)
    merchant.control("deliver")
    assert said(heard)[2:] == [(first, "Created")]


def fault(merchant: Merchant, kind: str, **more: object) -> None:
    answer = merchant.control("faults", kind=kind, endpoint="callback", **more)
    assert answer.ok, answer.text


def test_fault_duplicate(merchant, heard):
    fault(merchant, "webhook_duplicate", remaining=1)
    invoice = merchant.direct()

    merchant.control("deliver")

    assert said(heard) == [(invoice, "Created")] * 2


def test_fault_late(merchant, heard):
    fault(merchant, "webhook_late", seconds=600, remaining=1)
    merchant.direct()

    merchant.control("deliver")
    assert heard.calls == []
    merchant.control("clock", seconds=601)
    merchant.control("deliver")

    assert len(heard.calls) == 1


def test_fault_reordered(merchant, heard):
    fault(merchant, "webhook_reordered", seconds=3600, remaining=1)
    first = merchant.direct()
    merchant.control("deliver")
    second = merchant.direct()

    merchant.control("deliver")

    assert said(heard) == [(second, "Created"), (first, "Created")]


def test_fault_dropped(merchant, heard):
    fault(merchant, "webhook_dropped", account=merchant.id, remaining=1)
    merchant.direct()

    merchant.control("deliver")

    assert heard.calls == []
    assert merchant.look("callbacks")["callbacks"][0]["error"] == "dropped by a fault switch"


def test_fault_forged(merchant, heard):
    fault(merchant, "webhook_forged", remaining=1)
    merchant.direct()

    merchant.control("deliver")

    forged, true = heard.calls
    assert KEY not in forged.headers["Authorization"]
    assert [item["Status"] for item in forged.items] == ["Paid"]
    assert true.headers["Authorization"] == KEY
    assert [item["Status"] for item in true.items] == ["Created"]


@pytest.mark.requirement("M4-77")
def test_callbacks_can_be_switched_off_and_on(merchant, heard):
    merchant.control("merchant", merchantId=merchant.id, callbacks=False)
    merchant.direct()
    merchant.control("deliver")
    assert heard.calls == []

    switched = merchant.control("merchant", merchantId=merchant.id, callbacks=True).json()
    invoice = merchant.direct()
    merchant.control("deliver")

    assert switched["callbacks"] is True
    assert said(heard) == [(invoice, "Created")]


@pytest.mark.requirement("M4-55")
def test_links_of_a_batch_come_by_callback(merchant, heard):
    answer = merchant.own("POST", "invoices/link/batch", [merchant.body()])
    accepted = answer.json()["Accepted"][0]

    merchant.control("deliver")

    assert "Links" not in accepted
    created = heard.items[0]
    assert (created["InvoiceId"], created["Status"]) == (accepted["InvoiceId"], "Created")
    hrefs = [link["Href"] for link in created["Links"] if link["Rel"] == "user-redirect"]
    assert len(hrefs) == 1
    assert "/sandbox/mobilepay/pay/" in hrefs[0]


@pytest.mark.requirement("M4-44")
def test_a_late_refusal_comes_with_its_code(merchant, heard):
    body = merchant.body(ConsumerAlias=wire.alias("+4511810101"))
    accepted = merchant.own("POST", "invoices/batch", [body]).json()["Accepted"][0]

    merchant.control("deliver")

    item = heard.items[0]
    assert (item["InvoiceId"], item["Status"]) == (accepted["InvoiceId"], "Invalid")
    assert item["ErrorCode"] == 10101
    assert item["ErrorMessage"]

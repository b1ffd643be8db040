"""Registration, signatures, order, retries. §7 of the wire contract."""

import hashlib
import hmac
import json
import threading
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import responses
from django.utils import timezone

from providers.sandbox import clock, outbox, seeding, state
from providers.sandbox.models import Delivery, Subscription
from providers.sandbox.vipps import webhooks

from .conftest import Api, new_reference, wrong_field

URL = "https://billing.example.com/webhooks/vipps/abc/"
ALL = sorted(webhooks.EVENTS)
PATH = "/webhooks/v1/webhooks"


@pytest.mark.parametrize(
    ("secret", "url", "date", "body", "digest", "signature"),
    [
        (
            "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A==",
            "https://webhook.site/e2cee29b-012e-4f1d-8ef4-e95fd74a7a63",
            datetime(2023, 3, 30, 8, 38, 32, tzinfo=UTC),
            '{"some-unique-content":"ee6e441b-cc4a-46f8-895d-a5af79bcc233/hello-world"}',
            "lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4=",
            "agAiSyogQbDHpeucoNwYz+yAr5nJ+v+zasdkSbqzv+U=",
        ),
        (
            "4c8e0d2b-6f1a-4b7e-9c35-8a1f2d3e4b50",
            "https://billing.example.com/hooks/vipps/acme?env=test",
            datetime(2026, 11, 20, 9, 15, 31, tzinfo=UTC),
            '{"msn":"123456","reference":"inv-2026-000123-a1","pspReference":"7b0d5c1e-3f5a-4f0e-8f55-0d6a4a6f2c11","name":"AUTHORIZED","amount":{"currency":"NOK","value":125000},"timestamp":"2026-11-20T09:15:30.123Z","idempotencyKey":"create-inv-2026-000123-a1","success":true}',
            "qu93bS5v+B07lBnB7xzcsNO+uyx6IhgqOUrk8av8mmc=",
            "T27H267iuEZ/z1MSCswK2BxSM6hN1HYjwMaPSN5LOw0=",
        ),
        (
            "4c8e0d2b-6f1a-4b7e-9c35-8a1f2d3e4b50",
            "https://billing.example.com:8443/hooks/vipps/acme/",
            datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC),
            '{"msn":"123456","reference":"inv-2026-000124-a1","pspReference":"2018200034","name":"CAPTURED","amount":{"currency":"NOK","value":9900},"timestamp":"2026-11-20T10:00:00Z","success":true,"note":"Blåbær & æøå \N{EN DASH} 1/2 kg"}',
            "TrE9GR9UZDsYwf9LXS2ScYyEvSOqV229diuHnVjpg1E=",
            "pqVLEL79KFrFuB0dvMekJwE4uC4GyNKsj1E8jHHLgMU=",
        ),
    ],
    ids=["vendor sample", "query string", "utf-8 and port"],
)
def test_signature_vectors(secret, url, date, body, digest, signature):
    headers = webhooks.sign(url, secret, body.encode(), date)

    assert headers["x-ms-content-sha256"] == digest
    assert headers["Authorization"] == (
        f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    )


@pytest.fixture
def subscription(api) -> Subscription:
    answer = api.send(PATH, {"url": URL, "events": ALL}, key="")
    assert answer.status_code == 201
    return Subscription.objects.get(public_id=answer.json()["id"])


@pytest.fixture
def receiver():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def names(receiver) -> list[str]:
    return [json.loads(call.request.body)["name"] for call in receiver.calls]


def test_secret_is_made_by_the_provider_and_shown_once(api):
    made = api.send(PATH, {"url": URL, "events": ALL}, key="").json()

    listed = api.get(PATH).json()

    assert set(made) == {"id", "secret"}
    assert listed == {"webhooks": [{"id": made["id"], "url": URL, "events": ALL}]}
    assert api.delete(f"{PATH}/{made['id']}").status_code == 204
    assert api.get(PATH).json() == {"webhooks": []}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"url": "http://billing.example.com/", "events": ALL}, "url"),
        ({"url": "https://intranet/", "events": ALL}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["AUTHORIZED"]}, "events"),
        ({"url": URL, "events": ALL, "secret": "mine"}, "secret"),
        ({"events": ALL}, "url"),
    ],
)
def test_registration_is_checked(api, body, name):
    answer = api.send(PATH, body, key="")

    assert (answer.status_code, wrong_field(answer)) == (400, name)
    assert not Subscription.objects.exists()


def test_at_most_25_registrations_per_event(api):
    event = ALL[:1]
    answers = [
        api.send(PATH, {"url": f"{URL}{n}", "events": event}, key="").status_code for n in range(26)
    ]

    assert answers == [201] * 25 + [400]


def test_events_arrive_signed_and_in_order(api, subscription, receiver):
    receiver.post(URL, status=200)
    reference = api.approved(10_000)
    api.modify(reference, "capture", 10_000, key="capture-1")

    delivered = outbox.deliver_due()

    assert (delivered, names(receiver)) == (3, ["CREATED", "AUTHORIZED", "CAPTURED"])
    request = receiver.calls[2].request
    raw = request.body
    digest = b64encode(hashlib.sha256(raw).digest()).decode()
    text = (
        f"POST\n/webhooks/vipps/abc/\n{request.headers['x-ms-date']};billing.example.com;{digest}"
    )
    mac = hmac.new(subscription.secret.encode(), text.encode(), "sha256").digest()
    assert request.headers["Authorization"].endswith("&Signature=" + b64encode(mac).decode())
    event = json.loads(raw)
    log = api.get(f"/epayment/v1/payments/{reference}/events").json()
    assert event == {"msn": "123456"} | log[2]
    assert event["idempotencyKey"] == "capture-1"


def test_only_subscribed_events_are_sent(api, receiver):
    api.send(PATH, {"url": URL, "events": ["epayments.payment.captured.v1"]}, key="")
    receiver.post(URL, status=204)
    reference = api.approved(10_000)
    api.modify(reference, "capture", 10_000)

    outbox.deliver_due()

    assert names(receiver) == ["CAPTURED"]


def test_authorized_carries_sub_and_details_at_once(api, subscription, receiver):
    receiver.post(URL, status=200)
    reference = new_reference()
    api.create(reference=reference, profile={"scope": "phoneNumber"})
    api.control("share", reference=reference, phoneNumber="4799887766")

    outbox.deliver_due()

    event = json.loads(receiver.calls[1].request.body)
    assert event["userDetails"] == {"mobileNumber": "4799887766"}
    assert len(event["sub"]) == 36


def test_refused_event_blocks_its_payment_and_no_other(api, subscription, receiver):
    receiver.post(URL, status=500)
    receiver.post(URL, status=200)
    stuck, other = new_reference(), new_reference()
    api.create(reference=stuck)
    api.control("approve", reference=stuck)
    api.create(reference=other)

    outbox.deliver_due()
    seen = [
        (json.loads(c.request.body)["reference"], json.loads(c.request.body)["name"])
        for c in receiver.calls
    ]
    outbox.deliver_due(now=clock.now() + timedelta(seconds=3))

    assert seen == [(stuck, "CREATED"), (other, "CREATED")]
    assert names(receiver)[2:] == ["CREATED", "AUTHORIZED"]


def test_retry_plan():
    waits = [webhooks.delay(n, timedelta()) for n in range(1, 31)]

    assert waits[:3] == [timedelta(seconds=2)] * 3
    assert waits[3:5] == [timedelta(seconds=60), timedelta(seconds=120)]
    assert set(waits[5:28]) == {timedelta(hours=1)}
    assert waits[28:] == [timedelta(days=1)] * 2
    assert webhooks.delay(30, timedelta(days=7)) is None


def test_each_attempt_is_dated_by_the_worlds_clock(api, subscription, receiver):
    """Receivers refuse old dates, and know nothing of a clock that was pushed."""
    receiver.post(URL, status=503)
    api.control("clock", seconds=30 * 86400)
    api.fetch_token()
    api.create()
    outbox.deliver_due()
    outbox.deliver_due(now=clock.now() + timedelta(seconds=3))

    dates = [parsedate_to_datetime(call.request.headers["x-ms-date"]) for call in receiver.calls]
    assert len(dates) == 2
    assert all(abs(timezone.now() - date) < timedelta(seconds=60) for date in dates)


def test_redirect_is_not_followed(api, subscription, receiver):
    receiver.post(URL, status=302, headers={"Location": "https://elsewhere.example.com/"})
    api.create()

    assert outbox.deliver_due() == 0
    assert len(receiver.calls) == 1


def test_address_that_fails_for_two_weeks_is_deleted(api, subscription, receiver):
    receiver.post(URL, status=500)
    api.create()
    outbox.deliver_due()

    api.control("clock", seconds=14 * 86400 + 1)
    outbox.deliver_due()
    api.fetch_token()

    assert api.get(PATH).json() == {"webhooks": []}
    assert Delivery.objects.filter(settled_at=None).count() == 0


def test_silent_address_does_not_hold_up_another(api, subscription, receiver):
    other = "https://other.example.com/hook/"
    api.send(PATH, {"url": other, "events": ALL}, key="")
    receiver.post(URL, body=requests.ConnectTimeout())
    receiver.post(other, status=200)
    for _ in range(3):
        api.create()

    assert outbox.deliver_due() == 3
    assert [call.request.url for call in receiver.calls].count(URL) == 1


def test_one_success_forgives_an_address(api, subscription, receiver):
    receiver.post(URL, status=500)
    receiver.post(URL, status=200)
    api.create()
    outbox.deliver_due()
    outbox.deliver_due(now=clock.now() + timedelta(seconds=3))

    subscription.refresh_from_db()
    assert subscription.failing_since is None


# --- faults -----------------------------------------------------------------------------------


def test_duplicate(api, subscription, receiver):
    receiver.post(URL, status=200)
    api.control("faults", kind="webhook_duplicate", endpoint="AUTHORIZED", remaining=1)
    api.approved()

    outbox.deliver_due()

    assert sorted(names(receiver)) == ["AUTHORIZED", "AUTHORIZED", "CREATED"]


def test_dropped(api, subscription, receiver):
    receiver.post(URL, status=200)
    api.control("faults", kind="webhook_dropped", endpoint="AUTHORIZED", remaining=1)
    reference = api.approved()
    api.modify(reference, "capture", 10_000)

    outbox.deliver_due()

    assert names(receiver) == ["CREATED", "CAPTURED"]


def test_late(api, subscription, receiver):
    receiver.post(URL, status=200)
    api.control("faults", kind="webhook_late", endpoint="CREATED", seconds=60, remaining=1)
    api.approved()

    outbox.deliver_due()
    early = names(receiver)
    outbox.deliver_due(now=clock.now() + timedelta(seconds=61))

    assert (early, names(receiver)) == (["AUTHORIZED"], ["AUTHORIZED", "CREATED"])


def test_reordered(api, subscription, receiver):
    receiver.post(URL, status=200)
    api.control("faults", kind="webhook_reordered", endpoint="AUTHORIZED", remaining=1, seconds=60)
    reference = api.approved()
    api.modify(reference, "capture", 10_000)

    outbox.deliver_due()

    assert names(receiver) == ["CREATED", "CAPTURED", "AUTHORIZED"]


def test_forged_twin_has_a_wrong_signature_and_is_sent_once(api, subscription, receiver):
    receiver.post(URL, status=401)
    receiver.post(URL, status=200)
    api.control("faults", kind="webhook_forged", endpoint="CREATED", remaining=1)
    api.create()

    outbox.deliver_due()

    bodies = [json.loads(call.request.body)["amount"]["value"] for call in receiver.calls]
    assert bodies == [100_000, 10_000]
    rows = state.webhooks()
    assert [(row["forged"], row["settled"], row["delivered"]) for row in rows] == [
        (True, True, False),
        (False, True, True),
    ]


# --- right after the request -----------------------------------------------------------------


class Inbox(BaseHTTPRequestHandler):
    """A receiver on this machine that remembers what it was sent."""

    received: list[str] = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append(body["name"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args):
        """Stay quiet."""


@pytest.fixture
def inbox():
    Inbox.received = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_delivery_starts_with_the_causing_commit(transactional_db, client, inbox, settings):
    settings.SANDBOX_DELIVER_INLINE = True
    api = Api(unit=seeding.sales_unit(), client=client)
    api.fetch_token()
    url = f"http://127.0.0.1:{inbox.server_address[1]}/hook/"
    api.send(PATH, {"url": url, "events": ALL}, key="")

    api.approved()

    deadline = time.monotonic() + 10
    while Delivery.objects.filter(settled_at=None).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if thread := outbox._pump:
        thread.join(timeout=10)
    assert Inbox.received == ["CREATED", "AUTHORIZED"]

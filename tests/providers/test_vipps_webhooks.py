"""Who signed a delivery, and what it says. The vectors were computed with two other tools."""

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from providers.contract import (
    InvalidSignature,
    MalformedDelivery,
    Money,
    MovementKind,
    RequestState,
    WebhookRequest,
)
from providers.vipps_mobilepay import webhooks
from tests.providers import samples

SECRET = "4c8e0d2b-6f1a-4b7e-9c35-8a1f2d3e4b50"


@dataclasses.dataclass(frozen=True)
class Vector:
    """One signed delivery."""

    secret: str
    url: str
    date: str
    body: str
    digest: str
    signature: str

    def request(self, **changes: Any) -> WebhookRequest:
        headers = {
            "x-ms-date": self.date,
            "x-ms-content-sha256": self.digest,
            "authorization": webhooks.SCHEME + self.signature,
        } | changes.pop("headers", {})
        values: dict[str, Any] = {
            "method": "POST",
            "url": self.url,
            "headers": headers,
            "body": self.body.encode(),
            "received_at": parsedate_to_datetime(self.date) + timedelta(seconds=2),
        }
        return WebhookRequest(**(values | changes))


V1 = Vector(
    secret="A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A==",
    url="https://webhook.site/e2cee29b-012e-4f1d-8ef4-e95fd74a7a63",
    date="Thu, 30 Mar 2023 08:38:32 GMT",
    body='{"some-unique-content":"ee6e441b-cc4a-46f8-895d-a5af79bcc233/hello-world"}',
    digest="lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4=",
    signature="agAiSyogQbDHpeucoNwYz+yAr5nJ+v+zasdkSbqzv+U=",
)
V2 = Vector(
    secret=SECRET,
    url="https://billing.example.com/hooks/vipps/acme?env=test",
    date="Fri, 20 Nov 2026 09:15:31 GMT",
    body=(
        '{"msn":"123456","reference":"inv-2026-000123-a1","pspReference":"7b0d5c1e-3f5a-4f0e-8f55'
        '-0d6a4a6f2c11","name":"AUTHORIZED","amount":{"currency":"NOK","value":125000},"timestamp"'
        ':"2026-11-20T09:15:30.123Z","idempotencyKey":"create-inv-2026-000123-a1","success":true}'
    ),
    digest="qu93bS5v+B07lBnB7xzcsNO+uyx6IhgqOUrk8av8mmc=",
    signature="T27H267iuEZ/z1MSCswK2BxSM6hN1HYjwMaPSN5LOw0=",
)
V3 = Vector(
    secret=SECRET,
    url="https://billing.example.com:8443/hooks/vipps/acme/",
    date="Fri, 20 Nov 2026 10:00:01 GMT",
    body=(
        '{"msn":"123456","reference":"inv-2026-000124-a1","pspReference":"2018200034","name":'
        '"CAPTURED","amount":{"currency":"NOK","value":9900},"timestamp":"2026-11-20T10:00:00Z",'
        '"success":true,"note":"Blåbær & æøå – 1/2 kg"}'  # noqa: RUF001 -- the dash is the test
    ),
    digest="TrE9GR9UZDsYwf9LXS2ScYyEvSOqV229diuHnVjpg1E=",
    signature="pqVLEL79KFrFuB0dvMekJwE4uC4GyNKsj1E8jHHLgMU=",
)
VECTORS = [V1, V2, V3]


def verify(request: WebhookRequest, *secrets: str, tolerance: float = 300) -> None:
    webhooks.verify(request, secrets, tolerance=tolerance)


def reason(request: WebhookRequest, *secrets: str) -> str:
    with pytest.raises(InvalidSignature) as caught:
        verify(request, *secrets)
    return caught.value.reason


@pytest.mark.parametrize("vector", VECTORS)
def test_vector_is_accepted(vector):
    verify(vector.request(), vector.secret)


@pytest.mark.parametrize("vector", VECTORS)
def test_any_live_secret_will_do(vector):
    verify(vector.request(), "an-old-one", "", vector.secret, "a-new-one")


def test_body_sizes_are_those_of_the_vectors():
    assert [len(vector.body.encode()) for vector in VECTORS] == [74, 265, 224]


def test_secret_is_not_decoded():
    decoded = "T3+NXHMmhNVEjW5PeJ4Gql70nf0MOXCAY9CoZDxuVQw="

    assert reason(dataclasses.replace(V1, signature=decoded).request(), V1.secret) == (
        "wrong signature"
    )


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param("FyTPmoYiKX3yf6nt9WFtFv/ys477z08aIO5gkGZe7Y0=", id="CRLF"),
        pytest.param("DOWcenVovMDrjSItVOhmVun/8XG3ddOi47YykSYE4T8=", id="default port"),
        pytest.param("Hucp3F675ohpJro8FBFIWr+tXcoHvUUFuMiLa1UbRBY=", id="another body"),
        pytest.param("", id="empty"),
        pytest.param("ÿ" * 44, id="not ASCII"),
        pytest.param(V3.signature, id="another delivery's"),
        pytest.param(V2.signature[:-2], id="cut"),
        pytest.param(V2.signature + " ", id="longer"),
    ],
)
def test_signature_over_anything_else_is_refused(signature):
    assert reason(dataclasses.replace(V2, signature=signature).request(), SECRET) == (
        "wrong signature"
    )


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        (V2.body + "\n", V2.digest),
        (json.dumps(json.loads(V2.body)), V2.digest),
        (V2.body.replace("125000", "125001"), V2.digest),
        (V2.body, "+MDAnM3IGOQ68s+I3OlY/+onrxVyXpPk+avvmIGLKLs="),
        (V2.body, "wWIj9QbBee1sO93c+Uxm9HtzZHO+julad2HsDPnnLd4="),
    ],
)
def test_body_that_does_not_fit_its_hash_is_refused(body, digest):
    request = V2.request(body=body.encode(), headers={"x-ms-content-sha256": digest})

    assert reason(request, SECRET) == "body changed"


def test_body_with_a_fitting_hash_and_an_old_signature_is_refused():
    swapped = dataclasses.replace(
        V2, body=V2.body + "\n", digest="+MDAnM3IGOQ68s+I3OlY/+onrxVyXpPk+avvmIGLKLs="
    )

    assert reason(swapped.request(), SECRET) == "wrong signature"


@pytest.mark.parametrize(
    "url",
    [
        "https://billing.example.com/hooks/vipps/acme",
        "https://billing.example.com/hooks/vipps/acme/?env=test",
        "https://billing.example.com/hooks/vipps/acme?env=prod",
        "https://other.example.com/hooks/vipps/acme?env=test",
        "https://billing.example.com:8443/hooks/vipps/acme?env=test",
    ],
)
def test_delivery_for_another_address_is_refused(url):
    assert reason(V2.request(url=url), SECRET) == "wrong signature"


def test_default_port_in_our_own_address_changes_nothing():
    verify(V2.request(url=V2.url.replace(".com/", ".com:443/")), SECRET)


@pytest.mark.parametrize("name", ["x-ms-date", "x-ms-content-sha256", "authorization"])
def test_missing_header_is_refused(name):
    assert reason(V2.request(headers={name: ""}), SECRET) == "headers missing"


@pytest.mark.parametrize(
    "value",
    [
        V2.signature,
        "Bearer x",
        f"HMAC-SHA256 SignedHeaders=x-ms-date;host&Signature={V2.signature}",
        (webhooks.SCHEME + V2.signature).lower(),
    ],
)
def test_other_scheme_is_refused(value):
    assert reason(V2.request(headers={"authorization": value}), SECRET) == "other scheme"


def test_no_secret_accepts_nothing():
    assert reason(V2.request()) == "no secret"
    assert reason(V2.request(), "") == "no secret"
    assert reason(V2.request(), "wrong") == "wrong signature"


@pytest.mark.parametrize(
    ("seconds", "why"), [(301, "stale"), (7 * 24 * 3600, "stale"), (-301, "from the future")]
)
def test_delivery_out_of_time_has_a_reason_of_its_own(seconds, why):
    received = parsedate_to_datetime(V2.date) + timedelta(seconds=seconds)

    assert reason(V2.request(received_at=received), SECRET) == why


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_delivery_within_the_tolerance_is_accepted(seconds):
    verify(
        V2.request(received_at=parsedate_to_datetime(V2.date) + timedelta(seconds=seconds)), SECRET
    )


def test_forged_and_late_is_just_forged():
    old = V2.request(received_at=datetime(2027, 1, 1, tzinfo=UTC))

    assert reason(old, "wrong") == "wrong signature"


@pytest.mark.parametrize("date", ["yesterday", "2026-11-20", "Fri, 99 Nov 2026 09:15:31 GMT"])
def test_date_that_cannot_be_read_is_refused_even_if_signed(date):
    text = webhooks.string_to_sign(V2.url, date, V2.digest)
    signed = dataclasses.replace(V2, signature=webhooks.sign(SECRET, text))
    request = signed.request(
        headers={"x-ms-date": date, "authorization": webhooks.SCHEME + signed.signature},
        received_at=samples.NOW,
    )

    assert reason(request, SECRET) == "date unreadable"


def test_every_secret_is_tried(monkeypatch):
    tried = []
    real = webhooks.sign

    def sign(secret: str, text: str) -> str:
        tried.append(secret)
        return real(secret, text)

    monkeypatch.setattr(webhooks, "sign", sign)

    verify(V2.request(), SECRET, "second", "third")

    assert tried == [SECRET, "second", "third"]


def test_adapter_reads_the_tolerance_from_the_settings(vipps, settings):
    settings.WEBHOOK_TOLERANCE = 1

    with pytest.raises(InvalidSignature) as caught:
        vipps.verify(V2.request(), [SECRET])

    assert caught.value.reason == "stale"


# ----------------------------------------------------------------------------------- what it says
def body(**changes: Any) -> bytes:
    values = {"msn": "123456"} | samples.event("AUTHORIZED", psp="psp-2") | changes
    return json.dumps({k: v for k, v in values.items() if v != "absent"}).encode()


def test_delivery_is_named_by_its_content(vipps):
    assert vipps.delivery_id(V2.request()) == (
        "7b0d5c1e-3f5a-4f0e-8f55-0d6a4a6f2c11:AUTHORIZED:123456"
    )


def test_authorisation_is_read(vipps):
    changes = vipps.parse(body(captureGuaranteedUntil="2026-11-28T11:00:00+00:00"))

    assert len(changes) == 1
    assert changes[0].event_id == "psp-2:AUTHORIZED"
    assert changes[0].state == RequestState.ACCEPTED
    assert changes[0].money == Money(
        kind=MovementKind.AUTHORISED,
        amount=Decimal("1250.00"),
        currency="NOK",
        provider_ref="psp-2:AUTHORIZED",
    )
    assert changes[0].extra == {"capture_before": "2026-11-28T11:00:00+00:00"}
    assert not changes[0].authoritative


def test_shared_number_is_a_fact_of_its_own(vipps):
    changes = vipps.parse(body(sub="s-1", userDetails={"mobileNumber": "4791234567"}))

    assert [change.event_id for change in changes] == ["psp-2:AUTHORIZED", "profile:phone"]
    assert changes[1].profile == {"phone": "+4791234567"}
    assert changes[1].state is None


def test_payload_hides_number_and_sub(vipps):
    changes = vipps.parse(body(sub="s-1", userDetails={"mobileNumber": "4791234567"}))

    kept = json.dumps([change.payload for change in changes], default=str)
    assert "4791234567" not in kept
    assert "s-1" not in kept


@pytest.mark.parametrize("name", ["AUTHORIZED", "CAPTURED", "REFUNDED", "CANCELLED"])
def test_event_without_success_moves_nothing(vipps, name):
    (change,) = vipps.parse(body(name=name, success=False))

    assert (change.state, change.money, change.success) == (None, None, False)


@pytest.mark.parametrize(
    ("name", "state", "kind"),
    [
        ("CREATED", RequestState.CREATED, None),
        ("ABORTED", RequestState.REJECTED, None),
        ("EXPIRED", RequestState.EXPIRED, None),
        ("TERMINATED", RequestState.CANCELLED, None),
        ("CAPTURED", None, MovementKind.CAPTURED),
        ("CANCELLED", None, MovementKind.RELEASED),
        ("REFUNDED", None, MovementKind.REFUNDED),
        ("INVENTED", None, None),
    ],
)
def test_every_event_in_our_words(vipps, name, state, kind):
    """V-26: refusal, expiry and withdrawal are different facts."""
    (change,) = vipps.parse(body(name=name))

    assert change.state == state
    assert (change.money.kind if change.money else None) == kind


def test_word_they_invent_is_kept(vipps):
    assert vipps.parse(body(name="INVENTED"))[0].provider_word == "INVENTED"


BAD = [
    b"",
    b"not json",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 50_000,
    body(msn="654321"),
    body(msn=123456),
    body(msn="absent"),
    body(reference="absent"),
    body(reference="x" * 65),
    body(pspReference=""),
    body(pspReference="a\nb"),
    body(name=None),
    body(success="true"),
    body(timestamp="soon"),
    body(amount={"currency": "NOK", "value": 1.5}),
    body(amount={"currency": "NOK", "value": "100"}),
    body(amount=None),
    body().replace(b"125000", b"NaN"),
]


@pytest.mark.parametrize("raw", BAD)
def test_delivery_that_cannot_be_read_is_malformed(vipps, raw):
    with pytest.raises(MalformedDelivery):
        vipps.parse(raw)


def test_unknown_fields_are_let_pass(vipps):
    assert vipps.parse(body(somethingNew={"a": 1}))[0].state == RequestState.ACCEPTED


def test_delivery_of_an_unknown_reference_is_read_all_the_same(vipps):
    """Another system's payments on the same sales unit arrive here too."""
    assert vipps.parse(body(reference="another-system-7"))[0].reference == "another-system-7"


def test_signature_is_base64_of_sixty_four_hex_digits_of_hash():
    assert len(base64.b64decode(webhooks.sign("s", "t"))) == 32

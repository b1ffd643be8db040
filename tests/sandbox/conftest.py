import itertools
import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from providers.sandbox import clock, seeding
from providers.sandbox.models import SalesUnit

BASE = "/sandbox/vipps"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def deliver_by_hand(settings):
    """No background thread: tests call ``outbox.deliver_due()``."""
    settings.SANDBOX_DELIVER_INLINE = False


@pytest.fixture
def unit(db) -> SalesUnit:
    return seeding.sales_unit()


@dataclass
class Api:
    """A merchant's client, speaking the documented protocol and nothing more."""

    unit: SalesUnit
    client: Client
    token: str = ""

    def headers(self, **more: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Ocp-Apim-Subscription-Key": self.unit.key_primary,
            "Merchant-Serial-Number": self.unit.msn,
        } | more

    def fetch_token(self) -> Any:
        answer = self.client.post(
            f"{BASE}/accesstoken/get",
            headers={
                "client_id": self.unit.client_id,
                "client_secret": self.unit.client_secret,
                "Ocp-Apim-Subscription-Key": self.unit.key_primary,
                "Merchant-Serial-Number": self.unit.msn,
            },
        )
        self.token = answer.json().get("access_token", "")
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"{BASE}{path}", headers=self.headers(**headers))

    def delete(self, path: str) -> Any:
        return self.client.delete(f"{BASE}{path}", headers=self.headers())

    def send(self, path: str, body: Any, *, key: str | None = None, method: str = "post") -> Any:
        more = {} if key == "" else {"Idempotency-Key": key or str(uuid.uuid4())}
        call = getattr(self.client, method)
        return call(
            f"{BASE}{path}",
            data=body if isinstance(body, str) else json.dumps(body),
            content_type="application/json",
            headers=self.headers(**more),
        )

    def create(self, *, key: str | None = None, **changes: Any) -> Any:
        return self.send("/epayment/v1/payments", request_body(**changes), key=key)

    def payment(self, reference: str) -> Any:
        return self.get(f"/epayment/v1/payments/{reference}").json()

    def modify(
        self, reference: str, what: str, value: int | None = None, key: str | None = None
    ) -> Any:
        body: dict[str, Any] = {"cancelTransactionOnly": False}
        if value is not None:
            body = {"modificationAmount": {"currency": self.unit.currency, "value": value}}
        return self.send(f"/epayment/v1/payments/{reference}/{what}", body, key=key)

    def events(self, reference: str) -> list[tuple[str, int, bool]]:
        rows = self.get(f"/epayment/v1/payments/{reference}/events").json()
        return [(row["name"], row["amount"]["value"], row["success"]) for row in rows]

    def control(self, what: str, **body: Any) -> Any:
        return self.client.post(
            f"{BASE}/_control/{what}", data=json.dumps(body), content_type="application/json"
        )

    def approved(self, value: int = 10_000, **changes: Any) -> str:
        """Create and approve a payment; returns its reference."""
        reference = new_reference()
        amount = {"currency": self.unit.currency, "value": value}
        assert self.create(reference=reference, amount=amount, **changes).status_code == 201
        assert self.control("approve", reference=reference).status_code == 200
        return reference


def new_reference() -> str:
    return f"inv-test-{next(_numbers):06d}"


def request_body(**changes: Any) -> dict[str, Any]:
    """A link payment as documented; a change of None leaves the field out."""
    body: dict[str, Any] = {
        "amount": {"currency": "NOK", "value": 10_000},
        "paymentMethod": {"type": "WALLET"},
        "reference": new_reference(),
        "userFlow": "WEB_REDIRECT",
        "returnUrl": "https://billing.example.com/i/7Qk2/return",
        "paymentDescription": "Invoice 2026-000123, due 04 Dec 2026",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def receipt(total: int = 10_000) -> dict[str, Any]:
    tax = total // 5
    line = {
        "name": "Consulting",
        "id": "1",
        "totalAmount": total,
        "totalAmountExcludingTax": total - tax,
        "totalTaxAmount": tax,
        "taxRate": 2500,
        "unitInfo": {"unitPrice": total, "quantity": "1", "quantityUnit": "PCS"},
    }
    return {"orderLines": [line], "bottomLine": {"currency": "NOK", "receiptNumber": "2026-1"}}


def ahead(**delta: int) -> str:
    """A moment ahead of the sandbox's clock, as expiresAt is written."""
    at = clock.now() + timedelta(**delta)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def push_body(**changes: Any) -> dict[str, Any]:
    """Changes that make ``request_body`` a long-living push."""
    return {
        "userFlow": "PUSH_MESSAGE",
        "customer": {"phoneNumber": "4791234567"},
        "returnUrl": None,
        "expiresAt": ahead(hours=20),
        "receipt": receipt(),
    } | changes


@pytest.fixture
def api(unit, client) -> Api:
    found = Api(unit=unit, client=client)
    assert found.fetch_token().status_code == 200
    return found


def error_code(answer: Any) -> str:
    """The numeric code of a domain error, '' for a validation error."""
    details = answer.json().get("extraDetails") or []
    return next((d["reason"] for d in details if d["name"] == "ErrorCode"), "")


def wrong_field(answer: Any) -> str:
    details = answer.json().get("extraDetails") or []
    return next((d["name"] for d in details if d["name"] != "ErrorCode"), "")

"""Documents, options and accounts as values: no database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import responses

from invoicing_site.merchants.models import Merchant
from providers.contract import InvoiceDocument, Line, Party, SendOptions, Totals
from providers.models import ProviderAccount

NOW = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
HOST = "https://apitest.vipps.no"
PAYMENTS = f"{HOST}/epayment/v1/payments"
REFERENCE = "inv-2026-000123-a1"
PAGE = "https://billing.example.com/i/7Qk2"


def line(**changes: Any) -> Line:
    """Ten pieces of consulting: 1 000.00 and 250.00 VAT."""
    values: dict[str, Any] = {
        "id": "1",
        "description": "Consulting",
        "quantity": Decimal(10),
        "unit": "C62",
        "unit_price": Decimal(100),
        "vat_rate": Decimal(25),
        "net": Decimal("1000.00"),
        "vat": Decimal("250.00"),
        "gross": Decimal("1250.00"),
    } | changes
    values.setdefault("due_net", values["net"])
    values.setdefault("due_vat", values["vat"])
    return Line(**values)


def totals(lines: tuple[Line, ...], rounding: Decimal = Decimal("0.00")) -> Totals:
    """Add up what is due of the lines."""
    net = sum((row.due_net for row in lines), Decimal("0.00"))
    vat = sum((row.due_vat for row in lines), Decimal("0.00"))
    lines_net = sum((row.net for row in lines), Decimal("0.00"))
    return Totals(
        lines_net=lines_net,
        discount_net=lines_net - net,
        net=net,
        vat=vat,
        gross=net + vat,
        rounding=rounding,
        payable=net + vat + rounding,
    )


def document(*, rounding: Decimal = Decimal("0.00"), **changes: Any) -> InvoiceDocument:
    """Invoice 2026-000123 over NOK 1 250.00, due 4 December 2026."""
    lines = changes.setdefault("lines", (line(),))
    values: dict[str, Any] = {
        "number": "2026-000123",
        "currency": "NOK",
        "language": "en",
        "issue_date": date(2026, 11, 20),
        "due_date": date(2026, 12, 4),
        "issuer": Party(name="Acme Shop AS"),
        "customer": Party(name="Ola Nordmann", is_company=False),
        "vat_totals": (),
        "totals": totals(lines, rounding),
    }
    return InvoiceDocument(**(values | changes))


def options(channel: str = "push", **changes: Any) -> SendOptions:
    """All that a request over NOK 1 250.00 needs."""
    values: dict[str, Any] = {
        "channel": channel,
        "reference": REFERENCE,
        "idempotency_key": "create-inv-2026-000123-a1",
        "amount": Decimal("1250.00"),
        "hosted_url": PAGE,
        "return_url": f"{PAGE}/return?r={REFERENCE}" if channel != "push" else "",
        "phone": "+4791234567" if channel == "push" else "",
        "has_contact_consent": channel == "push",
        "share_phone": channel == "link_phone",
        "now": NOW,
    }
    return SendOptions(**(values | changes))


def account(*, country: str = "NO", environment: str = "test", **settings: Any) -> ProviderAccount:
    """An account of an approved sales unit, not stored."""
    approved = {
        "market": country,
        "push_approved": True,
        "long_living_approved": True,
        "ceiling_hours": 24 if country == "NO" else 1440,
        "receipt_mode": "lines",
        "partial_capture": True,
        "order_management": True,
    }
    credentials: Any = {
        "client_id": "fb492b5e-7907-4d83-bc20-c7fb60ca35de",
        "client_secret": "Y8Kteew6GE3ZmeycEt6egg==",
        "subscription_key": "0f14ebcab0ec4b29ae0cb90d91b4a84a",
        "subscription_key_2": "",
        "msn": "123456",
    }
    return ProviderAccount(
        merchant=Merchant(slug="acme", name="Acme Shop AS", country=country),
        provider="vipps_mobilepay",
        name="Vipps",
        environment=environment,
        credentials=credentials,
        settings=approved | settings,
    )


def token(value: str = "a-token", seconds: str = "3600") -> dict[str, str]:
    """The token answer as they write it: numbers as strings."""
    return {"token_type": "Bearer", "expires_in": seconds, "access_token": value}


def problem(code: str, detail: str = "No.") -> dict[str, Any]:
    """A refusal with a code."""
    details = [{"name": "ErrorCode", "reason": code}]
    return {"title": "Bad Request", "detail": detail, "traceId": "t-1", "extraDetails": details}


def payment(state: str = "CREATED", **sums: int) -> dict[str, Any]:
    """The answer of get payment. Sums in minor units."""
    names = ("authorized", "cancelled", "captured", "refunded")
    return {
        "reference": REFERENCE,
        "pspReference": "7686f7788898767977",
        "amount": {"currency": "NOK", "value": 125000},
        "state": state,
        "aggregate": {
            f"{name}Amount": {"currency": "NOK", "value": sums.get(name, 0)} for name in names
        },
        "paymentMethod": {"type": "WALLET"},
        "profile": {},
    }


def event(name: str, psp: str = "1", value: int = 125000, **more: Any) -> dict[str, Any]:
    """An item of the event log."""
    return {
        "reference": REFERENCE,
        "pspReference": psp,
        "name": name,
        "amount": {"currency": "NOK", "value": value},
        "timestamp": "2026-11-21T11:00:00.1234567Z",
        "success": True,
    } | more


@contextmanager
def wire(tokens: bool = True) -> Iterator[responses.RequestsMock]:
    """Fake the provider at the wire; a token is there for the asking."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        if tokens:
            mock.post(f"{HOST}/accesstoken/get", json=token())
        yield mock

"""MobilePay Invoice accounts, documents and answers as values: no database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import responses

from invoicing_site.merchants.models import Merchant
from providers.contract import Address, Asked, InvoiceDocument, Party, RequestState, SendOptions
from providers.models import ProviderAccount
from tests.providers import samples

NOW = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
HOST = "https://api.sandbox.mobilepay.dk"
API = f"{HOST}/invoice-restapi/api/v1"
MERCHANT = "7b0c2f54-9a1e-4d3b-8f66-2c5d0a9e1b11"
ISSUER = "0f6d9c3a-51b7-4e0e-9c42-8a7be1d2f530"
INVOICE = "a4c1e7d2-6b38-4f95-b0de-93f1c7a86e24"
OTHER = "1be2c7aa-90d4-4c0f-8a67-3f9b5d21e604"
CONSENT = "e07d5b11-8c3e-4d19-9a52-6f0b7c44d8aa"
INVOICES = f"{API}/merchants/{MERCHANT}/invoices"
ONE = f"{INVOICES}/{INVOICE}"
REFERENCE = "inv-2026-000123-a1"
LINK = "https://pay.example.test/opaque-link"
TOKEN = "token-1"
ZONE = ZoneInfo("Europe/Copenhagen")


def account(*, environment: str = "test", **settings: Any) -> ProviderAccount:
    """An account of a Danish merchant, not stored."""
    credentials: Any = {
        "client_id": "backoffice.test",
        "client_secret": "oidc-secret",
        "gateway_id": "gateway-id",
        "gateway_secret": "gateway-secret",
    }
    kept = {"country": "DK", "vat_number": "DK31415926", "callback_scheme": "basic"}
    return ProviderAccount(
        merchant=Merchant(slug="cykler", name="Nørrebro Cykler", country="DK"),
        provider="mobilepay_invoice",
        name="MobilePay",
        environment=environment,
        credentials=credentials,
        settings=kept | settings,
    )


def document(**changes: Any) -> InvoiceDocument:
    """Invoice 2026-000123 over DKK 1 250.00, due 4 December 2026."""
    values: dict[str, Any] = {
        "currency": "DKK",
        "order_date": date(2026, 11, 18),
        "delivery_date": date(2026, 11, 20),
        "issuer": Party(name="Nørrebro Cykler"),
        "customer": Party(
            name="Asta Eksempel",
            is_company=False,
            address=Address(lines=("Prøvevej 7",), postcode="2100", city="København Ø"),
        ),
    }
    return samples.document(**(values | changes))


def options(channel: str = "direct", **changes: Any) -> SendOptions:
    """All that a request over DKK 1 250.00 needs."""
    values: dict[str, Any] = {
        "channel": channel,
        "reference": REFERENCE,
        "idempotency_key": f"create-{REFERENCE}",
        "amount": Decimal("1250.00"),
        "hosted_url": samples.PAGE,
        "phone": "+4511223344" if channel == "direct" else "",
        "has_contact_consent": channel == "direct",
        "issuer_id": ISSUER,
        "pdf_url": f"{samples.PAGE}/pdf",
        "now": NOW,
    }
    return SendOptions(**(values | changes))


def asked(state: RequestState = RequestState.CREATED, **changes: Any) -> Asked:
    """A request that was made at NOW."""
    values: dict[str, Any] = {"handle": INVOICE, "state": state, "created_at": NOW}
    return Asked(**(values | changes))


def details(status: str = "created", **changes: Any) -> dict[str, Any]:
    """What they hold of the invoice."""
    return {
        "InvoiceId": INVOICE,
        "InvoiceNumber": "2026-000123",
        "IssueDate": "2026-11-20",
        "DueDate": "2026-12-04",
        "PaymentDate": None,
        "Comment": "",
        "InvoiceArticles": [],
        "CurrencyCode": "DKK",
        "TotalAmount": 1250.00,
        "InvoiceVatTotals": [{"VatRate": 25, "TotalVatAmount": 250.00}],
        "TotalVatAmount": 250.00,
        "TotalAmountExcludingVat": 1000.00,
        "MerchantId": MERCHANT,
        "InvoiceIssuerId": ISSUER,
        "InvoiceIssuerName": "Nørrebro Cykler",
        "Status": status,
        "PaymentTransactionId": None,
        "PaymentReference": "2026-000123",
    } | changes


def problem(code: str | int | None, text: str = "No.", **more: Any) -> dict[str, Any]:
    """A refusal as they write it."""
    return {
        "correlation_id": "b3a90000-0000-4000-8000-000000000001",
        "error": "DomainError" if code else "InputError",
        "error_code": code,
        "error_description": text,
        "error_context": "Invoices",
    } | more


class Tokens:
    """The consent's tokens without a consent: `fresh` follows a stale one."""

    def __init__(self) -> None:
        self.merchant = MERCHANT
        self.stale: list[str] = []
        self.refusals: list[str] = []

    def access_token(self, _account: Any, *, stale: str = "") -> str:
        self.stale += [stale] if stale else []
        return "fresh" if stale else TOKEN

    def remote_merchant(self, _account: Any) -> str:
        return self.merchant

    def remember_merchant(self, _account: Any, merchant: str) -> None:
        self.merchant = merchant

    def refused(self, _account: Any, token: str) -> None:
        self.refusals.append(token)


@contextmanager
def wire() -> Iterator[responses.RequestsMock]:
    """Fake the provider at the wire."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock

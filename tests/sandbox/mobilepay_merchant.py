"""A merchant's client of the simulated invoice API, and the bodies it sends."""

import itertools
import json
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.test import Client

from providers.sandbox import clock, portal_seeding
from providers.sandbox.mobilepay import lifecycle, tokens
from providers.sandbox.models import IssuedToken
from providers.sandbox.portal_seeding import Portal

BASE = "/sandbox/mobilepay"
API = f"{BASE}/invoice-restapi/api/v1"
_numbers = itertools.count(1)


def today(country: str = "DK") -> date:
    """The civil day in the merchant's country, by the sandbox's clock."""
    return lifecycle.today(country, clock.now())


def day(ahead: int, country: str = "DK") -> str:
    return (today(country) + timedelta(days=ahead)).isoformat()


@dataclass
class Merchant:
    """Speaks the documented protocol with a token of its own."""

    portal: Portal
    client: Client = field(default_factory=Client)
    token: str = ""

    @property
    def home(self) -> str:
        return f"{API}/merchants/{self.portal.merchant.merchant_id}"

    @property
    def issuer(self) -> str:
        return str(self.portal.issuers[0].issuer_id)

    def set(self, **given: Any) -> None:
        for name, value in given.items():
            setattr(self.portal.merchant, name, value)
        self.portal.merchant.save()

    def headers(self, **more: str) -> dict[str, str]:
        app = self.portal.app
        return {
            "Authorization": f"Bearer {self.token}",
            "x-ibm-client-id": app.gateway_id,
            "x-ibm-client-secret": app.gateway_secret,
        } | more

    def fetch_token(self) -> None:
        """Have a token without the token service, which would make keys first."""
        self.token = uuid.uuid4().hex
        now = clock.now()
        IssuedToken.objects.create(
            grant=portal_seeding.grant(self.portal),
            kind=IssuedToken.Kind.ACCESS,
            token_hash=tokens.digest(self.token),
            issued_at=now,
            expires_at=now + timedelta(seconds=tokens.TOKEN_SECONDS),
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(_url(self.home, path), headers=self.headers(**headers))

    def put(self, path: str, **headers: str) -> Any:
        return self.client.put(_url(self.home, path), headers=self.headers(**headers))

    def post(self, path: str, content: Any, **headers: str) -> Any:
        raw = content if isinstance(content, bytes | str) else json.dumps(content)
        return self.client.post(
            _url(self.home, path),
            raw,
            content_type="application/json",
            headers=self.headers(**headers),
        )

    def body(self, **given: Any) -> dict[str, Any]:
        """The least that 1.5 asks of a direct invoice; None takes a field out."""
        least = {
            "InvoiceIssuer": self.issuer,
            "ConsumerAlias": {"Alias": "+4511223344", "AliasType": "Phone"},
            "TotalAmount": 125.00,
            "InvoiceNumber": f"2026-{next(_numbers):06}",
            "DueDate": day(14),
            "InvoiceArticles": [{"ArticleDescription": "Klipning"}],
        }
        return _without_none(least | given)

    def full(self, **given: Any) -> dict[str, Any]:
        """All that 1.4 asks for."""
        more = {
            "ConsumerName": "Asta Eksempel",
            "TotalVatAmount": 25.00,
            "CountryCode": "DK",
            "CurrencyCode": "DKK",
            "ConsumerAddressLines": ["Prøvevej 7, 2. tv", "2100 København Ø"],
            "IssueDate": day(0),
            "OrderDate": day(-3),
            "DeliveryDate": day(0),
            "InvoiceArticles": [article()],
        }
        return self.body(**(more | given))

    def first(self, **given: Any) -> dict[str, Any]:
        """All that the first documentation asks for, and nothing it did not know."""
        old = {
            "ConsumerAddressLines": "Prøvevej 7, 2100 København Ø",
            "DeliveryDate": None,
            "InvoiceArticles": None,
            "InvoiceLineItem": [article()],
        }
        return self.full(**(old | given))


def merchant(vat_number: str = "DK31415926", **given: Any) -> Merchant:
    """A merchant with a fresh access token; what is given goes to the portal."""
    found = Merchant(portal_seeding.portal(vat_number, **given))
    found.fetch_token()
    return found


def article(**given: Any) -> dict[str, Any]:
    """A line with every field of 1.4."""
    return {
        "ArticleNumber": "SRV-1",
        "ArticleDescription": "Stort cykelservice",
        "VATRate": 25,
        "TotalVATAmount": 25.00,
        "TotalPriceIncludingVat": 125.00,
        "Unit": "stk",
        "Quantity": 1.333,
        "PricePerUnit": 75.0188,
        "PriceReduction": 0,
        "PriceDiscount": 0,
        "Bonus": 0,
    } | given


def alias(number: str) -> dict[str, str]:
    return {"Alias": number, "AliasType": "Phone"}


def is_guid(text: str) -> bool:
    return str(uuid.UUID(text)) == text


def _url(home: str, path: str) -> str:
    return path if path.startswith("/sandbox/") else f"{home}{path}"


def _without_none(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}

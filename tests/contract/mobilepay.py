"""A merchant's account against the simulated MobilePay Invoice, over real HTTP.

Every request that leaves is kept and held against the provider's own OpenAPI file, where that
is at hand. Use the fixtures (`calls`, `open_shop`, `shop`) by importing their functions.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests
from django.utils import timezone

from providers import registry
from providers.consents import discovery, grants
from providers.consents.exchange import Tokens
from providers.contract import InvoiceDocument, SendOptions
from providers.mobilepay_invoice import terms
from providers.mobilepay_invoice.adapter import MobilePayInvoice
from providers.models import ProviderAccount
from providers.sandbox import clock, portal_seeding
from providers.sandbox.mobilepay import tokens as their_tokens
from providers.sandbox.models import Fault
from providers.sandbox.portal_seeding import Portal
from tests import factories
from tests.providers import mobilepay_samples as samples
from tests.sandbox import mobilepay_openapi

API = "/invoice-restapi"
PAYER = "+4511223344"
SAMPLE = 50
_numbers = itertools.count(1)


@dataclass
class Calls:
    """Every request to the API that left, in order; token requests apart."""

    base: str
    sent: list[requests.PreparedRequest] = field(default_factory=list)
    answers: list[requests.Response] = field(default_factory=list)
    tokens: int = 0
    checked: bool = True
    answers_checked: bool = True

    def paths(self) -> list[str]:
        """Method and path of each, ids left out."""
        found = [f"{r.method} {self.path(r)}" for r in self.sent]
        return [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "-", path) for path in found]

    def path(self, request: requests.PreparedRequest) -> str:
        """Path below the API's base, without the query."""
        return str(request.url).removeprefix(self.base + API).partition("?")[0]

    def bodies(self) -> list[Any]:
        """What was sent, of requests that carried something."""
        return [json.loads(r.body) for r in self.sent if r.body]


@pytest.fixture(name="calls")
def fixture_calls(live_server: Any, monkeypatch: Any) -> Iterator[Calls]:
    """Keep each request to the simulator, and hold each against the OpenAPI file."""
    seen = Calls(f"{live_server.url}/sandbox/mobilepay")
    real = requests.Session.send

    def send(self: requests.Session, request: requests.PreparedRequest, **how: Any) -> Any:
        url = str(request.url)
        if url.startswith(seen.base + API):
            seen.sent.append(request.copy())
        seen.tokens += url.endswith("/connect/token")
        answer = real(self, request, **how)
        if url.startswith(seen.base + API):
            # Read here, and kept: whoever called reads it as a stream.
            _ = answer.content
            seen.answers.append(answer)
        return answer

    monkeypatch.setattr(requests.Session, "send", send)
    yield seen
    if not mobilepay_openapi.is_wanted():
        return
    for request in seen.sent if seen.checked else ():
        assert not faults_of(seen, request), faults_of(seen, request)
    for answer in seen.answers if seen.answers_checked else ():
        assert not faults_in(seen, answer), faults_in(seen, answer)


def faults_of(calls: Calls, request: requests.PreparedRequest) -> list[str]:
    """List what is wrong with a request: its path, its body."""
    found = mobilepay_openapi.operation(str(request.method), calls.path(request))
    if found is None:
        return [f"{request.method} {calls.path(request)} is not documented"]
    if (model := mobilepay_openapi.request_model(found)) is None:
        return []
    body = json.loads(request.body or "null")
    items = body if model.endswith("[]") else [body]
    faults = partial(mobilepay_openapi.faults, model.removesuffix("[]"))
    # Of thousands that one function wrote, a sample says enough.
    return [fault for item in items[:SAMPLE] for fault in faults(_without_ignored(item))]


def faults_in(calls: Calls, answer: requests.Response) -> list[str]:
    """List what is wrong with an answer: by the file's model for its call and status."""
    asked = answer.request
    path, body = calls.path(asked), answer.content
    return mobilepay_openapi.answer_faults(str(asked.method), path, answer.status_code, body)


def _without_ignored(item: Any) -> Any:
    # Required before March 2022, ignored since: one body serves both, the file knows neither.
    ignored = {"countrycode", "currencycode"}
    if not isinstance(item, dict):
        return item
    return {name: value for name, value in item.items() if name.lower() not in ignored}


# ---------------------------------------------------------------------------------- the merchant
@dataclass
class Shop:
    """A merchant at the simulator, our account for it, and the customer's phone."""

    portal: Portal
    account: ProviderAccount
    calls: Calls

    @property
    def mobilepay(self) -> MobilePayInvoice:
        """A fresh adapter, as each use makes one."""
        self.account.refresh_from_db()
        found = registry.of(self.account)
        assert isinstance(found, MobilePayInvoice)
        return found

    @property
    def _terms(self) -> terms.Terms:
        return terms.of(self.account)

    @property
    def id(self) -> str:
        """The merchant's id there."""
        return str(self.portal.merchant.merchant_id)

    @property
    def issuer(self) -> str:
        """The first issuer's id there."""
        return str(self.portal.issuers[0].issuer_id)

    def control(self, what: str, **given: Any) -> dict[str, Any]:
        """Use the simulator's remote control: `accept`, `pay`, `reject`, `clock`, `deliver`."""
        answer = requests.post(f"{self.calls.base}/_control/{what}", json=given, timeout=60)
        assert answer.ok, answer.text
        return dict(answer.json())

    def held(self) -> list[dict[str, Any]]:
        """What the simulator holds of this merchant's invoices."""
        params = {"merchantId": self.id, "limit": "2000"}
        url = f"{self.calls.base}/_control/ledger"
        rows, after = [], 0
        while True:
            answer = requests.get(url, params=params | {"after": str(after)}, timeout=60).json()
            rows += answer["invoices"]
            if not answer["next"]:
                return rows
            after = answer["next"]

    def spoil(self, endpoint: str, kind: str, **more: Any) -> None:
        """Let the next call of an endpoint go wrong; then not all answers are as they should be."""
        self.calls.answers_checked = False
        values = {"provider": "mobilepay", "account": self.id, "remaining": 1} | more
        Fault.objects.create(endpoint=endpoint, kind=kind, **values)

    def invoice(self, **changes: Any) -> InvoiceDocument:
        """The sample invoice under a fresh number, dated today by the simulator's clock."""
        today = clock.now().astimezone(self._terms.zone).date()
        dates = {
            "issue_date": today - timedelta(days=1),
            "order_date": today - timedelta(days=3),
            "delivery_date": today - timedelta(days=1),
            "due_date": today + timedelta(days=14),
        }
        values: dict[str, Any] = {"number": f"2026-{next(_numbers):06d}"} | dates
        values["currency"] = self._terms.currency
        return samples.document(**(values | changes))

    def options(self, channel: str = "direct", **changes: Any) -> SendOptions:
        """Options of a fresh request, now by the simulator's clock."""
        values: dict[str, Any] = {
            "reference": f"inv-contract-{next(_numbers):05d}",
            "issuer_id": self.issuer,
            "now": clock.now(),
            "phone": PAYER if channel == "direct" else "",
        }
        return samples.options(channel, **(values | changes))

    def send(self, channel: str = "direct", **changes: Any) -> str:
        """Send an invoice; returns its id there."""
        return self.mobilepay.send(self.invoice(), self.options(channel, **changes)).provider_id

    def prepared(
        self, document: InvoiceDocument, options: SendOptions
    ) -> tuple[InvoiceDocument, SendOptions]:
        """Decide to send: the body is written now, and never again."""
        text = self.mobilepay.prepare(document, options)
        return document, replace(options, prepared=text)


@pytest.fixture(name="open_shop")
def fixture_open_shop(transactional_db: None, calls: Calls) -> Any:
    """Make a merchant that has consented; takes what `portal_seeding.portal` takes."""

    def make(
        vat_number: str = "DK31415926", settings: dict[str, Any] | None = None, **given: Any
    ) -> Shop:
        # The token service serves only apps with a registered address.
        address = "https://billing.example.com/consents/mobilepay_invoice/callback/"
        portal = portal_seeding.portal(vat_number, **{"redirect_uris": [address]} | given)
        kept = {"profile": portal.merchant.profile, "country": portal.merchant.country}
        calls.checked = portal.merchant.profile != "v1"
        # The file is of 1.5: before it a batch's errors were flat, and a single call said 202.
        calls.answers_checked = portal.merchant.profile == "1.5"
        account = account_of(portal, calls.base, **kept | (settings or {}))
        consent(account, portal)
        return Shop(portal, account, calls)

    return make


@pytest.fixture(name="shop")
def fixture_shop(open_shop: Any) -> Shop:
    """A Danish merchant of 1.5."""
    found: Shop = open_shop()
    return found


def account_of(portal: Portal, base: str, **settings: Any) -> ProviderAccount:
    """Store an account that holds the keys of a merchant's app."""
    account: ProviderAccount = factories.ProviderAccountFactory(
        merchant=factories.MerchantFactory(country=portal.merchant.country),
        provider="mobilepay_invoice",
        name="MobilePay",
        base_url=base,
        credentials={
            "client_id": portal.app.client_id,
            "client_secret": portal.app.client_secret,
            "gateway_id": portal.app.gateway_id,
            "gateway_secret": portal.app.gateway_secret,
        },
        settings={"vat_number": portal.merchant.vat_number, "callback_scheme": "basic"} | settings,
    )
    return account


def consent(account: ProviderAccount, portal: Portal) -> None:
    """Let the merchant consent without the screens, and keep what that gives."""
    grant = portal_seeding.grant(portal)
    given = their_tokens.issue(grant, clock.now())
    wanted = discovery.terms_of(account)
    kept = Tokens(
        access=given["access_token"],
        refresh=given["refresh_token"],
        id_token=given["id_token"],
        lifetime=float(given["expires_in"]),
        scopes=None,
    )
    grants.give(
        account,
        kept,
        subject=str(portal.user.subject),
        scopes=wanted.scopes,
        by=factories.UserFactory(),
        home=discovery.home(account, wanted),
        lifetime=wanted.refresh_lifetime,
        now=timezone.now(),
    )

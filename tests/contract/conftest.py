"""The adapter against the simulated provider, over real HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.core.cache import cache
from django.utils import timezone

from providers import registry
from providers.contract import SendOptions, StatusChange
from providers.models import ProviderAccount
from providers.sandbox import seeding
from providers.sandbox.models import SalesUnit
from providers.vipps_mobilepay.adapter import VippsMobilePay
from tests import factories
from tests.contract import openapi
from tests.providers import samples

_numbers = itertools.count(1)
PHONE = "+4791234567"


@dataclass
class Wire:
    """Every request that left, in order."""

    base: str
    requests: list[requests.PreparedRequest]

    def paths(self) -> list[str]:
        """Method and path of each request, tokens apart."""
        found = [f"{r.method} {str(r.url).removeprefix(self.base)}" for r in self.requests]
        return [path for path in found if "accesstoken" not in path]


@pytest.fixture(autouse=True)
def wire(live_server: Any, monkeypatch: Any, settings: Any) -> Iterator[Wire]:
    """Keep each request, and hold each against the provider's OpenAPI files where present."""
    settings.SANDBOX_DELIVER_INLINE = False
    settings.PROVIDER_TIMEOUT = (2.0, 5.0)
    cache.clear()
    seen = Wire(f"{live_server.url}/sandbox/vipps", [])
    real = requests.Session.send

    def send(self: requests.Session, request: requests.PreparedRequest, **how: Any) -> Any:
        if str(request.url).startswith(seen.base) and "_control" not in str(request.url):
            seen.requests.append(request.copy())
        return real(self, request, **how)

    monkeypatch.setattr(requests.Session, "send", send)
    yield seen
    if openapi.available():
        for request in seen.requests:
            openapi.check(request, seen.base)


@pytest.fixture
def unit(transactional_db: None) -> SalesUnit:
    """A sales unit with all approvals."""
    return seeding.sales_unit(sub_delay=0)


def account_of(unit: SalesUnit, base: str, **settings: Any) -> ProviderAccount:
    """Store an account that holds a sales unit's keys."""
    merchant = factories.MerchantFactory(country=unit.market)
    approved = samples.account(country=unit.market).settings
    return factories.ProviderAccountFactory(
        merchant=merchant,
        base_url=base,
        credentials={
            "client_id": unit.client_id,
            "client_secret": unit.client_secret,
            "subscription_key": unit.key_primary,
            "subscription_key_2": unit.key_secondary,
            "msn": unit.msn,
        },
        settings=approved | settings,
    )


@pytest.fixture
def vipps(unit: SalesUnit, wire: Wire) -> VippsMobilePay:
    """The adapter of the sales unit's account."""
    found = registry.of(account_of(unit, wire.base))
    assert isinstance(found, VippsMobilePay)
    return found


@pytest.fixture
def phone(live_server: Any) -> Callable[..., dict[str, Any]]:
    """The customer's phone: `phone("approve", reference)`, also share, reject, dismiss."""

    def do(what: str, reference: str = "", **more: Any) -> dict[str, Any]:
        url = f"{live_server.url}/sandbox/vipps/_control/{what}"
        body = {"reference": reference} | more if reference else more
        answer = requests.post(url, json=body, timeout=10)
        assert answer.ok, answer.text
        return dict(answer.json())

    return do


def asked(channel: str = "push", **changes: Any) -> SendOptions:
    """Options of a fresh request, now."""
    reference = f"inv-contract-{next(_numbers):05d}-a1"
    values: dict[str, Any] = {
        "reference": reference,
        "idempotency_key": f"create-{reference}",
        "now": timezone.now(),
        "phone": PHONE if channel == "push" else "",
        "return_url": "" if channel == "push" else f"{samples.PAGE}/return?r={reference}",
    }
    return samples.options(channel, **(values | changes))


def invoice(**changes: Any) -> Any:
    """The sample invoice, due two weeks from today."""
    due = datetime.fromtimestamp(timezone.now().timestamp() + 14 * 86400, UTC).date()
    return samples.document(due_date=due, **changes)


def words(changes: list[StatusChange]) -> list[str]:
    """The provider's words, oldest first."""
    return [change.provider_word for change in changes]


def moved(changes: list[StatusChange]) -> list[tuple[str, Decimal]]:
    """What moved, oldest first."""
    return [(str(c.money.kind), c.money.amount) for c in changes if c.money]

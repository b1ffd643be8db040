"""Crashes and outages, against the simulated provider over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from invoices import outbox, sending
from invoices.models import Invoice, PaymentRequest
from invoicing_site.demo.phone import Phone
from providers import inbox
from providers.sandbox import outbox as sandbox_outbox
from providers.sandbox.models import Fault
from tests.e2e.shop import Shop


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    """Give up on a silent provider within a second."""
    settings.PROVIDER_TIMEOUT = (1.0, 1.0)
    settings.PROVIDER_DEADLINE = 1.5
    settings.SANDBOX_DELIVER_INLINE = False


@pytest.fixture
def shop(live_server: Any, settings: Any) -> Shop:
    """A merchant with staff, a customer and an account that points at the sandbox."""
    settings.PUBLIC_URL = live_server.url
    return Shop.make(live_server.url)


@pytest.fixture
def phone(live_server: Any) -> Phone:
    """The customer's fingers at the provider."""
    return Phone(live_server.url)


@pytest.fixture
def push(shop: Shop) -> Callable[..., Invoice]:
    """Issue an invoice and decide to push it; nothing has left yet."""

    def pushed(**values: Any) -> Invoice:
        invoice = shop.issued(**values)
        key = f"{shop.account.pk}:push"
        sending.send(invoice_id=invoice.pk, road_key=key, by=shop.owner, now=timezone.now())
        return invoice

    return pushed


@pytest.fixture
def work() -> Callable[..., datetime]:
    """Do what the workers do until nothing is due at an instant, `ahead` of now."""

    def worked(ahead: timedelta = timedelta(0)) -> datetime:
        for _ in range(20):
            now = timezone.now() + ahead
            done = outbox.drain(now, threads=1)
            done += sandbox_outbox.deliver_due()
            done += inbox.drain(now)
            if not done:
                return now
        raise AssertionError("The workers never come to rest.")

    return worked


def fault(kind: str, endpoint: str = "*", times: int = 1, **more: Any) -> Fault:
    """Arm a fault at the provider."""
    return Fault.objects.create(
        provider="vipps", endpoint=endpoint, kind=kind, remaining=times, **more
    )


def request_of(invoice: Invoice) -> PaymentRequest:
    """Return the newest payment request."""
    return invoice.requests.order_by("-attempt")[0]

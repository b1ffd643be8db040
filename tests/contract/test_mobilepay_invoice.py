"""Whole conversations with the simulated MobilePay Invoice, one invoice at a time."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.contract import RequestState
from tests.contract.mobilepay import (  # noqa: F401 -- fixtures
    Shop,
    fixture_calls,
    fixture_open_shop,
    fixture_shop,
)


@pytest.mark.requirement("M4-01", "M1-58", "M1-07")
def test_direct_invoice_reaches_the_app_and_is_paid(shop: Shop):
    sent = shop.mobilepay.send(shop.invoice(), shop.options())
    (created,) = shop.mobilepay.fetch(sent.provider_id)
    shop.control("pay", invoiceId=sent.provider_id)
    moved, paid = shop.mobilepay.fetch(sent.provider_id)

    assert (sent.state, created.state) == (RequestState.SUBMITTED, RequestState.CREATED)
    assert (paid.state, paid.authoritative) == (RequestState.PAID, True)
    assert moved.money is not None
    assert (moved.money.amount, moved.money.currency) == (Decimal("1250.00"), "DKK")

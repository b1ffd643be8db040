"""Whom a token speaks for, before it becomes the account's."""

from __future__ import annotations

from typing import Any

import pytest

from providers.contract import NotAuthorised
from providers.mobilepay_invoice import client as module
from providers.mobilepay_invoice.adapter import MobilePayInvoice
from tests.providers import mobilepay_samples as samples


@pytest.fixture
def tokens(monkeypatch: Any) -> samples.Tokens:
    found = samples.Tokens()
    monkeypatch.setattr(module, "tokens", found)
    return found


def test_new_token_says_whose_it_is_while_the_kept_one_stays(tokens: samples.Tokens):
    with samples.wire() as mock:
        mock.get(f"{samples.API}/merchants/me", json={"MerchantId": samples.MERCHANT})

        found = MobilePayInvoice(samples.account()).merchant_of("new-token")

        asked = mock.calls[0].request
    assert found == samples.MERCHANT
    assert asked.headers["Authorization"] == "Bearer new-token"


def test_refused_new_token_costs_the_kept_one_nothing(tokens: samples.Tokens, monkeypatch: Any):
    monkeypatch.setattr(tokens, "access_token", None)
    monkeypatch.setattr(tokens, "refused", None)
    with samples.wire() as mock:
        mock.get(f"{samples.API}/merchants/me", status=401)

        with pytest.raises(NotAuthorised):
            MobilePayInvoice(samples.account()).merchant_of("new-token")

        assert len(mock.calls) == 1

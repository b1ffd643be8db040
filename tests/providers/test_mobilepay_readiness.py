"""What stands between a MobilePay Invoice account and its first invoice."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from providers.contract import Unavailable
from providers.mobilepay_invoice import readiness
from providers.mobilepay_invoice.adapter import MobilePayInvoice
from providers.models import MerchantConsent, ProviderAccount, ProviderCall, ProviderIssuer
from tests import factories
from tests.providers import mobilepay_samples as samples

STEPS = ("enrolled", "keys", "product", "consent", "issuers", "callbacks", "first invoice")


@pytest.fixture
def account(db: None) -> ProviderAccount:
    found: ProviderAccount = factories.ProviderAccountFactory(
        provider="mobilepay_invoice",
        environment="test",
        credentials=samples.account().credentials,
        settings=samples.account().settings,
    )
    return found


def steps(account: ProviderAccount) -> dict[str, bool | None]:
    found = MobilePayInvoice(account).checklist()
    return {name: each.ok for name, each in zip(STEPS, found, strict=True)}


def call(account: ProviderAccount, method: str, path: str, status: int) -> None:
    ProviderCall.objects.create(
        account=account,
        method=method,
        path=f"/invoice-restapi/api/v1/{path}",
        status=status,
        milliseconds=5,
        at=timezone.now(),
    )


@pytest.mark.requirement("M1-01")
def test_account_that_is_not_stored_yet_has_every_step_before_it():
    assert steps(samples.account()) == {
        "enrolled": None,
        "keys": True,
        "product": None,
        "consent": False,
        "issuers": False,
        "callbacks": False,
        "first invoice": None,
    }


@pytest.mark.requirement("M1-01")
def test_each_step_has_its_evidence(account: ProviderAccount):
    issuer = factories.IssuerFactory(merchant=account.merchant)
    account.issuers.set([issuer])
    MerchantConsent.objects.create(
        account=account,
        state=MerchantConsent.State.GRANTED,
        remote_merchant=samples.MERCHANT,
        granted_at=timezone.now(),
    )
    ProviderIssuer.objects.create(
        account=account, issuer=issuer, external_id=samples.ISSUER, name="Nørrebro Cykler"
    )
    account.registrations.create(provider_id="basic:mp-1", url="https://x.example", secret="s")
    call(account, "GET", "merchants/me", 200)
    call(account, "POST", f"merchants/{samples.MERCHANT}/invoices", 202)

    assert steps(account) == dict.fromkeys(STEPS, True)
    proofs = [str(each.proof) for each in MobilePayInvoice(account).checklist()]
    assert samples.MERCHANT in proofs[0]
    assert all(proofs)


@pytest.mark.requirement("M1-09")
def test_missing_product_is_seen_by_the_last_call(account: ProviderAccount):
    call(account, "GET", "merchants/me", 200)
    call(account, "GET", "merchants/me", 403)

    assert steps(account)["product"] is False


@pytest.mark.parametrize(("name", "ok"), [("client_secret", False), ("gateway_id", True)])
def test_missing_keys_are_named(account: ProviderAccount, name: str, ok: bool):
    account.credentials = dict(account.credentials) | {name: ""}

    found = MobilePayInvoice(account).checklist()[1]

    assert (found.ok, bool(found.proof)) == (ok, True)


@pytest.mark.parametrize("state", ["needed", "denied", "withdrawn"])
def test_consent_that_does_not_hold_says_why(account: ProviderAccount, state: str):
    MerchantConsent.objects.create(account=account, state=state, failure="Removed there.")

    found = MobilePayInvoice(account).checklist()[3]

    assert (found.ok, found.proof) == (False, "Removed there.")


def test_issuer_without_a_sender_is_named(account: ProviderAccount):
    account.issuers.set([factories.IssuerFactory(merchant=account.merchant, name="Nord")])

    found = MobilePayInvoice(account).checklist()[4]

    assert (found.ok, "Nord" in str(found.proof)) == (False, True)


class Fake:
    """Answers as told."""

    def __init__(self, me: Any, merchant: str = samples.MERCHANT) -> None:
        self._me, self.merchant = me, merchant

    def me(self) -> str:
        if isinstance(self._me, Exception):
            raise self._me
        return str(self._me)


@pytest.mark.parametrize(
    ("me", "ok"),
    [(samples.MERCHANT, True), (samples.OTHER, False), (Unavailable("Down."), None)],
)
def test_probe_tells_whom_we_act_for(me: Any, ok: bool | None):
    found = readiness.probe(Fake(me))  # type: ignore[arg-type]

    assert (found.ok, bool(found.proof)) == (ok, True)

"""A merchant that sends through MobilePay Invoice, its customers, and what can go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from customers.models import Customer
from invoices import bulk, dispatching, outbox
from invoices.models import Dispatch, Invoice, PaymentRequest
from invoicing_site.demo.phone import MobilePayPhone
from invoicing_site.merchants.models import Issuer, Merchant, Role, User
from providers import inbox, registrations
from providers.models import ProviderAccount, ProviderIssuer
from providers.sandbox import portal_seeding
from providers.sandbox.models import Fault
from providers.sandbox.portal_seeding import Portal
from tests import factories, many
from tests.contract.mobilepay import account_of, consent


@dataclass
class MobileShop:
    """A Danish merchant with an issuer, an owner and a consented account at the simulator."""

    merchant: Merchant
    issuer: Issuer
    owner: User
    account: ProviderAccount
    portal: Portal
    phone: MobilePayPhone

    @classmethod
    def make(cls, url: str, **settings: Any) -> MobileShop:
        """Make it on a running server; callbacks are set up there."""
        portal = portal_seeding.portal(
            redirect_uris=[f"{url}/consents/mobilepay_invoice/callback/"]
        )
        account = account_of(portal, f"{url}/sandbox/mobilepay", **settings)
        merchant = account.merchant
        Merchant.objects.filter(pk=merchant.pk).update(
            slug="skovbo", name="Skovbo Have ApS", org_number="13748136",
            vat_number="DK13748136",
        )  # fmt: skip
        merchant.refresh_from_db()
        issuer = factories.DanishIssuerFactory(merchant=merchant, name="Skovbo Have")
        owner = factories.UserFactory(email="asger@skovbo.example", first_name="Asger")
        factories.MembershipFactory(user=owner, merchant=merchant, role=Role.OWNER)
        account.issuers.add(issuer)
        ProviderIssuer.objects.create(
            account=account, issuer=issuer, external_id=str(portal.issuers[0].issuer_id),
            name=portal.issuers[0].name,
        )  # fmt: skip
        consent(account, portal)
        registrations.register(account, now=timezone.now())
        return cls(merchant, issuer, owner, account, portal, MobilePayPhone(url))

    @property
    def id(self) -> str:
        """The merchant's id there."""
        return str(self.portal.merchant.merchant_id)

    def customer(self, **values: Any) -> Customer:
        """Make a Danish customer who consented to be billed by phone."""
        given = {"name": "Asta Eksempel", "phone": "+4520304050", "country": "DK", "language": "da"}
        made: Customer = factories.CustomerFactory(merchant=self.merchant, **(given | values))
        factories.ContactConsentFactory(customer=made, phone=made.phone)
        return made

    def issued(self, **values: Any) -> Invoice:
        """Issue an invoice today."""
        today = timezone.localdate()
        given: dict[str, Any] = {
            "issuer": self.issuer, "by": self.owner, "today": today, "now": timezone.now(),
            "lines": [factories.line()], "language": "da",
        }  # fmt: skip
        if "customer" not in values:
            given["customer"] = self.customer()
        return factories.issued(**(given | values))

    def many(self, count: int) -> list[Invoice]:
        """Issue invoices by the thousand."""
        return many.issued(
            count, issuer=self.issuer, customer=self.customer(), by=self.owner,
            today=timezone.localdate(), now=timezone.now(), lines=[factories.line()],
        )  # fmt: skip

    def key(self, channel: str = "direct") -> str:
        """Return the road's key."""
        return f"{self.account.pk}:{channel}"

    def dispatch(self, invoices: list[Invoice], channel: str = "direct") -> Dispatch:
        """Decide to send invoices, and queue them."""
        decided = dispatching.start(
            merchant=self.merchant, road_key=self.key(channel), by=self.owner,
            ids=[invoice.pk for invoice in invoices], now=timezone.now(),
        )  # fmt: skip
        bulk.queue(decided.pk, now=timezone.now())
        return decided

    def spoil(self, endpoint: str, kind: str, **more: Any) -> None:
        """Let the next call of an endpoint go wrong."""
        values = {"provider": "mobilepay", "account": self.id, "remaining": 1} | more
        Fault.objects.create(endpoint=endpoint, kind=kind, **values)

    def work(self, ahead: timedelta = timedelta(0), **manner: Any) -> None:
        """Do what all workers do until nothing is due `ahead` of now."""
        for _ in range(30):
            now = timezone.now() + ahead
            done = outbox.drain(now, threads=1)
            done += self.phone.deliver(**manner)
            manner = {}
            done += inbox.drain(now)
            if not done:
                return
        raise AssertionError("The workers never come to rest.")

    def ledger(self) -> dict[str, dict[str, Any]]:
        """Return what the simulator holds, by the invoice's number."""
        rows, after = [], 0
        while True:
            page = self.phone.ledger(merchantId=self.id, limit="2000", after=str(after))
            rows += page["invoices"]
            if not page["next"]:
                break
            after = page["next"]
        # What never came to life for the payer (invalid) may be tried again under its number.
        living = [row["number"] for row in rows if row["status"] != "invalid"]
        assert len(set(living)) == len(living), "an invoice was made twice"
        return {row["number"]: row for row in rows}


def states(invoices: list[Invoice]) -> dict[str, str]:
    """Return each invoice's state at the provider, as we know it, by number."""
    rows = PaymentRequest.objects.filter(invoice__in=invoices)
    return dict(rows.values_list("invoice__number", "state"))

"""What a browser test starts from."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from customers.models import Customer
from invoices.models import Invoice, PaymentRequest
from invoicing_site.merchants.models import Issuer, Merchant, Role, User
from providers.models import ProviderAccount
from providers.registry import of
from providers.sandbox import seeding
from tests import factories


@dataclass(frozen=True)
class Shop:
    """One merchant that can send through the sandbox."""

    merchant: Merchant
    issuer: Issuer
    owner: User
    customer: Customer
    account: ProviderAccount

    @classmethod
    def make(cls, url: str) -> Shop:
        """Make it, with webhooks registered at the sandbox on `url`."""
        merchant = factories.MerchantFactory(slug="nordlys", name="Nordlys Sykkel AS")
        issuer = factories.IssuerFactory(merchant=merchant, name="Nordlys Oslo")
        owner = factories.UserFactory(email="ingrid@nordlys.example", first_name="Ingrid")
        factories.MembershipFactory(user=owner, merchant=merchant, role=Role.OWNER)
        customer = factories.CustomerFactory(merchant=merchant, name="Kari Nordmann")
        factories.ContactConsentFactory(customer=customer, phone=customer.phone)
        factories.ArticleFactory(
            merchant=merchant, number="REP-010", description="Workshop hour", price=Decimal(760)
        )
        return cls(merchant, issuer, owner, customer, _account(merchant, issuer, url))

    def issued(self, **more: object) -> Invoice:
        """Issue an invoice of three lines for the customer."""
        values = {"issuer": self.issuer, "customer": self.customer, "by": self.owner} | more
        return factories.issued(**values)  # type: ignore[arg-type]

    def path(self, invoice: Invoice) -> str:
        """Return the address of the invoice's page."""
        return f"/m/{self.merchant.slug}/invoices/{invoice.pk}/"


def _account(merchant: Merchant, issuer: Issuer, url: str) -> ProviderAccount:
    unit = seeding.sales_unit(msn="123456", rate_limits=False)
    account = factories.ProviderAccountFactory(
        merchant=merchant,
        base_url=f"{url}/sandbox/vipps",
        credentials={
            "client_id": unit.client_id,
            "client_secret": unit.client_secret,
            "subscription_key": unit.key_primary,
            "msn": unit.msn,
        },
    )
    account.issuers.add(issuer)
    hook = f"{url}/webhooks/vipps_mobilepay/{account.webhook_token}/"
    provider_id, secret = of(account).register_webhook(hook)
    account.registrations.create(provider_id=provider_id, url=hook, secret=secret)
    return account


def latest_request(invoice: Invoice) -> PaymentRequest:
    """Return the invoice's newest payment request."""
    return PaymentRequest.objects.filter(invoice=invoice).order_by("-attempt")[0]

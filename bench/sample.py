"""The rows that benchmarks work on: one merchant, one account, as many invoices as asked for."""

from __future__ import annotations

from invoices.models import Invoice
from invoicing_site.demo.phone import Json
from invoicing_site.merchants.models import Issuer, User
from providers.models import ProviderAccount
from tests import factories


def unit(phone_keys: Json, base_url: str, issuer: Issuer) -> ProviderAccount:
    """Return an account whose keys are those of a sandbox sales unit."""
    account = factories.ProviderAccountFactory(
        merchant=issuer.merchant,
        base_url=base_url,
        credentials={
            "client_id": phone_keys["client_id"],
            "client_secret": phone_keys["client_secret"],
            "subscription_key": phone_keys["key_primary"],
            "msn": phone_keys["msn"],
        },
    )
    account.issuers.add(issuer)
    return account


def issued(count: int, issuer: Issuer, by: User) -> list[Invoice]:
    """Return issued invoices of three lines, for customers who may be sent requests."""
    customer = factories.CustomerFactory(merchant=issuer.merchant)
    factories.ContactConsentFactory(customer=customer, phone=customer.phone)
    return [factories.issued(by=by, issuer=issuer, customer=customer) for _ in range(count)]

"""Provider accounts that point at this site's own sandbox."""

from __future__ import annotations

from datetime import datetime

from invoicing_site.merchants.models import Issuer, Merchant
from providers import registrations
from providers.models import ProviderAccount
from providers.sandbox import seeding

# Merchant serial number, market and issuer: a sales unit holds one currency.
UNITS = (
    ("123456", "NO", "Vipps Norge", "Nordlys Sykkel Oslo"),
    ("234567", "DK", "MobilePay Danmark", "Nordlys Cykler København"),
)


def make(url: str) -> None:
    """Make the accounts, or point them at `url`, where this demo runs now."""
    merchant = Merchant.objects.get(slug="nordlys")
    for msn, market, name, issuer in UNITS:
        unit = seeding.sales_unit(msn=msn, name=merchant.name, market=market)
        account, _ = ProviderAccount.objects.update_or_create(
            merchant=merchant,
            name=name,
            defaults={
                "provider": "vipps_mobilepay",
                "environment": ProviderAccount.Environment.SANDBOX,
                "base_url": f"{url}/sandbox/vipps",
                "credentials": {
                    "client_id": unit.client_id,
                    "client_secret": unit.client_secret,
                    "subscription_key": unit.key_primary,
                },
            },
        )
        account.settings = account.settings or {"merchant_serial_number": unit.msn}
        account.save(update_fields=["settings"])
        account.issuers.add(Issuer.objects.get(merchant=merchant, name=issuer))


def register_webhooks(*, now: datetime) -> None:
    """Register where webhooks go, where the provider does not know it yet. Calls the provider."""
    for account in ProviderAccount.objects.filter(merchant__slug="nordlys"):
        url = registrations.webhook_url(account)
        if not account.registrations.filter(url=url, removed_at=None).exists():
            registrations.register(account, now=now)

"""Vipps MobilePay accounts that point at this site's own sandbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from invoicing_site.merchants.models import Issuer, Merchant
from providers import registrations, registry
from providers.models import ProviderAccount
from providers.sandbox import seeding
from providers.sandbox.models import SalesUnit

PROVIDER = "vipps_mobilepay"
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
        account, is_new = ProviderAccount.objects.get_or_create(
            merchant=merchant, name=name, defaults=_as_typed(unit)
        )
        if is_new:
            account.issuers.add(Issuer.objects.get(merchant=merchant, name=issuer))
        account.base_url = f"{url}/sandbox/vipps"
        account.save(update_fields=["base_url", "updated_at"])


def _as_typed(unit: SalesUnit) -> dict[str, Any]:
    """Return an account's columns as its own settings form makes them."""
    typed = {
        "msn": unit.msn,
        "client_id": unit.client_id,
        "client_secret": unit.client_secret,
        "subscription_key": unit.key_primary,
        "subscription_key_2": unit.key_secondary,
        "market": unit.market,
        "push_approved": "on",
        "long_living_approved": "on",
        "ceiling_hours": unit.long_living_ceiling // 3600,
        "receipt_mode": "lines",
        "partial_capture": "on",
        "order_management": "on",
    }
    form: Any = registry.classes()[PROVIDER].settings_form(typed, initial={})
    if not form.is_valid():
        raise ValueError(f"The sample account's settings are not valid: {form.errors.as_json()}")
    return {
        "provider": PROVIDER,
        "environment": ProviderAccount.Environment.SANDBOX,
        "credentials": form.credentials(),
        "settings": form.kept_settings(),
    }


def register_webhooks(*, now: datetime) -> None:
    """Register where webhooks go, where the provider does not know it yet. Calls the provider."""
    for account in ProviderAccount.objects.filter(merchant__slug="nordlys", provider=PROVIDER):
        url = registrations.webhook_url(account)
        if not account.registrations.filter(url=url, removed_at=None).exists():
            registrations.register(account, now=now)

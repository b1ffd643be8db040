"""MobilePay Invoice in the demo: two companies in the simulated portal, one of them consented."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from invoicing_site.demo.consenting import consent_over_http
from invoicing_site.demo.signins import PORTAL_EMAIL, SIGN_INS
from invoicing_site.merchants.models import Issuer, Merchant
from providers import issuers, registrations, registry
from providers.consents import discovery
from providers.models import MerchantConsent, ProviderAccount
from providers.sandbox import portal_seeding
from providers.sandbox.models import PortalApp, PortalUser
from providers.sandbox.portal_seeding import Portal

PROVIDER = "mobilepay_invoice"
APP = "Nordic Invoicing"
DANISH, FINNISH = "MobilePay Invoice Danmark", "MobilePay Invoice Suomi"
# Account, VAT number with a wrong check digit, so nobody's, issuer, how callbacks prove themselves.
COMPANIES = (
    (DANISH, "DK99000121", "Nordlys Cykler København", "basic"),
    (FINNISH, "FI99000131", "Nordlys Pyörät Helsinki", "apikey"),
)
State = MerchantConsent.State


# -------------------------------------------------------------------------------- before the web
def make(url: str) -> None:
    """Make companies and accounts, or point them at `url`, where this demo runs now."""
    merchant = Merchant.objects.get(slug="nordlys")
    app: PortalApp | None = None
    for name, vat, issuer, scheme in COMPANIES:
        way_back = f"{url}{reverse('consent-callback', args=[PROVIDER])}"
        portal = portal_seeding.portal(vat, app=app, name=issuer, redirect_uris=[way_back])
        if app is None:
            _name(portal)
        app = portal.app
        _person().merchants.add(portal.merchant)
        account, is_new = ProviderAccount.objects.get_or_create(
            merchant=merchant, name=name, defaults=_as_typed(portal, scheme)
        )
        if is_new:
            account.issuers.add(Issuer.objects.get(merchant=merchant, name=issuer))
        account.base_url = f"{url}/sandbox/mobilepay"
        account.save(update_fields=["base_url", "updated_at"])


def _name(portal: Portal) -> None:
    """Name the integrator's app, and the person who decides for both companies."""
    portal.app.name = APP
    portal.app.save(update_fields=["name"])
    PortalUser.objects.filter(pk=portal.user.pk).update(name="Ingrid Nordahl", email=PORTAL_EMAIL)


def _person() -> PortalUser:
    return PortalUser.objects.get(email=PORTAL_EMAIL)


def _as_typed(portal: Portal, scheme: str) -> dict[str, Any]:
    """Return an account's columns as its own settings form makes them."""
    typed = {
        "country": portal.merchant.country,
        "vat_number": portal.merchant.vat_number,
        "client_id": portal.app.client_id,
        "client_secret": portal.app.client_secret,
        "gateway_id": portal.app.gateway_id,
        "gateway_secret": portal.app.gateway_secret,
        "profile": portal.merchant.profile,
        "callback_scheme": scheme,
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


# --------------------------------------------------------------------------------- with the web
def connect(*, now: datetime) -> None:
    """Walk the consent where it is ours to walk, then take the issuers and set up callbacks.

    The Danish account's first consent is given here; the Finnish one is left to whoever looks at
    the demo. Consents that hold are given anew on another address, as their tokens are bound to
    the old one; one that was declined or withdrawn stays as it is.
    """
    for account in ProviderAccount.objects.filter(merchant__slug="nordlys", provider=PROVIDER):
        if _wants_consent(account):
            owner = next(each for each in SIGN_INS if each.role == "owner")
            consent_over_http(
                settings.PUBLIC_URL, f"/m/nordlys/providers/{account.pk}/", email=owner.email
            )
            issuers.sync(account, now=now)
        if _is_here(account) and not _told(account):
            registrations.register(account, now=now)


def _wants_consent(account: ProviderAccount) -> bool:
    consent = MerchantConsent.objects.filter(account=account).first()
    if consent is None:
        return account.name == DANISH
    return consent.state == State.GRANTED and not _is_here(account)


def _is_here(account: ProviderAccount) -> bool:
    """Say whether a consent holds at the address where the demo runs now."""
    consent = MerchantConsent.objects.filter(account=account, state=State.GRANTED).first()
    home = discovery.home(account, discovery.terms_of(account))
    return consent is not None and consent.tokens.get("home") == home


def _told(account: ProviderAccount) -> bool:
    url = registrations.webhook_url(account)
    return account.registrations.filter(url=url, removed_at=None).exists()

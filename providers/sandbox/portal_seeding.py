"""Ready-made merchants, users, apps and issuers in the simulated merchant portal."""

import hashlib
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.text import slugify

from providers.sandbox import clock
from providers.sandbox.models import (
    Grant,
    PortalApp,
    PortalIssuer,
    PortalMerchant,
    PortalUser,
)

PASSWORD = "portal-demo-2026"  # noqa: S105 -- the toy portal's, the same for everybody
SCOPES = "openid offline_access invoice"
NAMES = {"DK31415926": "Skovbo Have", "FI27182818": "Lumikko Huolto"}
# Documented per country and profile; v1 names none, so it gets what 1.4 has.
CAPS = {("DK", "1.5"): "15000", ("FI", "1.5"): "2000", ("DK", "1.4"): "15000", ("FI", "1.4"): "500"}
OF_APP = {
    "redirect_uris",
    "has_invoice_product",
    "requires_gateway_headers",
    "refresh_grace",
    "gateway_id",
    "gateway_secret",
    "client_id",
    "client_secret",
}
Status = PortalIssuer.Status
ISSUERS = [("", Status.ENABLED), (" Webshop", Status.ENABLED), (" 2019", Status.DISABLED)]


@dataclass(frozen=True)
class Portal:
    """One merchant with everything it needs to be invoiced for."""

    merchant: PortalMerchant
    user: PortalUser
    app: PortalApp
    issuers: list[PortalIssuer]


def portal(vat_number: str = "DK31415926", *, app: PortalApp | None = None, **given: Any) -> Portal:
    """Make a merchant with a SuperManager, an app and issuers; of an existing one change only
    what is given.

    Ids and secrets are derived from the VAT number, so that the demo's account and the sandbox
    agree without talking to each other. Any field of ``PortalMerchant`` or ``PortalApp`` can be
    given, e.g. ``profile="1.4"``, ``redirect_uris=["https://..."]``, ``refresh_grace=0``. With
    ``app``, the merchant is served by that existing integrator's app.
    """
    for_app = {name: given.pop(name) for name in OF_APP & given.keys()}
    merchant = _merchant(vat_number, given)
    return Portal(
        merchant=merchant,
        user=_user(merchant),
        app=_app(merchant, for_app) if app is None else _change(app, for_app),
        issuers=_issuers(merchant),
    )


def grant(portal: Portal, scopes: str = SCOPES) -> Grant:
    """Consent for the merchant without going through the screens; a live consent is kept."""
    return Grant.objects.get_or_create(
        app=portal.app,
        merchant=portal.merchant,
        revoked_at=None,
        defaults={"user": portal.user, "scopes": scopes, "granted_at": clock.now()},
    )[0]


def _merchant(vat: str, given: dict[str, Any]) -> PortalMerchant:
    country = str(given.get("country", vat[:2]))
    profile = str(given.get("profile", "1.5"))
    old = profile != "1.5"
    fresh: dict[str, Any] = {
        "merchant_id": _guid(vat, "merchant"),
        "name": NAMES.get(vat, f"Merchant {vat}"),
        "country": country,
        "cap": Decimal(CAPS[country, "1.4" if old else "1.5"]),
        "per_payer_daily": 3 if old else 10,
        "per_issuer_daily": 5000 if old else None,
    }
    return PortalMerchant.objects.update_or_create(
        vat_number=vat, defaults=given, create_defaults=fresh | given
    )[0]


def _user(merchant: PortalMerchant) -> PortalUser:
    vat = merchant.vat_number
    subject = _guid(vat, "user")
    user = PortalUser.objects.filter(subject=subject).first()
    if user is None:
        name = slugify(merchant.name)
        email = f"portal@{name}.example"
        # Two merchants of one name are two companies.
        if not name or PortalUser.objects.filter(email=email).exists():
            email = f"portal@{vat.lower()}.example"
        user = PortalUser.objects.create(
            subject=subject, name=f"{merchant.name} owner", email=email, password=PASSWORD
        )
    user.merchants.add(merchant)
    return user


def _app(merchant: PortalMerchant, given: dict[str, Any]) -> PortalApp:
    vat = merchant.vat_number
    fresh: dict[str, Any] = {
        "name": f"{merchant.name} back office",
        "gateway_id": str(_guid(vat, "gateway id")),
        "gateway_secret": _secret(vat, "gateway secret"),
        "client_secret": _secret(vat, "client secret"),
        "redirect_uris": [],
    }
    client_id = given.pop("client_id", f"backoffice.{vat.lower()}")
    return PortalApp.objects.update_or_create(
        client_id=client_id, defaults=given, create_defaults=fresh | given
    )[0]


def _change(app: PortalApp, given: dict[str, Any]) -> PortalApp:
    for name, value in given.items():
        setattr(app, name, value)
    app.save()
    return app


def _issuers(merchant: PortalMerchant) -> list[PortalIssuer]:
    denmark = merchant.country == "DK"
    place = {
        "address": "Eksempelgade 4" if denmark else "Esimerkkikatu 4",
        "city": "København N" if denmark else "Helsinki",
        "zip_code": "2200" if denmark else "00100",
    }
    return [
        PortalIssuer.objects.get_or_create(
            issuer_id=_guid(merchant.vat_number, f"issuer {number}"),
            defaults=place
            | {"merchant": merchant, "name": f"{merchant.name}{suffix}", "status": status},
        )[0]
        for number, (suffix, status) in enumerate(ISSUERS, start=1)
    ]


def _guid(vat: str, what: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"sandbox {what} {vat}")


def _secret(vat: str, what: str) -> str:
    return hashlib.sha256(f"sandbox {what} {vat}".encode()).hexdigest()[:44]

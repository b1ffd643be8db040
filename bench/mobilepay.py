"""A merchant at the simulated MobilePay Invoice, in a process of its own, and our account for it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from invoicing_site.demo.home import PROJECT
from invoicing_site.demo.stack import Stack
from invoicing_site.merchants.models import Issuer, User
from providers.consents import discovery, grants
from providers.consents.exchange import Tokens
from providers.models import ProviderAccount, ProviderIssuer
from tests import factories

SEED = """
import json
from providers.sandbox import clock, portal_seeding
from providers.sandbox.mobilepay import tokens
portal = portal_seeding.portal(per_payer_daily=1000000, redirect_uris=["https://bench.example/"])
given = tokens.issue(portal_seeding.grant(portal), clock.now())
app = portal.app
names = ("client_id", "client_secret", "gateway_id", "gateway_secret")
print("SEEDED" + json.dumps({
    "keys": {name: getattr(app, name) for name in names},
    "merchant": str(portal.merchant.merchant_id),
    "issuer": str(portal.issuers[0].issuer_id),
    "subject": str(portal.user.subject),
    "tokens": given,
}))
"""


@dataclass(frozen=True)
class Shop:
    """Our account, and what the bare client takes to do the same."""

    account: ProviderAccount
    issuer: Issuer
    by: User
    base: str
    keys: dict[str, str]
    merchant: str
    access: str

    @property
    def headers(self) -> dict[str, str]:
        """What every call carries."""
        return {
            "Authorization": f"Bearer {self.access}",
            "x-ibm-client-id": self.keys["gateway_id"],
            "x-ibm-client-secret": self.keys["gateway_secret"],
            "Content-Type": "application/json",
        }

    @property
    def batches(self) -> str:
        """Where batches go."""
        return f"{self.base}/invoice-restapi/api/v1/merchants/{self.merchant}/invoices/batch"


def shop(stack: Stack) -> Shop:
    """Make both sides agree."""
    seeded = _seeded(stack)
    issuer = factories.DanishIssuerFactory()
    account = factories.ProviderAccountFactory(
        merchant=issuer.merchant,
        provider="mobilepay_invoice",
        name="MobilePay",
        base_url=f"{stack.url}/sandbox/mobilepay",
        credentials=seeded["keys"],
        settings={"country": "DK", "profile": "1.5", "vat_number": "DK31415926"},
    )
    account.issuers.add(issuer)
    ProviderIssuer.objects.create(
        account=account, issuer=issuer, external_id=seeded["issuer"], name=issuer.name
    )
    by = factories.UserFactory()
    _consent(account, seeded, by)
    return Shop(
        account=account,
        issuer=issuer,
        by=by,
        base=account.base_url,
        keys=seeded["keys"],
        merchant=seeded["merchant"],
        access=seeded["tokens"]["access_token"],
    )


def _seeded(stack: Stack) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", SEED],
        cwd=PROJECT, env=stack.env, check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.partition("SEEDED")[2])
    return found


def _consent(account: ProviderAccount, seeded: dict[str, Any], by: User) -> None:
    terms, given = discovery.terms_of(account), seeded["tokens"]
    kept = Tokens(
        access=given["access_token"],
        refresh=given["refresh_token"],
        id_token=given["id_token"],
        lifetime=float(given["expires_in"]),
        scopes=None,
    )
    grants.give(
        account, kept, subject=seeded["subject"], scopes=terms.scopes, by=by,
        home=discovery.home(account, terms), lifetime=terms.refresh_lifetime, now=timezone.now(),
    )  # fmt: skip

"""A Danish merchant whose account speaks to the simulated MobilePay Invoice, consent given."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from invoices import documents, options
from invoices.models import Invoice, PaymentRequest
from invoicing_site.merchants.models import Issuer, Merchant
from providers import registry
from providers.consents import discovery, exchange, grants
from providers.models import ProviderAccount
from providers.sandbox import clock, portal_seeding
from providers.sandbox.mobilepay import tokens
from providers.sandbox.models import IssuedToken
from providers.sandbox.portal_seeding import Portal
from tests import factories

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Shop:
    """One merchant that can send through the simulator on `url`."""

    merchant: Merchant
    issuer: Issuer
    account: ProviderAccount
    portal: Portal
    owner: Any

    @classmethod
    def make(cls, url: str, **given: Any) -> Shop:
        """Make it; `given` goes to the simulated portal's merchant."""
        portal = portal_seeding.portal(**given)
        issuer = factories.DanishIssuerFactory()
        owner = factories.MembershipFactory(merchant=issuer.merchant).user
        account = factories.ProviderAccountFactory(
            merchant=issuer.merchant,
            provider="mobilepay_invoice",
            name="MobilePay",
            base_url=f"{url}/sandbox/mobilepay",
            credentials={
                "client_id": portal.app.client_id,
                "client_secret": portal.app.client_secret,
                "gateway_id": portal.app.gateway_id,
                "gateway_secret": portal.app.gateway_secret,
            },
            settings={"country": "DK", "profile": portal.merchant.profile},
        )
        account.issuers.add(issuer)
        shop = cls(issuer.merchant, issuer, account, portal, owner)
        shop.consent()
        return shop

    def consent(self) -> None:
        """Give the consent without going through the screens."""
        access, now, terms = uuid.uuid4().hex, timezone.now(), discovery.terms_of(self.account)
        IssuedToken.objects.create(
            grant=portal_seeding.grant(self.portal),
            kind=IssuedToken.Kind.ACCESS,
            token_hash=tokens.digest(access),
            issued_at=clock.now(),
            expires_at=clock.now() + HOUR,
        )
        held = exchange.Tokens(access=access, refresh="", lifetime=3600, id_token="", scopes=None)
        grants.give(
            self.account,
            held,
            subject="portal-user",
            scopes=terms.scopes,
            by=self.owner,
            home=discovery.home(self.account, terms),
            lifetime=terms.refresh_lifetime,
            now=now,
        )

    def issued(self, **more: Any) -> Invoice:
        """Issue an invoice of one line for a Danish customer."""
        customer = factories.CustomerFactory(
            merchant=self.merchant, country="DK", postcode="2100", city="København",
            phone="+4520123456",
        )  # fmt: skip
        values = {"lines": [factories.line()], "by": self.owner} | more
        return factories.issued(
            issuer=self.issuer,
            customer=customer,
            today=timezone.localdate(),
            now=timezone.now(),
            **values,
        )

    def sent(self, invoice: Invoice) -> PaymentRequest:
        """Hand an invoice over by link, as a worker does, and keep the request."""
        document = documents.latest(invoice)
        asked = options.offered(
            invoice,
            "link",
            amount=document.totals.payable,
            now=timezone.now(),
            account=self.account,
        )
        sent = registry.of(self.account).send(document, asked)
        return PaymentRequest.objects.create(
            invoice=invoice,
            document=invoice.versions.get(),
            account=self.account,
            channel="link",
            attempt=1,
            reference=asked.reference,
            provider_id=sent.provider_id,
            amount=document.totals.payable,
            currency="DKK",
            state=sent.state,
        )

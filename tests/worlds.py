"""One merchant with a row of everything, for tests that walk over all pages."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from customers.models import ContactConsent, Customer, PhoneProposal
from invoices.models import (
    Alert,
    Article,
    Invoice,
    Movement,
    Operation,
    PaymentRequest,
    RenderedPdf,
)
from invoicing_site.merchants.models import Issuer, Membership, Merchant, Role, User
from providers import inbox
from providers.models import (
    ConsentAttempt,
    MerchantConsent,
    ProviderAccount,
    ProviderCall,
    ProviderIssuer,
    QuotaUse,
    RejectedDelivery,
    WebhookDelivery,
    WebhookRegistration,
)
from tests import factories
from tests.factories import NOW, TODAY

# What must never be read on a page, in a log or in the call log.
SECRETS = {
    "client_secret": "canary-client-secret-7f3a",
    "subscription_key": "canary-subscription-key-91bc",
}
PERSONAL_NUMBER = "01010112377"
WEBHOOK_SECRET = "canary-webhook-secret-55de"
REDIRECT_URL = "https://pay.example/canary-redirect-url-a1b2"
SIGNATURE = "canary-signature-0c0c"
TOKEN = "canary-access-token-ee11"
REFRESH_TOKEN, VERIFIER = "canary-refresh-token-90ab", "canary-code-verifier-3b3b"


@dataclass(frozen=True, slots=True)
class World:
    """A merchant, its people by role, and one row of each kind."""

    merchant: Merchant
    owner: Membership
    biller: Membership
    viewer: Membership
    issuer: Issuer
    customer: Customer
    consent: ContactConsent
    proposal: PhoneProposal
    article: Article
    account: ProviderAccount
    attempt: ConsentAttempt
    remote: ProviderIssuer
    registration: WebhookRegistration
    delivery: WebhookDelivery
    draft: Invoice
    invoice: Invoice
    request: PaymentRequest
    operation: Operation
    alert: Alert

    def secrets(self) -> list[str]:
        """Return every text of this world that must not be seen."""
        return [
            *SECRETS.values(),
            PERSONAL_NUMBER,
            WEBHOOK_SECRET,
            REDIRECT_URL,
            SIGNATURE,
            TOKEN,
            REFRESH_TOKEN,
            VERIFIER,
            self.account.webhook_token,
        ]


def make() -> World:
    """Make a merchant with a row of everything. Needs a test that may commit."""
    merchant = factories.MerchantFactory()
    roles = {role.value: factories.MembershipFactory(merchant=merchant, role=role) for role in Role}
    issuer = factories.IssuerFactory(merchant=merchant)
    customer = factories.CustomerFactory(merchant=merchant, personal_number=PERSONAL_NUMBER)
    account = _account(merchant, issuer)
    invoice = factories.issued(issuer=issuer, customer=customer, by=roles["biller"].user)
    request = _request(invoice, account)
    return World(
        merchant=merchant,
        **roles,
        issuer=issuer,
        customer=customer,
        consent=factories.ContactConsentFactory(customer=customer),
        proposal=PhoneProposal.objects.create(
            customer=customer, phone="+4799999999", source_detail="Vipps", proposed_at=NOW
        ),
        article=factories.ArticleFactory(merchant=merchant),
        account=account,
        attempt=_consented(account, roles["owner"].user),
        remote=ProviderIssuer.objects.create(
            account=account, external_id="0f6d9c3a-51b7-4e0e-9c42-8a7be1d2f530", name="Fjord"
        ),
        **_received(account),
        draft=factories.draft(issuer=issuer, customer=customer),
        invoice=invoice,
        request=request,
        **_around(invoice, request),
    )


def _account(merchant: Merchant, issuer: Issuer) -> ProviderAccount:
    account = factories.ProviderAccountFactory(merchant=merchant)
    account.credentials |= SECRETS
    account.save()
    account.issuers.add(issuer)
    ProviderCall.objects.create(
        account=account, method="POST", path="/epayment/v1/payments", status=201,
        milliseconds=90, at=NOW,
    )  # fmt: skip
    RejectedDelivery.objects.create(account=account, day=TODAY, reason="signature", count=2)
    return account


def _consented(account: ProviderAccount, owner: User) -> ConsentAttempt:
    consent = MerchantConsent(account=account, state="granted", scopes="openid invoice")
    consent.tokens = {"access": TOKEN, "refresh": REFRESH_TOKEN}
    consent.granted_at, consent.granted_by = NOW, owner
    consent.save()
    QuotaUse.objects.create(account=account, day=TODAY, scope="payer:+4511223344", used=2)
    attempt = ConsentAttempt(account=account, started_by=owner, started_at=NOW, used_at=NOW)
    attempt.state_hash = attempt.browser_hash = secrets.token_hex(32)
    attempt.secrets, attempt.outcome = {"code_verifier": VERIFIER}, "granted"
    attempt.redirect_uri = "https://shop.example/consents/x/callback/"
    attempt.save()
    return attempt


def _received(account: ProviderAccount) -> dict[str, Any]:
    registration = WebhookRegistration.objects.create(
        account=account,
        provider_id="0f0e0d0c",
        url=f"https://shop.example/webhooks/vipps_mobilepay/{account.webhook_token}/",
        secret=WEBHOOK_SECRET,
    )
    pk, _news = inbox.keep(
        account,
        delivery_id="delivery-1",
        body=b'{"msn":"123456","reference":"x","name":"CREATED","phoneNumber":"4791234567"}',
        headers={"authorization": SIGNATURE, "content-type": "application/json"},
        now=NOW,
    )
    delivery = WebhookDelivery.objects.get(pk=pk)
    return {"registration": registration, "delivery": delivery}


def _request(invoice: Invoice, account: ProviderAccount) -> PaymentRequest:
    return PaymentRequest.objects.create(
        invoice=invoice, document=invoice.versions.get(), account=account, channel="push",
        state="paid", attempt=1, reference=f"inv-test-{invoice.pk}-1", amount=invoice.total,
        currency=invoice.currency, redirect_url=REDIRECT_URL, phone="+4791234567",
        facts={"redirectUrl": REDIRECT_URL, "note": "a fact"}, expires_at=NOW + timedelta(days=1),
    )  # fmt: skip


def _around(invoice: Invoice, request: PaymentRequest) -> dict[str, Any]:
    Movement.objects.create(
        invoice=invoice, request=request, account=request.account, kind="captured",
        amount=invoice.total, currency=invoice.currency, provider_ref=f"ref-{request.pk}",
        source="webhook", occurred_at=NOW, recorded_at=NOW,
    )  # fmt: skip
    RenderedPdf.objects.create(
        document=invoice.versions.get(), content=b"%PDF", sha256="0" * 64, rendered_at=NOW,
        hosted_url=f"https://shop.example/i/{invoice.token}/", milliseconds=1,
    )  # fmt: skip
    operation = Operation.objects.create(
        invoice=invoice, request=request, kind="refund", key=f"key-{invoice.pk}", due_at=NOW,
        amount=invoice.total,
        options={"access_token": TOKEN},
    )  # fmt: skip
    alert = Alert.objects.create(invoice=invoice, request=request, what="paid_twice", raised_at=NOW)
    return {"operation": operation, "alert": alert}

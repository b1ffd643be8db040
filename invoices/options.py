"""What a request needs beyond its document: addresses, phone, references."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.urls import reverse

from customers import consents
from invoices.models import Invoice, PaymentRequest
from invoicing_site.merchants.fields import box
from providers import registry
from providers.contract import Asked, RequestState, SendOptions


def hosted_url(invoice: Invoice, version: int | None = None) -> str:
    """Return the absolute address of the customer's page."""
    path = reverse("hosted", kwargs={"token": invoice.token})
    return f"{settings.PUBLIC_URL}{path}" + (f"?v={version}" if version else "")


def return_url(invoice: Invoice, reference: str) -> str:
    """Return where the app sends the customer back to. It finds the page and proves nothing."""
    path = reverse("hosted-return", kwargs={"token": invoice.token})
    return f"{settings.PUBLIC_URL}{path}?r={reference}"


def new_reference(invoice: Invoice, attempt: int, installation: str = "") -> str:
    """Make a payment reference that no other installation, invoice or attempt has.

    Letters, digits and hyphens, 8 to 64 characters: `nsy-7-10284-a3`. The invoice's row id
    keeps references apart where two issuers use the same number.
    """
    prefix = installation or settings.INSTALLATION
    number = re.sub(r"[^A-Za-z0-9]+", "-", invoice.number).strip("-")[:24]
    return f"{prefix[:16]}-{invoice.pk}-{number}-a{attempt}"


def sealed(url: str) -> str:
    """Encrypt a link to pay for storing: whoever has it sees the invoice."""
    return box().encrypt(url.encode()).decode()


def link_of(request: PaymentRequest) -> str:
    """Return a request's link to pay, or nothing while there is none."""
    sealed_url = request.redirect_url
    return box().decrypt(sealed_url.encode()).decode() if sealed_url else ""


def handle(request: PaymentRequest) -> str:
    """Return what the provider calls a request; empty when it has not told its id yet."""
    by_id = registry.classes()[request.account.provider].speaks_own_ids
    return request.provider_id if by_id else request.reference


def asked(request: PaymentRequest) -> Asked:
    """Return what we know of a request that we ask about."""
    return Asked(
        handle=handle(request),
        state=RequestState(request.state),
        created_at=request.created_at,
        expires_at=request.expires_at,
        facts=request.facts,
    )


def offered(invoice: Invoice, channel: str, *, amount: Decimal, now: datetime) -> SendOptions:
    """Return the options a channel is checked with before anything exists."""
    customer = invoice.customer
    phone = customer.phone if customer else ""
    attempt = 1
    return SendOptions(
        channel=channel,
        reference=new_reference(invoice, attempt),
        amount=amount,
        hosted_url=hosted_url(invoice),
        return_url=return_url(invoice, new_reference(invoice, attempt)),
        phone=phone,
        has_contact_consent=bool(customer and phone and consents.has_consent(customer, phone)),
        now=now,
        language=invoice.language,
    )


def of_request(request: PaymentRequest, *, key: str, as_of: datetime) -> SendOptions:
    """Return the options of a stored request.

    They are the same for every try, `as_of` too: a provider that gets the same idempotency key
    with another body (an expiry reckoned from a later moment) refuses it.
    """
    invoice = request.invoice
    return SendOptions(
        channel=request.channel,
        reference=request.reference,
        idempotency_key=key,
        amount=Decimal(request.amount),
        hosted_url=hosted_url(invoice),
        return_url=return_url(invoice, request.reference),
        phone=request.phone,
        # The consent was checked when the request was decided; one withdrawn since then stops
        # the next request, not this one.
        has_contact_consent=True,
        share_phone=request.share_phone,
        now=as_of,
        language=invoice.language,
    )

"""What a request needs beyond its document: addresses, phone, references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from django.conf import settings
from django.urls import reverse

from customers import consents
from invoices.models import Invoice, PaymentRequest
from invoicing_site.merchants.fields import box
from providers import issuers, registry
from providers.contract import Asked, RequestState, SendOptions
from providers.models import ProviderAccount

_TOKEN = "TOKEN"  # noqa: S105 -- the place of one, in a pattern
# A provider that came so far with a request found the phone's owner.
DELIVERED = (
    RequestState.CREATED,
    RequestState.ACCEPTED,
    RequestState.PAID,
    RequestState.PARTIALLY_REFUNDED,
    RequestState.REFUNDED,
    RequestState.REJECTED,
)


def hosted_url(invoice: Invoice, version: int | None = None) -> str:
    """Return the absolute address of the customer's page."""
    return _address("hosted", invoice) + (f"?v={version}" if version else "")


def _address(name: str, invoice: Invoice) -> str:
    return str(settings.PUBLIC_URL) + _pattern(name).replace(_TOKEN, invoice.token)


@lru_cache(maxsize=8)
def _pattern(name: str) -> str:
    """Return a path with a place for the token: reversing it for thousands takes long."""
    return reverse(name, kwargs={"token": _TOKEN})


def return_url(invoice: Invoice, reference: str) -> str:
    """Return where the app sends the customer back to. It finds the page and proves nothing."""
    return f"{_address('hosted-return', invoice)}?r={reference}"


def pdf_url(invoice: Invoice, version: int, reference: str) -> str:
    """Return the PDF's absolute address, open without signing in.

    The reference makes it another address for each request: some providers take two requests
    that are alike in every field for one sent twice.
    """
    return f"{_address('hosted-pdf', invoice)}?v={version}&r={reference}"


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


@dataclass(frozen=True, slots=True)
class Known:
    """What options take from other tables, read at once for many invoices.

    `consented` holds (customer, phone) pairs, `issuer_ids` what providers call our issuers by
    (account, issuer), `names` under which name a phone was billed last.
    """

    consented: frozenset[tuple[int, str]] = frozenset()
    issuer_ids: Mapping[tuple[int, int], str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def known_of(invoices: Sequence[Invoice], accounts: Iterable[ProviderAccount]) -> Known:
    """Read what the options of these invoices take. Three queries, for any number."""
    customers = {row.customer.pk: row.customer for row in invoices if row.customer}
    phones = {customer.phone for customer in customers.values() if customer.phone}
    merchants = {row.merchant_id for row in invoices}
    return Known(
        consented=consents.of_many(customers.keys()),
        issuer_ids=issuers.usable_ids(account.pk for account in accounts),
        names=_names(phones, merchants),
    )


def _names(phones: set[str], merchants: set[int]) -> dict[str, str]:
    """Return the name each phone was last billed by, where the provider found its owner."""
    found = PaymentRequest.objects.filter(
        phone__in=phones, invoice__merchant__in=merchants, state__in=DELIVERED
    )
    return dict(found.order_by("pk").values_list("phone", "invoice__customer_name"))


def offered(
    invoice: Invoice,
    channel: str,
    *,
    amount: Decimal,
    now: datetime,
    account: ProviderAccount | None = None,
    known: Known | None = None,
) -> SendOptions:
    """Return the options a channel is checked with before anything exists."""
    customer, attempt = invoice.customer, 1
    phone = customer.phone if customer else ""
    known = known or known_of([invoice], [account] if account else [])
    account_id = account.pk if account else 0
    return SendOptions(
        channel=channel,
        reference=new_reference(invoice, attempt),
        amount=amount,
        hosted_url=hosted_url(invoice),
        return_url=return_url(invoice, new_reference(invoice, attempt)),
        phone=phone,
        has_contact_consent=bool(customer and phone and (customer.pk, phone) in known.consented),
        now=now,
        language=invoice.language,
        issuer_id=known.issuer_ids.get((account_id, invoice.issuer_id), ""),
        pdf_url=pdf_url(invoice, 1, new_reference(invoice, attempt)),
        known_name=known.names.get(phone, ""),
    )


def of_request(request: PaymentRequest, *, key: str, as_of: datetime) -> SendOptions:
    """Return the options of a stored request.

    They are the same for every try, `as_of` too: a provider that gets the same idempotency key
    with another body (an expiry reckoned from a later moment) refuses it.
    """
    invoice, version = request.invoice, request.document.version
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
        pdf_url=pdf_url(invoice, version, request.reference),
    )

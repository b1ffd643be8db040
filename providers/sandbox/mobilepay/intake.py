"""What one call and a batch have in common when they take invoices in."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from providers.sandbox.mobilepay.endpoint import Exchange
from providers.sandbox.mobilepay.fields import Wanted
from providers.sandbox.models import AppInvoice, PortalIssuer, PortalMerchant


def locked_merchant(exchange: Exchange) -> PortalMerchant:
    """Let one merchant's invoices in one call at a time: twins and daily counts depend on it."""
    return PortalMerchant.objects.select_for_update().get(pk=exchange.merchant.pk)


def known_hashes(merchant: PortalMerchant, hashes: Sequence[str]) -> set[str]:
    """Tell which of these bodies the merchant has sent before. What was invalid never existed."""
    rows = merchant.invoices.exclude(status=AppInvoice.Status.INVALID)
    return set(rows.filter(body_hash__in=hashes).values_list("body_hash", flat=True))


def duplicate(wanted: Wanted) -> int:
    """Give the code for "already exists"."""
    return 10301 if wanted.is_link else 10104


def no_issuer(wanted: Wanted) -> int:
    """Give the code for "issuer not found"."""
    return 10303 if wanted.is_link else 10202


def build(
    exchange: Exchange, wanted: Wanted, merchant: PortalMerchant, issuer: PortalIssuer
) -> AppInvoice:
    """Build, unsaved, a pending invoice."""
    return AppInvoice(
        merchant=merchant,
        issuer=issuer,
        app=exchange.caller.app if exchange.caller else None,
        is_link=wanted.is_link,
        token=secrets.token_urlsafe(24),
        body=wanted.body,
        body_hash=wanted.hash,
        number=wanted.number,
        payment_reference=wanted.body.get("PaymentReference", ""),
        alias=wanted.alias,
        total=wanted.total,
        currency=wanted.currency,
        due_date=wanted.due_date,
        validate_at=exchange.now + timedelta(seconds=merchant.validation_delay),
        created_at=exchange.now,
        updated_at=exchange.now,
    )

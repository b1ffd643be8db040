"""What a person must resolve: raised once per matter, closed by the fact that settles it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction

from invoices import lifecycle, timeline
from invoices.enums import EventKind
from invoices.models import Alert, Invoice, PaymentRequest
from providers.contract import Source

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User


def raise_alert(
    invoice: Invoice,
    what: str,
    *,
    now: datetime,
    request: PaymentRequest | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Open an alert on a locked invoice; an open one about the same matter is brought up to date."""
    Alert.objects.update_or_create(
        invoice=invoice,
        request=request,
        what=what,
        resolved_at=None,
        defaults={"data": dict(data or {})},
        create_defaults={"data": dict(data or {}), "raised_at": now},
    )
    _note(invoice, needs_person=True)


def settle(
    invoice: Invoice, *whats: str, now: datetime, request: PaymentRequest | None = None
) -> None:
    """Close open alerts that a fact has settled."""
    if not invoice.needs_person:
        return
    found = Alert.objects.filter(invoice=invoice, what__in=whats, resolved_at=None)
    if request is not None:
        found = found.filter(request=request)
    if found.update(resolved_at=now):
        _note(invoice, needs_person=_any_open(invoice))


def put_aside(invoice: Invoice, what: str, amount: Decimal) -> bool:
    """Say whether a person has settled this matter by hand, for at least this amount."""
    last = (
        Alert.objects.filter(invoice=invoice, what=what, resolved_by__isnull=False)
        .order_by("-resolved_at")
        .first()
    )
    return last is not None and Decimal(last.data.get("amount", 0)) >= amount


def resolve(*, alert_id: int, resolution: str, by: User, now: datetime) -> None:
    """Close an alert by hand, with what was done about it."""
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(
            Alert.objects.values_list("invoice_id", flat=True).get(pk=alert_id)
        )
        changed = Alert.objects.filter(pk=alert_id, resolved_at=None).update(
            resolved_at=now, resolved_by=by, resolution=resolution
        )
        if not changed:
            return
        timeline.add(
            invoice,
            kind=EventKind.NOTE,
            what="alert_resolved",
            source=Source.STAFF,
            actor=by,
            event_id=f"alert:{alert_id}",
            data={"resolution": resolution},
            now=now,
        )
        _note(invoice, needs_person=_any_open(invoice))


def _any_open(invoice: Invoice) -> bool:
    return Alert.objects.filter(invoice=invoice, resolved_at=None).exists()


def _note(invoice: Invoice, *, needs_person: bool) -> None:
    if invoice.needs_person != needs_person:
        invoice.needs_person = needs_person
        invoice.save(update_fields=["needs_person", "updated_at"])

"""The one receiver of providers.signals.status_change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from invoices import facts, lifecycle
from invoices.models import PaymentRequest
from providers.contract import Source, StatusChange
from providers.models import ProviderAccount
from providers.signals import UnknownReference, status_change


@receiver(status_change, dispatch_uid="invoices.receivers")
def apply_changes(
    sender: object,
    *,
    account: ProviderAccount,
    changes: Sequence[StatusChange],
    source: Source,
    now: datetime,
    **_later: Any,
) -> None:
    """Apply the facts of a delivery inside its transaction.

    Raises UnknownReference when a fact is about no request of ours, which rolls the delivery
    back: it is tried again, then shown to staff.
    """
    by_reference: dict[str, list[StatusChange]] = defaultdict(list)
    for change in changes:
        by_reference[change.reference].append(change)
    for reference, own in by_reference.items():
        found = (
            PaymentRequest.objects.filter(account=account, reference=reference)
            .values_list("pk", "invoice_id")
            .first()
        )
        if found is None:
            raise UnknownReference(reference)
        invoice = lifecycle.locked(found[1])
        request = PaymentRequest.objects.select_related("account__merchant").get(pk=found[0])
        request.invoice = invoice
        facts.apply(invoice, request, own, source=source, now=now)

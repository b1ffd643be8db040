"""What customers agreed to about being contacted, and the numbers they shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from customers.models import ContactConsent, Customer, PhoneProposal

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User


def has_consent(customer: Customer, phone: str) -> bool:
    """Say whether the customer agreed to be sent payment requests on this number (E.164)."""
    return customer.consents.filter(phone=phone, withdrawn_at=None).exists()


def of_many(customer_ids: Iterable[int]) -> frozenset[tuple[int, str]]:
    """Return the standing consents of these customers as (customer, phone) pairs."""
    standing = ContactConsent.objects.filter(customer_id__in=list(customer_ids), withdrawn_at=None)
    return frozenset(standing.values_list("customer_id", "phone"))


def give(
    *,
    customer_id: int,
    phone: str,
    how: str,
    now: datetime,
    by: User | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> ContactConsent:
    """Record a consent with its evidence. Opens no transaction of its own."""
    return ContactConsent.objects.create(
        customer_id=customer_id,
        phone=phone,
        how=how,
        evidence=dict(evidence or {}),
        given_at=now,
        recorded_by=by,
    )


def withdraw(*, consent_id: int, how: str, now: datetime, by: User | None = None) -> bool:
    """Withdraw a consent: it stops the next request, not one already sent.

    Returns False when it was withdrawn before.
    """
    with transaction.atomic(durable=True):
        standing = ContactConsent.objects.filter(pk=consent_id, withdrawn_at=None)
        how = f"{how} ({by})" if by else how
        return bool(standing.update(withdrawn_at=now, withdrawn_how=how[:300]))


def record_shared_phone(
    customer: Customer,
    *,
    phone: str,
    provider_label: str,
    evidence: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Take a number that the customer chose to share with a provider, inside a transaction.

    With no number on file, or the same one, it is stored as verified and the consent to be sent
    requests is recorded. A number that differs overwrites nothing: it becomes a proposal that
    staff decide on. Returns whether the number on file is now the shared one.
    """
    locked = Customer.objects.select_for_update().get(pk=customer.pk)
    if locked.phone and locked.phone != phone:
        PhoneProposal.objects.get_or_create(
            customer=locked,
            phone=phone,
            decided_at=None,
            defaults={"source_detail": provider_label, "proposed_at": now},
        )
        return False
    locked.phone = phone
    locked.phone_source = Customer.PhoneSource.SHARED
    locked.phone_source_detail = provider_label
    locked.phone_verified_at = now
    locked.save()
    if not has_consent(locked, phone):
        how = f"Shared through {provider_label} when paying"
        give(customer_id=locked.pk, phone=phone, how=how, evidence=evidence, now=now)
    return True


def decide(*, proposal_id: int, take: bool, by: User, now: datetime) -> None:
    """Take a shared number that differs from the one on file, or keep the one on file.

    Taking it makes it the verified number and records the consent that came with it. A proposal
    that was decided before stays as it was decided.
    """
    with transaction.atomic(durable=True):
        proposal = PhoneProposal.objects.select_for_update(of=("self",)).get(pk=proposal_id)
        if proposal.decided_at is not None:
            return
        proposal.decided_at, proposal.decided_by, proposal.taken = now, by, take
        proposal.save(update_fields=["decided_at", "decided_by", "taken"])
        if take:
            Customer.objects.filter(pk=proposal.customer_id).update(phone="")
            record_shared_phone(
                proposal.customer,
                phone=proposal.phone,
                provider_label=proposal.source_detail,
                evidence={"proposal": proposal.pk, "taken_by": str(by)},
                now=now,
            )

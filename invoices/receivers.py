"""The one receiver of providers.signals.status_change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.dispatch import receiver

from invoices import facts, lifecycle
from invoices.enums import OperationKind, OperationState
from invoices.models import Operation, PaymentRequest
from providers import registry
from providers.contract import Identity, RequestState, Source, StatusChange
from providers.models import ProviderAccount
from providers.signals import status_change

# What we have sent without having heard the provider's id for it.
NAMELESS = (RequestState.SUBMITTING, RequestState.UNKNOWN)


@receiver(status_change, dispatch_uid="invoices.receivers")
def apply_changes(
    sender: object,
    *,
    account: ProviderAccount,
    changes: Sequence[StatusChange],
    source: Source,
    now: datetime,
    identities: Sequence[Identity] = (),
    **_later: Any,
) -> set[str]:
    """Apply the facts of a delivery inside its transaction.

    Returns the references that are no request of ours: the delivery is tried again for them,
    then shown to staff. What was applied stays; a repeat of it adds nothing.
    """
    told: dict[str, list[StatusChange]] = defaultdict(list)
    for change in changes:
        told[change.reference].append(change)
    nameless = [(identity, _nameless(account, identity)) for identity in identities]
    wanted = {request.invoice_id for request in _requests(account, told).values()}
    wanted |= {row.invoice_id for _, row in nameless if row is not None}
    invoices = lifecycle.locked_many(wanted)
    for identity, row in nameless:
        if row is not None:
            _attach(row, identity, now)
    fresh = _requests(account, told)  # Now that nobody else can move them.
    fresh = {ref: row for ref, row in fresh.items() if row.invoice_id in invoices}
    for request in fresh.values():
        request.invoice = invoices[request.invoice_id]
    pairs = [(request, told[reference]) for reference, request in fresh.items()]
    facts.apply_many(pairs, source=source, now=now)
    return set(told) - set(fresh)


def _requests(account: ProviderAccount, references: Iterable[str]) -> dict[str, PaymentRequest]:
    """Return an account's requests by what the provider calls them."""
    by_id = registry.classes()[account.provider].speaks_own_ids
    name = "provider_id" if by_id else "reference"
    found = PaymentRequest.objects.filter(account=account, **{f"{name}__in": list(references)})
    rows = {getattr(row, name): row for row in found}
    for row in rows.values():
        row.account = account
    return rows


def _nameless(account: ProviderAccount, identity: Identity) -> PaymentRequest | None:
    """Return the request whose answer was lost, where exactly one can be meant."""
    lost = Q(state__in=NAMELESS) | Q(state=RequestState.INVALID, facts__lost_answer="doubtful")
    found = PaymentRequest.objects.filter(
        lost,
        account=account,
        provider_id="",
        amount=identity.amount,
        currency=identity.currency,
        invoice__number=identity.number,
        invoice__issuer__remote_issuers__account=account,
        invoice__issuer__remote_issuers__external_id=identity.issuer_id,
    )[:2]
    rows = list(found)
    return rows[0] if len(rows) == 1 else None


def _attach(request: PaymentRequest, identity: Identity, now: datetime) -> None:
    """Give a request the id that its lost answer held, and let what waited for it go on."""
    taken = PaymentRequest.objects.filter(
        account=request.account_id, provider_id=identity.handle
    ).exists()
    if taken:
        return
    PaymentRequest.objects.filter(pk=request.pk, provider_id="").update(provider_id=identity.handle)
    Operation.objects.filter(
        request=request, kind=OperationKind.CANCEL, state=OperationState.DUE
    ).update(due_at=now)

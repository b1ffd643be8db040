"""The one receiver of providers.signals.status_change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from invoices import facts, lifecycle
from invoices.models import PaymentRequest
from providers import registry
from providers.contract import Identity, RequestState, Source, StatusChange
from providers.models import ProviderAccount
from providers.signals import status_change

# What we may have sent without having heard the provider's id for it.
NAMELESS = (RequestState.SUBMITTING, RequestState.UNKNOWN, RequestState.QUEUED)


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
    for identity in identities:
        _attach(account, identity)
    told: dict[str, list[StatusChange]] = defaultdict(list)
    for change in changes:
        told[change.reference].append(change)
    requests = _requests(account, told)
    invoices = lifecycle.locked_many({request.invoice_id for request in requests.values()})
    fresh = _requests(account, requests)  # Again, now that nobody else can move them.
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


def _attach(account: ProviderAccount, identity: Identity) -> None:
    """Give a request the id whose answer was lost, where exactly one can be meant."""
    nameless = PaymentRequest.objects.filter(
        account=account,
        provider_id="",
        state__in=NAMELESS,
        amount=identity.amount,
        currency=identity.currency,
        invoice__number=identity.number,
        invoice__issuer__remote_issuers__account=account,
        invoice__issuer__remote_issuers__external_id=identity.issuer_id,
    )
    pks = list(nameless.values_list("pk", flat=True)[:2])
    if len(pks) == 1:
        PaymentRequest.objects.filter(pk=pks[0], provider_id="").update(provider_id=identity.handle)

"""The outbox's front: an operation is queued in the transaction that decided it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Sum

from invoices.enums import OperationKind, OperationState
from invoices.models import Invoice, Operation, PaymentRequest

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User

LIVE = (OperationState.DUE, OperationState.LEASED, OperationState.UNKNOWN)


def queue(
    kind: OperationKind,
    invoice: Invoice,
    *,
    now: datetime,
    request: PaymentRequest | None = None,
    by: User | None = None,
    amount: Decimal | None = None,
    reason: str = "",
    options: Mapping[str, Any] | None = None,
    due_at: datetime | None = None,
) -> Operation:
    """Write an operation that a worker will do, and wake one after commit.

    The idempotency key is made here, once, so that every try is the same operation to the
    provider. `due_at` in the future waits for the sweep.
    """
    operation = new(kind, invoice, due_at=due_at or now, by=by)
    operation.request, operation.amount, operation.reason = request, amount, reason
    operation.options = dict(options or {})
    operation.save(force_insert=True)
    if operation.due_at <= now:
        transaction.on_commit(wake)
    return operation


def new(kind: OperationKind, invoice: Invoice, *, due_at: datetime, by: User | None) -> Operation:
    """Make an operation, unsaved, with the key that all its tries will have."""
    return Operation(
        invoice=invoice,
        kind=kind,
        key=f"{kind}-{uuid.uuid4().hex}"[:50],
        due_at=due_at,
        created_by=by,
    )


def wake() -> None:
    """Tell a worker that something is due. Losing it costs seconds: the sweep finds the row."""
    from invoices import tasks  # noqa: PLC0415 -- tasks import us

    tasks.wake(tasks.drain_outbox)


def live(request: PaymentRequest, *kinds: OperationKind) -> bool:
    """Say whether such an operation of a request is waiting or under way."""
    return request.operations.filter(kind__in=kinds, state__in=LIVE).exists()


def failed(request: PaymentRequest, kind: OperationKind) -> bool:
    """Say whether such an operation was refused after the request came to its present state.

    A withdrawal that lost against the customer's approval was refused before it.
    """
    refused = request.operations.filter(kind=kind, state=OperationState.FAILED)
    since = {"finished_at__gt": request.state_at} if request.state_at else {}
    return refused.filter(**since).exists()


def drop(request: PaymentRequest, *, now: datetime) -> bool:
    """Call off a request's sending while it waits. False when a worker has it, or may have sent it.

    An operation that is due was never sent, or was refused without effect; one in doubt is not.
    """
    waiting = request.operations.filter(kind=OperationKind.CREATE, state=OperationState.DUE)
    return bool(waiting.update(state=OperationState.DROPPED, finished_at=now))


def drop_captures(request: PaymentRequest, *, now: datetime) -> None:
    """Call off collections that wait: what is being withdrawn is not collected."""
    request.operations.filter(kind=OperationKind.CAPTURE, state=OperationState.DUE).update(
        state=OperationState.DROPPED, finished_at=now
    )


def drop_emails(invoice: Invoice, *, now: datetime) -> None:
    """Call off emails that wait: nobody is asked to pay what is settled."""
    invoice.operations.filter(kind=OperationKind.EMAIL, state=OperationState.DUE).update(
        state=OperationState.DROPPED, finished_at=now
    )


def collecting(invoice: Invoice, *, besides: PaymentRequest) -> Decimal:
    """Add up what other requests of an invoice are collecting at this moment."""
    others = invoice.operations.filter(kind=OperationKind.CAPTURE, state__in=LIVE)
    found: Decimal | None = others.exclude(request=besides).aggregate(sum=Sum("amount"))["sum"]
    return found or Decimal("0.00")

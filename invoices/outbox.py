"""The outbox's back: claim what is due, do it outside any transaction, write down what came of it.

A crash at any line leaves a row that a later sweep picks up; picking it up twice is harmless,
because the provider sees one key, and only the claim that is still current writes back.
"""

from __future__ import annotations

import logging
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from invoices import deeds, lifecycle
from invoices.enums import OperationKind, OperationState
from invoices.models import Operation, PaymentRequest
from providers.contract import RequestState

logger = logging.getLogger(__name__)

# Longer than the slowest try: two tokens and two calls, each at its deadline.
LEASE = timedelta(seconds=240)
BATCH = 64
MAX_TRIES = 12
# A provider that is down is waited for: at 15 minutes a try, this is three days.
MAX_WAITS = 300


@dataclass(frozen=True, slots=True)
class Claim:
    """A right to do one operation, for as long as its fence is the row's."""

    operation_id: int
    invoice_id: int
    fence: int
    # Somebody may have tried before us and left no word: ask before doing.
    in_doubt: bool


def drain(now: datetime | None = None, *, threads: int | None = None) -> int:
    """Do all that is due, in a bounded pool of threads. Returns how many were done.

    `now` stands still during a drain when given (tests); else each round takes its own.
    """
    done = 0
    width = threads or settings.OUTBOX_THREADS
    while claims := claim(now or timezone.now(), limit=BATCH):
        if width == 1:
            for each in claims:
                run(each, now=now)
        else:
            _run_in_threads(claims, now, min(width, len(claims)))
        done += len(claims)
    return done


def claim(now: datetime, *, limit: int) -> list[Claim]:
    """Take up to `limit` due operations, each for one worker only."""
    due = Q(state__in=[OperationState.DUE, OperationState.UNKNOWN], due_at__lte=now)
    left_behind = Q(state=OperationState.LEASED, lease_until__lt=now)
    return _claim(due | left_behind, now, limit)


def claim_these(ids: list[int], now: datetime) -> list[Claim]:
    """Take these operations if they are still waiting: a customer stands in front of them."""
    return _claim(Q(pk__in=ids, state=OperationState.DUE), now, len(ids))


def _claim(wanted: Q, now: datetime, limit: int) -> list[Claim]:
    with transaction.atomic(durable=True):
        rows = list(
            Operation.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(wanted)
            .exclude(request__account__paused_at__isnull=False)
            .order_by("due_at", "pk")
            .values_list("pk", "fence", "state", "request_id", "kind", "invoice_id")[:limit]
        )
        if not rows:
            return []
        Operation.objects.filter(pk__in=[row[0] for row in rows]).update(
            state=OperationState.LEASED,
            lease_until=now + LEASE,
            fence=F("fence") + 1,
            tries=F("tries") + 1,
        )
        creating = [row[3] for row in rows if row[4] == OperationKind.CREATE]
        PaymentRequest.objects.filter(pk__in=creating, state=RequestState.QUEUED).update(
            state=RequestState.SUBMITTING
        )
    return [Claim(row[0], row[5], row[1] + 1, row[2] != OperationState.DUE) for row in rows]


def _run_in_threads(claims: list[Claim], now: datetime | None, width: int) -> None:
    """Share the claims out one by one, so that a provider that hangs holds up only one thread."""
    waiting: SimpleQueue[Claim] = SimpleQueue()
    for each in claims:
        waiting.put(each)
    with ThreadPoolExecutor(max_workers=width) as pool:
        list(pool.map(lambda _: _work_off(waiting, now), range(width)))


def _work_off(waiting: SimpleQueue[Claim], now: datetime | None) -> None:
    try:
        while True:
            run(waiting.get_nowait(), now=now)
    except Empty:
        return
    finally:
        # The pool ends with the round. A connection per thread must not outlive it, but opening
        # one for each operation would cost more than the operation's own queries.
        connection.close()


def run(claimed: Claim, *, now: datetime | None = None) -> None:
    """Do one claimed operation. Anything unforeseen leaves it to be asked about, and is logged."""
    operation = (
        Operation.objects.select_related(
            "request__account__merchant",
            "request__document",
            "invoice__issuer",
            "invoice__merchant",
        )
        .filter(pk=claimed.operation_id, fence=claimed.fence)
        .first()
    )
    if operation is None:
        return
    if operation.request is not None:
        operation.request.invoice = operation.invoice
    try:
        outcome = deeds.do(operation, in_doubt=claimed.in_doubt)
    except Exception:
        logger.exception("Operation %s ended in an error of ours", operation.pk)
        outcome = deeds.Outcome(state=OperationState.UNKNOWN, what="error")
    try:
        write_back(claimed, outcome, now=now or timezone.now())
    except Exception:
        # What came with the outcome cannot be stored. That it is unknown can, and it counts.
        logger.exception("The outcome of operation %s could not be written", operation.pk)
        lost = deeds.Outcome(state=OperationState.UNKNOWN, what="error")
        write_back(claimed, lost, now=now or timezone.now())


def write_back(claimed: Claim, outcome: deeds.Outcome, *, now: datetime) -> bool:
    """Write down what came of an operation. False when the claim was no longer ours."""
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(claimed.invoice_id)
        operation = (
            Operation.objects.select_related("request__account", "created_by")
            .select_for_update(of=("self",))
            .filter(pk=claimed.operation_id, fence=claimed.fence, state=OperationState.LEASED)
            .first()
        )
        if operation is None:
            return False
        operation.invoice = invoice
        if operation.request is not None:
            operation.request.invoice = invoice
        if outcome.state in {OperationState.DUE, OperationState.UNKNOWN}:
            _come_back(operation, outcome, now)
        else:
            operation.state, operation.finished_at = outcome.state, now
        operation.problem = outcome.problem
        operation.lease_until = None
        operation.save(
            update_fields=["state", "due_at", "lease_until", "problem", "finished_at", "tries"]
        )
        deeds.record(operation, outcome, now=now)
    return True


def _come_back(operation: Operation, outcome: deeds.Outcome, now: datetime) -> None:
    """Set when to try or ask again, or give up and say so after many tries."""
    if operation.tries >= (MAX_TRIES if outcome.counts else MAX_WAITS):
        operation.state, operation.finished_at = OperationState.FAILED, now
        return
    operation.state = outcome.state
    operation.due_at = now + (outcome.wait or backoff(operation.tries))


def backoff(tries: int) -> timedelta:
    """Return 2, 4, 8 ... seconds, at most 15 minutes, with a quarter of jitter."""
    seconds = min(2.0 ** min(tries, 10), 900.0)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311 -- not a secret

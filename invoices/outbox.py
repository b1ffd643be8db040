"""The outbox's back: claim what is due, do it outside any transaction, write down what came of it.

A crash at any line leaves a row that a later sweep picks up; picking it up twice is harmless,
because the provider sees one key, and only the claim that is still current writes back.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import F, Q, prefetch_related_objects
from django.utils import timezone

from invoices import deeds, lifecycle, quotas
from invoices.enums import OperationKind, OperationState
from invoices.models import Operation, PaymentRequest
from providers import registry
from providers.contract import RequestState

logger = logging.getLogger(__name__)

# Longer than the slowest try: two tokens and two calls, each at its deadline.
LEASE = timedelta(seconds=240)
BATCH = 64
MAX_TRIES = 12
# A provider that is down is waited for: at 15 minutes a try, this is three days.
MAX_WAITS = 300
# Outcomes of one call that are written down in one transaction.
WRITTEN_AT_ONCE = 250
# A lease this young need not begin anew.
FRESH = timedelta(seconds=30)
NOT_YET = deeds.Outcome(state=OperationState.DUE, what="retry")
LOST = deeds.Outcome(state=OperationState.UNKNOWN, what="error")


@dataclass(frozen=True, slots=True)
class Lot:
    """Requests of one account and channel travel together, up to `size` in a call."""

    account_id: int
    channel: str
    size: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A right to do one operation, for as long as its fence is the row's."""

    operation_id: int
    invoice_id: int
    fence: int
    # Somebody may have tried before us and left no word: ask before doing.
    in_doubt: bool
    # Where the provider takes many requests in one call: what may travel together.
    lot: Lot | None = None
    until: datetime | None = None


def drain(now: datetime | None = None, *, threads: int | None = None) -> int:
    """Do all that is due, in a bounded pool of threads. Returns how many were done.

    `now` stands still during a drain when given (tests); else each round takes its own.
    """
    done = 0
    width = threads or settings.OUTBOX_THREADS
    while claims := claim(now or timezone.now(), limit=BATCH):
        lots = _lots(claims, now or timezone.now())
        if width == 1:
            for each in lots:
                run_lot(each, now=now)
        else:
            _run_in_threads(lots, now, min(width, len(lots)))
        done += sum(len(lot) for lot in lots)
    return done


def claim(now: datetime, *, limit: int) -> list[Claim]:
    """Take up to `limit` due operations, each for one worker only."""
    return _claim(_due(now), now, limit)


def _due(now: datetime) -> Q:
    due = Q(state__in=[OperationState.DUE, OperationState.UNKNOWN], due_at__lte=now)
    return due | Q(state=OperationState.LEASED, lease_until__lt=now)


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
            .values_list("pk", "fence", "state", "request_id", "kind", "invoice_id",
                         "request__account_id", "request__account__provider",
                         "request__channel")[:limit]
        )  # fmt: skip
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
    return [
        Claim(
            pk,
            invoice_id,
            fence + 1,
            state != OperationState.DUE,
            _lot(kind, account, slug, by),
            now + LEASE,
        )
        for pk, fence, state, _, kind, invoice_id, account, slug, by in rows
    ]


def _lot(kind: str, account_id: int | None, provider: str, channel: str) -> Lot | None:
    found = registry.classes().get(provider) if kind == OperationKind.CREATE else None
    if found is None or account_id is None or found.batch_size == 1:
        return None
    return Lot(account_id, channel, found.batch_size)


def _lots(claims: list[Claim], now: datetime) -> list[list[Claim]]:
    """Put together what can travel in one call, and claim more of it up to a full call."""
    together: dict[Lot, list[Claim]] = {}
    lots: list[list[Claim]] = []
    for each in claims:
        if each.lot:
            together.setdefault(each.lot, []).append(each)
    for lot, mine in together.items():
        if 1 < len(mine) < lot.size:
            alike = Q(
                kind=OperationKind.CREATE,
                request__account=lot.account_id,
                request__channel=lot.channel,
            )
            mine += _claim(_due(now) & alike, now, lot.size - len(mine))
        lots += [mine[start : start + lot.size] for start in range(0, len(mine), lot.size)]
    return [*lots, *([each] for each in claims if not each.lot)]


def _run_in_threads(lots: list[list[Claim]], now: datetime | None, width: int) -> None:
    """Share the lots out one by one, so that a provider that hangs holds up only one thread."""
    waiting: SimpleQueue[list[Claim]] = SimpleQueue()
    for each in lots:
        waiting.put(each)
    with ThreadPoolExecutor(max_workers=width) as pool:
        list(pool.map(lambda _: _work_off(waiting, now), range(width)))


def _work_off(waiting: SimpleQueue[list[Claim]], now: datetime | None) -> None:
    try:
        while True:
            run_lot(waiting.get_nowait(), now=now)
    except Empty:
        return
    finally:
        # The pool ends with the round. A connection per thread must not outlive it, but opening
        # one for each operation would cost more than the operation's own queries.
        connection.close()


def run_lot(claims: list[Claim], *, now: datetime | None = None) -> None:
    """Do claimed operations: many requests in one call, or anything else one by one."""
    if len(claims) == 1:
        run(claims[0], now=now)
        return
    claims = _renewed(claims, now or timezone.now())
    operations = _load(claims)
    doubts = {each.operation_id: each.in_doubt for each in claims}
    held = _held(list(operations.values()), now or timezone.now())
    going = [each for pk, each in operations.items() if pk not in held]
    outcomes = held | _sent(going, doubts)
    mine = [each for each in claims if each.operation_id in outcomes]
    for start in range(0, len(mine), WRITTEN_AT_ONCE):
        _write_back_safely(mine[start : start + WRITTEN_AT_ONCE], outcomes, now or timezone.now())


def run(claimed: Claim, *, now: datetime | None = None) -> None:
    """Do one claimed operation. Anything unforeseen leaves it to be asked about, and is logged."""
    operation = _load(_renewed([claimed], now or timezone.now())).get(claimed.operation_id)
    if operation is None:
        return
    held = _held([operation], now or timezone.now())
    outcome = held.get(operation.pk) or _done(operation, claimed.in_doubt)
    _write_back_safely([claimed], {operation.pk: outcome}, now or timezone.now())


def _renewed(claims: list[Claim], now: datetime) -> list[Claim]:
    """Begin the lease anew where others were done first, and let go of what was lost meanwhile."""
    late = [each for each in claims if each.until and each.until - now < LEASE - FRESH]
    if not late:
        return claims
    ids = [each.operation_id for each in late]
    fences = {each.operation_id: each.fence for each in late}
    with transaction.atomic(durable=True):
        rows = Operation.objects.select_for_update().filter(pk__in=ids, state=OperationState.LEASED)
        ours = {pk for pk, fence in rows.values_list("pk", "fence") if fence == fences[pk]}
        Operation.objects.filter(pk__in=ours).update(lease_until=now + LEASE)
    return [each for each in claims if each.operation_id in ours or each not in late]


def _held(operations: list[Operation], now: datetime) -> dict[int, deeds.Outcome]:
    """Return what must wait for tomorrow. Nothing has left when counting fails: all waits."""
    try:
        held = quotas.over(operations, now=now)
    except Exception:
        logger.exception("The limits of %s operations could not be counted", len(operations))
        return {each.pk: NOT_YET for each in operations}
    return {
        pk: deeds.Outcome(
            state=OperationState.DUE,
            what="held_quota",
            problem=each.problem,
            wait=each.wait,
            counts=False,
        )
        for pk, each in held.items()
    }


def _sent(operations: list[Operation], doubts: Mapping[int, bool]) -> dict[int, deeds.Outcome]:
    """Send many in one call. One that breaks us must not stop the others: then one by one."""
    try:
        return deeds.send_many(operations, in_doubt=doubts)
    except Exception:
        logger.exception("A lot of %s operations ended in an error of ours", len(operations))
        # Whether the call had left is past telling.
        return {each.pk: _done(each, in_doubt=True) for each in operations}


def _done(operation: Operation, in_doubt: bool) -> deeds.Outcome:
    try:
        return deeds.do(operation, in_doubt=in_doubt)
    except Exception:
        logger.exception("Operation %s ended in an error of ours", operation.pk)
        return LOST


def _load(claims: list[Claim]) -> dict[int, Operation]:
    """Return the operations that are still ours, by id, with all that doing them takes."""
    fences = {each.operation_id: each.fence for each in claims}
    rows = Operation.objects.select_related("request__document", "invoice").filter(pk__in=fences)
    found = {row.pk: row for row in rows if row.fence == fences[row.pk]}
    _load_around(found.values())
    return found


def _load_around(operations: Iterable[Operation]) -> None:
    """Load accounts, issuers and merchants: few behind many, fetched once."""
    rows = list(operations)
    prefetch_related_objects([row.invoice for row in rows], "issuer", "merchant")
    requests = [row.request for row in rows if row.request is not None]
    prefetch_related_objects(requests, "account__merchant")
    for row in rows:
        if row.request is not None:
            row.request.invoice = row.invoice


def _write_back_safely(
    claims: list[Claim], outcomes: Mapping[int, deeds.Outcome], now: datetime
) -> None:
    try:
        _write_back_again(claims, outcomes, now)
    except Exception:
        if len(claims) > 1:
            for each in claims:
                _write_back_safely([each], outcomes, now)
            return
        # What came with the outcome cannot be stored. That it is unknown can, and it counts.
        logger.exception("The outcome of operation %s could not be written", claims[0].operation_id)
        write_back(claims[0], LOST, now=now)


def _write_back_again(
    claims: list[Claim], outcomes: Mapping[int, deeds.Outcome], now: datetime
) -> None:
    """Write outcomes down, once more where a database was in somebody's way."""
    try:
        write_back_many(claims, outcomes, now=now)
    except OperationalError:
        time.sleep(random.uniform(0.05, 0.3))  # noqa: S311 -- not a secret
        write_back_many(claims, outcomes, now=now)


def write_back(claimed: Claim, outcome: deeds.Outcome, *, now: datetime) -> bool:
    """Write down what came of an operation. False when the claim was no longer ours."""
    return bool(write_back_many([claimed], {claimed.operation_id: outcome}, now=now))


def write_back_many(
    claims: list[Claim], outcomes: Mapping[int, deeds.Outcome], *, now: datetime
) -> int:
    """Write down what came of some operations, in one transaction.

    Returns how many claims were still ours.
    """
    fences = {each.operation_id: each.fence for each in claims}
    with transaction.atomic(durable=True):
        invoices = lifecycle.locked_many({each.invoice_id for each in claims})
        rows = (
            Operation.objects.select_related("request")
            .select_for_update(of=("self",))
            .filter(pk__in=fences, state=OperationState.LEASED)
        )
        mine = [row for row in rows if row.fence == fences[row.pk]]
        for row in mine:
            row.invoice = invoices[row.invoice_id]
        _load_around(mine)
        taken = [row for row in mine if deeds.is_plainly_taken(row, outcomes[row.pk])]
        _write_taken(taken, outcomes, now)
        for row in mine:
            if not deeds.is_plainly_taken(row, outcomes[row.pk]):
                _write_one(row, outcomes[row.pk], now)
    return len(mine)


def _write_taken(
    rows: list[Operation], outcomes: Mapping[int, deeds.Outcome], now: datetime
) -> None:
    Operation.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=OperationState.DONE, finished_at=now, lease_until=None, problem={}
    )
    deeds.record_taken([(row, outcomes[row.pk]) for row in rows], now=now)


def _write_one(operation: Operation, outcome: deeds.Outcome, now: datetime) -> None:
    if outcome.state in {OperationState.DUE, OperationState.UNKNOWN}:
        _come_back(operation, outcome, now)
    else:
        operation.state, operation.finished_at = outcome.state, now
    operation.problem = outcome.problem
    operation.lease_until = None
    operation.save(
        update_fields=["state", "due_at", "lease_until", "problem", "finished_at", "misses"]
    )
    if operation.kind == OperationKind.CREATE and outcome.what == "refused":
        quotas.release(operation)
    deeds.record(operation, outcome, now=now)


def _come_back(operation: Operation, outcome: deeds.Outcome, now: datetime) -> None:
    """Set when to try or ask again, or give up and say so after many tries."""
    operation.misses += outcome.counts
    if operation.misses >= MAX_TRIES or operation.tries >= MAX_WAITS:
        operation.state, operation.finished_at = OperationState.FAILED, now
        return
    operation.state = outcome.state
    operation.due_at = now + (outcome.wait or backoff(operation.tries))


def backoff(tries: int) -> timedelta:
    """Return 2, 4, 8 ... seconds, at most 15 minutes, with a quarter of jitter."""
    seconds = min(2.0 ** min(tries, 10), 900.0)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311 -- not a secret

"""Webhooks leaving the house: written in the causing transaction, posted after it, in order.

Each provider registers a ``Protocol`` that signs and says when to try again. Per address and
stream (a payment, say) an event waits until the one before it has been accepted.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import requests
from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from providers.sandbox import clock, faults
from providers.sandbox.models import Delivery, Fault, Subscription

logger = logging.getLogger(__name__)

TIMEOUT = 10
BATCH = 50
# Longer than the timeout, so that a lease never ends under a running attempt.
LEASE = timedelta(seconds=30)
DELETE_AFTER = timedelta(weeks=2)
# A thread waits this long for the next quick retry before it leaves the rest to the sweep.
PATIENCE = timedelta(seconds=5)
FORGERS_SECRET = "not-the-secret-of-this-address"  # noqa: S105 -- wrong on purpose


@dataclass(frozen=True)
class Protocol:
    """How one provider signs webhooks and how long it keeps trying."""

    sign: Callable[[str, str, bytes, datetime], dict[str, str]]
    """(url, secret, raw body, the world's time) -> headers"""
    delay: Callable[[int, timedelta], timedelta | None]
    """(attempts made, age of the event) -> wait before the next one, None to give up"""
    forge: Callable[[str], str]
    """body -> the body a forger would send"""
    collect: Callable[[datetime], int] | None = None
    """For a provider that gathers events in calls: write the deliveries that are due by now"""
    forgets_dead_addresses: bool = True


PROTOCOLS: dict[str, Protocol] = {}


def enqueue(
    *,
    provider: str,
    account: str,
    event: str,
    fault_name: str,
    stream: str,
    body: str,
    out_of_line: bool = False,
) -> None:
    """Write one event to every address that subscribed to it. Call inside the transaction.

    ``event`` is the subscribed name, ``fault_name`` the short one used by fault switches.
    What is ``out_of_line`` neither waits for its predecessor nor holds up its successor.
    """
    addresses = [
        address
        for address in Subscription.objects.filter(
            provider=provider, account=account, deleted_at=None
        )
        if event in address.events or "*" in address.events
    ]
    if not addresses:
        return
    fault = faults.take_for_event(provider=provider, account=account, event=fault_name)
    now = clock.now()
    rows: list[Delivery] = []
    for address in addresses:
        plain = Delivery(
            subscription=address,
            stream=stream,
            event=fault_name,
            body=body,
            created_at=now,
            due_at=now,
            out_of_line=out_of_line,
        )
        rows += _with_fault(plain, fault, provider)
    Delivery.objects.bulk_create(rows)
    nudge()


def deliver_due(now: datetime | None = None, limit: int = 500) -> int:
    """Post what is due and return how many were accepted.

    ``now`` is the sandbox's time; without it the sandbox's clock is read again each round,
    so that a whole chain of events goes out in one call. An address that does not answer at
    all is left alone for the rest of the call, so that it cannot hold up the others.
    """
    _collect(now or clock.now())
    accepted = tried = 0
    silent: set[int] = set()
    with requests.Session() as session:
        session.trust_env = False
        while tried < limit:
            rows = _due(now or clock.now(), silent)
            if not rows:
                break
            tried += len(rows)
            for row in rows:
                if row.subscription_id not in silent and _lease(row):
                    accepted += _attempt(row, session, now or clock.now())
                    if row.last_status is None:
                        silent.add(row.subscription_id)
    drop_dead_addresses(now or clock.now())
    return accepted


def drop_dead_addresses(now: datetime) -> int:
    """Delete, silently as the provider does, addresses that failed for two weeks."""
    forgetful = [name for name, one in PROTOCOLS.items() if one.forgets_dead_addresses]
    dead = Subscription.objects.filter(
        deleted_at=None, failing_since__lte=now - DELETE_AFTER, provider__in=forgetful
    )
    pks = list(dead.values_list("pk", flat=True))
    Delivery.objects.filter(subscription__in=pks, settled_at=None).update(
        settled_at=now, last_error="address deleted after two weeks without an answer"
    )
    return Subscription.objects.filter(pk__in=pks).update(deleted_at=now)


def nudge() -> None:
    """Have the background thread deliver after the transaction, unless that is switched off."""
    if getattr(settings, "SANDBOX_DELIVER_INLINE", True):
        transaction.on_commit(wake)


_pump_lock = threading.Lock()
_pump: threading.Thread | None = None
_again = threading.Event()


def wake() -> None:
    """See to it that one background thread delivers; a second call while it runs is cheap."""
    global _pump
    _again.set()
    with _pump_lock:
        if _pump is None or not _pump.is_alive():
            _pump = threading.Thread(target=_run, name="sandbox-outbox", daemon=True)
            _pump.start()


def _run() -> None:
    global _pump
    try:
        while True:
            while _again.is_set() or _soon():
                _again.clear()
                deliver_due()
            with _pump_lock:
                if not _again.is_set():
                    _pump = None
                    return
    except Exception:
        # The sweep tries again; a demo must not die of a failed thread.
        logger.exception("Could not deliver the sandbox's webhooks")
        with _pump_lock:
            _pump = None
    finally:
        connection.close()


def _soon() -> bool:
    """Wait for a retry that is due within moments. False when nothing is due soon."""
    close_old_connections()
    now = clock.now()
    due = _waiting().order_by("due_at").values_list("due_at", flat=True).first()
    if due is None or due - now > PATIENCE:
        return False
    time.sleep(min(max((due - now).total_seconds(), 0.05), PATIENCE.total_seconds()))
    return True


def _collect(now: datetime) -> None:
    for protocol in PROTOCOLS.values():
        if protocol.collect is not None:
            protocol.collect(now)


def _waiting() -> QuerySet[Delivery]:
    earlier = Delivery.objects.filter(
        subscription=OuterRef("subscription"),
        stream=OuterRef("stream"),
        pk__lt=OuterRef("pk"),
        settled_at=None,
        out_of_line=False,
    )
    free = Q(lease_until=None) | Q(lease_until__lt=timezone.now())
    return Delivery.objects.filter(free, Q(out_of_line=True) | ~Exists(earlier), settled_at=None)


def _due(now: datetime, silent: set[int]) -> list[Delivery]:
    rows = _waiting().filter(due_at__lte=now).exclude(subscription__in=silent)
    return list(rows.select_related("subscription")[:BATCH])


def _lease(row: Delivery) -> bool:
    # Compare and set on the lease we saw: works alike on SQLite and PostgreSQL.
    until = timezone.now() + LEASE
    seen = Q(lease_until=row.lease_until)
    taken = Delivery.objects.filter(seen, pk=row.pk, settled_at=None).update(
        lease_until=until, attempts=F("attempts") + 1
    )
    row.attempts += taken
    return bool(taken)


def _attempt(delivery: Delivery, session: requests.Session, now: datetime) -> bool:
    address = delivery.subscription
    protocol = PROTOCOLS[address.provider]
    raw = delivery.body.encode()
    # The date in the signature is the world's: receivers compare it with their own clock,
    # and ours may have been pushed weeks ahead.
    secret = FORGERS_SECRET if delivery.forged else address.secret
    headers = protocol.sign(address.url, secret, raw, timezone.now())
    status, error = _post(session, address.url, raw, headers)
    delivery.last_status = status
    if status is not None and 200 <= status < 300:
        _accepted(delivery, status, now)
        return True
    _refused(delivery, protocol, status, error, now)
    return False


def _post(
    session: requests.Session, url: str, raw: bytes, headers: dict[str, str]
) -> tuple[int | None, str]:
    try:
        answer = session.post(
            url, data=raw, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
    except requests.RequestException as problem:
        return None, type(problem).__name__
    return answer.status_code, ""


def _accepted(delivery: Delivery, status: int, now: datetime) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        last_status=status, last_error="", delivered_at=now, settled_at=now, lease_until=None
    )
    Subscription.objects.filter(pk=delivery.subscription_id).exclude(failing_since=None).update(
        failing_since=None
    )
    if not delivery.after_next:
        Delivery.objects.filter(
            subscription=delivery.subscription_id,
            stream=delivery.stream,
            after_next=True,
            pk__lt=delivery.pk,
            settled_at=None,
        ).update(due_at=now)


def _refused(
    delivery: Delivery, protocol: Protocol, status: int | None, error: str, now: datetime
) -> None:
    wait = protocol.delay(delivery.attempts, now - delivery.created_at)
    give_up = delivery.forged or wait is None
    Delivery.objects.filter(pk=delivery.pk).update(
        last_status=status,
        last_error=error,
        due_at=now if wait is None else now + wait,
        settled_at=now if give_up else None,
        lease_until=None,
    )
    if not delivery.forged:
        Subscription.objects.filter(pk=delivery.subscription_id, failing_since=None).update(
            failing_since=now
        )


def _with_fault(plain: Delivery, fault: Fault | None, provider: str) -> list[Delivery]:
    if fault is None:
        return [plain]
    wait = timedelta(seconds=fault.seconds or 3)
    if fault.kind == Fault.Kind.WEBHOOK_DROPPED:
        plain.settled_at, plain.last_error = plain.created_at, "dropped by a fault switch"
        return [plain]
    if fault.kind in {Fault.Kind.WEBHOOK_LATE, Fault.Kind.WEBHOOK_REORDERED}:
        plain.out_of_line = True
        plain.due_at += wait
        plain.after_next = fault.kind == Fault.Kind.WEBHOOK_REORDERED
        return [plain]
    twin = Delivery(
        subscription=plain.subscription,
        stream=plain.stream,
        event=plain.event,
        body=plain.body,
        created_at=plain.created_at,
        due_at=plain.due_at,
        out_of_line=True,
    )
    if fault.kind == Fault.Kind.WEBHOOK_FORGED:
        twin.forged = True
        twin.body = PROTOCOLS[provider].forge(plain.body)
        return [twin, plain]
    return [plain, twin]

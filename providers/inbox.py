"""Deliveries: kept first, answered, then processed by a worker.

A delivery is a hint. What it says is confirmed by asking the provider before anything moves,
and the provider's answer is applied in one transaction with the delivery's own mark.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from providers import registry
from providers.contract import (
    Identity,
    MalformedDelivery,
    NotFound,
    Provider,
    ProviderError,
    Source,
    StatusChange,
)
from providers.models import ProviderAccount, RejectedDelivery, WebhookDelivery
from providers.signals import status_change

T = TypeVar("T")
logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
BATCH = 100
# References whose facts are applied in one transaction.
PART = 300
# Up to so many references are asked about while a delivery is processed.
CONFIRMED_AT_ONCE = 20
# An unknown id is mostly one whose answer is being written down this moment. Only after so many
# tries is the provider asked whose it is, and about so many in one go.
IDENTIFY_AFTER = 3
IDENTIFY_AT_ONCE = 50
IDENTIFY_THREADS = 8
KEPT_HEADERS = ("content-type", "user-agent", "webhook-id", "x-ms-date", "date")


def keep(
    account: ProviderAccount,
    *,
    delivery_id: str,
    body: bytes,
    headers: Mapping[str, str],
    now: datetime,
) -> tuple[int, bool]:
    """Store a verified delivery once. Returns its id and whether it is news."""
    try:
        with transaction.atomic(durable=True):
            kept = WebhookDelivery.objects.create(
                account=account,
                delivery_id=delivery_id[:200],
                body=body,
                headers={name: headers[name] for name in KEPT_HEADERS if name in headers},
                received_at=now,
                due_at=now,
            )
            transaction.on_commit(_wake)
    except IntegrityError:
        twin = WebhookDelivery.objects.filter(account=account, delivery_id=delivery_id[:200])
        twin.update(repeats=F("repeats") + 1)
        return twin.values_list("pk", flat=True).get(), False
    return kept.pk, True


def _wake() -> None:
    from providers import tasks  # noqa: PLC0415 -- tasks import us

    tasks.wake(tasks.drain_inbox)


def reject(account: ProviderAccount, *, reason: str, now: datetime) -> None:
    """Count a delivery that was not signed rightly; nothing of it is kept."""
    row, _made = RejectedDelivery.objects.get_or_create(
        account=account, day=timezone.localdate(now), reason=reason[:60]
    )
    RejectedDelivery.objects.filter(pk=row.pk).update(count=F("count") + 1)


def drain(now: datetime | None = None) -> int:
    """Process what is due, oldest first. Returns how many were tried."""
    done = 0
    while claimed := _claim(now or timezone.now()):
        for delivery_id in claimed:
            process(delivery_id, now=now or timezone.now())
        done += len(claimed)
    return done


def _claim(now: datetime) -> list[int]:
    """Take due deliveries for this worker; one that it loses comes back after a minute."""
    with transaction.atomic(durable=True):
        ids = list(
            WebhookDelivery.objects.select_for_update(skip_locked=True)
            .filter(processed_at=None, due_at__lte=now)
            .order_by("due_at", "pk")
            .values_list("pk", flat=True)[:BATCH]
        )
        WebhookDelivery.objects.filter(pk__in=ids).update(due_at=now + timedelta(minutes=1))
    return ids


def process(delivery_id: int, *, now: datetime) -> bool:
    """Confirm and apply one delivery. False when it waits for another try, or for a person."""
    delivery = WebhookDelivery.objects.select_related("account__merchant").get(pk=delivery_id)
    if delivery.processed_at is not None:
        return True
    # Counted here, not when it was taken: many are taken at once, and done one after another.
    WebhookDelivery.objects.filter(pk=delivery_id).update(attempts=F("attempts") + 1)
    delivery.attempts += 1
    try:
        return _process(delivery, registry.of(delivery.account), now)
    except MalformedDelivery as error:
        return _give_up(delivery, f"Unreadable: {error}", now)
    except NotFound as error:
        return _later(delivery, f"Unknown reference: {error}", now)
    except ProviderError as error:
        return _later(delivery, f"Could not confirm: {error}", now)
    except Exception as error:
        # One delivery that breaks us must not stop the others behind it.
        logger.exception("Delivery %s could not be processed", delivery.pk)
        return _later(delivery, f"An error of ours: {type(error).__name__}", now)


def _process(delivery: WebhookDelivery, provider: Provider, now: datetime) -> bool:
    """Apply a delivery in parts, so that thousands of facts hold no lock for long."""
    told = provider.parse(bytes(delivery.body))
    unknown, silent = list[str](), list[ProviderError]()
    for part in _parts(told):
        unknown += _apply(delivery, part, _confirmed(provider, part, silent), now)
    if silent:
        raise silent[0]  # The rest is applied; these are asked about again.
    if unknown and delivery.attempts >= IDENTIFY_AFTER:
        unknown = _identify(delivery, provider, told, unknown, now)
    if unknown:
        names = ", ".join(unknown[:3]) + (" ..." if len(unknown) > 3 else "")
        return _later(delivery, f"Unknown reference: {names}", now)
    done = WebhookDelivery.objects.filter(pk=delivery.pk, processed_at=None)
    done.update(processed_at=now, problem="")
    return True


def _parts(told: Sequence[StatusChange]) -> Iterator[list[StatusChange]]:
    """Split a delivery between references, never within one."""
    grouped: dict[str, list[StatusChange]] = {}
    for change in told:
        grouped.setdefault(change.reference, []).append(change)
    for references in batched(grouped.values(), PART):
        yield [change for changes in references for change in changes]


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Return lists of up to `size` items."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def confirmed(provider: Provider, told: Sequence[StatusChange]) -> list[StatusChange]:
    """Ask the provider where a delivery's word is not enough, and believe the answer.

    What the delivery told and the answer lacks is not lost: it is applied without its money,
    because the provider's log may lag behind its own webhook by a moment. A crowd is not asked
    about one by one while others wait: its word is kept without its money, and asking, which
    has many threads, brings that within seconds.
    """
    asked = provider.to_confirm(told)
    if len(asked) > CONFIRMED_AT_ONCE:
        return [replace(change, money=None) for change in told]
    found: list[StatusChange] = []
    for reference in asked:
        found += provider.fetch(reference)
    known = {(change.reference, change.event_id) for change in found}
    doubted = set(asked)
    kept = [_hearsay(c) if c.reference in doubted else c for c in told
            if (c.reference, c.event_id) not in known]  # fmt: skip
    return kept + found


def _confirmed(
    provider: Provider, told: Sequence[StatusChange], silent: list[ProviderError]
) -> list[StatusChange]:
    """Confirm a part; where asking fails for some, keep the others' news and note the failure."""
    try:
        return confirmed(provider, told)
    except ProviderError as error:
        doubted = set(provider.to_confirm(told))
        silent.append(error)
        return [change for change in told if change.reference not in doubted]


def _hearsay(change: StatusChange) -> StatusChange:
    return replace(change, money=None, state=None, event_id=f"told:{change.event_id}")


def _apply(
    delivery: WebhookDelivery,
    told: Sequence[StatusChange],
    changes: Sequence[StatusChange],
    now: datetime,
    identities: Sequence[Identity] = (),
) -> list[str]:
    """Apply facts in one transaction, and return the references that nobody here knows."""
    with transaction.atomic(durable=True):
        locked = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
        if locked.processed_at is not None:
            return []
        answers: Any = status_change.send(
            sender=WebhookDelivery,
            account=delivery.account,
            changes=changes,
            source=Source.WEBHOOK,
            now=now,
            identities=identities,
        )
    unknown = {reference for _, answer in answers for reference in answer}
    return [ref for ref in dict.fromkeys(c.reference for c in told) if ref in unknown]


def _identify(
    delivery: WebhookDelivery,
    provider: Provider,
    told: Sequence[StatusChange],
    unknown: list[str],
    now: datetime,
) -> list[str]:
    """Ask which invoices unknown ids belong to: the answer that named them may have been lost."""
    left: list[str] = []
    for references in batched(unknown, IDENTIFY_AT_ONCE):
        identities = _identities(delivery.account, references)
        found = {identity.handle for identity in identities}
        part = [change for change in told if change.reference in found]
        left += sorted(set(references) - found)
        left += _apply(delivery, part, confirmed(provider, part), now, identities)
    return left


def _identities(account: ProviderAccount, references: Sequence[str]) -> list[Identity]:
    """Ask about unknown ids side by side; a lost answer to a batch may be about thousands."""
    if len(references) == 1:
        return _identity(account, references[0])
    with ThreadPoolExecutor(max_workers=IDENTIFY_THREADS) as pool:
        found = pool.map(lambda each: _identity_in_thread(account, each), references)
        return [identity for identities in found for identity in identities]


def _identity_in_thread(account: ProviderAccount, reference: str) -> list[Identity]:
    try:
        return _identity(account, reference)
    finally:
        connection.close()


def _identity(account: ProviderAccount, reference: str) -> list[Identity]:
    try:
        return [registry.of(account).identify(reference)]
    except NotFound:
        return []


def _later(delivery: WebhookDelivery, problem: str, now: datetime) -> bool:
    """Put a delivery off; after many tries it rests until a person replays it."""
    if delivery.attempts >= MAX_ATTEMPTS:
        return _give_up(delivery, problem, now)
    wait = timedelta(seconds=min(2.0 ** min(delivery.attempts + 1, 11), 1800.0))
    WebhookDelivery.objects.filter(pk=delivery.pk).update(due_at=now + wait, problem=problem[:300])
    return False


def _give_up(delivery: WebhookDelivery, problem: str, now: datetime) -> bool:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(due_at=None, problem=problem[:300])
    logger.warning("Delivery %s waits for a person: %s", delivery.pk, problem)
    return False


def replay(delivery_id: int, *, now: datetime) -> bool:
    """Process a delivery again, also one that was processed: facts held already add nothing."""
    WebhookDelivery.objects.filter(pk=delivery_id).update(
        processed_at=None, due_at=now, attempts=0, problem=""
    )
    return process(delivery_id, now=now)

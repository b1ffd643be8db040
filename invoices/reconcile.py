"""Asking the provider: heals lost webhooks, and collects reservations before they lapse."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from django.db import connection, transaction

from invoices import alerts, facts, lifecycle, operations, options, receivers
from invoices.enums import PAYABLE, OperationKind
from invoices.models import PaymentRequest
from providers import accounts, registry
from providers.contract import (
    OPEN_STATES,
    Asked,
    NotAuthorised,
    NotFound,
    Provider,
    ProviderError,
    RequestState,
    Source,
    StatusChange,
)
from providers.inbox import PART, batched
from providers.models import ProviderAccount

logger = logging.getLogger(__name__)

BATCH = 2000
# Seconds that one round of asking may take.
BUDGET = 60.0
# How long a request may be without the id that its lost answer held.
PATIENCE = timedelta(minutes=30)
# How long before a reservation lapses it is collected although the issuer's setting is off.
MARGIN = timedelta(hours=36)


def ask_due(now: datetime, *, threads: int = 1) -> int:
    """Ask about every request whose time has come. Returns how many were asked about."""
    due = PaymentRequest.objects.filter(ask_at__lte=now, account__paused_at=None)
    waiting: SimpleQueue[int] = SimpleQueue()
    for request_id in due.order_by("ask_at").values_list("pk", flat=True)[:BATCH]:
        waiting.put(request_id)
    until = time.monotonic() + BUDGET
    if threads == 1:
        return _ask_while(waiting, now, until)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return sum(pool.map(lambda _: _ask_in_thread(waiting, now, until), range(threads)))


def _ask_in_thread(waiting: SimpleQueue[int], now: datetime, until: float) -> int:
    try:
        return _ask_while(waiting, now, until)
    finally:
        connection.close()


def _ask_while(waiting: SimpleQueue[int], now: datetime, until: float) -> int:
    """Ask about what waits. A provider that hangs must not keep this worker from all else."""
    asked = 0
    while time.monotonic() < until:
        try:
            request_id = waiting.get_nowait()
        except Empty:
            break
        # Claimed first: no other worker asks too, and one whose asking kills the worker is not
        # asked again at once.
        mine = PaymentRequest.objects.filter(pk=request_id, ask_at__lte=now)
        if mine.update(ask_at=now + timedelta(minutes=5)):
            ask(request_id, now=now)
            asked += 1
    return asked


def ask(request_id: int, *, now: datetime, source: Source = Source.POLL) -> bool:
    """Ask the provider about one request and apply its answer. False when it could not be had."""
    found = PaymentRequest.objects.select_related("account__merchant", "invoice")
    request = found.get(pk=request_id)
    PaymentRequest.objects.filter(pk=request_id).update(asked_at=now)
    asked = options.asked(request)
    if not asked.handle:
        _miss_the_id(request, now)
        return False
    provider = registry.of(request.account)
    try:
        changes = provider.ask(asked)
    except NotFound:
        changes = _forgotten(provider, asked, now)
    except NotAuthorised as error:
        _tell(provider, request, error, now)
        return False
    except ProviderError as error:
        logger.warning("Could not ask about %s: %s", request.reference, error)
        return False
    if request.invoice.needs_person:
        _settle(request, now)
    if not changes:
        return False  # Not sent yet, or the outbox is finding out.
    store(request.pk, changes, source=source, now=now)
    return True


def _forgotten(provider: Provider, asked: Asked, now: datetime) -> list[StatusChange]:
    """Read "not found" about what has run out as its end, where the provider forgets such."""
    over = asked.expires_at is not None and asked.expires_at <= now
    if not (provider.forgets_expired and over and asked.state in OPEN_STATES):
        return []
    gone = StatusChange(
        reference=asked.handle,
        event_id="forgotten",
        state=RequestState.EXPIRED,
        provider_word="404",
        occurred_at=asked.expires_at,
        authoritative=True,
    )
    return [gone]


def _miss_the_id(request: PaymentRequest, now: datetime) -> None:
    """Tell a person about a request whose answer was lost with the only name it has.

    A callback may still bring the id; until then nobody here can ask about it.
    """
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(request.invoice_id)
        request = PaymentRequest.objects.select_related("account__merchant").get(pk=request.pk)
        request.invoice = invoice
        since = request.state_at or request.created_at
        if request.provider_id or request.state != RequestState.UNKNOWN or now - since < PATIENCE:
            return
        if request.facts.get("lost_answer") == "doubtful":
            # What had arrived would have told of itself: the refused repeat was all there was.
            facts.refuse(request, request.problem, source=Source.SYSTEM, now=now)
            return
        data = {"provider": str(registry.classes()[request.account.provider].label)}
        alerts.raise_alert(invoice, "id_unknown", now=now, request=request, data=data)


def name(*, request_id: int, handle: str, now: datetime) -> bool:
    """Give a request the provider's id that a person found, if the provider agrees.

    Returns False when its details are of another invoice, or the id is another request's.
    Raises the provider error family.
    """
    request = PaymentRequest.objects.select_related("account__merchant").get(pk=request_id)
    found = registry.of(request.account).identify(handle)
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(request.invoice_id)
        theirs = (found.number, found.amount, found.currency)
        taken = PaymentRequest.objects.filter(account=request.account, provider_id=found.handle)
        nameless = PaymentRequest.objects.filter(
            pk=request_id, provider_id="", state=RequestState.UNKNOWN
        )
        if theirs != (invoice.number, request.amount, request.currency) or taken.exists():
            return False
        if not nameless.update(provider_id=found.handle):
            return False
    # Asking now is a kindness; if it fails the schedule asks.
    ask(request_id, now=now)
    return True


def list_contact_consents(now: datetime) -> int:
    """Take in the permissions that payers gave and nobody heard of. Returns how many were told."""
    accounts = ProviderAccount.objects.filter(active=True, paused_at=None)
    able = [slug for slug, kind in registry.classes().items() if kind.can_ask_contact_consent]
    told = 0
    for account in accounts.filter(provider__in=able).select_related("merchant"):
        try:
            changes = registry.of(account).granted_contact_consents()
        except ProviderError as error:
            logger.warning("Could not list the consents of account %s: %s", account.pk, error)
            continue
        for part in batched(changes, PART):
            with transaction.atomic(durable=True):
                receivers.apply_changes(
                    list_contact_consents,
                    account=account,
                    changes=part,
                    source=Source.POLL,
                    now=now,
                )
        told += len(changes)
    return told


def store(request_id: int, changes: list[StatusChange], *, source: Source, now: datetime) -> bool:
    """Apply facts to a request in one transaction under its invoice's lock."""
    invoice_id = PaymentRequest.objects.values_list("invoice_id", flat=True).get(pk=request_id)
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        request = PaymentRequest.objects.select_related("account__merchant").get(pk=request_id)
        request.invoice = invoice
        return facts.apply(invoice, request, changes, source=source, now=now)


def _tell(provider: Provider, request: PaymentRequest, error: ProviderError, now: datetime) -> None:
    """Hold an account that wants its merchant's consent; else tell a person at the invoice.

    One matter of the account would otherwise stand at each of its invoices, anew every time.
    """
    logger.error("Account %s is not authorised: %s", request.account_id, error)
    if provider.consent_terms() is not None:
        accounts.pause(request.account, reason=str(error.meaning or error), now=now)
        return
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(request.invoice_id)
        data = {"provider": str(registry.classes()[request.account.provider].label)}
        alerts.raise_alert(invoice, "not_authorised", now=now, request=request, data=data)


def _settle(request: PaymentRequest, now: datetime) -> None:
    """Close the alert about keys that were refused: they are taken again."""
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(request.invoice_id)
        alerts.settle(invoice, "not_authorised", now=now, request=request)


def collect_before_lapse(now: datetime) -> int:
    """Collect what is reserved and about to lapse, whatever the issuer's setting.

    Returns how many collections were queued.
    """
    due = PaymentRequest.objects.filter(
        state=RequestState.ACCEPTED, capture_before__lte=now + MARGIN
    ).values_list("pk", flat=True)
    return sum(_collect(request_id, now) for request_id in list(due))


def _collect(request_id: int, now: datetime) -> bool:
    invoice_id = PaymentRequest.objects.values_list("invoice_id", flat=True).get(pk=request_id)
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        request = PaymentRequest.objects.select_related("account").get(pk=request_id)
        reserved = lifecycle.request_sums(request).reserved
        owed = invoice.status in PAYABLE
        busy = operations.live(request, OperationKind.CAPTURE, OperationKind.CANCEL)
        if not reserved or not owed or busy:
            return False
        owed_now = facts.owed_of(invoice, besides=request)
        if not owed_now:
            return False
        if operations.failed(request, OperationKind.CAPTURE):
            assert request.capture_before is not None  # noqa: S101 -- filtered on it
            data = {"capture_before_at": request.capture_before.isoformat()}
            alerts.raise_alert(invoice, "capture_due", now=now, request=request, data=data)
            return False
        amount = min(reserved, owed_now)
        operations.queue(OperationKind.CAPTURE, invoice, request=request, amount=amount, now=now)
        return True

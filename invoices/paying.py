"""The customer's side: what the hosted page offers, and what pressing pay does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet

from invoices import facts, lifecycle, operations, options, outbox, reconcile, sending, timeline
from invoices.enums import PAYABLE, EventKind, OperationKind, OperationState
from invoices.models import Invoice, Operation, PaymentRequest, TimelineEvent
from providers import registry
from providers.contract import OPEN_STATES, Channel, RequestState, Source
from providers.models import ProviderAccount

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# Presses this close together are one press: a double click, or two tabs.
SAME_PRESS = timedelta(seconds=10)
OPENED_AGAIN = timedelta(minutes=30)
ASKED_RECENTLY = timedelta(seconds=2)
# Of a row's id: a database has no larger numbers, and a visitor may type any.
MOST_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A way to pay that the hosted page shows. `shares_phone` offers the opt-in beside it."""

    road_key: str
    label: _StrOrPromise
    provider_label: _StrOrPromise
    shares_phone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """Where to send the customer, or why not. `problem` is settled, closed or checking."""

    redirect_url: str = ""
    problem: str = ""


def offers(invoice: Invoice) -> list[Offer]:
    """List the ways an open invoice can be paid on its page, at most one per account.

    The road staff chose decides whether the number may be asked for; without a choice the plain
    link is offered. A link that a provider gave us is offered while it is open.
    """
    if invoice.status not in PAYABLE:
        return []
    # The customer's page asks each time it is opened: only what it needs, and no secrets.
    accounts = list(sending.accounts_of(invoice).only("name", "provider", "paused_at"))
    links = _links(invoice, accounts)
    found = []
    for account in accounts:
        channel = links.get(account.pk) or _pressable(invoice, account)
        if channel is None or (account.paused_at and account.pk not in links):
            continue
        found.append(
            Offer(
                road_key=f"{account.pk}:{channel.slug}",
                label=channel.label,
                provider_label=registry.classes()[account.provider].label,
                shares_phone=channel.shares_phone,
            )
        )
    return found


def _pressable(invoice: Invoice, account: ProviderAccount) -> Channel | None:
    """Return the channel whose payment is made when the customer presses."""
    kind = registry.classes()[account.provider]
    channels = {c.slug: c for c in kind.channels if c.creates_on_press}
    chosen_account, _, chosen = invoice.link_channel.partition(":")
    slug = chosen if chosen_account == str(account.pk) and chosen in channels else ""
    return channels.get(slug) or next(iter(channels.values()), None)


def _links(invoice: Invoice, accounts: Sequence[ProviderAccount]) -> dict[int, Channel]:
    """Return the channels whose link is open with the customer, by account."""
    channels = {
        (account.pk, channel.slug): channel
        for account in accounts
        for channel in registry.classes()[account.provider].channels
        if channel.hands_out_link
    }
    if not channels:
        return {}
    rows = _open_links(invoice.pk).values_list("account_id", "channel")
    return {
        account: channels[account, slug] for account, slug in rows if (account, slug) in channels
    }


def _open_links(invoice_id: int) -> QuerySet[PaymentRequest]:
    return PaymentRequest.objects.filter(
        invoice_id=invoice_id, state__in=[RequestState.SUBMITTED, RequestState.CREATED]
    ).exclude(redirect_url="")


def _link(invoice_id: int, road_key: str) -> str:
    """Return the open link of a road, where the provider gave one when staff sent it."""
    account, _, slug = road_key.partition(":")
    if not account.isdecimal() or len(account) > MOST_DIGITS:
        return ""
    rows = (
        _open_links(invoice_id)
        .filter(
            account_id=int(account),
            channel=slug,
            invoice__status__in=PAYABLE,
        )
        .exclude(operations__kind=OperationKind.CANCEL, operations__state__in=operations.LIVE)
    )
    row = rows.select_related("account").order_by("-pk").first()
    kind = registry.classes().get(row.account.provider) if row else None
    if row is None or kind is None:
        return ""
    given = any(c.hands_out_link and c.slug == slug for c in kind.channels)
    return options.link_of(row) if given else ""


def press_pay(*, invoice_id: int, road_key: str, share_phone: bool, now: datetime) -> Pressed:
    """Make the payment and say where to send the customer.

    Safe on double press: a press within seconds of another gets the same payment; a later one
    first withdraws the earlier request, so that never two can be paid. What the provider does
    not answer in time stays on the page as "checking".
    """
    if PaymentRequest.objects.filter(invoice_id=invoice_id, state=RequestState.ACCEPTED).exists():
        return Pressed(problem="checking")  # Approved already: the money is on its way.
    if url := _link(invoice_id, road_key):
        return Pressed(redirect_url=url)
    for open_id in _standing(invoice_id, now):
        if not _withdraw_now(open_id, now):
            return Pressed(problem="checking")
    decided = _decide(invoice_id, road_key, share_phone=share_phone, now=now)
    if isinstance(decided, Pressed):
        return decided
    request_id, claim = decided
    if claim is None:
        return _wait_for_twin(request_id)
    outbox.run(claim)
    return _where_to(PaymentRequest.objects.get(pk=request_id))


def _standing(invoice_id: int, now: datetime) -> list[int]:
    """Return open requests that must go before a new one may be made."""
    rows = PaymentRequest.objects.filter(invoice_id=invoice_id, state__in=OPEN_STATES)
    return [row.pk for row in rows if not _is_same_press(row, now)]


def _is_same_press(request: PaymentRequest, now: datetime) -> bool:
    return request.created_by_id is None and now - request.created_at < SAME_PRESS


def _withdraw_now(request_id: int, now: datetime) -> bool:
    """Close a request before its successor is made. False while that is not certain."""
    with transaction.atomic(durable=True):
        request = PaymentRequest.objects.select_related("account__merchant").get(pk=request_id)
        invoice = lifecycle.locked(request.invoice_id)
        request.refresh_from_db(fields=["state"])
        request.invoice = invoice
        if request.state == RequestState.ACCEPTED:
            return False
        facts.close(invoice, request, now=now, reason="the customer started again")
    claims = _claim_for(request_id, OperationKind.CANCEL, now)
    for claim in claims:
        outbox.run(claim)
    state = PaymentRequest.objects.values_list("state", flat=True).get(pk=request_id)
    return RequestState(state) not in OPEN_STATES


def _claim_for(request_id: int, kind: OperationKind, now: datetime) -> list[outbox.Claim]:
    due = Operation.objects.filter(request_id=request_id, kind=kind, state=OperationState.DUE)
    return outbox.claim_these(list(due.values_list("pk", flat=True)), now)


def _decide(
    invoice_id: int, road_key: str, *, share_phone: bool, now: datetime
) -> Pressed | tuple[int, outbox.Claim | None]:
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        offer = next((each for each in offers(invoice) if each.road_key == road_key), None)
        if offer is None:
            return Pressed(problem="settled" if not invoice.residual else "closed")
        twin = invoice.requests.filter(state__in=OPEN_STATES).order_by("-pk").first()
        if twin is not None:
            return (twin.pk, None) if _is_same_press(twin, now) else Pressed(problem="checking")
        road = {each.key: each for each in sending.roads(invoice, now=now)}[road_key]
        if road.problems:
            return Pressed(problem="closed")
        request = sending.request_payment(
            invoice, road, now=now, share_phone=share_phone and offer.shares_phone
        )
        operation = request.operations.get(kind=OperationKind.CREATE)
    claims = outbox.claim_these([operation.pk], now)
    return request.pk, claims[0] if claims else None


def _wait_for_twin(request_id: int) -> Pressed:
    """Give the press that came first a few seconds to hear from the provider."""
    for _attempt in range(20):
        request = PaymentRequest.objects.get(pk=request_id)
        if request.redirect_url or RequestState(request.state) not in OPEN_STATES:
            break
        time.sleep(0.25)
    return _where_to(request)


def _where_to(request: PaymentRequest) -> Pressed:
    if RequestState(request.state) == RequestState.CREATED and request.redirect_url:
        return Pressed(redirect_url=options.link_of(request))
    if RequestState(request.state) in OPEN_STATES:
        return Pressed(problem="checking")
    return Pressed(problem="closed")


def returned(*, invoice_id: int, now: datetime) -> None:
    """Ask the provider about the newest open request; the address the customer came by proves
    nothing. Asked at most every other second, however often the page is loaded."""
    request = (
        PaymentRequest.objects.filter(invoice_id=invoice_id, state__in=OPEN_STATES)
        .order_by("-pk")
        .first()
    )
    if request is None or (request.asked_at and now - request.asked_at < ASKED_RECENTLY):
        return
    _note_return(request, now)
    reconcile.ask(request.pk, now=now)
    # A reservation is collected by a worker; the customer who waits on the page need not wait
    # for its wake-up.
    for claim in _claim_for(request.pk, OperationKind.CAPTURE, now):
        outbox.run(claim)


def _note_return(request: PaymentRequest, now: datetime) -> None:
    event_id = f"{request.pk}:returned"
    if TimelineEvent.objects.filter(invoice_id=request.invoice_id, event_id=event_id).exists():
        return
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(request.invoice_id)
        if TimelineEvent.objects.filter(invoice=invoice, event_id=event_id).exists():
            return
        timeline.add(
            invoice,
            kind=EventKind.OPENED,
            what="returned",
            source=Source.CUSTOMER,
            event_id=event_id,
            now=now,
            request=request,
        )


def opened(*, invoice_id: int, version: int, now: datetime, user_agent: str = "") -> None:
    """Note that the customer opened the page; openings within half an hour are one."""
    recent = TimelineEvent.objects.filter(
        invoice_id=invoice_id, kind=EventKind.OPENED, what="opened",
        recorded_at__gt=now - OPENED_AGAIN, data__version=version,
    )  # fmt: skip
    if recent.exists():
        return
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        timeline.add(
            invoice,
            kind=EventKind.OPENED,
            what="opened",
            source=Source.CUSTOMER,
            event_id=f"opened:{version}:{now.isoformat()}",
            now=now,
            data={"version": version, "detail": user_agent[:120]},
        )
        if invoice.opened_at is None:
            invoice.opened_at = now
            invoice.save(update_fields=["opened_at", "updated_at"])

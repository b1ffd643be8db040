"""Many invoices by one road: looked over beforehand, and queued by a worker.

Everything is read for a few hundred invoices at once, so that the number of statements does not
grow with the number of invoices within such a part.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _

from invoices import lifecycle, operations, posting, sending
from invoices import quotas as limits
from invoices.dispatching import in_words
from invoices.ledger import update
from invoices.models import Dispatch, DispatchItem, Invoice
from invoices.roads import EMAIL, PRINT, Road, Survey, status_problems
from invoicing_site.merchants.models import Merchant
from providers import registry
from providers.contract import Channel, Problem, Quota
from providers.inbox import batched
from providers.models import ProviderAccount

logger = logging.getLogger(__name__)
# Invoices whose rows are locked in one transaction.
PART = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What stands in the way of one invoice, and what staff should know before sending it."""

    invoice_id: int
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()


def look_over(
    merchant: Merchant, invoice_ids: Sequence[int], road_key: str, *, now: datetime
) -> list[Looked]:
    """Say of each invoice whether it can go by a road now, in the order given.

    Invoices of other merchants, and drafts, are left out. Nothing is written.
    """
    looked: dict[int, Looked] = {}
    counted: list[tuple[int, Sequence[Quota]]] = []
    due_today: set[int] = set()
    for ids in batched(invoice_ids, PART):
        rows = Invoice.objects.filter(merchant=merchant, pk__in=ids).exclude(number="")
        invoices = list(rows.select_related("issuer", "merchant", "customer"))
        roads, survey = _roads(merchant, invoices, road_key, now)
        today = now.astimezone(ZoneInfo(merchant.time_zone)).date()
        due_today |= {row.pk for row in invoices if row.due_date and row.due_date <= today}
        for road, invoice in roads:
            looked[invoice.pk] = Looked(
                invoice_id=invoice.pk, problems=road.problems, remarks=road.remarks
            )
            if road.is_open and road.account and road.channel:
                counted.append((invoice.pk, survey.quotas(invoice, road.account, road.channel)))
    _remark_on_limits(road_key, looked, counted, due_today, now)
    return [looked[pk] for pk in invoice_ids if pk in looked]


def _remark_on_limits(
    road_key: str,
    looked: dict[int, Looked],
    counted: Sequence[tuple[int, Sequence[Quota]]],
    due_today: set[int],
    now: datetime,
) -> None:
    account = road_key.partition(":")[0]
    if not account.isdecimal() or not any(quotas for _, quotas in counted):
        return
    for pk, quota in limits.full_today(int(account), counted, now=now).items():
        rule = _("Today's limit is reached: %(what)s, %(limit)d a day.") % {
            "what": quota.label,
            "limit": quota.limit,
        }
        late = pk in due_today
        found = Problem(
            field="quota",
            rule=rule,
            remedy=_("It is due today, so tomorrow is too late: choose another way.")
            if late
            else _("It is held, and sent by itself tomorrow."),
            code=quota.code,
            blocking=late,
        )
        if late:
            looked[pk] = replace(looked[pk], problems=(found,))
        else:
            looked[pk] = replace(looked[pk], remarks=(*looked[pk].remarks, found))


def queue(dispatch_id: int, *, now: datetime) -> int:
    """Queue or refuse every waiting item of a dispatch. Returns how many were queued.

    A crash leaves the rest waiting, for whoever takes the dispatch up next.
    """
    dispatch = Dispatch.objects.select_related("merchant", "created_by").get(pk=dispatch_id)
    queued = 0
    while (done := _queue_part(dispatch, now)) is not None:
        queued += done
    if not dispatch.items.filter(state=DispatchItem.State.WAITING).exists():
        # Another worker may still hold some; then it is the one that says so.
        Dispatch.objects.filter(pk=dispatch_id, queued_at=None).update(queued_at=now)
    if queued:
        operations.wake()
    return queued


def _queue_part(dispatch: Dispatch, now: datetime) -> int | None:
    """Queue or refuse some items in one transaction. None when none wait."""
    try:
        return _queue_some(dispatch, now, PART)
    except Exception:
        # One that breaks us must not stop the others: one by one, the culprit says so.
        logger.exception("A part of dispatch %s could not be queued", dispatch.pk)
        return _queue_one(dispatch, now)


def _queue_one(dispatch: Dispatch, now: datetime) -> int | None:
    try:
        return _queue_some(dispatch, now, 1)
    except Exception:
        logger.exception("An invoice of dispatch %s could not be queued", dispatch.pk)
    with transaction.atomic(durable=True):
        item = _waiting(dispatch).first()
        if item is None:
            return None
        broken = Problem(
            field="invoice",
            rule=_("An error of ours stopped this invoice; nothing was sent."),
            remedy=_("Send it from its own page, and tell whoever runs this site."),
            code="error",
        )
        item.state, item.problems = DispatchItem.State.REFUSED, [in_words(broken)]
        item.save(update_fields=["state", "problems"])
    return 0


def _queue_some(dispatch: Dispatch, now: datetime, most: int) -> int | None:
    with transaction.atomic(durable=True):
        items = list(_waiting(dispatch)[:most])
        if not items:
            return None
        invoices = list(lifecycle.locked_many(item.invoice_id for item in items).values())
        prefetch_related_objects(invoices, "customer")
        found, survey = _roads(dispatch.merchant, invoices, dispatch.road_key, now)
        roads = {invoice.pk: (road, invoice) for road, invoice in found}
        going = [item for item in items if _goes(item, roads)]
        _send(dispatch, going, roads, survey, now)
        update(items, ["state", "problems", "request"])
    return len(going)


def _waiting(dispatch: Dispatch) -> QuerySet[DispatchItem]:
    """Return the items that no worker has looked at or holds, to be locked."""
    waiting = dispatch.items.filter(state=DispatchItem.State.WAITING).order_by("pk")
    return waiting.select_for_update(skip_locked=True, of=("self",))


def _goes(item: DispatchItem, roads: dict[int, tuple[Road, Invoice]]) -> bool:
    """Mark an item as queued or refused."""
    road = roads.get(item.invoice_id, (None, None))[0]
    problems = road.problems if road else ()
    item.problems = [in_words(problem) for problem in problems]
    goes = road is not None and not problems
    item.state = DispatchItem.State.QUEUED if goes else DispatchItem.State.REFUSED
    return goes


def _send(
    dispatch: Dispatch,
    items: Sequence[DispatchItem],
    roads: dict[int, tuple[Road, Invoice]],
    survey: Survey,
    now: datetime,
) -> None:
    if not items:
        return
    if dispatch.road_key in {EMAIL, PRINT}:
        assert dispatch.created_by is not None  # noqa: S101 -- a person decided
        for item in items:
            posting.queue(
                roads[item.invoice_id][1], dispatch.road_key, by=dispatch.created_by, now=now
            )
        return
    plans = [
        sending.Plan(invoice=invoice, road=road)
        for road, invoice in (roads[item.invoice_id] for item in items)
    ]
    requests = sending.request_payments(
        plans, survey, now=now, by=dispatch.created_by, dispatch=dispatch
    )
    for item, request in zip(items, requests, strict=True):
        item.request = request


def _roads(
    merchant: Merchant, invoices: Sequence[Invoice], road_key: str, now: datetime
) -> tuple[list[tuple[Road, Invoice]], Survey]:
    """Return each invoice's road of this key, with what was read to find out."""
    account, channel = _account_and_channel(merchant, road_key)
    if account is None or channel is None:
        survey = Survey((), (), now)
        return [(_other_road(road_key, invoice), invoice) for invoice in invoices], survey
    survey = Survey(invoices, [account], now)
    served = set(account.issuers.values_list("pk", flat=True))
    return [
        (_not_served(road, invoice, served), invoice)
        for invoice in invoices
        for road in [survey.road(invoice, account, channel)]
    ], survey


def _account_and_channel(
    merchant: Merchant, road_key: str
) -> tuple[ProviderAccount | None, Channel | None]:
    pk, _colon, slug = road_key.partition(":")
    rows = ProviderAccount.objects.filter(
        merchant=merchant, active=True, provider__in=registry.classes()
    )
    account = (
        rows.select_related("merchant").filter(pk=pk).first()
        if pk.isdecimal() and len(pk) < 19
        else None
    )
    if account is None:
        return None, None
    channels = registry.classes()[account.provider].channels
    return account, next((each for each in channels if each.slug == slug), None)


def _other_road(road_key: str, invoice: Invoice) -> Road:
    """Return the road of a key that is no provider's."""
    if road_key == EMAIL:
        return posting.email_road(invoice)
    if road_key == PRINT:
        return posting.print_road(invoice)
    unknown = sending.unknown_road(road_key)
    return Road(key=road_key, label=road_key, how="", icon="no-symbol", problems=(unknown,))


def _not_served(road: Road, invoice: Invoice, served: set[int]) -> Road:
    """Close a road whose account does not serve the invoice's issuer."""
    if invoice.issuer_id in served:
        return road
    problems = (*status_problems(invoice), sending.not_served(invoice))
    return replace(road, problems=problems, remarks=())

"""Sending many invoices by one decision; a worker queues or refuses each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.utils import formats
from django.utils.translation import gettext as _

from invoices.enums import OperationKind, OperationState
from invoices.models import Dispatch, DispatchItem, Invoice, Operation, PaymentRequest
from invoices.roads import EMAIL
from invoices.selecting import LIMIT, WayOut, sendable, ways_out
from invoices.texts import plain
from invoicing_site.merchants.models import Merchant
from providers.contract import Problem, RequestState

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User

# A second press on the same button, not a second decision.
TWICE = timedelta(seconds=30)
# A dispatch whose wake-up was lost is taken up after this long.
PATIENCE = timedelta(seconds=20)
CHUNK = 1000


class CannotDispatch(Exception):
    """Nothing is sent; `problem` says which field, which rule, what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.field}: {problem.rule}")
        self.problem = problem


def start(
    *,
    merchant: Merchant,
    road_key: str,
    ids: Iterable[int],
    by: User,
    now: datetime,
    left: Mapping[int, Sequence[Problem]] | None = None,
    after: int = 0,
) -> Dispatch:
    """Decide to send invoices by a road. A worker queues or refuses each, one by one.

    `left` are chosen invoices that stay behind, with the reasons; they are kept beside the
    others, so that they can be corrected and sent again. Pressing twice makes one dispatch:
    the same decision of the same person within half a minute is the first one, if it is newer
    than `after`, the newest dispatch known when the form was drawn.
    Raises CannotDispatch, and then nothing is sent.
    """
    wanted, left = sorted(set(ids)), dict(left or {})
    road = _road(merchant, road_key, wanted, left)
    with transaction.atomic(durable=True):
        Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
        recent = Dispatch.objects.filter(
            merchant=merchant, created_by=by, created_at__gte=now - TWICE, pk__gt=after
        )
        for dispatch in recent.filter(road_key=road_key):
            if set(dispatch.items.values_list("invoice_id", flat=True)) == {*wanted, *left}:
                return dispatch
        return _begin(merchant, road, wanted, left, by=by, now=now)


def _road(
    merchant: Merchant, road_key: str, ids: Sequence[int], left: Mapping[int, object]
) -> WayOut:
    """Return the chosen road, or say what is wrong with the choice."""
    if not ids:
        raise CannotDispatch(nothing_chosen())
    everything = {*ids, *left}
    if len(everything) > LIMIT:
        raise CannotDispatch(too_many(len(everything)))
    if Invoice.objects.filter(merchant=merchant, pk__in=everything).count() != len(everything):
        raise CannotDispatch(nothing_chosen())
    found = {road.key: road for road in ways_out(merchant, ids)}
    if road_key not in found:
        raise CannotDispatch(unknown_road(road_key))
    return found[road_key]


def _begin(
    merchant: Merchant,
    road: WayOut,
    ids: Sequence[int],
    left: Mapping[int, Sequence[Problem]],
    *,
    by: User,
    now: datetime,
) -> Dispatch:
    dispatch = Dispatch.objects.create(
        merchant=merchant,
        road_key=road.key,
        road_label=plain(road.label)[:100],
        created_by=by,
        created_at=now,
    )
    items = [DispatchItem(dispatch=dispatch, invoice_id=pk) for pk in ids]
    items += [_left_behind(dispatch, pk, problems) for pk, problems in left.items()]
    DispatchItem.objects.bulk_create(items, batch_size=CHUNK)
    transaction.on_commit(partial(wake, dispatch.pk))
    return dispatch


def _left_behind(dispatch: Dispatch, pk: int, problems: Sequence[Problem]) -> DispatchItem:
    return DispatchItem(
        dispatch=dispatch,
        invoice_id=pk,
        state=DispatchItem.State.REFUSED,
        problems=[in_words(problem) for problem in problems],
    )


def in_words(problem: Problem) -> dict[str, str]:
    """Return a problem as an item keeps it: plain words in the reader's language."""
    return {
        "field": problem.field,
        "rule": str(problem.rule),
        "remedy": str(problem.remedy),
        "code": problem.code,
    }


# --------------------------------------------------------------------------------------- again
def refused_items(dispatch: Dispatch) -> QuerySet[DispatchItem]:
    """Return the items that were refused by us, by the provider or by the mail server."""
    refused = Q(state=DispatchItem.State.REFUSED) | Q(request__state=RequestState.INVALID)
    if dispatch.road_key != EMAIL:
        return dispatch.items.filter(refused)
    return with_mail(dispatch.items.all()).filter(refused | Q(mail=OperationState.FAILED))


def with_mail(items: QuerySet[DispatchItem]) -> QuerySet[DispatchItem]:
    """Add what became of the email that each item's dispatch queued."""
    mails = Operation.objects.filter(
        invoice=OuterRef("invoice"),
        kind=OperationKind.EMAIL,
        created_at__gte=OuterRef("dispatch__created_at"),
    ).order_by("pk")
    return items.annotate(
        mail=Subquery(mails.values("state")[:1]), mail_problem=Subquery(mails.values("problem")[:1])
    )


def to_resend(dispatch: Dispatch) -> list[int]:
    """Return the refused invoices that can still be sent: nobody paid or sent them since."""
    found = with_again(dispatch, refused_items(dispatch)).filter(again=True)
    return list(found.order_by("invoice_id").values_list("invoice_id", flat=True))


def with_again(dispatch: Dispatch, items: QuerySet[DispatchItem]) -> QuerySet[Any]:
    """Add whether each refused item's invoice can be sent again by the same road."""
    open_now = Q(Exists(sendable(Invoice.objects.filter(pk=OuterRef("invoice")))))
    since = _mailed_since() if dispatch.road_key == EMAIL else _requested_since()
    return items.annotate(again=ExpressionWrapper(open_now & ~since, BooleanField()))


def _requested_since() -> Q:
    """Match items whose invoice was with the customer after it was refused, however that ended."""
    others = PaymentRequest.objects.filter(invoice=OuterRef("invoice"))
    others = others.exclude(state=RequestState.INVALID)
    after_theirs = others.filter(pk__gt=OuterRef("request"))
    after_ours = others.filter(created_at__gte=OuterRef("dispatch__created_at"))
    return Q(Exists(after_theirs)) | (Q(request=None) & Q(Exists(after_ours)))


def _mailed_since() -> Q:
    mails = Operation.objects.filter(
        invoice=OuterRef("invoice"),
        kind=OperationKind.EMAIL,
        created_at__gte=OuterRef("dispatch__created_at"),
    )
    return Q(Exists(mails.exclude(state__in={OperationState.FAILED, OperationState.DROPPED})))


def resend(dispatch: Dispatch, *, by: User, now: datetime) -> Dispatch:
    """Send what was refused again by the same road, as a dispatch of its own.

    What still is not right is refused again with its reasons. Raises CannotDispatch when none
    of them can be sent.
    """
    return start(
        merchant=dispatch.merchant,
        road_key=dispatch.road_key,
        ids=to_resend(dispatch),
        by=by,
        now=now,
        after=dispatch.pk,
    )


# ---------------------------------------------------------------------------------------- waking
def wake(dispatch_id: int) -> None:
    """Tell a worker of a new dispatch. Losing it costs seconds: the sweep finds the row."""
    from invoices import tasks  # noqa: PLC0415 -- tasks import us

    tasks.wake(tasks.work_dispatch, dispatch_id=dispatch_id)


def sweep(now: datetime) -> int:
    """Wake workers for dispatches that are not looked through yet. Returns how many."""
    waiting = Dispatch.objects.filter(queued_at=None, created_at__lte=now - PATIENCE)
    found = list(waiting.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    for pk in found:
        wake(pk)
    return len(found)


# ---------------------------------------------------------------------------------------- words
def nothing_chosen() -> Problem:
    """Say that no invoice is chosen that can be sent."""
    return Problem(
        field="invoices",
        rule=_("No invoice is chosen that can be sent."),
        remedy=_("Choose invoices that are open and have no request with the customer."),
        code="empty",
    )


def too_many(count: int) -> Problem:
    """Say that more are chosen than go at once."""
    words = {"count": written(count), "limit": written(LIMIT)}
    return Problem(
        field="invoices",
        rule=_("%(count)s invoices are chosen; at most %(limit)s go at once.") % words,
        remedy=_("Narrow the list, for instance by date, and send it in parts."),
        code="too_many",
    )


def unknown_road(road_key: str) -> Problem:
    """Say that the road is none of those offered."""
    rule = _("“%s” is no road here.") % road_key[:60] if road_key else _("No road is chosen.")
    return Problem(field="road", rule=rule, remedy=_("Choose one of the roads shown."), code="road")


def written(count: int) -> str:
    """Write a count with its thousands parted."""
    return formats.number_format(count, 0, use_l10n=True, force_grouping=True)

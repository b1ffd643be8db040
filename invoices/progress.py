"""How far dispatches have come: read off their items and requests, counted nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from invoices import dispatching, options, preflight
from invoices.enums import InvoiceStatus, OperationKind, OperationState
from invoices.models import Dispatch, DispatchItem, Invoice, Operation
from invoices.roads import EMAIL
from providers import registry
from providers.contract import OPEN_STATES, Channel, RequestState

WAITING, QUEUED, REFUSED = DispatchItem.State
UNSENT = (RequestState.QUEUED, RequestState.SUBMITTING, RequestState.UNKNOWN)
PAID = (RequestState.PAID, RequestState.PARTIALLY_REFUNDED, RequestState.REFUNDED)
ENDED = (RequestState.REJECTED, RequestState.EXPIRED, RequestState.CANCELLED)
PAID_INVOICE = (
    InvoiceStatus.PAID,
    InvoiceStatus.PARTIALLY_REFUNDED,
    InvoiceStatus.REFUNDED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Where the invoices of a dispatch are now; each is in exactly one place.

    `waiting`: not with the provider yet. `handed_over`: taken, and being checked there.
    `delivered`: with the customer. `ended`: declined, run out or withdrawn.
    """

    total: int = 0
    waiting: int = 0
    handed_over: int = 0
    delivered: int = 0
    accepted: int = 0
    paid: int = 0
    ended: int = 0
    refused_by_us: int = 0
    refused_by_provider: int = 0

    @property
    def refused(self) -> int:
        """Whoever refused."""
        return self.refused_by_us + self.refused_by_provider

    @property
    def sent(self) -> int:
        """What a provider, or the mail server, has taken and not refused."""
        return self.total - self.waiting - self.refused

    @property
    def moving(self) -> bool:
        """Whether something changes without anybody doing anything."""
        return bool(self.waiting or self.handed_over)

    @property
    def unsettled(self) -> bool:
        """Whether customers may still act."""
        return bool(self.moving or self.delivered or self.accepted)

    @property
    def fingerprint(self) -> str:
        """Tell two moments apart."""
        return "-".join(str(each) for each in astuple(self))


def counts(dispatch: Dispatch) -> Counts:
    """Count where the invoices of a dispatch are now. One query."""
    return of_many([dispatch])[dispatch.pk]


def of_many(dispatches: Iterable[Dispatch]) -> dict[int, Counts]:
    """Count several dispatches at once. One query, two where one of them is email."""
    rows = list(dispatches)
    found = {row.pk: Counts() for row in rows}
    by_mail = [row.pk for row in rows if row.road_key == EMAIL]
    others = [row.pk for row in rows if row.road_key != EMAIL]
    if others:
        found |= _grouped(DispatchItem.objects.filter(dispatch__in=others), _by_request())
    if by_mail:
        mailed = dispatching.with_mail(DispatchItem.objects.filter(dispatch__in=by_mail))
        found |= _grouped(mailed, _by_mail())
    return found


def _grouped(items: QuerySet[Any], places: dict[str, Q]) -> dict[int, Counts]:
    """Count the items of each place, per dispatch."""
    wanted = {name: Count("pk", filter=where) for name, where in places.items()}
    rows = items.order_by().values("dispatch").annotate(total=Count("pk"), **wanted)
    return {row.pop("dispatch"): Counts(**row) for row in rows}


def _by_request() -> dict[str, Q]:
    def state(*states: RequestState) -> Q:
        return Q(state=QUEUED, request__state__in=states)

    return {
        "waiting": Q(state=WAITING) | state(*UNSENT) | Q(state=QUEUED, request=None),
        "handed_over": state(RequestState.SUBMITTED),
        "delivered": state(RequestState.CREATED),
        "accepted": state(RequestState.ACCEPTED),
        "paid": state(*PAID),
        "ended": state(*ENDED),
        "refused_by_us": Q(state=REFUSED),
        "refused_by_provider": state(RequestState.INVALID),
    }


def _by_mail() -> dict[str, Q]:
    paid = Q(invoice__status__in=PAID_INVOICE)
    mailed = Q(state=QUEUED) & ~paid
    over = (OperationState.DONE, OperationState.FAILED, OperationState.DROPPED)
    return {
        "waiting": Q(state=WAITING) | (mailed & ~Q(mail__in=over)) | (mailed & Q(mail=None)),
        "delivered": mailed & Q(mail=OperationState.DONE),
        "paid": Q(state=QUEUED) & paid,
        "ended": mailed & Q(mail=OperationState.DROPPED),
        "refused_by_us": Q(state=REFUSED),
        "refused_by_provider": mailed & Q(mail=OperationState.FAILED),
    }


# ----------------------------------------------------------------------------------------- held
@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Requests that wait for a later hour, because a daily limit is reached."""

    count: int
    until: datetime | None


def held(dispatch: Dispatch, now: datetime) -> Held:
    """Count what is held back until a later hour. One query."""
    later = Operation.objects.filter(
        request__in=dispatch.items.exclude(request=None).values("request"),
        kind=OperationKind.CREATE,
        state=OperationState.DUE,
        due_at__gt=now,
        problem__has_key="limit",
    )
    row = later.aggregate(count=Count("pk"), until=Min("due_at"))
    return Held(**row)


# -------------------------------------------------------------------------------------- refused
@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refused invoice: who refused it, why, and the page that puts it right.

    `again`: it can be sent again; nobody paid or sent it since.
    """

    item: DispatchItem
    by_provider: bool
    problems: tuple[dict[str, str], ...]
    again: bool
    fix: str


def refused(dispatch: Dispatch, limit: int) -> list[Refusal]:
    """List what was refused, at most `limit`, and first what can be sent again. One query."""
    found = dispatching.with_again(dispatch, dispatching.refused_items(dispatch))
    rows = found.select_related("invoice", "request").order_by("-again", "pk")[:limit]
    return [_refusal(dispatch.merchant.slug, row) for row in rows]


def _refusal(slug: str, row: Any) -> Refusal:
    by_provider = row.state != REFUSED
    problems = (_their_words(row),) if by_provider else tuple(row.problems)
    return Refusal(
        item=row,
        by_provider=by_provider,
        problems=problems,
        fix=preflight.put_right_at(slug, row.invoice, problems[0]["field"] if problems else ""),
        again=row.again,
    )


def _their_words(row: Any) -> dict[str, str]:
    """Put a provider's refusal, or the mail server's, as our own problems are kept."""
    said = row.request.problem if row.request else row.mail_problem
    told = {name: str(said.get(name, "")) for name in ("field", "remedy", "code")}
    word = row.request.provider_word if row.request else ""
    return told | {"rule": str(said.get("meaning") or word)}


# ---------------------------------------------------------------------------------------- links
def channel_of(dispatch: Dispatch) -> Channel | None:
    """Return the channel of a dispatch's road; None for email or a provider taken out."""
    pk, _colon, slug = dispatch.road_key.partition(":")
    account = dispatch.merchant.provider_accounts.filter(pk=pk).first() if pk.isdecimal() else None
    provider = registry.classes().get(account.provider) if account else None
    return (
        next((each for each in provider.channels if each.slug == slug), None) if provider else None
    )


def hands_out_links(dispatch: Dispatch) -> bool:
    """Whether this road gives links that we hand on."""
    channel = channel_of(dispatch)
    return bool(channel and channel.hands_out_link)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An invoice's link; empty while the provider has not made it yet."""

    invoice: Invoice
    url: str


def links(dispatch: Dispatch, limit: int | None = None) -> list[Link]:
    """List the links of what is open with the customer, oldest first. One query."""
    rows = with_links(dispatch).select_related("request", "invoice").order_by("pk")[:limit]
    return [Link(invoice=row.invoice, url=options.link_of(row.request)) for row in rows]  # type: ignore[arg-type]


def with_links(dispatch: Dispatch) -> QuerySet[DispatchItem]:
    """Return the items whose request is alive, and so has or awaits a link."""
    return dispatch.items.filter(state=QUEUED, request__state__in=OPEN_STATES)


def links_missing(dispatch: Dispatch) -> int:
    """Count what is with the provider and still waits for its link. One query."""
    return with_links(dispatch).filter(request__redirect_url="").count()

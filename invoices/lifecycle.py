"""Which status follows from which facts, and the only functions that write one.

The end state is a function of the set of facts, not of their order: `resolve` reads all of them
each time. Nothing here opens a transaction; callers hold the invoice's row lock (`locked`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum, prefetch_related_objects

from invoices.enums import PAYABLE, InvoiceStatus
from invoices.models import Invoice, Movement, PaymentRequest
from providers.contract import MovementKind, RequestState

ZERO = Decimal("0.00")
TERMINAL = frozenset(
    {
        RequestState.REJECTED,
        RequestState.EXPIRED,
        RequestState.CANCELLED,
        RequestState.INVALID,
    }
)
PAID_WORDS = frozenset({RequestState.PAID, RequestState.PARTIALLY_REFUNDED, RequestState.REFUNDED})
RANK = {
    RequestState.QUEUED: 0,
    RequestState.SUBMITTING: 1,
    RequestState.UNKNOWN: 2,
    RequestState.SUBMITTED: 3,
    RequestState.CREATED: 4,
    RequestState.ACCEPTED: 5,
    RequestState.INVALID: 6,
    RequestState.EXPIRED: 7,
    RequestState.REJECTED: 8,
    RequestState.CANCELLED: 9,
    # A provider may say these before the movement is known; money decides when it is.
    RequestState.PAID: 10,
    RequestState.PARTIALLY_REFUNDED: 11,
    RequestState.REFUNDED: 12,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A state somebody stated: when it was true, and whether the provider was asked.

    `sequence` is the provider's own count of what happened to the request, where it has one.
    """

    state: RequestState
    at: datetime
    authoritative: bool
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """Movements of a request or an invoice, summed by kind."""

    authorised: Decimal = ZERO
    released: Decimal = ZERO
    captured: Decimal = ZERO
    refunded: Decimal = ZERO
    received: Decimal = ZERO

    @property
    def reserved(self) -> Decimal:
        """What is reserved and neither collected nor released."""
        return max(self.authorised - self.captured - self.released, ZERO)

    @property
    def came_in(self) -> Decimal:
        """What was collected or received, before refunds."""
        return self.captured + self.received

    @property
    def kept(self) -> Decimal:
        """What came in less what went back."""
        return self.came_in - self.refunded


def locked(invoice_id: int) -> Invoice:
    """Return the invoice with its row locked, which is the one lock of all its facts."""
    return (
        Invoice.objects.select_for_update(of=("self",)).select_related("issuer").get(pk=invoice_id)
    )


def locked_many(invoice_ids: Iterable[int]) -> dict[int, Invoice]:
    """Return invoices with their rows locked, by id, their issuers and merchants loaded.

    All lock in one order, so that no two workers wait for each other.
    """
    rows = Invoice.objects.select_for_update().filter(pk__in=list(invoice_ids)).order_by("pk")
    found = {row.pk: row for row in rows}
    # Few stand behind many: fetched once, not in each row.
    prefetch_related_objects(list(found.values()), "issuer", "merchant")
    return found


def sums(movements: Iterable[tuple[str, Decimal]]) -> Sums:
    """Add up (kind, amount) pairs."""
    totals: dict[str, Decimal] = {}
    for kind, amount in movements:
        totals[kind] = totals.get(kind, ZERO) + amount
    return Sums(**totals)


def resolve(facts: Sequence[Fact], money: Sums, amount: Decimal) -> RequestState | None:
    """Say what a request is, from all facts in any order. None when nothing was stated yet.

    That it was handed over is our own word, and counts only while the provider has said nothing.
    Money wins. Without money, what the provider said when asked beats what it said before that
    moment, and an end that it then stated beats all it says later. Else a terminal fact yields
    to nothing, and of several the latest counts: by the provider's own sequence where all of
    them have one, by time otherwise.
    """
    if money.captured > ZERO:
        return _by_money(money, amount)
    if not facts:
        return None
    facts = [fact for fact in facts if fact.state != RequestState.SUBMITTED] or facts
    asked = max((f for f in facts if f.authoritative), key=_by_time, default=None)
    stated = asked.state if asked else None
    if asked is None or stated not in TERMINAL:
        told = [f for f in facts if not f.authoritative and (asked is None or f.at > asked.at)]
        terminal = [f for f in told if f.state in TERMINAL]
        latest = _latest(terminal or told)
        stated = latest.state if latest else stated
    # "Paid" whose movement is not here yet is not paid: the money is still on its way to us.
    return RequestState.ACCEPTED if stated in PAID_WORDS else stated


def _latest(facts: Sequence[Fact]) -> Fact | None:
    counted = all(fact.sequence is not None for fact in facts)
    return max(facts, key=_by_sequence if counted else _by_time, default=None)


def _by_time(fact: Fact) -> tuple[datetime, int]:
    return fact.at, RANK[fact.state]


def _by_sequence(fact: Fact) -> tuple[int, int]:
    return fact.sequence or 0, RANK[fact.state]


def _by_money(money: Sums, amount: Decimal) -> RequestState:
    if money.refunded >= money.captured:
        return RequestState.REFUNDED
    if money.refunded > ZERO:
        return RequestState.PARTIALLY_REFUNDED
    if money.captured < amount and money.reserved > ZERO:
        return RequestState.ACCEPTED
    return RequestState.PAID


def request_sums(request: PaymentRequest) -> Sums:
    """Add up a request's movements."""
    return sums(request.movements.values_list("kind", "amount"))


def invoice_sums(invoice: Invoice) -> Sums:
    """Add up an invoice's movements."""
    return sums(invoice.movements.values_list("kind", "amount"))


def status_of(status: str, total: Decimal, money: Sums) -> InvoiceStatus:
    """Say what the books say: the status is what is left after the money that moved."""
    current = InvoiceStatus(status)
    if current in {InvoiceStatus.DRAFT, InvoiceStatus.CANCELLED}:
        return current
    if money.came_in >= total and (money.came_in > ZERO or total == ZERO):
        # What is too much does not count as given back until the invoice's own money is.
        if money.refunded >= money.came_in > ZERO:
            return InvoiceStatus.REFUNDED
        return InvoiceStatus.PARTIALLY_REFUNDED if money.kept < total else InvoiceStatus.PAID
    return current if current == InvoiceStatus.UNCOLLECTIBLE else InvoiceStatus.OPEN


def residual_of(status: InvoiceStatus, total: Decimal, money: Sums) -> Decimal:
    """Say what is left to pay. A refund does not reopen the debt; a cancelled one has none."""
    if status in PAYABLE:
        return max(total - money.kept, ZERO)
    return ZERO


def excess_of(status: InvoiceStatus, total: Decimal, money: Sums) -> Decimal:
    """Say how much was received that we have no right to."""
    due = ZERO if status == InvoiceStatus.CANCELLED else total
    return max(money.kept - due, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyMap:
    """The invoice's money: invoiced - credited - received + refunded - waived = residual.

    `waived` is what was refunded or cancelled and is not claimed again; `excess` what came in
    over and above.
    """

    currency: str
    invoiced: Decimal
    credited: Decimal
    received: Decimal
    refunded: Decimal
    reserved: Decimal
    residual: Decimal
    excess: Decimal
    waived: Decimal
    movements: tuple[Movement, ...]


def money(invoice: Invoice) -> MoneyMap:
    """Return the money of an invoice. One query."""
    rows = tuple(invoice.movements.select_related("request__account").order_by("occurred_at"))
    total = sums((row.kind, row.amount) for row in rows)
    status = InvoiceStatus(invoice.status)
    residual = residual_of(status, invoice.total, total)
    excess = excess_of(status, invoice.total, total)
    return MoneyMap(
        currency=invoice.currency,
        invoiced=invoice.total,
        credited=ZERO,
        received=total.came_in,
        refunded=total.refunded,
        reserved=total.reserved,
        residual=residual,
        excess=excess,
        waived=max(invoice.total - total.kept - residual, ZERO),
        movements=rows,
    )


def captured_by_request(invoice: Invoice) -> dict[int | None, Decimal]:
    """Return what each request collected less what it gave back, for refunds."""
    rows = invoice.movements.values_list("request_id").annotate(
        captured=Sum("amount", filter=Q(kind=MovementKind.CAPTURED)),
        refunded=Sum("amount", filter=Q(kind=MovementKind.REFUNDED)),
    )
    return {pk: (captured or ZERO) - (refunded or ZERO) for pk, captured, refunded in rows}

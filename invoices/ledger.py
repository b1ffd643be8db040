"""What is known of some locked invoices, read at once and written at once.

Every decision reads all facts again. For one invoice that is two queries here, and for a
thousand it is also two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model

from invoices import lifecycle, timeline
from invoices.lifecycle import Fact, Sums
from invoices.models import Invoice, Movement, PaymentRequest, TimelineEvent
from invoices.timeline import Tip
from providers.contract import RequestState

# Up to so many rows are saved one by one; a statement for all of them is longer to prepare.
FEW = 4


class Page:
    """One locked invoice: its facts, its money, and what is about to be added to them."""

    def __init__(self, invoice: Invoice) -> None:
        self.invoice = invoice
        self.event_ids: set[str] = set()
        self.tip = Tip()
        self.new_events: list[TimelineEvent] = []
        self.new_movements: list[Movement] = []
        self._facts: dict[int, list[Fact]] = defaultdict(list)
        self._money: list[tuple[int | None, str, Any]] = []

    def take_event(self, request_id: int | None, event: Sequence[Any]) -> None:
        """Read a stored row: position, hash, event id, data."""
        position, digest, event_id, data = event
        self.event_ids.add(event_id)
        if position > self.tip.position:
            self.tip = Tip(position, digest)
        if request_id is not None and "stated_at" in data:
            self._facts[request_id].append(_fact(data))

    def take_money(self, request_id: int | None, kind: str, amount: Any) -> None:
        """Read a stored movement."""
        self._money.append((request_id, kind, amount))

    def add(self, *, event_id: str, **fact: Any) -> None:
        """Append a fact to the timeline; it is stored with `Ledger.write`."""
        event = timeline.build(self.invoice, self.tip, event_id=event_id, **fact)
        self.tip = Tip(event.position, event.hash)
        self.event_ids.add(event_id)
        self.new_events.append(event)
        if event.request is not None and "stated_at" in event.data:
            self._facts[event.request.pk].append(_fact(event.data))

    def move(self, movement: Movement) -> None:
        """Add a movement of a request; it is stored with `Ledger.write`."""
        self.new_movements.append(movement)
        self._money.append((movement.request_id, movement.kind, movement.amount))

    def facts(self, request: PaymentRequest) -> list[Fact]:
        """Return the states stated of a request."""
        return self._facts[request.pk]

    def request_sums(self, request: PaymentRequest) -> Sums:
        """Add up a request's movements."""
        return lifecycle.sums(
            (kind, amount) for pk, kind, amount in self._money if pk == request.pk
        )

    def invoice_sums(self) -> Sums:
        """Add up the invoice's movements."""
        return lifecycle.sums((kind, amount) for _, kind, amount in self._money)

    def resolved(self, request: PaymentRequest) -> RequestState | None:
        """Say what a request is, from all its facts."""
        return lifecycle.resolve(self.facts(request), self.request_sums(request), request.amount)


class Ledger:
    """The pages of some locked invoices, by their id."""

    def __init__(self, invoices: Iterable[Invoice]) -> None:
        """Read them all. The caller holds their row locks."""
        self._pages = {invoice.pk: Page(invoice) for invoice in invoices}
        events = TimelineEvent.objects.filter(invoice_id__in=self._pages).order_by()
        columns = ("invoice_id", "request_id", "position", "hash", "event_id", "data")
        for invoice_id, request_id, *event in events.values_list(*columns):
            self._pages[invoice_id].take_event(request_id, event)
        moves = Movement.objects.filter(invoice_id__in=self._pages).order_by()
        money = moves.values_list("invoice_id", "request_id", "kind", "amount")
        for invoice_id, request_id, kind, amount in money:
            self._pages[invoice_id].take_money(request_id, kind, amount)

    def page(self, invoice: Invoice) -> Page:
        """Return an invoice's page."""
        return self._pages[invoice.pk]

    def write(self) -> None:
        """Store what was added since the last time."""
        pages = self._pages.values()
        events = [event for page in pages for event in page.new_events]
        movements = [movement for page in pages for movement in page.new_movements]
        insert(events)
        insert(movements)
        for page in pages:
            page.new_events, page.new_movements = [], []


def insert(rows: Sequence[Model]) -> None:
    """Store new rows of one model."""
    if len(rows) == 1:
        rows[0].save(force_insert=True)
    elif rows:
        type(rows[0])._default_manager.bulk_create(rows)


def update(rows: Sequence[Model], fields: Sequence[str]) -> None:
    """Store these columns of rows that exist, and when that was, where rows say so.

    Many rows go in one `executemany`: Django's own `bulk_update` takes ten times as long.
    """
    if not rows:
        return
    meta = rows[0]._meta
    if any(field.name == "updated_at" for field in meta.concrete_fields):
        fields = [*fields, "updated_at"]
    if len(rows) <= FEW:
        for row in rows:
            row.save(update_fields=fields)
        return
    columns = [column for column in meta.concrete_fields if column.name in set(fields)]
    # The connection itself: its thread-local stand-in costs more than what is asked of it here.
    connection = connections[DEFAULT_DB_ALIAS]
    quoted = connection.ops.quote_name
    sets = ", ".join(f"{quoted(str(column.column))} = %s" for column in columns)
    statement = f"UPDATE {quoted(meta.db_table)} SET {sets} WHERE id = %s"  # noqa: S608 -- names of ours
    with connection.cursor() as cursor:
        cursor.executemany(
            statement, [(*_values(row, columns, connection), row.pk) for row in rows]
        )


def _values(row: Model, columns: Sequence[Any], connection: Any) -> Iterator[Any]:
    for column in columns:
        yield column.get_db_prep_save(column.pre_save(row, False), connection)


def _fact(data: dict[str, Any]) -> Fact:
    return Fact(
        RequestState(data["state"]),
        datetime.fromisoformat(data["stated_at"]),
        bool(data["authoritative"]),
        data.get("sequence"),
    )

"""The timeline: one row per fact, chained, never updated; and the words it is shown in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from invoices import lifecycle, presenting
from invoices.models import Invoice, PaymentRequest, TimelineEvent
from invoices.words import WORDS
from providers import masking, registry
from providers.contract import Source

if TYPE_CHECKING:
    from invoices.enums import EventKind
    from invoicing_site.merchants.models import User

HASHED = ("position", "kind", "what", "data", "source", "actor_name", "event_id",
          "provider_word", "payload", "superseded")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of an invoice's chain: its last position and hash."""

    position: int = 0
    hash: str = ""


def tip(invoice: Invoice) -> Tip:
    """Return the end of a locked invoice's chain."""
    rows = TimelineEvent.objects.filter(invoice_id=invoice.pk).order_by("-position")
    return Tip(*(rows.values_list("position", "hash").first() or ()))


def add(invoice: Invoice, **fact: Any) -> TimelineEvent:
    """Append one fact to a locked invoice's timeline; see `build` for what a fact has.

    The caller holds the invoice's row lock and has made sure that `event_id` is news.
    """
    event = build(invoice, tip(invoice), **fact)
    event.save(force_insert=True)
    return event


def build(
    invoice: Invoice,
    after: Tip,
    *,
    kind: EventKind,
    what: str,
    source: Source,
    event_id: str,
    now: datetime,
    actor: User | None = None,
    request: PaymentRequest | None = None,
    data: Mapping[str, Any] | None = None,
    provider_word: str = "",
    payload: Mapping[str, Any] | None = None,
    occurred_at: datetime | None = None,
    superseded: bool = False,
) -> TimelineEvent:
    """Make the fact that comes next in an invoice's chain, unsaved.

    `data` fills the words of `what` and is plain JSON (Decimals as strings). `payload` is the
    provider's own answer and is masked before it is kept.
    """
    event = TimelineEvent(
        invoice=invoice,
        request=request,
        position=after.position + 1,
        kind=kind,
        what=what,
        data=storable(dict(data or {})),
        source=source,
        actor=actor,
        actor_name=str(actor) if actor else "",
        event_id=event_id[:200],
        provider_word=provider_word.replace("\x00", "")[:60],
        payload=storable(masking.payload(dict(payload or {}))),
        superseded=superseded,
        occurred_at=occurred_at,
        recorded_at=now,
        previous=after.hash,
    )
    event.hash = digest(event)
    return event


def storable(value: Any) -> Any:
    """Leave out what no database keeps in text: a provider's answer may hold anything."""
    if isinstance(value, Mapping):
        return {str(key).replace("\x00", ""): storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value.replace("\x00", "") if isinstance(value, str) else value


def digest(event: TimelineEvent) -> str:
    """Return the sha256 that chains an entry to the one before it."""
    row: dict[str, Any] = {name: getattr(event, name) for name in HASHED}
    row["invoice"], row["previous"] = event.invoice_id, event.previous
    # In UTC, because the database gives an instant back in another zone than it was given.
    row["recorded_at"] = event.recorded_at.astimezone(UTC).isoformat()
    row["occurred_at"] = event.occurred_at and event.occurred_at.astimezone(UTC).isoformat()
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def broken_at(invoice: Invoice) -> int | None:
    """Return the position of the first entry whose chain does not hold, or None."""
    previous, expected = "", 1
    for event in invoice.timeline.order_by("position"):
        if (event.previous, event.position) != (previous, expected) or not _matches(event):
            return event.position
        previous, expected = event.hash, expected + 1
    return None


def _matches(event: TimelineEvent) -> bool:
    return event.hash == digest(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A fact in the reader's words. `icon` is a heroicon, `tone` one of the five status tones."""

    pk: int
    kind: str
    text: str
    detail: str
    tone: str
    icon: str
    source: str
    source_label: str
    actor: str
    request: str
    occurred_at: datetime | None
    recorded_at: datetime
    provider_word: str
    provider_label: str
    payload: str
    superseded: bool
    hash: str


def entries(invoice: Invoice, *, show_payloads: bool) -> list[Entry]:
    """Return the invoice's facts, newest first, in the active language. Two queries."""
    rows = invoice.timeline.select_related("request__account").order_by("-position")
    return [_entry(row, show_payloads=show_payloads) for row in rows]


def _entry(row: TimelineEvent, *, show_payloads: bool) -> Entry:
    words = WORDS[row.what]
    filled = presenting.filled(row.data)
    request = row.request
    return Entry(
        pk=row.pk,
        kind=row.kind,
        text=str(words.text) % filled,
        # What others wrote is shown as it is: a per cent sign in it is no place for a value.
        detail=str(row.data.get("detail") or "") or str(words.detail) % filled,
        tone=words.tone,
        icon=words.icon,
        source=row.source,
        source_label=str(Source(row.source).label),
        actor=row.actor_name,
        request=request.reference if request else "",
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        provider_word=row.provider_word,
        provider_label=_provider_label(request),
        payload=_pretty(row.payload) if show_payloads and row.payload else "",
        superseded=row.superseded or _lost(row),
        hash=row.hash,
    )


def _lost(row: TimelineEvent) -> bool:
    """Say whether an end that was stated yielded to a stronger fact."""
    stated = row.data.get("state")
    return bool(row.request and stated in lifecycle.TERMINAL and row.request.state != stated)


def _provider_label(request: PaymentRequest | None) -> str:
    if request is None:
        return ""
    provider = registry.classes().get(request.account.provider)
    return str(provider.label) if provider else _("The provider")


def _pretty(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, ensure_ascii=False, indent=2, sort_keys=True)

"""Their words in ours: events and payments become `StatusChange`s, the same by every road.

Source: developer.vippsmobilepay.com/docs/APIs/epayment-api/features, read 2026-10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from providers import masking
from providers.contract import Money, MovementKind, RequestState, StatusChange, StatusWord
from providers.vipps_mobilepay import terms, wire
from providers.vipps_mobilepay.wire import Event, Payment

# Captured, refunded and cancelled are events, never states: what they make of the request
# follows from the sums.
STATUSES: Mapping[str, StatusWord] = {
    "CREATED": StatusWord(state=RequestState.CREATED, meaning=_("The customer has not answered yet.")),
    "AUTHORIZED": StatusWord(state=RequestState.ACCEPTED, meaning=_("The customer has approved; the money is reserved, not collected.")),
    "ABORTED": StatusWord(state=RequestState.REJECTED, meaning=_("The customer said no.")),
    "EXPIRED": StatusWord(state=RequestState.EXPIRED, meaning=_("Nobody answered in time.")),
    "TERMINATED": StatusWord(state=RequestState.CANCELLED, meaning=_("We withdrew it before the customer approved.")),
    "CAPTURED": StatusWord(state=None, meaning=_("Money was collected.")),
    "CANCELLED": StatusWord(state=None, meaning=_("What was still reserved was released.")),
    "REFUNDED": StatusWord(state=None, meaning=_("Money was given back.")),
}  # fmt: skip
MOVES = {
    "AUTHORIZED": MovementKind.AUTHORISED,
    "CAPTURED": MovementKind.CAPTURED,
    "REFUNDED": MovementKind.REFUNDED,
    "CANCELLED": MovementKind.RELEASED,
}


def of_event(
    event: Event, market: str, *, guaranteed_until: datetime | None = None
) -> StatusChange:
    """Put one event in our words. An event without success moves neither state nor money."""
    word = STATUSES.get(event.name)
    state = word.state if word and event.success else None
    return StatusChange(
        reference=event.reference,
        event_id=event.id,
        state=state,
        provider_word=event.name if event.success else f"{event.name} (failed)",
        occurred_at=event.at,
        success=event.success,
        money=_money(event),
        extra=_capture_before(event, market, guaranteed_until),
        payload=masking.payload(event.raw),
    )


def of_phone(reference: str, phone: str, at: datetime | None) -> list[StatusChange]:
    """Put a shared number in our words: a fact of its own, because it may come late."""
    if not phone:
        return []
    change = StatusChange(
        reference=reference,
        event_id="profile:phone",
        state=None,
        provider_word="userDetails",
        occurred_at=at,
        profile={"phone": phone},
        payload={"phone": masking.phone(phone)},
    )
    return [change]


def of_payment(payment: Payment, events: Sequence[Event], market: str) -> StatusChange:
    """Put a payment's present state in our words, as of its latest event."""
    sums = f"{payment.captured}:{payment.refunded}:{payment.cancelled}"
    approved = next((e for e in events if e.name == "AUTHORIZED" and e.success), None)
    extra: Mapping[str, Any] = {}
    if approved:
        extra = _capture_before(approved, market, payment.guaranteed_until)
    return StatusChange(
        reference=payment.reference,
        event_id=f"state:{payment.state}:{sums}",
        state=present_state(payment),
        provider_word=payment.state,
        occurred_at=max((event.at for event in events), default=None),
        authoritative=True,
        extra=extra,
        payload=masking.payload(payment.raw),
    )


def present_state(payment: Payment) -> RequestState | None:
    """Derive our state from theirs and the sums; None for a word they have not documented.

    Paid means collected in full, or collected in part with the rest released: nothing more
    can come.
    """
    if payment.state != "AUTHORIZED":
        word = STATUSES.get(payment.state)
        return word.state if word else None
    if payment.captured and payment.refunded >= payment.captured:
        return RequestState.REFUNDED
    if payment.refunded:
        return RequestState.PARTIALLY_REFUNDED
    if payment.captured + payment.cancelled < payment.authorized:
        return RequestState.ACCEPTED
    return RequestState.PAID if payment.captured else RequestState.CANCELLED


def _money(event: Event) -> Money | None:
    kind = MOVES.get(event.name)
    if kind is None or not event.success or not event.amount.minor:
        return None
    return Money(
        kind=kind,
        amount=wire.major(event.amount.minor),
        currency=event.amount.currency,
        provider_ref=event.id,
    )


def _capture_before(event: Event, market: str, guaranteed_until: datetime | None) -> dict[str, str]:
    if event.name != "AUTHORIZED" or not event.success:
        return {}
    latest = event.at + terms.CAPTURE_WITHIN[market]
    return {"capture_before": min(guaranteed_until or latest, latest).isoformat()}

"""Their words in ours: states, details and callbacks become `StatusChange`s.

Source: developer.mobilepay.dk/docs/invoice, and the documentation labelled 1.4, read 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from providers import masking
from providers.contract import Money, MovementKind, RequestState, StatusChange, StatusWord
from providers.mobilepay_invoice import errors, refusals
from providers.mobilepay_invoice.wire import CallbackItem, Consent, Details

STATUSES: Mapping[str, StatusWord] = {
    "created": StatusWord(state=RequestState.CREATED, meaning=_("MobilePay checked it, and it is with the customer; a direct one was announced on the phone.")),
    "invalid": StatusWord(state=RequestState.INVALID, meaning=_("MobilePay's checks failed after it was handed over. The customer never saw it.")),
    "accepted": StatusWord(state=RequestState.ACCEPTED, meaning=_("The customer approved. The money comes on the day they chose, and is not here yet.")),
    "paid": StatusWord(state=RequestState.PAID, meaning=_("The money was taken.")),
    "rejected": StatusWord(state=RequestState.REJECTED, meaning=_("The customer declined.")),
    "expired": StatusWord(state=RequestState.EXPIRED, meaning=_("Not paid by 30 days after the due date.")),
    "canceled": StatusWord(state=RequestState.CANCELLED, meaning=_("We withdrew it.")),
}  # fmt: skip
# States after which the details say more: the day that the customer chose, and the money.
TOLD_IN_DETAILS = {"accepted", "paid"}


def of_word(handle: str, word: str) -> StatusChange:
    """Put a present state in our words; one that is not documented moves nothing."""
    known = STATUSES.get(word)
    return StatusChange(
        reference=handle,
        event_id=f"state:{word}",
        state=known.state if known else None,
        provider_word=word,
        occurred_at=None,
        authoritative=True,
    )


def of_details(handle: str, details: Details, zone: ZoneInfo, currency: str) -> list[StatusChange]:
    """Put details in our words: the money as a fact of its own, the present state last."""
    known = STATUSES.get(details.status)
    day = details.payment_date.isoformat() if details.payment_date else ""
    at = _when(details.payment_date, zone) if details.status == "paid" else None
    payload = _plain(details.raw)
    state = StatusChange(
        reference=handle,
        event_id=f"state:{details.status}:{day}" if day else f"state:{details.status}",
        state=known.state if known else None,
        provider_word=details.status,
        occurred_at=at,
        authoritative=True,
        extra=_extra(payment_date=day, transaction_id=details.transaction_id),
        payload=payload,
    )
    if details.status != "paid":
        return [state]
    money = Money(
        kind=MovementKind.CAPTURED,
        amount=details.total,
        currency=details.currency or currency,
        provider_ref=f"{handle}:paid",
    )
    moved = StatusChange(
        reference=handle,
        event_id="paid",
        state=None,
        provider_word=details.status,
        occurred_at=at,
        money=money,
        payload=payload,
    )
    return [moved, state]


def of_item(item: CallbackItem) -> StatusChange:
    """Put one event of a callback in our words. Nobody signed it, so it moves no money."""
    known = STATUSES.get(item.word)
    state = known.state if known else None
    at = item.at.isoformat() if item.at else ""
    own_name = f"{item.word}:{at}" if item.sequence is None else f"seq:{item.sequence}"
    return StatusChange(
        reference=item.invoice_id,
        event_id=own_name,
        state=state,
        provider_word=item.word,
        occurred_at=item.at,
        sequence=item.sequence,
        redirect_url=item.link,
        problem=of_problem(item.code, item.text, item.invoice_id)
        if state == RequestState.INVALID
        else {},
        extra=_extra(
            payment_date=item.payment_date.isoformat() if item.payment_date else "",
            paid_at=at if state == RequestState.PAID else "",
        )
        | ({"waits_for_link": False} if item.link else {}),
        payload=_plain(item.raw),
    )


def of_problem(code: str, text: str, invoice_id: str) -> dict[str, str]:
    """Say in plain words why a request is invalid, fit for JSON."""
    code = code.replace("\x00", "")
    word = errors.word_of_ended(code, invoice_id)
    return {
        "code": code,
        "meaning": str(word.meaning),
        "remedy": str(word.remedy),
        "field": refusals.FIELD_OF_CODE.get(code, ""),
        # PostgreSQL takes no NUL, and one event must not keep the others from being stored.
        "text": masking.text(text).replace("\x00", "")[:300],
    }


def of_asked_consent(handle: str, consent: Consent, asked_at: datetime) -> StatusChange:
    """Remember that the customer was asked to be billed directly from now on."""
    kept = {"id": consent.consent_id, "state": "pending", "asked_at": asked_at.isoformat()}
    return StatusChange(
        reference=handle,
        event_id=f"consent:{consent.consent_id}:asked",
        state=None,
        provider_word="directinvoiceconsent asked",
        occurred_at=asked_at,
        extra={"contact_consent": kept},
    )


def of_consent(handle: str, consent: Consent, kept: Mapping[str, Any]) -> list[StatusChange]:
    """Put the customer's answer in our words; nothing while there is none that we understand."""
    granted = _is_granted(consent)
    if not granted and consent.state != "denied":
        return []
    word = "granted" if granted else "denied"
    at = consent.granted_at
    answer = {"state": word} | ({"granted_on": at.isoformat()} if at else {})
    change = StatusChange(
        reference=handle,
        event_id=f"consent:{consent.consent_id}:{word}",
        state=None,
        provider_word=f"directinvoiceconsent {word}",
        occurred_at=at,
        profile={"phone": consent.phone} if granted else {},
        extra={"contact_consent": {**kept, **answer}},
    )
    return [change]


def _is_granted(consent: Consent) -> bool:
    """Tell whether a customer agreed: by the word, or by the moment where a number stands for it.

    Their numbers have no published meaning, but only what was granted has a moment.
    """
    numbered = consent.state.isdecimal() and consent.granted_at is not None
    return (consent.state == "granted" or numbered) and consent.phone.startswith("+")


def _when(day: date | None, zone: ZoneInfo) -> datetime | None:
    """Return when a payment happened, as far as its date tells: one of today, just now."""
    if day is None or day >= timezone.now().astimezone(zone).date():
        return None
    return datetime.combine(day, time(23, 59, 59), zone)


def _extra(**given: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value}


def _plain(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Make a payload of what they wrote: masked, and with amounts as text, fit for JSON."""
    # A link lets anybody pay: it is kept sealed elsewhere, never in a payload.
    shown = {name: value for name, value in raw.items() if str(name).casefold() != "links"}
    found: dict[str, Any] = json.loads(json.dumps(masking.payload(shown), default=str))
    return found

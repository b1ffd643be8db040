"""What becomes of an invoice that was handed over: asked about, withdrawn, recognised."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from django.utils import timezone

from providers.contract import (
    Asked,
    Identity,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    Refused,
    RequestState,
    StatusChange,
    Unavailable,
)
from providers.mobilepay_invoice import asking, facts, wire
from providers.mobilepay_invoice.client import Client
from providers.mobilepay_invoice.terms import Terms
from providers.mobilepay_invoice.values import Unreadable

logger = logging.getLogger(__name__)
T = TypeVar("T")

PAID_ALREADY = "10504"


def fetch(client: Client, handle: str, terms: Terms) -> list[StatusChange]:
    """Ask for the state and, where it matters, for the day and the money. Raises NotFound."""
    status = read(wire.read_status, client.status(handle))
    _same(status.invoice_id, handle)
    if status.word not in facts.TOLD_IN_DETAILS:
        return [facts.of_word(handle, status.word)]
    try:
        found = details(client, handle, terms)
    except NotFound as error:
        # It was there a moment ago, and without the details nobody knows the amount.
        raise Unavailable("The details are not there.", code="details") from error
    return facts.of_details(handle, found, terms.zone, terms.currency)


def details(client: Client, handle: str, terms: Terms) -> wire.Details:
    """Get what they hold of an invoice. Raises NotFound."""
    reader = partial(wire.read_details, zone=terms.zone)
    found = read(reader, client.details(handle))
    _same(found.invoice_id, handle)
    return found


def ask(client: Client, asked: Asked, terms: Terms) -> list[StatusChange]:
    """Ask about a request, and for its payer's answer to being billed directly."""
    if asked.state == RequestState.PAID:
        return _consent(client, asked)
    try:
        changes = fetch(client, asked.handle, terms)
    except NotFound as error:
        if _still_checked(asked):
            return []
        if asked.facts.get("link") is False:
            # They delete links only, so a direct invoice that is not there has not run out.
            raise Unavailable("A direct invoice is not there.", code="not there") from error
        raise
    try:
        return [*_consent(client, asked), *changes]
    except ProviderError as error:
        # What is known of the invoice is not lost for it; the consent is asked about again.
        logger.info("No answer about the consent of %s: %s", asked.handle, error)
        return changes


def _still_checked(asked: Asked) -> bool:
    """Tell whether an invoice may not be there yet: it exists only once their checks are done."""
    ended = asked.expires_at and asked.expires_at <= timezone.now()
    return asked.state == RequestState.SUBMITTED and not ended


def _consent(client: Client, asked: Asked) -> list[StatusChange]:
    if not (consent_id := asking.pending_consent(asked.facts)):
        return []
    consent = read(wire.read_consent, client.consent(consent_id))
    return facts.of_consent(asked.handle, consent, asked.facts["contact_consent"])


def ask_contact_consent(client: Client, handle: str) -> StatusChange:
    """Ask the payer of a link for permission to be billed directly."""
    consent = read_answer(wire.read_consent, client.ask_consent(handle))
    return facts.of_asked_consent(handle, consent, timezone.now())


def granted_contact_consents(client: Client, issuers: Iterable[str]) -> list[StatusChange]:
    """List what payers have granted to these issuers, as facts about the links it was asked on."""
    found: list[StatusChange] = []
    for issuer in issuers:
        try:
            consents = client.granted_consents(issuer)
        except Refused as refusal:
            # One issuer that is gone must not hide what the others were granted.
            logger.warning("No list of consents for issuer %s: %s", issuer, refusal)
            continue
        for consent in consents:
            kept = {"id": consent.consent_id}
            found += facts.of_consent(consent.invoice_id, consent, kept)
    return found


def identify(client: Client, handle: str, terms: Terms) -> Identity:
    """Ask which invoice an id belongs to. Raises NotFound."""
    found = details(client, handle, terms)
    return Identity(
        handle=found.invoice_id,
        number=found.number,
        payment_reference=found.payment_reference,
        amount=found.total,
        currency=found.currency or terms.currency,
        issuer_id=found.issuer_id.lower(),
    )


def cancel(client: Client, handle: str) -> None:
    """Withdraw an invoice. A repeat succeeds; one that was paid meanwhile is refused."""
    try:
        client.cancel(handle)
    except Refused as refusal:
        if refusal.status != 409 or refusal.code == PAID_ALREADY:
            raise
        status = read(wire.read_status, client.status(handle))
        if status.word != "canceled":
            raise refusal from None


def read(reader: Callable[[Any], T], content: Any) -> T:
    """Read the answer to a question; one that cannot be read may be asked again."""
    try:
        return reader(content)
    except Unreadable as error:
        raise Unavailable(f"Their answer cannot be read: {error}.", code="unreadable") from error


def read_answer(reader: Callable[[Any], T], content: Any, correlation_id: str = "") -> T:
    """Read the answer to a write, after which nothing is sure when it cannot be read."""
    try:
        return reader(content)
    except Unreadable as error:
        message = f"Their answer cannot be read: {error}."
        raise OutcomeUnknown(message, code="unreadable", correlation_id=correlation_id) from error


def _same(found: str, handle: str) -> None:
    if found != handle.lower():
        raise Unavailable("The answer is about another invoice.", code="reference")

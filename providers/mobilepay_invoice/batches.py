"""Many invoices in one call: put together from stored texts, and the answer taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from providers.contract import OutcomeUnknown, ProviderError, Refused, Unavailable
from providers.mobilepay_invoice import refusals, wire

Result = wire.Created | ProviderError


def array(texts: Sequence[str]) -> str:
    """Write an array of stored bodies, each byte as it was decided."""
    return f"[{','.join(texts)}]"


def twins(named: Sequence[tuple[str, str]]) -> dict[int, ProviderError]:
    """Refuse what has the number of another before it; each is named by number and issuer.

    The answer names items by number only, so one of two would be taken for the other.
    """
    first: dict[str, str] = {}
    found: dict[int, ProviderError] = {}
    for position, (number, issuer) in enumerate(named):
        if number in first:
            found[position] = _twin(number, same_issuer=first[number] == issuer)
        first.setdefault(number, issuer)
    return found


def answers(
    numbers: Sequence[str], batch: wire.Batch, zone: ZoneInfo, correlation_id: str
) -> list[Result]:
    """Find each number's answer; their order says nothing. All carry the call's own id."""
    return [_answer(number, batch, zone, correlation_id) for number in numbers]


def _answer(number: str, batch: wire.Batch, zone: ZoneInfo, correlation_id: str) -> Result:
    taken, refused = batch.accepted.get(number), batch.rejected.get(number)
    if taken and not refused:
        return wire.Created(invoice_id=taken)
    if refused and not taken:
        return refusals.of_item(refused, zone=zone, correlation_id=correlation_id)
    return OutcomeUnknown(
        f"The answer says nothing clear about {number}.",
        code="not mentioned",
        correlation_id=correlation_id,
        meaning=_("MobilePay's answer says nothing clear about this invoice."),
        remedy=_("We ask what became of it; nothing is sent twice."),
    )


def _twin(number: str, *, same_issuer: bool) -> ProviderError:
    """Say why a number that stands in the same call already does not go with it."""
    message = f"{number} stands in the same batch twice."
    if not same_issuer:
        # Two of our issuers may number alike: the other one goes with the next call.
        return Unavailable(message, code="number twice", retry_after=1.0)
    return Refused(
        message,
        code="number twice",
        meaning=_("Two invoices of one batch have this number."),
        remedy=_("Give one of the two another number."),
        field="number",
    )

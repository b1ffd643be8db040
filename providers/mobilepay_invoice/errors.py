"""Every error code of theirs in plain words, and whether trying again helps.

The codes are those of the documentation labelled 1.4, which 1.5 kept; the same ones stand in
callbacks. Why several codes say the same is not published, so each meaning has its family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from providers.contract import ErrorWord

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class Retry(StrEnum):
    """Whether the same request may succeed later, and who tries."""

    NO = "no"
    AUTO = "auto"
    LATER = "later"
    NEXT_DAY = "next day"


_LINK = _("Check the number, or send a payment link instead.")
_CORRECT = _("Correct the invoice and send it again.")
_LOOK = _("Look at the timeline; the present status is being fetched.")
_OTHER_ROAD = _("Choose another way of payment for this invoice.")
_TOMORROW = _("The rest goes by itself tomorrow.")

NO_PAYER = ErrorWord(meaning=_("No MobilePay user has this phone number."), remedy=_LINK)
EXISTS = ErrorWord(
    meaning=_("MobilePay has this invoice already."),
    remedy=_("Do not send it again; its status is being fetched."),
)
TECHNICAL = ErrorWord(
    meaning=_("MobilePay had a technical problem."),
    remedy=_("It is tried again by itself. If it goes on, give MobilePay the correlation id."),
    retry=True,
)
NO_ISSUER = ErrorWord(
    meaning=_("MobilePay does not know the sender that was chosen."),
    remedy=_("Fetch the list of senders on the account's page and choose one."),
)
BANK_ACCOUNT = ErrorWord(
    meaning=_("MobilePay could not approve the sender's bank account."),
    remedy=_("Check the bank account in the MobilePay portal."),
)
STATE = ErrorWord(meaning=_("The invoice has changed at MobilePay."), remedy=_LOOK)

CODES: Mapping[str, ErrorWord] = {
    "10008": ErrorWord(
        meaning=_("The amount must be more than 0."), remedy=_("Check the invoice's lines.")
    ),
    "10101": NO_PAYER,
    "10102": ErrorWord(
        meaning=_("This person cannot receive MobilePay invoices right now."),
        remedy=_("Try later, or send a payment link."),
    ),
    "10103": NO_PAYER,
    "10104": EXISTS,
    "10105": TECHNICAL,
    "10106": ErrorWord(
        meaning=_("The customer's MobilePay belongs to another country than the invoice."),
        remedy=_("A Danish invoice needs a Danish user, a Finnish one a Finnish user."),
    ),
    "10107": ErrorWord(
        meaning=_("The currency is not that of the country."),
        remedy=_("Use DKK for Denmark and EUR for Finland."),
    ),
    "10201": ErrorWord(meaning=_("The amount is above MobilePay's limit."), remedy=_OTHER_ROAD),
    "10202": NO_ISSUER,
    "10203": BANK_ACCOUNT,
    "10204": BANK_ACCOUNT,
    "10205": TECHNICAL,
    "10301": EXISTS,
    "10302": ErrorWord(
        meaning=_("MobilePay does not recognise the company."),
        remedy=_("Let the merchant grant consent again on the account's page."),
    ),
    "10303": NO_ISSUER,
    "10304": NO_PAYER,
    "10305": NO_PAYER,
    "10306": NO_PAYER,
    "10310": ErrorWord(
        meaning=_("The due date is too far away."),
        remedy=_("Choose a date less than 400 days from today."),
    ),
    "10311": ErrorWord(
        meaning=_("The due date has passed."), remedy=_("Choose today or a later date.")
    ),
    "10312": ErrorWord(
        meaning=_("The invoice date lies in the future."),
        remedy=_("Send the invoice on its date or later."),
    ),
    "10313": ErrorWord(
        meaning=_("Today's limit of invoices from this sender is reached."),
        remedy=_TOMORROW,
        retry=True,
    ),
    "10314": ErrorWord(
        meaning=_("The customer has received the most invoices allowed today."),
        remedy=_("It is sent tomorrow by itself, or send it another way now."),
        retry=True,
    ),
    "10504": ErrorWord(meaning=_("The customer has already paid."), remedy=_LOOK),
}

_REQUEST = ErrorWord(
    meaning=_("Something that MobilePay needs is missing from the invoice, or is wrong."),
    remedy=_CORRECT,
)
_FIK = ErrorWord(
    meaning=_("MobilePay refused the payment slip's reference or creditor."),
    remedy=_("Choose another sender on the account's page: payment slips are no longer sent."),
)
# Seen only in documents of 2018, some of them with shuffled meanings.
RETIRED: Mapping[str, ErrorWord] = {
    **{str(code): _REQUEST for code in range(10001, 10018) if code != 10008},
    **{str(code): _FIK for code in (10307, 10308, 10309, 10315)},
}
# Each says the same as the others of its family.
FAMILIES: tuple[frozenset[str], ...] = (
    frozenset({"10101", "10103", "10304", "10305", "10306"}),
    frozenset({"10104", "10301"}),
    frozenset({"10105", "10205"}),
    frozenset({"10202", "10303"}),
    frozenset({"10203", "10204"}),
)
EXISTING = FAMILIES[1]
RETRIES: Mapping[str, Retry] = {
    "10105": Retry.AUTO,
    "10205": Retry.AUTO,
    "10102": Retry.LATER,
    "10313": Retry.NEXT_DAY,
    "10314": Retry.NEXT_DAY,
}
# What is refused after it was handed over has ended there: nothing of it goes by itself.
ENDED: Mapping[Retry, _StrOrPromise] = {
    Retry.AUTO: _("Send it again. If it goes on, contact MobilePay's support."),
    Retry.NEXT_DAY: _("Send it again tomorrow, or another way now."),
}
_SUPPORT = _("Contact MobilePay's support with the correlation id.")
_SUPPORT_BY_ID = _("Contact MobilePay's support with their id of the invoice, {id}.")


def error_word(code: str) -> ErrorWord:
    """Put an error code in plain words; one that is not documented is named as it came."""
    if known := CODES.get(code) or RETIRED.get(code):
        return known
    if len(code) == 5 and code.startswith("105"):
        return STATE
    if not code:
        return ErrorWord(
            meaning=_("MobilePay refused the invoice and named no code."), remedy=_SUPPORT
        )
    unknown = format_lazy(_("MobilePay refused the invoice (code {code})."), code=code)
    return ErrorWord(meaning=unknown, remedy=_SUPPORT)


def word_of_ended(code: str, invoice_id: str) -> ErrorWord:
    """Put the code of an invoice that they had taken, and found wrong later, in plain words.

    A callback has no correlation id: their support finds the invoice by its id there.
    """
    word = error_word(code)
    remedy = ENDED.get(retry(code))
    if word.remedy is _SUPPORT:
        remedy = format_lazy(_SUPPORT_BY_ID, id=invoice_id)
    return replace(word, remedy=remedy, retry=False) if remedy else word


def retry(code: str) -> Retry:
    """Say whether a request refused with a code may be tried again, and when."""
    return RETRIES.get(code, Retry.NO)


def same_meaning(code: str) -> frozenset[str]:
    """Return the codes that say what this one says, itself among them."""
    return next((family for family in FAMILIES if code in family), frozenset({code}))


def next_day_seconds(now: datetime, zone: ZoneInfo) -> float:
    """Return how long it is until the next midnight in a zone."""
    local = now.astimezone(zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), zone)
    return midnight.timestamp() - now.timestamp()

"""What an answer other than a success means, in the error family of the contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from providers import http, masking
from providers.contract import (
    ErrorWord,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
)
from providers.mobilepay_invoice import errors, values, wire

# Not at midnight sharp: their clock may be a little behind ours.
AFTER_MIDNIGHT = timedelta(minutes=5)
WAIT = 60.0

_AGAIN = _("It is tried again by itself.")
BY_STATUS = {
    400: ErrorWord(
        meaning=_("MobilePay found the request wrong."),
        remedy=_("Check the field named, or contact support with the correlation id."),
    ),
    401: ErrorWord(
        meaning=_("MobilePay does not accept our access, or not the keys of the app."),
        remedy=_("Check the keys, then let the merchant grant consent again."),
    ),
    403: ErrorWord(
        meaning=_("The app is not subscribed to MobilePay Invoice, or may not act here."),
        remedy=_("Subscribe the app to the product Invoice in the developer portal."),
    ),
    404: ErrorWord(
        meaning=_("MobilePay does not know it: still being checked, or an expired link."),
        remedy=_(
            "Wait a minute, and look at the invoice's timeline before sending anything again."
        ),
    ),
    409: ErrorWord(
        meaning=_("The invoice has changed at MobilePay."),
        remedy=_("Its present status is being fetched."),
    ),
    429: ErrorWord(meaning=_("Too many calls in a short time."), remedy=_AGAIN, retry=True),
}
# The same status where there is no invoice yet: nothing changed, and nothing can be fetched.
NOT_TAKEN = ErrorWord(
    meaning=_("MobilePay did not take the invoice and named no code."),
    remedy=_(
        "Nothing was made there. Check the invoice, or contact support with the correlation id."
    ),
)
BROKEN = ErrorWord(
    meaning=_("MobilePay did not answer as it should."),
    remedy=_("We ask what became of it; nothing is sent twice."),
    retry=True,
)
# Their fields in ours, where a form or a problem of ours has one.
FIELDS = {
    "invoiceissuer": "issuer",
    "consumeralias": "phone",
    "consumeralias.alias": "phone",
    "consumername": "customer.name",
    "consumeraddresslines": "customer.address",
    "deliveryaddresslines": "delivery_address",
    "totalamount": "amount",
    "totalvatamount": "lines",
    "countrycode": "country",
    "currencycode": "currency",
    "invoicenumber": "number",
    "issuedate": "issue_date",
    "duedate": "due_date",
    "orderdate": "order_date",
    "deliverydate": "delivery_date",
    "comment": "comment",
    "merchantcontactname": "merchant_contact",
    "merchantordernumber": "merchant_order_number",
    "buyerordernumber": "buyer_order_number",
    "paymentreference": "payment_reference",
    "invoicearticles": "lines",
    "invoicelineitem": "lines",
}
# What to correct for which of their codes.
FIELD_OF_CODE = {
    **dict.fromkeys(("10008", "10201"), "amount"),
    **dict.fromkeys(("10101", "10102", "10103", "10304", "10305", "10306", "10314"), "phone"),
    **dict.fromkeys(("10202", "10203", "10204", "10303", "10313"), "issuer"),
    **dict.fromkeys(("10104", "10301"), "number"),
    **dict.fromkeys(("10310", "10311"), "due_date"),
    "10106": "country",
    "10107": "currency",
    "10312": "issue_date",
}


def raise_for(
    answer: http.Answer,
    *,
    writes: bool,
    correlation_id: str,
    zone: ZoneInfo,
    creates: bool = False,
) -> None:
    """Raise what an answer means, unless it is a success.

    `creates`: there is no key to tell a repeat by, so no failure of theirs, not even one that
    asks to come back later, promises that nothing was made.
    """
    if 200 <= answer.status < 300:
        return
    content = _content(answer)
    told = wire.read_error(content)
    about: dict[str, Any] = {
        "correlation_id": told.correlation_id or correlation_id,
        "payload": _shown(content, told.text),
    }
    broken: dict[str, Any] = {"meaning": BROKEN.meaning, "remedy": BROKEN.remedy, "code": told.code}
    if creates and answer.status >= 500:
        message = f"HTTP {answer.status} from the provider."
        raise OutcomeUnknown(message, status=answer.status, **about, **broken)
    http.raise_if_unclear(answer, writes=writes, **about, **broken)
    about |= {"status": answer.status, "field": our_field(told.field)}
    if told.code:
        raise of_code(told.code, told.text, zone=zone, creates=creates, **about)
    word = NOT_TAKEN if creates and answer.status == 409 else BY_STATUS.get(answer.status)
    raise _by_status(answer, told, word or errors.error_word(""), about)


def of_item(rejection: wire.Rejection, *, zone: ZoneInfo, correlation_id: str) -> ProviderError:
    """Make the error that the refusal of one item of a batch means."""
    about: dict[str, Any] = {
        "correlation_id": correlation_id,
        "field": our_field(rejection.field),
        "payload": _shown({}, rejection.text),
    }
    if rejection.code or not rejection.field:
        return of_code(rejection.code, rejection.text, zone=zone, creates=True, **about)
    word = BY_STATUS[400]
    message = f"MobilePay refused {rejection.field}: {rejection.text[:200]}"
    return Refused(message, meaning=word.meaning, remedy=word.remedy, **about)


def of_code(
    code: str, text: str, *, zone: ZoneInfo, creates: bool = False, **about: Any
) -> ProviderError:
    """Make the error that one of their codes means: the same for one call and in a batch."""
    word = errors.error_word(code)
    about |= {"code": code, "meaning": word.meaning, "remedy": word.remedy}
    about["field"] = about.get("field") or FIELD_OF_CODE.get(code, "")
    message = f"MobilePay answered with code {code}: {text[:200]}"
    when = errors.retry(code)
    if when == errors.Retry.AUTO and creates:
        # The technical error may have come after the invoice was made.
        return OutcomeUnknown(message, **about)
    if when == errors.Retry.AUTO:
        return Unavailable(message, retry_after=WAIT, **about)
    if when == errors.Retry.NEXT_DAY:
        return Unavailable(message, retry_after=until_tomorrow(zone), **about)
    return Refused(message, **about)


def is_judgement(refusal: Refused) -> bool:
    """Tell whether a refusal's body is one that the API writes, and not something before it."""
    return _is_contract(refusal.payload)


def _is_foreign(answer: http.Answer) -> bool:
    """Tell whether a "not found" has a body that the API would not write: its own has none."""
    return bool(answer.body.strip()) and not _is_contract(_content(answer))


def _is_contract(content: Any) -> bool:
    found = values.lower(content) if isinstance(content, Mapping) else {}
    return "error" in found and "error_description" in found


def not_judged(refusal: Refused) -> Unavailable:
    """Say of a call that something before the API refused that it may be made again later."""
    return Unavailable(
        str(refusal),
        retry_after=WAIT,
        code=refusal.code,
        status=refusal.status,
        correlation_id=refusal.correlation_id,
        payload=refusal.payload,
        meaning=_("MobilePay did not look at the invoices."),
        remedy=_AGAIN,
    )


def until_tomorrow(zone: ZoneInfo) -> float:
    """Return the seconds until the day's limits are counted anew."""
    wait = errors.next_day_seconds(timezone.now(), zone)
    return wait + AFTER_MIDNIGHT.total_seconds()


def no_merchant(error: NotFound) -> NotAuthorised:
    """Say that a token is good but belongs to no merchant."""
    word = errors.error_word("10302")
    return NotAuthorised(
        "The token belongs to no merchant.",
        code="10302",
        status=error.status,
        correlation_id=error.correlation_id,
        meaning=word.meaning,
        remedy=word.remedy,
    )


def our_field(theirs: str) -> str:
    """Name a field as we do: `input.TotalAmount` and `InvoiceArticles[0].Quantity` among them."""
    path = re.sub(r"\[\d+\]", "", theirs.strip()).casefold().removeprefix("input.")
    top, _dot, _rest = path.partition(".")
    return FIELDS.get(path) or FIELDS.get(top) or theirs.strip()[:100]


def told(answer: http.Answer) -> http.Told:
    """Say for the call log what an answer was."""
    if answer.status < 400:
        return http.Told("ok")
    found = wire.read_error(_content(answer))
    outcome = f"error {found.code}" if found.code else found.field or "refused"
    return http.Told(outcome, found.correlation_id)


def of_gateway(answer: http.Answer) -> bool:
    """Tell whether it was the gateway that answered: it judges keys and paths, not invoices."""
    content = _content(answer)
    return isinstance(content, dict) and "httpcode" in values.lower(content)


def _shown(content: Any, text: str) -> dict[str, Any]:
    """Return a refusal for pages and logs; `text` is its reason in their words, masked."""
    shown: dict[str, Any] = masking.payload(content) if isinstance(content, dict) else {}
    return shown | ({"text": masking.text(text)[:300]} if text else {})


def _content(answer: http.Answer) -> Any:
    """Read a body of which nothing is sure: the gateway answers in HTML at times."""
    try:
        return answer.json()
    except ValueError:
        return None


def _by_status(
    answer: http.Answer, told: wire.TheirError, word: ErrorWord, about: dict[str, Any]
) -> ProviderError:
    about |= {"meaning": word.meaning, "remedy": word.remedy}
    message = f"MobilePay answered HTTP {answer.status}. {told.text[:200]}".strip()
    if answer.status == 429:
        wait = answer.retry_after
        return Unavailable(message, retry_after=WAIT if wait is None else wait, **about)
    if answer.status in {401, 403}:
        return NotAuthorised(message, **about)
    if answer.status == 404 and _is_foreign(answer):
        # Something before the API says so: that tells nothing about what lies behind it.
        return Unavailable(message, retry_after=WAIT, **about)
    if answer.status == 404:
        return NotFound(message, **about)
    return Refused(message, **about)

"""Their way of writing amounts, phone numbers, dates and answers, and ours.

Names are read whatever their case: the documentation writes PascalCase, their own description of
the API camelCase. Reading raises `Unreadable`, which says what was wrong.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers

from providers.contract import RemoteIssuer

CENT = Decimal("0.01")
USER_REDIRECT = "user-redirect"
# The first documentation numbers its states; 2 is paid, not accepted.
NUMBERED = {"1": "created", "2": "paid", "3": "rejected", "4": "expired"}
WORDS = frozenset({"created", "invalid", "accepted", "paid", "rejected", "expired", "canceled"})
NOT_USABLE = frozenset({"pending", "disabled"})
INPUT_FIELD = re.compile(r"\s*input\.([A-Za-z]+[A-Za-z0-9.\[\]]*)\s*:\s*(.*)", re.DOTALL)


class Unreadable(ValueError):
    """Something from the provider that is not what their documentation says."""


# ----------------------------------------------------------------------------------- our values
def amount(value: Decimal) -> Decimal:
    """Write an amount with its two decimals. Raises ValueError for more than two."""
    if not value.is_finite() or value != value.quantize(CENT):
        raise ValueError(f"{value} is not an amount with two decimals.")
    return value.quantize(CENT) + Decimal(0)


def number(value: Decimal) -> Decimal:
    """Write a quantity, price or rate without the zeros at its end."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a number.")
    if value == value.to_integral_value():
        return value.quantize(Decimal(1)) + Decimal(0)
    return value.normalize()


def alias(text: str, country: str) -> str:
    """Write a phone number as `+4512345678`, from that, `004512345678` or `12345678`.

    `country` (DK, FI) is where a number without country code belongs. Raises ValueError for what
    cannot be a phone number.
    """
    try:
        found = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise ValueError(f"{text!r} is not a phone number.") from error
    if not phonenumbers.is_possible_number(found) or found.extension:
        raise ValueError(f"{text!r} is not a phone number.")
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164))


def country_of(phone: str) -> str:
    """Return the country of an E.164 number, by its country code."""
    found = phonenumbers.parse(phone)
    return str(phonenumbers.region_code_for_country_code(found.country_code or 0))


# ------------------------------------------------------------------------------ what we read of it
@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """One invoice taken for processing. `link` is empty for a direct one."""

    invoice_id: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One item of a batch that was refused; `code` is empty where they gave none."""

    number: str
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch's answer: ids by invoice number, and refusals by invoice number."""

    accepted: Mapping[str, str]
    rejected: Mapping[str, Rejection]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A state as asked for. An unknown word is kept as it came."""

    invoice_id: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A line as the details give it; None for what they leave out."""

    number: str
    description: str
    gross: Decimal | None
    quantity: Decimal | None
    price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the provider holds of an invoice. None or empty where it does not tell."""

    invoice_id: str
    number: str
    issue_date: date | None
    due_date: date | None
    payment_date: date | None
    comment: str
    articles: tuple[Article, ...]
    currency: str
    total: Decimal
    vat_totals: tuple[tuple[Decimal, Decimal], ...]
    vat: Decimal | None
    net: Decimal | None
    merchant_id: str
    issuer_id: str
    issuer_name: str
    issuer_address: str
    issuer_postcode: str
    issuer_city: str
    country: str
    logo_url: str
    status: str
    invoice_url: str
    transaction_id: str
    payment_reference: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackItem:
    """One event of a callback. `link` comes only for a link made in a batch."""

    invoice_id: str
    word: str
    at: datetime
    sequence: int | None
    payment_date: date | None
    code: str
    text: str
    link: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiError:
    """A refusal's body, as far as it could be read. `field` is named by an input error."""

    kind: str = ""
    code: str = ""
    text: str = ""
    field: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A payer's permission to be billed directly. `phone` counts only once `state` is granted."""

    consent_id: str
    invoice_id: str
    state: str
    phone: str
    granted_at: datetime | None


# -------------------------------------------------------------------------------------- answers
def read_sent(content: Any) -> Created:
    """Read the answer to one invoice; the first documentation may wrap it in a list."""
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    found = _object(content, "answer")
    return Created(invoice_id=guid(found, "InvoiceId"), link=_link(found))


def read_batch(content: Any) -> Batch:
    """Read a batch's answer; a refusal carries its error directly (1.4) or in a list (1.5)."""
    found = _object(content, "answer")
    accepted = [_object(item, "accepted item") for item in _list(found, "Accepted")]
    rejected = [_rejection(_object(item, "rejected item")) for item in _list(found, "Rejected")]
    return Batch(
        accepted={_number(item): guid(item, "InvoiceId") for item in accepted},
        rejected={item.number: item for item in rejected},
    )


def _rejection(item: Mapping[str, Any]) -> Rejection:
    nested = [error for error in _list(item, "Errors") if isinstance(error, Mapping)]
    told = lower(nested[0]) if nested else item
    return Rejection(
        number=_number(item),
        code=error_code(told.get("errorcode")),
        text=_text(told, "ErrorText").strip(),
    )


def _number(item: Mapping[str, Any]) -> str:
    value = item.get("invoicenumber")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise Unreadable("an item of the batch has no invoice number")
    return value


def read_status(content: Any) -> Status:
    """Read the answer to a question for the state."""
    found = _object(content, "status")
    return Status(invoice_id=guid(found, "InvoiceId"), word=status_word(found.get("status")))


def status_word(value: Any) -> str:
    """Read a state in any case, in either spelling or as a number; unknown ones as they came."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unreadable("a status is neither word nor number")
    raw = str(value).strip()
    word = raw.casefold()
    word = NUMBERED.get(word, "canceled" if word == "cancelled" else word)
    if not raw:
        raise Unreadable("a status is empty")
    return word if word in WORDS else raw[:40]


def read_details(content: Any) -> Details:
    """Read the details of an invoice."""
    found = _object(content, "details")
    return Details(
        invoice_id=guid(found, "InvoiceId"),
        number=_text(found, "InvoiceNumber"),
        issue_date=_maybe_date(found, "IssueDate"),
        due_date=_maybe_date(found, "DueDate"),
        payment_date=_maybe_date(found, "PaymentDate"),
        comment=_text(found, "Comment"),
        articles=tuple(_article(item) for item in _list(found, "InvoiceArticles")),
        currency=_text(found, "CurrencyCode"),
        total=_decimal(found, "TotalAmount"),
        vat_totals=tuple(_vat_total(item) for item in _list(found, "InvoiceVatTotals")),
        vat=_maybe_decimal(found, "TotalVatAmount"),
        net=_maybe_decimal(found, "TotalAmountExcludingVat"),
        merchant_id=_text(found, "MerchantId"),
        issuer_id=_text(found, "InvoiceIssuerId"),
        issuer_name=_text(found, "InvoiceIssuerName"),
        issuer_address=_text(found, "InvoiceIssuerAddress"),
        issuer_postcode=_text(found, "InvoiceIssuerZipcode"),
        issuer_city=_text(found, "InvoiceIssuerCity"),
        country=_text(found, "MerchantIsoCountryCode"),
        logo_url=_text(found, "LogoUrl"),
        status=status_word(found.get("status")),
        invoice_url=_text(found, "InvoiceUrl"),
        transaction_id=_text(found, "PaymentTransactionId"),
        payment_reference=_text(found, "PaymentReference"),
        raw=content,
    )


def _article(item: Any) -> Article:
    found = _object(item, "article")
    return Article(
        number=_text(found, "ArticleNumber"),
        description=_text(found, "ArticleDescription"),
        gross=_maybe_decimal(found, "TotalPriceIncludingVat"),
        quantity=_maybe_decimal(found, "Quantity"),
        price=_maybe_decimal(found, "PricePerUnit"),
    )


def _vat_total(item: Any) -> tuple[Decimal, Decimal]:
    found = _object(item, "VAT total")
    return _decimal(found, "VatRate"), _decimal(found, "TotalVatAmount")


def read_callback_item(content: Any) -> CallbackItem:
    """Read one event of a callback."""
    found = _object(content, "event")
    sequence = found.get("sequence")
    if sequence is not None and (isinstance(sequence, bool) or not isinstance(sequence, int)):
        raise Unreadable("Sequence is not a whole number")
    return CallbackItem(
        invoice_id=guid(found, "InvoiceId"),
        word=status_word(found.get("status")),
        at=moment(found.get("date")),
        sequence=sequence,
        payment_date=_maybe_date(found, "PaymentDate"),
        code=error_code(found.get("errorcode")),
        text=_text(found, "ErrorMessage").strip(),
        link=_link(found),
        raw=content,
    )


def read_error(content: Any) -> ApiError:
    """Read a refusal's body leniently: theirs, the gateway's, or anything else as nothing."""
    if not isinstance(content, Mapping):
        return ApiError()
    found = lower(content)
    text = _text(found, "error_description") or _text(found, "moreInformation")
    named = INPUT_FIELD.fullmatch(text.strip())
    return ApiError(
        kind=_text(found, "error"),
        code=error_code(found.get("error_code")),
        text=(named.group(2) if named else text).strip(),
        field=named.group(1) if named else "",
        correlation_id=_text(found, "correlation_id"),
    )


def error_code(value: Any) -> str:
    """Read an error code that may be null, a text or a number; empty where there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()[:20]


def read_issuers(content: Any) -> list[RemoteIssuer]:
    """Read the senders; the first documentation gives only id and name."""
    items = (
        content
        if isinstance(content, list)
        else _list(_object(content, "issuers"), "InvoiceIssuers")
    )
    return [_issuer(_object(item, "issuer")) for item in items]


def _issuer(found: Mapping[str, Any]) -> RemoteIssuer:
    status = _text(found, "Status").strip().casefold()
    return RemoteIssuer(
        id=guid(found, "Id"),
        name=_text(found, "Name").strip(),
        status=status,
        usable=status not in NOT_USABLE,
        address=_text(found, "Address").strip(),
        postcode=_text(found, "ZipCode").strip(),
        city=_text(found, "City").strip(),
    )


def read_consent(content: Any) -> Consent:
    """Read a payer's permission. Their numbers for its state have no published meaning."""
    found = _object(content, "consent")
    state = found.get("state")
    granted = found.get("grantedon")
    return Consent(
        consent_id=guid(found, "ConsentId"),
        invoice_id=guid(found, "InvoiceId"),
        state=str(state).strip().casefold() if isinstance(state, str | int) else "",
        phone=_text(found, "PhoneNumber").strip(),
        granted_at=moment(granted) if granted else None,
    )


def read_consents(content: Any) -> tuple[list[Consent], str]:
    """Read a page of granted permissions, and the cursor of the next page or nothing."""
    found = _object(content, "consents")
    return [read_consent(i) for i in _list(found, "GrantedConsents")], _text(found, "PagingState")


# --------------------------------------------------------------------------------------- values
def lower(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members under lower-case names; of two that differ by case the first counts."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        found.setdefault(str(name).lower(), value)
    return found


def guid(found: Mapping[str, Any], name: str) -> str:
    """Read a required id as lower case with hyphens."""
    try:
        return str(uuid.UUID(found.get(name.lower()) or ""))
    except (ValueError, AttributeError, TypeError) as error:
        raise Unreadable(f"{name} is missing or not an id") from error


def moment(value: Any) -> datetime:
    """Read a timestamp; more than six fractional digits are cut, no offset means UTC."""
    if not isinstance(value, str):
        raise Unreadable("a time is not text")
    try:
        at = datetime.fromisoformat(value.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable("a time cannot be read") from error


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable(f"{name} is not an object")
    return lower(value)


def _list(found: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = found.get(name.lower())
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Unreadable(f"{name} is not a list")
    return value


def _link(found: Mapping[str, Any]) -> str:
    """Return the link to pay; links of other kinds are not followed."""
    for item in _list(found, "Links"):
        link = _object(item, "link")
        href = _text(link, "Href")
        if _text(link, "Rel").casefold() == USER_REDIRECT and href.startswith(("https:", "http:")):
            return href
    return ""


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name.lower())
    return value if isinstance(value, str) else ""


def _maybe_date(found: Mapping[str, Any], name: str) -> date | None:
    """Read a date, or the date part of the date-time that it may be."""
    value = found.get(name.lower())
    if value is None:
        return None
    try:
        return date.fromisoformat(value[:10])
    except (TypeError, ValueError) as error:
        raise Unreadable(f"{name} is not a date") from error


def _maybe_decimal(found: Mapping[str, Any], name: str) -> Decimal | None:
    return None if found.get(name.lower()) is None else _decimal(found, name)


def _decimal(found: Mapping[str, Any], name: str) -> Decimal:
    value = found.get(name.lower())
    try:
        read = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation as error:
        raise Unreadable(f"{name} is not a number") from error
    if not read.is_finite():
        raise Unreadable(f"{name} is not a number")
    return read

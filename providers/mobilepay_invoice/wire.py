"""Their answers, callbacks and refusals, and what we read of them.

Reading is lenient where the documentation contradicts itself and raises `Unreadable`, which says
what was wrong, where a thing that matters is missing. A refusal is read as far as it can be.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from providers.contract import RemoteIssuer
from providers.mobilepay_invoice import errors, values
from providers.mobilepay_invoice.values import Unreadable

logger = logging.getLogger(__name__)
T = TypeVar("T")

USER_REDIRECT = "user-redirect"
# The first documentation numbers its states; 2 is paid, not accepted.
NUMBERED = {"1": "created", "2": "paid", "3": "rejected", "4": "expired"}
WORDS = frozenset({"created", "invalid", "accepted", "paid", "rejected", "expired", "canceled"})
NOT_USABLE = frozenset({"pending", "disabled"})
INPUT_FIELD = re.compile(r"\s*input\.([A-Za-z]+[A-Za-z0-9.\[\]]*)\s*:\s*(.*)", re.DOTALL)


# ------------------------------------------------------------------------------ what we read of it
@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """One invoice taken for processing. `link` is empty for a direct one."""

    invoice_id: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One item of a batch that was refused; `code` is empty where they gave none.

    `field` is named by an input error, as in a single call's refusal.
    """

    number: str
    code: str = ""
    text: str = ""
    field: str = ""


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
    at: datetime | None
    sequence: int | None
    payment_date: date | None
    code: str
    text: str
    link: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirError:
    """A refusal's body, as far as it could be read. `field` is named by an input error."""

    kind: str = ""
    code: str = ""
    text: str = ""
    field: str = ""
    correlation_id: str = ""
    payload: Mapping[str, Any] = dataclass_field(default_factory=dict)


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
    found = values.members(content, "answer")
    return Created(invoice_id=values.guid(found, "InvoiceId"), link=_link(found))


def read_batch(content: Any) -> Batch:
    """Read a batch's answer; a refusal carries its error directly (1.4) or in a list (1.5)."""
    found = values.members(content, "answer")
    return Batch(
        accepted=dict(_readable(found, "Accepted", _acceptance)),
        rejected={item.number: item for item in _readable(found, "Rejected", _rejection)},
    )


def _readable(
    found: Mapping[str, Any], name: str, reader: Callable[[Mapping[str, Any]], T]
) -> Iterator[T]:
    """Read a list's items one by one: an odd one must not cost the others their answer."""
    for position, item in enumerate(values.items(found, name)):
        try:
            yield reader(values.members(item, "the item"))
        except Unreadable as error:
            logger.warning("Left out item %s of %s in an answer: %s", position, name, error)


def _acceptance(item: Mapping[str, Any]) -> tuple[str, str]:
    return _number(item), values.guid(item, "InvoiceId")


def _rejection(item: Mapping[str, Any]) -> Rejection:
    told = [_reason(error) for error in values.objects(item, "Errors") or [dict(item)]]
    code, field, text = min(told, key=_weight)
    return Rejection(number=_number(item), code=code, text=text, field=field)


def _reason(error: Mapping[str, Any]) -> tuple[str, str, str]:
    return error_code(error.get("errorcode")), *_field_and_text(values.text(error, "ErrorText"))


def _weight(reason: tuple[str, str, str]) -> int:
    """Order the reasons of one refusal: that it exists counts most, then what has a code."""
    code, field, _text = reason
    if code in errors.EXISTING:
        return 0
    return 1 if code else (2 if field else 3)


def _field_and_text(text: str) -> tuple[str, str]:
    """Take an input error apart: `input.DueDate : Required` names its field."""
    named = INPUT_FIELD.fullmatch(text.strip())
    field, rest = (named.group(1), named.group(2)) if named else ("", text)
    return field, rest.strip()


def _number(item: Mapping[str, Any]) -> str:
    value = item.get("invoicenumber")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise Unreadable("an item of the batch has no invoice number")
    return value


def read_status(content: Any) -> Status:
    """Read the answer to a question for the state."""
    found = values.members(content, "status")
    return Status(invoice_id=values.guid(found, "InvoiceId"), word=status_word(found.get("status")))


def status_word(value: Any) -> str:
    """Read a state in any case, in either spelling or as a number; unknown ones as they came."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unreadable("a status is neither word nor number")
    raw = str(value).replace("\x00", "").strip()
    word = raw.casefold()
    word = NUMBERED.get(word, "canceled" if word == "cancelled" else word)
    if not raw:
        raise Unreadable("a status is empty")
    return word if word in WORDS else raw[:40]


def read_details(content: Any, zone: ZoneInfo) -> Details:
    """Read the details of an invoice: id, state and amount; of the rest what can be read.

    On these three hangs the booking of money, on the rest only what pages show.
    """
    found = values.members(content, "details")
    return Details(
        invoice_id=values.guid(found, "InvoiceId"),
        number=values.text(found, "InvoiceNumber"),
        issue_date=values.maybe_date(found, "IssueDate", zone),
        due_date=values.maybe_date(found, "DueDate", zone),
        payment_date=values.maybe_date(found, "PaymentDate", zone),
        comment=values.text(found, "Comment"),
        articles=tuple(_article(item) for item in values.objects(found, "InvoiceArticles")),
        currency=values.text(found, "CurrencyCode"),
        total=values.decimal(found, "TotalAmount"),
        vat_totals=tuple(_vat_totals(found)),
        vat=values.maybe_decimal(found, "TotalVatAmount"),
        net=values.maybe_decimal(found, "TotalAmountExcludingVat"),
        merchant_id=values.text(found, "MerchantId"),
        issuer_id=values.text(found, "InvoiceIssuerId"),
        issuer_name=values.text(found, "InvoiceIssuerName"),
        issuer_address=values.text(found, "InvoiceIssuerAddress"),
        issuer_postcode=values.text(found, "InvoiceIssuerZipcode"),
        issuer_city=values.text(found, "InvoiceIssuerCity"),
        country=values.text(found, "MerchantIsoCountryCode"),
        logo_url=values.text(found, "LogoUrl"),
        status=status_word(found.get("status")),
        invoice_url=values.text(found, "InvoiceUrl"),
        transaction_id=values.text(found, "PaymentTransactionId"),
        payment_reference=values.text(found, "PaymentReference"),
        raw=content,
    )


def _article(found: Mapping[str, Any]) -> Article:
    return Article(
        number=values.text(found, "ArticleNumber"),
        description=values.text(found, "ArticleDescription"),
        gross=values.maybe_decimal(found, "TotalPriceIncludingVat"),
        quantity=values.maybe_decimal(found, "Quantity"),
        price=values.maybe_decimal(found, "PricePerUnit"),
    )


def _vat_totals(found: Mapping[str, Any]) -> Iterator[tuple[Decimal, Decimal]]:
    for item in values.objects(found, "InvoiceVatTotals"):
        rate = values.maybe_decimal(item, "VatRate")
        vat = values.maybe_decimal(item, "TotalVatAmount")
        if rate is not None and vat is not None:
            yield rate, vat


def read_callback_item(content: Any, zone: ZoneInfo) -> CallbackItem:
    """Read one event of a callback: which invoice and state; of the rest what can be read."""
    found = values.members(content, "event")
    return CallbackItem(
        invoice_id=values.guid(found, "InvoiceId"),
        word=status_word(found.get("status")),
        at=values.maybe_moment(found.get("date")),
        sequence=values.maybe_count(found.get("sequence")),
        payment_date=values.maybe_date(found, "PaymentDate", zone),
        code=error_code(found.get("errorcode")),
        text=values.text(found, "ErrorMessage").strip(),
        link=_link(found),
        raw=content,
    )


def read_error(content: Any) -> TheirError:
    """Read a refusal's body leniently: theirs, the gateway's, or anything else as nothing."""
    if not isinstance(content, Mapping):
        return TheirError()
    found = values.lower(content)
    text = values.text(found, "error_description") or values.text(found, "moreInformation")
    field, rest = _field_and_text(text)
    return TheirError(
        kind=values.text(found, "error"),
        code=error_code(found.get("error_code")),
        text=rest,
        field=field,
        correlation_id=values.text(found, "correlation_id"),
        payload=dict(content),
    )


def error_code(value: Any) -> str:
    """Read an error code that may be null, a text or a number; empty where there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()[:20]


def read_issuers(content: Any) -> list[RemoteIssuer]:
    """Read the senders; the first documentation gives only id and name."""
    if not isinstance(content, list):
        content = values.items(values.members(content, "issuers"), "InvoiceIssuers")
    return [_issuer(values.members(item, "issuer")) for item in content]


def _issuer(found: Mapping[str, Any]) -> RemoteIssuer:
    status = values.text(found, "Status").strip().casefold()
    return RemoteIssuer(
        id=values.guid(found, "Id"),
        name=values.text(found, "Name").strip(),
        status=status,
        usable=status not in NOT_USABLE,
        address=values.text(found, "Address").strip(),
        postcode=values.text(found, "ZipCode").strip(),
        city=values.text(found, "City").strip(),
    )


def read_consent(content: Any) -> Consent:
    """Read a payer's permission. Their numbers for its state have no published meaning."""
    found = values.members(content, "consent")
    state = found.get("state")
    return Consent(
        consent_id=values.guid(found, "ConsentId"),
        invoice_id=values.guid(found, "InvoiceId"),
        state=str(state).strip().casefold() if isinstance(state, str | int) else "",
        phone=values.text(found, "PhoneNumber").strip(),
        granted_at=values.maybe_moment(found.get("grantedon")),
    )


def read_consents(content: Any) -> tuple[list[Consent], str]:
    """Read a page of granted permissions, and the cursor of the next page or nothing."""
    found = values.members(content, "consents")
    rows = list(_readable(found, "GrantedConsents", read_consent))
    return rows, values.text(found, "PagingState")


def _link(found: Mapping[str, Any]) -> str:
    """Return the link to pay; links of other kinds are not followed."""
    for link in values.objects(found, "Links"):
        href = values.text(link, "Href")
        if values.text(link, "Rel").casefold() == USER_REDIRECT and href.startswith(
            ("https:", "http:")
        ):
            return href
    return ""

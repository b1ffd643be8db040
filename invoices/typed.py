"""What was typed in a draft, read as far as it can be read.

`read` never fails: what it cannot read stays as text in `unread` with a message, and the column
keeps its older value. Field names are those of `issuing`: `due_date`, `lines.2.quantity`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from invoices import numbers
from invoices.enums import Discount
from invoices.models import Invoice, InvoiceLine
from providers.contract import VatCategory

DATES = ("issue_date", "due_date", "order_date", "delivery_date")
TEXTS = {
    "subject": 200,
    "comment": 4000,
    "merchant_contact": 200,
    "merchant_order_number": 100,
    "buyer_order_number": 100,
    "buyer_reference": 100,
    "payment_reference": 60,
    "kid": 25,
    "delivery_street": 200,
    "delivery_postcode": 12,
    "delivery_city": 100,
    "delivery_country": 2,
}
LINE = (
    "article_number", "description", "quantity", "unit", "unit_price", "discount",
    "discount_kind", "vat",
)  # fmt: skip
# What an untouched line holds: such a line is not an invoice line.
UNTOUCHED = ("article_number", "description", "quantity", "unit_price", "discount")
LARGEST = Decimal("999999999.999999")
FIELD_OF = {"discount": "discount_value", "vat": "vat_rate"}


@dataclass
class Reading:
    """What could be read, and what could not: `unread` is field -> text, `errors` field -> words."""

    columns: dict[str, Any] = field(default_factory=dict)
    lines: list[InvoiceLine] = field(default_factory=list)
    # The row of the editor (from 0) that each line came from.
    rows: list[int] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def refuse(self, name: str, text: str, message: str) -> None:
        """Note that a field could not be read."""
        self.unread[name] = text
        self.errors[name] = message


def row_id(text: str) -> int | None:
    """Read the id of a row from a form; None for what no database row has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def of_post(data: QueryDict) -> dict[str, Any]:
    """Collect what was typed from a form: single fields, and lines by position."""
    typed: dict[str, Any] = {name: _plain(data.get(name, "")) for name in (*DATES, *TEXTS)}
    for name in ("issuer", "customer", "discount", "discount_kind", "language"):
        typed[name] = _plain(data.get(name, ""))
    typed["prices_include_vat"] = "on" if data.get("prices_include_vat") else ""
    columns = [data.getlist(f"line-{name}") for name in LINE]
    count = max((len(column) for column in columns), default=0)
    typed["lines"] = [
        {
            name: _plain(column[row]) if row < len(column) else ""
            for name, column in zip(LINE, columns, strict=True)
        }
        for row in range(min(count, 500))
    ]
    return typed


def _plain(text: str) -> str:
    # A NUL cannot be stored, and no keyboard types one.
    return text.replace("\x00", "").replace("\r\n", "\n")


def read(typed: Mapping[str, Any], *, language: str) -> Reading:
    """Read all that can be read. `language` decides how ambiguous numbers are understood."""
    found = Reading()
    for name in DATES:
        _read(found, typed, name, _date, default=None)
    for name, limit in TEXTS.items():
        _read(found, typed, name, _text(limit), default="")
    found.columns["prices_include_vat"] = bool(typed.get("prices_include_vat"))
    _read_discount(found, typed, language)
    for row, given in enumerate(typed.get("lines", [])):
        if any(str(given.get(name, "")).strip() for name in UNTOUCHED):
            _read_line(found, given, row, language)
    return found


def _read(
    found: Reading,
    typed: Mapping[str, Any],
    name: str,
    reader: Callable[[str], Any],
    *,
    default: Any,
) -> None:
    text = str(typed.get(name, "")).strip()
    if not text:
        found.columns[name] = default
        return
    try:
        found.columns[name] = reader(text)
    except ValueError as problem:
        found.refuse(name, text, str(problem))


def _date(text: str) -> date:
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y"):
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007 -- a civil date
        except ValueError:
            continue
        if 2000 <= found.year <= 2100:
            return found
    raise ValueError(_("“%(text)s” is not a date. Write it like 21.11.2026.") % {"text": text[:40]})


def _text(limit: int) -> Callable[[str], str]:
    def reader(text: str) -> str:
        if len(text) > limit:
            raise ValueError(
                _("This is %(length)s characters long; %(limit)s fit. Shorten it.")
                % {"length": len(text), "limit": limit}
            )
        return text

    return reader


def _read_discount(found: Reading, typed: Mapping[str, Any], language: str) -> None:
    kind = typed.get("discount_kind") or Discount.PERCENT
    found.columns["discount_kind"] = kind if kind in Discount.values else Discount.PERCENT
    text = str(typed.get("discount", "")).strip()
    try:
        found.columns["discount_value"] = number(text, language) if text else Decimal(0)
    except ValueError as problem:
        found.refuse("discount_value", text, str(problem))


def number(text: str, language: str) -> Decimal:
    """Read a number of up to six decimals. Raises ValueError with words for staff."""
    value = numbers.parse_decimal(text.removesuffix("%").strip(), language=language)
    if abs(value) > LARGEST:
        raise ValueError(_("“%(text)s” is too large.") % {"text": text[:40]})
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        raise ValueError(
            _("“%(text)s” has more than six decimals. Round it.") % {"text": text[:40]}
        )
    return value


def _read_line(found: Reading, given: Mapping[str, str], row: int, language: str) -> None:
    """Read one line; what cannot be read counts as nothing, and is named."""
    position = len(found.lines) + 1
    prefix = f"lines.{position}"
    values = {
        name: _line_number(found, given, name, f"{prefix}.{FIELD_OF.get(name, name)}", language)
        for name in ("quantity", "unit_price", "discount")
    }
    category, rate = _vat(found, given.get("vat", ""), f"{prefix}.vat_rate")
    description = str(given.get("description", "")).strip()
    if len(description) > 1000:
        message = _("This is %(length)s characters long; 1000 fit. Shorten it.")
        found.refuse(
            f"{prefix}.description", description[:200], message % {"length": len(description)}
        )
        description = description[:1000]
    kind = given.get("discount_kind") or Discount.PERCENT
    found.lines.append(
        InvoiceLine(
            position=position,
            article_number=str(given.get("article_number", "")).strip()[:40],
            description=description,
            quantity=values["quantity"],
            unit=str(given.get("unit") or "C62")[:3],
            unit_price=values["unit_price"],
            discount_kind=kind if kind in Discount.values else Discount.PERCENT,
            discount_value=values["discount"],
            vat_category=category,
            vat_rate=rate,
        )
    )
    found.rows.append(row)


def _line_number(
    found: Reading, given: Mapping[str, str], name: str, field_name: str, language: str
) -> Decimal:
    text = str(given.get(name, "")).strip()
    if not text:
        return Decimal(1) if name == "quantity" else Decimal(0)
    try:
        return number(text, language)
    except ValueError as problem:
        found.refuse(field_name, text, str(problem))
        return Decimal(0)


def _vat(found: Reading, text: str, field_name: str) -> tuple[str, Decimal]:
    category, _colon, percent = text.partition(":")
    try:
        rate = Decimal(percent)
        if not 0 <= rate <= 100 or len(percent) > 10:
            raise ValueError(percent)
        return VatCategory(category).value, rate
    except (ValueError, ArithmeticError):
        found.refuse(field_name, text[:40], _("Choose a VAT rate."))
        return VatCategory.STANDARD.value, Decimal(0)


def of_lines(lines: Sequence[InvoiceLine], language: str) -> list[dict[str, str]]:
    """Write lines as a person would type them, for a copied invoice."""
    return [
        {
            "article_number": line.article_number,
            "description": line.description,
            "quantity": numbers.format_quantity(line.quantity, language),
            "unit": line.unit,
            "unit_price": numbers.format_quantity(line.unit_price, language),
            "discount": numbers.format_quantity(line.discount_value, language)
            if line.discount_value
            else "",
            "discount_kind": line.discount_kind,
            "vat": vat_key(line.vat_category, line.vat_rate),
        }
        for line in lines
    ]


def vat_key(category: str, rate: Decimal) -> str:
    """Name a VAT choice in a form: `S:25`."""
    return f"{category}:{rate.normalize():f}"


def of_invoice(invoice: Invoice, lines: Sequence[InvoiceLine], language: str) -> dict[str, Any]:
    """Write an invoice as a person would type it."""
    discount = invoice.discount_value
    written: dict[str, Any] = {name: getattr(invoice, name) or "" for name in TEXTS}
    written |= {
        name: value.isoformat() if (value := getattr(invoice, name)) else "" for name in DATES
    }
    return written | {
        "issuer": str(invoice.issuer_id),
        "customer": str(invoice.customer_id or ""),
        "prices_include_vat": "on" if invoice.prices_include_vat else "",
        "discount": numbers.format_quantity(discount, language) if discount else "",
        "discount_kind": invoice.discount_kind,
        "lines": of_lines(lines, language) or [{}],
    }

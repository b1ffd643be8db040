"""The bodies we send: one create request in three flows, with the invoice's lines or link."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date

from providers.contract import InvoiceDocument, Line, SendOptions
from providers.vipps_mobilepay import wire
from providers.vipps_mobilepay.terms import ReceiptMode, Terms

PUSH, LINK, LINK_PHONE = "push", "link", "link_phone"
DESCRIPTION_LIMIT = 100
NAME_LIMIT = 300
# What stands beside the amount in the app, in the document's language. Here and not in the
# translation catalogue, because its length is bound by the wire: at most 100 characters.
WORDS = {
    "en": "Invoice {number}, due {date}",
    "nb": "Faktura {number}, forfaller {date}",
    "da": "Faktura {number}, forfalder {date}",
    "sv": "Faktura {number}, förfaller {date}",
    "fi": "Lasku {number}, eräpäivä {date}",
}
WORDS_2023 = {
    "en": "Invoice# {number}, due date: {date}",
    "nb": "Fakturanr. {number}, forfallsdato: {date}",
    "da": "Fakturanr. {number}, forfaldsdato: {date}",
    "sv": "Fakturanr {number}, förfallodag: {date}",
    "fi": "Laskun nro {number}, eräpäivä: {date}",
}
ROUNDING = {
    "en": "Rounding",
    "nb": "Avrunding",
    "da": "Afrunding",
    "sv": "Avrundning",
    "fi": "Pyöristys",
}
# UN/ECE Rec. 20 to their six units; what is missing here has none (there is no hour).
UNITS = {
    "C62": "PCS",
    "H87": "PCS",
    "EA": "PCS",
    "PCE": "PCS",
    "NAR": "PCS",
    "KGM": "KG",
    "KMT": "KM",
    "MIN": "MINUTE",
    "LTR": "LITRE",
    "KWH": "KWH",
}
# How the others are written before the line's name.
SYMBOLS = {"HUR": "h", "MTR": "m", "MTK": "m²", "MTQ": "m³", "GRM": "g", "TNE": "t", "CMT": "cm"}
QUANTITY = re.compile(r"[0-9]+(\.[0-9]{1,8})?")
QUANTITY_LIMIT = 10
HUNDRED = Decimal(100)


def create(
    document: InvoiceDocument, options: SendOptions, terms: Terms, *, until: datetime | None
) -> dict[str, Any]:
    """Write a create request. `until` is the end of a pushed one.

    Raises ValueError where an amount or number cannot be written; the rules name it before.
    """
    body: dict[str, Any] = {"amount": money(options.amount, document.currency)}
    body |= _customer(options, terms) | {
        "paymentMethod": {"type": "WALLET"},
        "reference": options.reference,
        "userFlow": "PUSH_MESSAGE" if options.channel == PUSH else "WEB_REDIRECT",
        "paymentDescription": description(document, as_in_2023=_is_2023(terms)),
    }
    if options.return_url:
        body["returnUrl"] = options.return_url
    if options.channel == LINK_PHONE and options.share_phone:
        body["profile"] = {"scope": "phoneNumber"}
    if until is not None:
        body["expiresAt"] = wire.moment(until)
    return body | content(document, options, terms)


def _customer(options: SendOptions, terms: Terms) -> dict[str, Any]:
    if not options.phone or options.channel == LINK:
        return {}
    try:
        return {"customer": {"phoneNumber": wire.msisdn(options.phone, terms.market)}}
    except ValueError:
        if options.channel == PUSH:
            raise
        return {}


def money(amount: Decimal, currency: str) -> dict[str, Any]:
    """Write an amount. Raises ValueError for more than two decimals."""
    return {"currency": currency, "value": wire.minor(amount)}


# ------------------------------------------------------------------------------ the description
def description(document: InvoiceDocument, *, as_in_2023: bool = False) -> str:
    """Say what the payment is for: invoice number and due date, 3 to 100 characters."""
    words = WORDS_2023 if as_in_2023 else WORDS
    template = words.get(document.language, words["en"])
    number = "".join(c if c.isprintable() else " " for c in document.number).strip()
    due = day(document.due_date, document.language)
    room = DESCRIPTION_LIMIT - utf16(template.format(number="", date=due))
    return template.format(number=_shortened(number, room), date=due)


def day(on: date, language: str) -> str:
    """Write a date as people of the language write it: `04 Dec 2026`, `4. des. 2026`."""
    if language in WORDS and language != "en":
        return str(format_date(on, "medium", locale=language))
    return str(format_date(on, "dd MMM yyyy", locale="en"))


def utf16(text: str) -> int:
    """Count characters as their side does: one beyond the basic plane counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _shortened(text: str, room: int) -> str:
    if utf16(text) <= room:
        return text
    while utf16(text) > room - 1:
        text = text[:-1]
    return text + "…"


# ------------------------------------------------------------------- what the payment is made of
def content(document: InvoiceDocument, options: SendOptions, terms: Terms) -> dict[str, Any]:
    """Write the invoice's lines, or the link to its page: one of them, never both."""
    if _is_2023(terms):
        # Their guide of 2023 has no receipt in the plain link flow.
        info = {"category": "GENERAL", "orderDetailsUrl": options.hosted_url}
        return {} if options.channel == LINK else {"receiptInfo": info}
    if terms.receipt_mode == ReceiptMode.LINES and lines_fit(document, options):
        return {"receipt": receipt(document, options)}
    return {"receiptUrl": options.hosted_url}


def lines_fit(document: InvoiceDocument, options: SendOptions) -> bool:
    """Tell whether the lines can add up to what is asked.

    After a part payment they cannot: no line, rate or discount is honest for a remainder, and
    the app hides lines that do not add up. Then the link to the invoice goes instead.
    """
    if options.amount != document.totals.payable:
        return False
    lines = sum((line.due_net + line.due_vat for line in document.lines), Decimal(0))
    return lines + document.totals.rounding == options.amount


def receipt(document: InvoiceDocument, options: SendOptions) -> dict[str, Any]:
    """Write the lines with their share of discounts and of each rate's VAT.

    A rounded total gets a line of its own, without VAT.
    """
    lines = [_line(line, document, options.hosted_url) for line in document.lines]
    if document.totals.rounding:
        name = ROUNDING.get(document.language, ROUNDING["en"])
        lines.append(
            _amounts("rounding", name, document.totals.rounding, Decimal(0)) | {"taxRate": 0}
        )
    bottom = {"currency": document.currency, "receiptNumber": document.number}
    return {"orderLines": lines, "bottomLine": bottom}


def _line(line: Line, document: InvoiceDocument, url: str) -> dict[str, Any]:
    units = _units(line, document)
    name = line.description if units else _with_quantity(line)
    written = _amounts(line.id, name, line.due_net, line.due_vat)
    written["taxRate"] = _exact(line.vat_rate * HUNDRED)
    if units:
        written["unitInfo"] = units
        if discount := _discount(line, document, units):
            written["discount"] = discount
    return written | {"productUrl": url} if url else written


def _amounts(id_: str, name: str, net: Decimal, vat: Decimal) -> dict[str, Any]:
    # A return counts negative in their sums, and is itself written without a sign.
    gives_back = net + vat < 0
    sign = -1 if gives_back else 1
    written: dict[str, Any] = {
        "name": _shortened(name.strip() or id_, NAME_LIMIT),
        "id": id_,
        "totalAmount": sign * wire.minor(net + vat),
        "totalAmountExcludingTax": sign * wire.minor(net),
        "totalTaxAmount": sign * wire.minor(vat),
    }
    return written | {"isReturn": True} if gives_back else written


def _units(line: Line, document: InvoiceDocument) -> dict[str, Any] | None:
    """Write quantity and unit price with VAT, where both can be written exactly."""
    quantity, price = format(line.quantity.normalize(), "f"), line.unit_price
    if not document.prices_include_vat:
        price = price * (HUNDRED + line.vat_rate) / HUNDRED
    is_exact = price >= 0 and price.scaleb(2) % 1 == 0
    if line.unit not in UNITS or not is_exact or not QUANTITY.fullmatch(quantity):
        return None
    if len(quantity) > QUANTITY_LIMIT:
        return None
    return {
        "unitPrice": wire.minor(price),
        "quantity": quantity,
        "quantityUnit": UNITS[line.unit],
    }


def _discount(line: Line, document: InvoiceDocument, units: Mapping[str, Any]) -> int | None:
    """Say what went off, line and document discount together, where it is exact."""
    if not (line.discount or document.discount):
        return None
    off = line.quantity * units["unitPrice"] - wire.minor(line.due_net + line.due_vat)
    return int(off) if off > 0 and off % 1 == 0 else None


def _with_quantity(line: Line) -> str:
    if line.quantity == 1:
        return line.description
    quantity = format(line.quantity.normalize(), "f")
    return f"{quantity} {SYMBOLS.get(line.unit, 'x')} {line.description}"


def _exact(value: Decimal) -> int:
    if value != value.to_integral_value():
        raise ValueError(f"{value} is not a whole number of hundredths of a percent.")
    return int(value)


def _is_2023(terms: Terms) -> bool:
    return terms.receipt_mode == ReceiptMode.RECEIPT_INFO_2023

"""What they hold of an invoice beside our document, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING

from django.utils.formats import date_format, number_format
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from providers.contract import Difference, InvoiceDocument
from providers.mobilepay_invoice import articles, bodies, wire
from providers.mobilepay_invoice.articles import ZERO, Article

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

DATE = "j M Y"
TIMES = " \N{MULTIPLICATION SIGN} "


def compare(document: InvoiceDocument, details: wire.Details) -> list[Difference]:
    """Return every field that both could have, and then those that they never tell.

    Lines are those that belong to the amount they hold: after a part payment, the remainder's.
    """
    rows = articles.of(document, details.total)
    return [
        *_texts(document, details),
        *_dates(document, details),
        *_sums(document, details, rows),
        *_rates(details, rows),
        *_lines(details, rows),
        *_not_told(document),
    ]


def _texts(document: InvoiceDocument, details: wire.Details) -> Iterator[Difference]:
    comment = bodies.texts(document).get("Comment", "")
    comment = articles.shortened(comment, bodies.TEXT_LIMITS["Comment"])
    yield _text("number", _("Invoice number"), document.number, details.number)
    yield _text("issuer.name", _("Sender"), document.issuer.name, details.issuer_name)
    reference = bodies.payment_reference(document)
    told = details.payment_reference or None
    yield _text("payment_reference", _("Payment reference"), reference, told)
    yield _text("comment", _("Comment"), comment, details.comment)
    yield _text("currency", _("Currency"), document.currency, details.currency or None)


def _dates(document: InvoiceDocument, details: wire.Details) -> Iterator[Difference]:
    yield _date("issue_date", _("Issue date"), document.issue_date, details.issue_date)
    yield _date("due_date", _("Due date"), document.due_date, details.due_date)


def _sums(
    document: InvoiceDocument, details: wire.Details, rows: tuple[Article, ...]
) -> Iterator[Difference]:
    vat = sum((row.vat for row in rows), ZERO)
    net = sum((row.net for row in rows), ZERO)
    yield _amount("totals.payable", _("Total"), document.totals.payable, details.total)
    yield _amount("totals.vat", _("VAT"), vat, details.vat)
    yield _amount("totals.net", _("Total without VAT"), net, details.net)


def _rates(details: wire.Details, rows: tuple[Article, ...]) -> Iterator[Difference]:
    ours = _by_rate((row.rate, row.vat) for row in rows)
    theirs = _by_rate(details.vat_totals)
    for rate in sorted(ours | theirs, reverse=True):
        label = format_lazy(_("VAT {rate} %"), rate=_number(rate))
        # Nothing and no group at all are the same.
        told = theirs.get(rate, ZERO) if theirs else None
        yield _amount(f"vat.{rate.normalize():f}", label, ours.get(rate, ZERO), told)


def _by_rate(pairs: Iterable[tuple[Decimal, Decimal]]) -> dict[Decimal, Decimal]:
    found: dict[Decimal, Decimal] = {}
    for rate, vat in pairs:
        found[rate] = found.get(rate, ZERO) + vat
    return found


def _lines(details: wire.Details, rows: tuple[Article, ...]) -> Iterator[Difference]:
    for place, (ours, theirs) in enumerate(zip_longest(rows, details.articles), 1):
        yield Difference(
            field=f"lines.{place}",
            label=format_lazy(_("Line {number}"), number=place),
            ours=_of_ours(ours) if ours else "",
            theirs=_of_theirs(theirs) if theirs else (None if not details.articles else ""),
            same=not details.articles or _is_same(ours, theirs),
        )


def _is_same(ours: Article | None, theirs: wire.Article | None) -> bool:
    if ours is None or theirs is None:
        return False
    pairs = (
        (ours.number, theirs.number or None),
        (ours.description, theirs.description or None),
        (ours.quantity, theirs.quantity),
        (ours.price, theirs.price),
        (ours.gross, theirs.gross),
    )
    return all(told is None or told == known for known, told in pairs)


def _of_ours(row: Article) -> str:
    return _line(row.number, row.description, row.quantity, row.price, row.gross)


def _of_theirs(row: wire.Article) -> str:
    return _line(row.number, row.description, row.quantity, row.price, row.gross)


def _line(
    number: str,
    description: str,
    quantity: Decimal | None,
    price: Decimal | None,
    gross: Decimal | None,
) -> str:
    figures = [_number(value) for value in (quantity, price) if value is not None]
    total = _money(gross) if gross is not None else ""
    parts = (number, description, TIMES.join(figures), total)
    return ", ".join(part for part in parts if part)


def _not_told(document: InvoiceDocument) -> Iterator[Difference]:
    """Return what we sent and they never give back."""
    delivery = document.delivery_address
    street = ", ".join(delivery.lines) if delivery else ""
    held = (
        ("customer.name", _("Customer"), document.customer.name),
        ("delivery_address", _("Delivery address"), street),
        ("order_date", _("Order date"), _day(document.order_date)),
        ("delivery_date", _("Delivery date"), _day(document.delivery_date)),
        ("merchant_contact", _("Contact"), document.merchant_contact),
        ("merchant_order_number", _("Our order number"), document.merchant_order_number),
        ("buyer_order_number", _("Customer's order number"), document.buyer_order_number),
    )
    for field, label, ours in held:
        if ours:
            yield Difference(field=field, label=label, ours=ours, theirs=None, same=True)


# --------------------------------------------------------------------------------------- one field
def _text(field: str, label: _StrOrPromise, ours: str, theirs: str | None) -> Difference:
    same = theirs is None or " ".join(ours.split()) == " ".join(theirs.split())
    return Difference(field=field, label=label, ours=ours, theirs=theirs, same=same)


def _date(field: str, label: _StrOrPromise, ours: date, theirs: date | None) -> Difference:
    told = _day(theirs) if theirs else None
    same = theirs is None or theirs == ours
    return Difference(field=field, label=label, ours=_day(ours), theirs=told, same=same)


def _amount(field: str, label: _StrOrPromise, ours: Decimal, theirs: Decimal | None) -> Difference:
    told = _money(theirs) if theirs is not None else None
    same = theirs is None or theirs == ours
    return Difference(field=field, label=label, ours=_money(ours), theirs=told, same=same)


def _day(on: date | None) -> str:
    return date_format(on, DATE) if on else ""


def _money(amount: Decimal) -> str:
    # A third decimal would be theirs, and must be seen.
    decimals = max(2, -int(amount.normalize().as_tuple().exponent))
    return number_format(amount, decimals, force_grouping=True)


def _number(value: Decimal) -> str:
    exponent = int(value.normalize().as_tuple().exponent)
    return number_format(value, max(0, -exponent), force_grouping=True)

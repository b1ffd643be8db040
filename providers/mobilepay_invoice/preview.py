"""How a request will look in the payer's app: sender, amount, due date, then the invoice's rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from providers.contract import InvoiceDocument, Preview, SendOptions
from providers.mobilepay_invoice import articles, bodies, values
from providers.mobilepay_invoice.articles import ZERO, Article
from providers.mobilepay_invoice.terms import Profile, Terms

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


def preview(document: InvoiceDocument, options: SendOptions, terms: Terms) -> Preview:
    """Return what the app shows. Nothing is asked and nothing is sent."""
    rows = articles.of(document, options.amount)
    comment = bodies.texts(document).get("Comment", "")
    return Preview(
        sender=document.issuer.name,
        amount=options.amount,
        currency=document.currency,
        due_date=document.due_date,
        title=_("Invoice %(number)s") % {"number": document.number} if document.number else "",
        comment=articles.shortened(comment, bodies.TEXT_LIMITS["Comment"]),
        rows=tuple(_facts(document, options, terms, rows)),
        lines=tuple(
            (_described(row), number_format(row.gross, 2, force_grouping=True)) for row in rows
        ),
    )


def _facts(
    document: InvoiceDocument, options: SendOptions, terms: Terms, rows: tuple[Article, ...]
) -> Iterator[tuple[_StrOrPromise, str]]:
    yield _("Issue date"), date_format(document.issue_date, "j M Y")
    yield _("Due date"), date_format(document.due_date, "j M Y")
    if reference := bodies.payment_reference(document):
        yield _("Payment reference"), reference
    vat = sum((row.vat for row in rows), ZERO)
    yield _("VAT"), number_format(vat, 2, force_grouping=True)
    has_pdf = terms.profile != Profile.V1 and bodies.is_open(options.pdf_url, terms)
    yield _("PDF"), _("The invoice's own") if has_pdf else _("Made by MobilePay")


def _described(row: Article) -> str:
    if row.quantity == 1:
        return row.description
    quantity = number_format(values.number(row.quantity))
    return f"{quantity} {row.unit} {row.description}"

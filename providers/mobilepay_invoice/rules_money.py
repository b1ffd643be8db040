"""What they will refuse about money: amount, limit, currency and lines.

The limit per invoice is from the documentation labelled 1.4 or a later one; see `terms`.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from providers.contract import InvoiceDocument, Line, Problem, SendOptions
from providers.mobilepay_invoice import articles, values
from providers.mobilepay_invoice.terms import Profile, Terms


def amount(document: InvoiceDocument, options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """More than nothing (the first documentation took 0), two decimals, within the limit."""
    asked = {"amount": options.amount, "currency": document.currency, "cap": terms.cap}
    try:
        values.amount(options.amount)
    except ValueError:
        yield Problem(
            field="amount",
            code="TotalAmount",
            rule=_("%(amount)s %(currency)s has more than two decimals.") % asked,
            remedy=_("Round the amount to two decimals."),
        )
        return
    if options.amount < 0 or (options.amount == 0 and terms.profile != Profile.V1):
        yield Problem(
            field="amount",
            code="10008",
            rule=_("The amount is %(amount)s %(currency)s and must be more than 0.") % asked,
            remedy=_("Check the invoice's lines."),
        )
    elif document.currency == terms.currency and options.amount > terms.cap:
        yield Problem(
            field="amount",
            code="10201",
            rule=_("%(amount)s %(currency)s is above MobilePay's limit of %(cap)s %(currency)s.")
            % asked,
            remedy=_("Choose another way of payment for this invoice."),
        )


def currency(document: InvoiceDocument, _options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """DKK in Denmark, EUR in Finland, nothing else."""
    if document.currency != terms.currency:
        yield Problem(
            field="currency",
            code="10107",
            rule=_("The invoice is in %(has)s; this account takes %(takes)s only.")
            % {"has": document.currency, "takes": terms.currency},
            remedy=_("Use an account of the currency's country, or send another way."),
        )


def country(_document: InvoiceDocument, _options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """The first documentation knows only Denmark."""
    if terms.profile == Profile.V1 and terms.country != "DK":
        yield Problem(
            field="country",
            code="CountryCode",
            rule=_("The first documentation takes DK only, and the account is in %(country)s.")
            % {"country": terms.country},
            remedy=_("Choose a later documentation in the account's settings."),
        )


def lines(document: InvoiceDocument, options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    """At least one line, and nothing negative: they know no returns and no credit notes."""
    if not document.lines:
        yield Problem(
            field="lines",
            code="InvoiceArticles",
            rule=_("The invoice has no lines."),
            remedy=_("Add at least one line."),
        )
    elif articles.is_remainder(document, options.amount):
        yield _remainder()
    else:
        yield from _each(document)


def _remainder() -> Problem:
    return Problem(
        field="lines",
        code="remainder",
        rule=_("A part has been paid, so the invoice's lines do not add up to what is asked."),
        remedy=_("The app shows one line with the remainder for each VAT rate."),
        blocking=False,
    )


def _each(document: InvoiceDocument) -> Iterator[Problem]:
    for line in document.lines:
        if _is_negative(line):
            yield Problem(
                field="lines",
                code="negative",
                rule=_("“%(line)s” has a negative quantity, price or amount.") % _named(line),
                remedy=_("Remove negative lines, or send the invoice another way."),
            )
        if not 0 <= line.vat_rate <= 100:
            yield Problem(
                field="lines",
                code="VATRate",
                rule=_("“%(line)s” has a VAT rate of %(rate)s %%.") % _named(line),
                remedy=_("Correct the VAT rate: it lies between 0 and 100."),
            )
        if len(line.description) > articles.TEXT_LIMIT:
            yield Problem(
                field="lines",
                code="ArticleDescription",
                rule=_("“%(line)s…” is longer than %(limit)s characters.") % _named(line),
                remedy=_("The app shows its beginning; the invoice itself shows all of it."),
                blocking=False,
            )


def _is_negative(line: Line) -> bool:
    figures = (line.quantity, line.unit_price, line.discount, line.due_net, line.due_vat)
    return any(figure < 0 for figure in figures)


def _named(line: Line) -> dict[str, object]:
    return {
        "line": line.description[:60],
        "rate": line.vat_rate,
        "limit": articles.TEXT_LIMIT,
    }


def rounding(document: InvoiceDocument, options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    """A total rounded down has no line of its own, as they have no negative lines."""
    off = -document.totals.rounding
    if off <= 0 or articles.is_remainder(document, options.amount):
        return
    borne = articles.can_be_taken_off(document, off)
    yield Problem(
        field="lines",
        code="rounding",
        rule=_("The total is rounded down by %(amount)s %(currency)s.")
        % {"amount": off, "currency": document.currency},
        remedy=_("The app shows it as a price reduction on one line.")
        if borne
        else _("On a line with VAT it would not add up. Send it without rounding or another way."),
        blocking=not borne,
    )

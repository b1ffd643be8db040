"""What must be true of a draft before it may be issued.

Every problem names the field ("lines.2.vat_rate": lines count from 1), the rule and the remedy.
Problems with `blocking=False` are remarks: staff are told, and may issue all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from invoices import documents, kid, totals, vat
from invoices.enums import Discount
from invoices.models import Invoice, InvoiceLine
from invoices.texts import LIMITS, clean
from invoicing_site.merchants import validators
from invoicing_site.merchants.models import HOME_CURRENCY, Currency
from providers.contract import Problem

MOST_LINES = 1000
# Providers, columns and people all lose their grip above this; it is a thousand milliards.
LARGEST = Decimal(10) ** 12
_TEXTS = ("subject", "comment", "merchant_contact", "merchant_order_number",
          "buyer_order_number", "buyer_reference", "payment_reference")  # fmt: skip


def problems(invoice: Invoice, lines: Sequence[InvoiceLine], *, today: date) -> list[Problem]:
    """Return all that is wrong with a draft, in the order of its page. No queries.

    `invoice` comes with issuer, merchant and customer loaded.
    """
    if not invoice.is_draft:
        return [_not_a_draft(invoice)]
    return [
        *_unread(invoice),
        *_ownership(invoice),
        *_customer(invoice),
        *_dates(invoice, today),
        *_header(invoice),
        *_all_lines(invoice, lines, today),
        *_amounts(invoice, lines),
    ]


def _not_a_draft(invoice: Invoice) -> Problem:
    return Problem(
        field="status",
        code="not_a_draft",
        rule=_("Invoice %(number)s is issued already.") % {"number": invoice.number},
        remedy=_("Open it to see what became of it, or copy it to a new draft."),
    )


def _unread(invoice: Invoice) -> Iterator[Problem]:
    """`typed["unread"]` maps fields to what was typed there and could not be read.

    Their columns hold an older value, which must not be issued in its place.
    """
    for field, text in (invoice.typed or {}).get("unread", {}).items():
        yield Problem(
            field=field,
            code="unread",
            rule=_("“%(text)s” could not be read.") % {"text": str(text)[:60]},
            remedy=_("Correct it in the draft."),
        )


def _ownership(invoice: Invoice) -> Iterator[Problem]:
    if invoice.issuer.merchant_id != invoice.merchant_id:
        yield Problem(
            field="issuer",
            code="other_merchant",
            rule=_("The issuer belongs to another merchant."),
            remedy=_("Choose one of this merchant's issuers."),
        )
    elif not invoice.issuer.active:
        yield Problem(
            field="issuer",
            code="inactive_issuer",
            rule=_("Issuer %(name)s is no longer in use.") % {"name": invoice.issuer.name},
            remedy=_("Choose another issuer, or take this one into use again."),
        )


def _customer(invoice: Invoice) -> Iterator[Problem]:
    customer = invoice.customer
    if customer is None or not clean(customer.name):
        yield Problem(
            field="customer",
            code="no_customer",
            rule=_("The invoice has no customer."),
            remedy=_("Choose who is to pay, or add a new customer."),
        )
        return
    if customer.merchant_id != invoice.merchant_id:
        yield Problem(
            field="customer",
            code="other_merchant",
            rule=_("The customer belongs to another merchant."),
            remedy=_("Choose one of this merchant's customers."),
        )
        return
    for field in ("org_number", "vat_number"):
        yield from _identifier(field, getattr(customer, field), customer.country)
    if not (customer.org_number or customer.street or customer.city):
        yield Problem(
            field="customer.street",
            code="no_address",
            blocking=False,
            rule=_("The customer has neither an address nor an organisation number."),
            remedy=_("Add one: bookkeeping rules want it on the invoice."),
        )


def _identifier(field: str, value: str, country: str) -> Iterator[Problem]:
    try:
        getattr(validators, field)(value, country)
    except ValidationError as error:
        yield Problem(
            field=f"customer.{field}",
            code=field,
            rule=" ".join(error.messages),
            remedy=_("Correct it on the customer, or leave it empty."),
        )


def _dates(invoice: Invoice, today: date) -> Iterator[Problem]:
    issued = invoice.issue_date or today
    if issued > today:
        yield Problem(
            field="issue_date",
            code="issued_in_future",
            rule=_("The issue date %(day)s is after today, %(today)s.")
            % {"day": issued.isoformat(), "today": today.isoformat()},
            remedy=_("Leave it empty to issue today, or wait until that day."),
        )
    due = documents.due_on(invoice, issued)
    if due < issued:
        yield Problem(
            field="due_date",
            code="due_before_issue",
            rule=_("The due date %(due)s is before the issue date %(issued)s.")
            % {"due": due.isoformat(), "issued": issued.isoformat()},
            remedy=_("Give a due date on or after the issue date, or leave it empty."),
        )


def _header(invoice: Invoice) -> Iterator[Problem]:
    if invoice.currency not in Currency.values:
        yield Problem(
            field="currency",
            code="currency",
            rule=_("“%(currency)s” is not a currency invoices are written in.")
            % {"currency": invoice.currency},
            remedy=_("Choose one of %(known)s.") % {"known": ", ".join(Currency.values)},
        )
    if invoice.kid:
        problem = kid.check(invoice.kid, invoice.issuer.kid_algorithm)
        yield from [problem] if problem else []
    for field in _TEXTS:
        yield from _length(field, getattr(invoice, field), LIMITS[field])
    yield from _length("issuer.terms", invoice.issuer.terms, LIMITS["terms"])


def _length(field: str, text: str, limit: int) -> Iterator[Problem]:
    length = len(clean(text))
    if length > limit:
        yield Problem(
            field=field,
            code="too_long",
            rule=_("The text has %(length)s characters; there is room for %(limit)s.")
            % {"length": length, "limit": limit},
            remedy=_("Shorten it."),
        )


def _all_lines(invoice: Invoice, lines: Sequence[InvoiceLine], today: date) -> Iterator[Problem]:
    if not lines or len(lines) > MOST_LINES:
        yield Problem(
            field="lines",
            code="line_count",
            rule=_("The invoice has %(count)s lines; it needs 1 to %(most)s.")
            % {"count": len(lines), "most": MOST_LINES},
            remedy=_("Add a line.") if not lines else _("Split it into several invoices."),
        )
    day = documents.delivered_on(invoice, invoice.issue_date or today)
    for position, line in enumerate(lines, 1):
        yield from _line(f"lines.{position}", line, invoice.issuer.country, day)
    customer = invoice.customer
    yield from vat.check_together(
        {line.vat_category for line in lines},
        seller_vat_number=invoice.merchant.vat_number,
        buyer_number=customer.vat_number or customer.org_number if customer else "",
    )


def _line(field: str, line: InvoiceLine, country: str, day: date) -> Iterator[Problem]:
    if not clean(line.description):
        yield Problem(
            field=f"{field}.description",
            code="no_description",
            rule=_("The line does not say what is sold."),
            remedy=_("Describe it, or remove the line."),
        )
    yield from _length(f"{field}.description", line.description, LIMITS["description"])
    if line.unit_price < 0:
        yield Problem(
            field=f"{field}.unit_price",
            code="BR-27",
            rule=_("The unit price is below zero."),
            remedy=_("Give a return as a negative quantity with a positive price."),
        )
    yield from _discount(f"{field}.discount_value", line.discount_kind, line.discount_value)
    extended = totals.round2(line.quantity * line.unit_price)
    if line.discount_kind == Discount.AMOUNT and line.discount_value > abs(extended):
        yield Problem(
            field=f"{field}.discount_value",
            code="discount_exceeds_line",
            rule=_("The discount is more than the line's %(amount)s.")
            % {"amount": f"{extended:f}"},
            remedy=_("Correct the discount, or what it is taken from."),
        )
    rate = vat.check(country, line.vat_category, line.vat_rate, day, field=f"{field}.vat_rate")
    yield from [rate] if rate else []


def _discount(field: str, kind: str, value: Decimal) -> Iterator[Problem]:
    most = Decimal(100) if kind == Discount.PERCENT else LARGEST
    if not 0 <= value <= most:
        yield Problem(
            field=field,
            code="discount",
            rule=_("A discount is from 0 to %(most)s.") % {"most": f"{most:f}"},
            remedy=_("Correct the discount; a surcharge is a line of its own."),
        )


def _amounts(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Iterator[Problem]:
    yield from _discount("discount_value", invoice.discount_kind, invoice.discount_value)
    sums = documents.compute(invoice, lines).totals
    if sums.payable < 0:
        yield Problem(
            field="total",
            code="below_zero",
            rule=_("The total is below zero: %(amount)s %(currency)s.")
            % {"amount": f"{sums.payable:f}", "currency": invoice.currency},
            remedy=_("Return what was sold with a credit note for the original invoice."),
        )
    if max(abs(sums.payable), abs(sums.lines_net)) >= LARGEST:
        yield Problem(
            field="total",
            code="too_large",
            rule=_("The total is %(amount)s; the largest invoice is under %(most)s.")
            % {"amount": f"{sums.payable:f}", "most": f"{LARGEST:f}"},
            remedy=_("Look for a slip in quantities and prices, or split the invoice."),
        )
    home = HOME_CURRENCY.get(invoice.issuer.country)
    if sums.vat and home and invoice.currency != home:
        yield Problem(
            field="currency",
            code="vat_currency",
            blocking=False,
            rule=_("VAT in %(country)s is to be stated in %(home)s as well.")
            % {"country": invoice.issuer.country, "home": home},
            remedy=_("Invoice in %(home)s, or write the VAT amount in the comment.")
            % {"home": home},
        )

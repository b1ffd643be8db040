"""Drafts: begun, saved as they are typed, copied, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction

from customers.models import Customer
from invoices import documents, issuing, typed
from invoices.models import Invoice, InvoiceLine
from providers.contract import InvoiceDocument, Problem

if TYPE_CHECKING:
    from invoicing_site.merchants.models import Issuer, Merchant, User

ZERO = Decimal("0.00")
LARGEST = Decimal("99999999999999.99")
COMPARED = (
    "position", "article_number", "description", "quantity", "unit", "unit_price",
    "discount_kind", "discount_value", "vat_category", "vat_rate",
)  # fmt: skip
KEPT_BY_COPY = (
    "language", "currency", "prices_include_vat", "discount_kind", "discount_value", "subject",
    "comment", "merchant_contact", "merchant_order_number", "buyer_order_number",
    "buyer_reference", "delivery_street", "delivery_postcode", "delivery_city",
    "delivery_country",
)  # fmt: skip


class Stale(Exception):
    """The draft was saved elsewhere since this page read it. Nothing was overwritten."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(f"Draft {invoice.pk} is at revision {invoice.revision}.")
        self.invoice = invoice
        self.by = str((invoice.typed or {}).get("saved_by") or "")
        self.at = invoice.updated_at


class NotADraft(Exception):
    """It was issued meanwhile; it is never edited again."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(f"Invoice {invoice.number} has been issued.")
        self.invoice = invoice


@dataclass
class Saved:
    """A saved draft: what it would be as a document, and what stands in the way of issuing it.

    `errors` maps fields to words, as the editor's rows number them; `rows` maps the document's
    lines to the editor's rows.
    """

    invoice: Invoice
    errors: dict[str, str] = field(default_factory=dict)
    remarks: list[Problem] = field(default_factory=list)
    document: InvoiceDocument | None = None
    rows: list[int] = field(default_factory=list)


def start(
    *,
    merchant: Merchant,
    issuer: Issuer,
    by: User,
    customer: Customer | None = None,
) -> Invoice:
    """Begin a draft with the issuer's defaults. One statement."""
    return Invoice.objects.create(
        merchant=merchant,
        issuer=issuer,
        customer=customer,
        customer_name=customer.name if customer else "",
        currency=issuer.currency,
        language=customer.language if customer else "en",
        prices_include_vat=issuer.prices_include_vat,
        merchant_contact=str(by)[:200],
        typed={
            "issuer": str(issuer.pk),
            "customer": str(customer.pk) if customer else "",
            "prices_include_vat": "on" if issuer.prices_include_vat else "",
            "merchant_contact": str(by)[:200],
            "lines": [{}],
        },
        created_by=by,
    )


def copy(*, invoice_id: int, merchant: Merchant, by: User, language: str) -> Invoice:
    """Begin a draft from an earlier invoice: its customer, lines and texts, no dates, no KID."""
    with transaction.atomic(durable=True):
        source = Invoice.objects.select_related("issuer", "customer").get(
            pk=invoice_id, merchant=merchant
        )
        lines = list(source.lines.all())
        values = {name: getattr(source, name) for name in KEPT_BY_COPY}
        written = typed.of_invoice(source, lines, language) | dict.fromkeys(
            (*typed.DATES, "payment_reference", "kid"), ""
        )
        made = Invoice.objects.create(
            **values,
            merchant=merchant,
            issuer=source.issuer,
            customer=source.customer,
            customer_name=source.customer_name,
            total=source.total,
            total_vat=source.total_vat,
            typed=written,
            created_by=by,
        )
        for line in lines:
            line.pk, line.invoice = None, made
        InvoiceLine.objects.bulk_create(lines)
    return made


def save(
    *,
    invoice_id: int,
    merchant: Merchant,
    given: Mapping[str, Any],
    revision: int | None,
    by: User,
    today: date,
    language: str,
) -> Saved:
    """Save what was typed, all of it, and read what can be read.

    `revision` is the one the page was drawn from; None overwrites on purpose. Raises Stale when
    somebody saved since then, NotADraft when it was issued, Invoice.DoesNotExist for a draft of
    another merchant.
    """
    with transaction.atomic(durable=True):
        invoice = (
            Invoice.objects.select_for_update(of=("self",))
            .select_related("issuer", "merchant", "customer")
            .get(pk=invoice_id, merchant=merchant)
        )
        if not invoice.is_draft:
            raise NotADraft(invoice)
        if revision is not None and revision != invoice.revision:
            raise Stale(invoice)
        return write(invoice, given, by=by, today=today, language=language)


def write(
    invoice: Invoice, given: Mapping[str, Any], *, by: User, today: date, language: str
) -> Saved:
    """Write what was typed to a draft that the caller has locked, or has just made."""
    reading = typed.read(given, language=language)
    _choose_issuer(invoice, given, reading)
    _choose_customer(invoice, given)
    for name, value in reading.columns.items():
        setattr(invoice, name, value)
    _keep_lines(invoice, reading.lines)
    saved = assess(invoice, reading, today=today)
    _copy_totals(invoice, saved.document)
    invoice.typed = dict(given) | {"unread": reading.unread, "saved_by": str(by)}
    invoice.revision += 1
    invoice.save()
    return saved


def _choose_issuer(invoice: Invoice, given: Mapping[str, Any], reading: typed.Reading) -> None:
    """Take another issuer's currency with it; what was typed stays."""
    wanted = typed.row_id(str(given.get("issuer", "")))
    if wanted is None or wanted == invoice.issuer_id:
        return
    issuer = invoice.merchant.issuers.filter(pk=wanted).first()
    if issuer is not None:
        invoice.issuer, invoice.currency = issuer, issuer.currency


def _choose_customer(invoice: Invoice, given: Mapping[str, Any]) -> None:
    wanted = typed.row_id(str(given.get("customer", "")))
    if wanted is None:
        invoice.customer, invoice.customer_name = None, ""
        return
    if wanted != invoice.customer_id:
        invoice.customer = Customer.objects.filter(
            pk=wanted, merchant_id=invoice.merchant_id
        ).first()
    if invoice.customer is not None:
        invoice.customer_name = invoice.customer.name
        invoice.language = invoice.customer.language


def _keep_lines(invoice: Invoice, lines: Sequence[InvoiceLine]) -> None:
    """Write the lines anew, only where they differ from what is stored."""
    before = list(invoice.lines.values_list(*COMPARED))
    after = [tuple(getattr(line, name) for name in COMPARED) for line in lines]
    for line in lines:
        line.invoice = invoice
    if before == after:
        return
    if before:
        invoice.lines.all().delete()
    InvoiceLine.objects.bulk_create(lines)


def _copy_totals(invoice: Invoice, document: InvoiceDocument | None) -> None:
    """Keep the list's copies in step with what the draft would be."""
    if document is None or abs(document.totals.payable) > LARGEST:
        # Too large to be issued, which the editor says; the list shows nothing meanwhile.
        invoice.total = invoice.total_vat = invoice.residual = ZERO
    else:
        invoice.total, invoice.total_vat = document.totals.payable, document.totals.vat
    parts = (invoice.customer_name, invoice.subject, invoice.merchant_order_number)
    invoice.search = " ".join(part for part in parts if part).casefold()


def assess(invoice: Invoice, reading: typed.Reading, *, today: date) -> Saved:
    """Say what a draft would be as a document, and what stands in the way of issuing it."""
    invoice.typed = (invoice.typed or {}) | {"unread": reading.unread}
    document = _preview(invoice, reading.lines, today)
    problems = issuing.problems(invoice, today=today, lines=reading.lines)
    errors = {each.field: f"{each.rule} {each.remedy}" for each in problems if each.blocking}
    errors |= reading.errors
    return Saved(
        invoice=invoice,
        errors={_at_row(name, reading.rows): words for name, words in errors.items()},
        remarks=[each for each in problems if not each.blocking],
        document=document,
        rows=reading.rows,
    )


def _preview(invoice: Invoice, lines: Sequence[InvoiceLine], today: date) -> InvoiceDocument | None:
    try:
        return documents.preview(invoice, today=today, lines=lines)
    except (ValueError, ArithmeticError):
        return None


def _at_row(name: str, rows: Sequence[int]) -> str:
    """Turn `lines.2.quantity` of the document into the editor's row, counting from 0."""
    words = name.split(".")
    if len(words) == 3 and words[0] == "lines" and int(words[1]) <= len(rows):
        return f"lines.{rows[int(words[1]) - 1]}.{words[2]}"
    return name


def delete(*, invoice_id: int, merchant: Merchant) -> None:
    """Delete a draft. It had no number, so no gap is left. Raises NotADraft."""
    with transaction.atomic(durable=True):
        invoice = Invoice.objects.select_for_update().get(pk=invoice_id, merchant=merchant)
        if not invoice.is_draft:
            raise NotADraft(invoice)
        invoice.delete()


def look(invoice: Invoice, *, today: date, language: str) -> Saved:
    """Assess a draft as it stands, for drawing its page. Writes nothing.

    A draft that no editor has saved yet is written out first, as a person would type it.
    """
    if "lines" not in (invoice.typed or {}):
        invoice.typed = typed.of_invoice(invoice, list(invoice.lines.all()), language)
    return assess(invoice, typed.read(invoice.typed, language=language), today=today)

"""Freezing: an invoice with its lines, issuer and customer becomes an `InvoiceDocument`.

Everything that is shown or sent comes from the document, so that settings may change afterwards.
Personal numbers never get in.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone

from customers.models import Customer
from invoices import totals, vat
from invoices.canonical import SCHEMA, UnknownSchema, from_json, to_json
from invoices.models import DocumentVersion, Invoice, InvoiceLine
from invoices.texts import LIMITS, clean, clean_line
from invoices.totals import Computed, LineAmounts, LineInput
from invoicing_site.merchants.models import Issuer
from providers.contract import (
    Address,
    BankAccount,
    InvoiceDocument,
    Line,
    Look,
    Party,
    VatCategory,
    VatTotal,
)

__all__ = [
    "DamagedDocument",
    "UnknownSchema",
    "compute",
    "delivered_on",
    "due_on",
    "freeze",
    "from_json",
    "latest",
    "of",
    "preview",
    "sha256",
    "shown",
    "to_json",
]

_PNG = b"\x89PNG\r\n\x1a\n"
_NOBODY = Customer(name="", kind=Customer.Kind.PRIVATE, country="")


class DamagedDocument(RuntimeError):
    """A stored document does not match its sha256: somebody changed it behind our back."""


def freeze(
    invoice: Invoice,
    *,
    number: str,
    issue_date: date,
    today: date,
    lines: Sequence[InvoiceLine] | None = None,
) -> InvoiceDocument:
    """Return the document of an invoice as it stands, with this number.

    `lines` saves the query when the caller has them. `today` dates a document that has no date.
    """
    rows = list(invoice.lines.all()) if lines is None else lines
    computed = compute(invoice, rows)
    issuer, customer = invoice.issuer, invoice.customer or _NOBODY
    issue_date = issue_date or today
    return InvoiceDocument(
        schema=SCHEMA,
        number=number,
        currency=invoice.currency,
        language=invoice.language,
        issue_date=issue_date,
        due_date=due_on(invoice, issue_date),
        order_date=invoice.order_date,
        delivery_date=invoice.delivery_date,
        issuer=_seller(invoice),
        look=Look(colour=issuer.colour, logo=_logo(bytes(issuer.logo))),
        bank=BankAccount(
            account=_compact(issuer.bank_account), iban=_compact(issuer.iban), bic=issuer.bic
        ),
        customer=_buyer(customer, invoice.language),
        delivery_address=_delivery_address(invoice),
        subject=_text(invoice, "subject"),
        comment=clean(invoice.comment, LIMITS["comment"]),
        terms=clean(issuer.terms, LIMITS["terms"]),
        merchant_contact=_text(invoice, "merchant_contact"),
        merchant_order_number=_text(invoice, "merchant_order_number"),
        buyer_order_number=_text(invoice, "buyer_order_number"),
        buyer_reference=_text(invoice, "buyer_reference")
        or clean_line(customer.buyer_reference, LIMITS["buyer_reference"]),
        payment_reference=_text(invoice, "payment_reference"),
        kid=invoice.kid,
        prices_include_vat=invoice.prices_include_vat,
        discount=computed.discount,
        discount_percent=_trimmed_or_none(computed.discount_percent),
        lines=tuple(
            _line(position, row, amounts)
            for position, (row, amounts) in enumerate(zip(rows, computed.lines, strict=True), 1)
        ),
        vat_totals=tuple(_with_reason(group, invoice, customer) for group in computed.vat_totals),
        totals=computed.totals,
    )


def preview(
    invoice: Invoice, *, today: date, lines: Sequence[InvoiceLine] | None = None
) -> InvoiceDocument:
    """Return what a draft would be frozen as today, without a number."""
    return freeze(
        invoice, number="", issue_date=invoice.issue_date or today, today=today, lines=lines
    )


def of(version: DocumentVersion) -> InvoiceDocument:
    """Return a stored document.

    Raises DamagedDocument when it is not what was frozen, UnknownSchema when it is too new.
    """
    if sha256(version.body) != version.sha256:
        raise DamagedDocument(
            f"Version {version.version} of invoice {version.invoice_id} does not match its "
            "sha256. Restore it from a backup."
        )
    return from_json(version.body)


def latest(invoice: Invoice) -> InvoiceDocument:
    """Return the newest document of an issued invoice.

    Raises DocumentVersion.DoesNotExist for a draft.
    """
    return of(invoice.versions.latest("version"))


def shown(invoice: Invoice) -> InvoiceDocument:
    """Return the newest document of an issued invoice, or a draft's preview dated today."""
    if not invoice.is_draft:
        return latest(invoice)
    return preview(invoice, today=timezone.localdate(timezone=ZoneInfo(invoice.merchant.time_zone)))


def compute(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Computed:
    """Return the amounts of an invoice with these lines."""
    return totals.compute(
        [
            LineInput(
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount_kind=line.discount_kind,
                discount_value=line.discount_value,
                vat_category=VatCategory(line.vat_category),
                vat_rate=_trimmed(line.vat_rate),
            )
            for line in lines
        ],
        prices_include_vat=invoice.prices_include_vat,
        discount_kind=invoice.discount_kind,
        discount_value=invoice.discount_value,
        round_to_whole=invoice.issuer.round_to_whole,
    )


def due_on(invoice: Invoice, issue_date: date) -> date:
    """Return the day typed, else the issuer's days to pay after the issue date."""
    return invoice.due_date or issue_date + timedelta(days=invoice.issuer.terms_days)


def delivered_on(invoice: Invoice, issue_date: date) -> date:
    """Return the day whose VAT rates count."""
    return invoice.delivery_date or issue_date


def sha256(body: str) -> str:
    """Return the hash that is kept beside a document."""
    return hashlib.sha256(body.encode()).hexdigest()


def _line(position: int, row: InvoiceLine, amounts: LineAmounts) -> Line:
    return Line(
        id=str(position),
        description=clean(row.description, LIMITS["description"]),
        article_number=clean_line(row.article_number),
        quantity=_trimmed(row.quantity),
        unit=row.unit,
        unit_price=_trimmed(row.unit_price),
        discount=amounts.discount,
        discount_percent=_trimmed_or_none(amounts.discount_percent),
        vat_category=VatCategory(row.vat_category),
        vat_rate=_trimmed(row.vat_rate),
        net=amounts.net,
        vat=amounts.vat,
        gross=amounts.gross,
        due_net=amounts.due_net,
        due_vat=amounts.due_vat,
    )


def _seller(invoice: Invoice) -> Party:
    """Customers know the issuer's name; the law wants the legal entity's beside it."""
    issuer, merchant = invoice.issuer, invoice.merchant
    return Party(
        name=clean_line(issuer.name),
        legal_name=clean_line(merchant.name) if merchant.name != issuer.name else "",
        org_number=merchant.org_number,
        vat_number=merchant.vat_number,
        legal_note=clean_line(issuer.legal_note),
        address=_address(issuer, issuer.street),
        email=issuer.email,
        phone=_compact(issuer.phone),
        website=issuer.website,
        contact=_text(invoice, "merchant_contact"),
        language=invoice.language,
    )


def _buyer(customer: Customer, language: str) -> Party:
    return Party(
        name=clean_line(customer.name),
        is_company=customer.kind == Customer.Kind.CORPORATE,
        org_number=customer.org_number,
        vat_number=customer.vat_number,
        address=_address(customer, customer.street, customer.street2),
        email=customer.email,
        phone=_compact(customer.phone),
        contact=clean_line(customer.contact),
        language=customer.language or language,
    )


def _address(row: Customer | Issuer, *streets: str) -> Address:
    return Address(
        lines=tuple(line for line in map(clean_line, streets) if line),
        postcode=clean_line(row.postcode),
        city=clean_line(row.city),
        country=row.country,
    )


def _delivery_address(invoice: Invoice) -> Address | None:
    street, city = clean_line(invoice.delivery_street), clean_line(invoice.delivery_city)
    if not (street or city or invoice.delivery_postcode):
        return None
    return Address(
        lines=(street,) if street else (),
        postcode=clean_line(invoice.delivery_postcode),
        city=city,
        country=invoice.delivery_country,
    )


def _with_reason(group: VatTotal, invoice: Invoice, customer: Customer) -> VatTotal:
    return VatTotal(
        category=group.category,
        rate=group.rate,
        base=group.base,
        vat=group.vat,
        reason=vat.reason(
            group.category,
            seller_country=invoice.issuer.country,
            buyer_country=customer.country,
            language=invoice.language,
        ),
    )


def _logo(content: bytes) -> str:
    """Only PNG is frozen: what else may be uploaded is turned into PNG before it is kept."""
    if not content.startswith(_PNG):
        return ""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _text(invoice: Invoice, field: str) -> str:
    return clean_line(getattr(invoice, field), LIMITS[field])


def _compact(number: str) -> str:
    return "".join(char for char in number if char.isalnum() or char == "+")


def _trimmed(number: Decimal) -> Decimal:
    """Drop the zeros a database column pads with: 25.000 is 25."""
    return Decimal(f"{number:f}".rstrip("0").rstrip(".")) if number % 1 else Decimal(int(number))


def _trimmed_or_none(number: Decimal | None) -> Decimal | None:
    return None if number is None else _trimmed(number)

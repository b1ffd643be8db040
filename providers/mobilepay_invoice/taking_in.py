"""Invoices that were sent through MobilePay Invoice, read from the bodies a merchant kept.

What is read: create requests of all documentations, alone or as a batch; details as the provider
answered them; and CSV (see `taken_files`). What is guessed or left out is remarked, and a body
that cannot be read is named with field, value and remedy while the others go on.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from providers.contract import TakenInvoice
from providers.mobilepay_invoice import taken_lines
from providers.mobilepay_invoice.taken_files import Row, rows
from providers.mobilepay_invoice.taken_values import Fields, NotTaken, Unreadable

ZERO = Decimal(0)
CURRENCY_OF = {"DK": "DKK", "FI": "EUR"}
# What is read for nothing: there is no place for it, and `successor` says so.
WITHOUT_A_PLACE = (
    "InvoiceUrl", "RedirectUrl", "TotalAmountExcludingVat", "MerchantId", "InvoiceIssuerName",
    "InvoiceIssuerAddress", "InvoiceIssuerZipcode", "InvoiceIssuerCity", "LogoUrl",
    "PaymentTransactionId", "PaymentDate", "UrlType", "InvoiceId",
)  # fmt: skip
ENDED = frozenset({"paid", "2", "canceled", "cancelled", "rejected", "3"})


def read(content: bytes) -> list[TakenInvoice | NotTaken]:
    """Read a file or what was pasted, one entry per invoice in it, in its order."""
    return [row if isinstance(row, NotTaken) else _invoice(row) for row in rows(content)]


def _invoice(row: Row) -> TakenInvoice | NotTaken:
    fields = Fields(row.body)
    number = ""
    try:
        number = _number(fields)
        return _read(row, fields, number)
    except Unreadable as problem:
        return NotTaken(
            row=row.where,
            number=number,
            field=problem.field,
            value=problem.value,
            remedy=problem.remedy,
        )


def _number(fields: Fields) -> str:
    """Return the invoice number; where it was left out the payment reference stood in for it."""
    found = fields.text("InvoiceNumber", limit=60) or fields.text("PaymentReference", limit=60)
    if not found:
        remedy = _("Give InvoiceNumber or PaymentReference: without one it may be taken in twice.")
        raise Unreadable("InvoiceNumber", None, remedy)
    return found


def _read(row: Row, fields: Fields, number: str) -> TakenInvoice:
    country = _country(fields)
    total, vat = fields.number("TotalAmount"), fields.number("TotalVatAmount")
    bodies = fields.many("InvoiceArticles", "InvoiceLineItem")
    if not bodies:
        remedy = _("Give at least one line with ArticleDescription.")
        raise Unreadable("InvoiceArticles", None, remedy)
    rates = _rates(fields, total, vat)
    lines, with_vat, remarks = taken_lines.read(bodies, rates, country)
    return TakenInvoice(
        row=row.where,
        number=number,
        payment_reference=fields.text("PaymentReference", limit=60),
        issuer_id=fields.text("InvoiceIssuer", "InvoiceIssuerId", limit=100),
        country=country,
        currency=_currency(fields, country),
        prices_include_vat=with_vat,
        phone=_phone(fields),
        name=fields.text("ConsumerName", limit=200),
        address=fields.lines("ConsumerAddressLines"),
        delivery_address=fields.lines("DeliveryAddressLines"),
        issue_date=fields.day("IssueDate"),
        due_date=fields.day("DueDate"),
        order_date=fields.day("OrderDate"),
        delivery_date=fields.day("DeliveryDate"),
        comment=fields.prose("Comment", limit=4000),
        merchant_contact=fields.text("MerchantContactName", limit=200),
        merchant_order_number=fields.text("MerchantOrderNumber", limit=100),
        buyer_order_number=fields.text("BuyerOrderNumber", limit=100),
        total=total,
        vat=vat,
        lines=tuple(lines),
        remarks=(*_status(fields), *remarks, *_left_over(fields)),
        raw=row.body,
    )


def _country(fields: Fields) -> str:
    name = "CountryCode" if fields.value("CountryCode") else "MerchantIsoCountryCode"
    found = fields.text("CountryCode", "MerchantIsoCountryCode", limit=60).upper()
    if found and found not in CURRENCY_OF:
        raise Unreadable(name, found, _("MobilePay Invoice knew DK and FI. Give one of these."))
    return found


def _currency(fields: Fields, country: str) -> str:
    found = fields.text("CurrencyCode", limit=60).upper()
    if found and found not in CURRENCY_OF.values():
        raise Unreadable("CurrencyCode", found, _("MobilePay Invoice knew DKK and EUR."))
    return found or CURRENCY_OF.get(country, "")


def _phone(fields: Fields) -> str:
    alias = fields.inside("ConsumerAlias")
    return alias.text("Alias", limit=40) if alias else ""


def _rates(fields: Fields, total: Decimal | None, vat: Decimal | None) -> list[Decimal]:
    """Return the VAT rates that lines without one of their own may have."""
    told = [each.number("VatRate") for each in fields.many("InvoiceVatTotals")]
    found = sorted({rate for rate in told if rate is not None})
    if found:
        return found
    if vat is not None and (vat == 0 or total == 0):
        return [ZERO]
    return []


def _status(fields: Fields) -> list[str]:
    """Warn of an invoice that was over: billing it again bills twice."""
    found = fields.text("Status", limit=60)
    if found.casefold() not in ENDED:
        return []
    words = _("Its status was “%s”. Take care not to bill it again.")
    return [words % found]


def _left_over(fields: Fields) -> list[str]:
    fields.value(*WITHOUT_A_PLACE)
    names: list[Any] = fields.left_over()
    if not names:
        return []
    return [_("Not known here, so left out: %s.") % ", ".join(names)[:300]]

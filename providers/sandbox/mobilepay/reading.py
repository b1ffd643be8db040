"""What the provider tells of an invoice, and taking one back."""

import uuid
from collections import defaultdict
from decimal import Decimal
from typing import Any

from providers.sandbox import outbox
from providers.sandbox.mobilepay import lifecycle
from providers.sandbox.mobilepay.endpoint import Answer, Exchange, endpoint
from providers.sandbox.mobilepay.issuers import logo_path
from providers.sandbox.mobilepay.problems import domain, not_found
from providers.sandbox.models import AppInvoice, PortalMerchant

Status = AppInvoice.Status
# The first documentation numbers its four statuses; note that 2 is paid.
NUMBERS = {
    Status.CREATED: "1",
    Status.ACCEPTED: "1",
    Status.PAID: "2",
    Status.REJECTED: "3",
    Status.EXPIRED: "4",
}
TOLD = ("ArticleNumber", "ArticleDescription", "TotalPriceIncludingVat", "Quantity", "PricePerUnit")


@endpoint("details")
def details(exchange: Exchange, invoice_id: str) -> Answer:
    """Give all that is told of an invoice."""
    return 200, _details(exchange, _found(exchange, invoice_id))


@endpoint("status")
def status(exchange: Exchange, invoice_id: str) -> Answer:
    """Give an invoice's status alone."""
    invoice = _found(exchange, invoice_id)
    word = invoice.status
    if exchange.merchant.profile == PortalMerchant.Profile.V1:
        word = NUMBERS.get(Status(word), word)
    return 200, {"InvoiceId": str(invoice.invoice_id), "Status": word}


@endpoint("cancel")
def cancel(exchange: Exchange, invoice_id: str) -> Answer:
    """Take an invoice back. The payer is not told."""
    invoice = lifecycle.locked(_known(exchange, invoice_id).pk)
    if not lifecycle.can_move(invoice, Status.CANCELED):
        raise domain(10504 if invoice.status == Status.PAID else 10505)
    lifecycle.move(invoice, Status.CANCELED, exchange.now)
    outbox.nudge()
    return 204, None


def _found(exchange: Exchange, invoice_id: str) -> AppInvoice:
    """Find an invoice that can be asked about: nobody hears of it before it is validated."""
    invoice = _known(exchange, invoice_id)
    if invoice.status == Status.PENDING:
        raise not_found()
    return invoice


def _known(exchange: Exchange, invoice_id: str) -> AppInvoice:
    exchange.reference = invoice_id
    invoice = _by_id(exchange, invoice_id)
    if invoice and _is_due(invoice, exchange):
        lifecycle.settle_pending(exchange.now)
        invoice.refresh_from_db()
    # Since April 2021 a link's data is deleted when it expires.
    if invoice is None or (invoice.is_link and invoice.status == Status.EXPIRED):
        raise not_found()
    return invoice


def _by_id(exchange: Exchange, invoice_id: str) -> AppInvoice | None:
    try:
        known = uuid.UUID(invoice_id)
    except ValueError:
        return None
    rows = AppInvoice.objects.filter(merchant=exchange.merchant, invoice_id=known)
    return rows.select_related("merchant", "issuer").first()


def _is_due(invoice: AppInvoice, exchange: Exchange) -> bool:
    due = invoice.validate_at
    return invoice.status == Status.PENDING and due is not None and due <= exchange.now


def _details(exchange: Exchange, invoice: AppInvoice) -> dict[str, Any]:
    body, issuer = invoice.body, invoice.issuer
    vat = body.get("TotalVatAmount")
    paid_on = invoice.payment_date
    return {
        "InvoiceId": str(invoice.invoice_id),
        "InvoiceNumber": invoice.number or None,
        "IssueDate": body.get("IssueDate"),
        "DueDate": invoice.due_date.isoformat(),
        "PaymentDate": paid_on.isoformat() if paid_on else None,
        "Comment": body.get("Comment"),
        "InvoiceArticles": [
            {name: article.get(name) for name in TOLD} for article in _articles(body)
        ],
        "CurrencyCode": invoice.currency,
        "TotalAmount": invoice.total,
        "InvoiceVatTotals": _vat_totals(body),
        "TotalVatAmount": vat,
        "TotalAmountExcludingVat": None if vat is None else invoice.total - _exact(vat),
        "MerchantId": str(invoice.merchant.merchant_id),
        "InvoiceIssuerId": str(issuer.issuer_id),
        "InvoiceIssuerName": issuer.name,
        "InvoiceIssuerAddress": issuer.address or None,
        "InvoiceIssuerZipcode": issuer.zip_code or None,
        "InvoiceIssuerCity": issuer.city or None,
        "MerchantIsoCountryCode": invoice.merchant.country,
        "LogoUrl": exchange.request.build_absolute_uri(logo_path(issuer)),
        "Status": invoice.status,
        "InvoiceUrl": body.get("InvoiceUrl"),
        "PaymentTransactionId": invoice.transaction_id or None,
        "PaymentReference": invoice.payment_reference or None,
    }


def _articles(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body.get("InvoiceArticles") or body.get("InvoiceLineItem") or []
    return found


def _vat_totals(body: dict[str, Any]) -> list[dict[str, Any]]:
    totals: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    for article in _articles(body):
        if "VATRate" in article:
            totals[_exact(article["VATRate"])] += _exact(article.get("TotalVATAmount", 0))
    return [{"VatRate": rate, "TotalVatAmount": vat} for rate, vat in sorted(totals.items())]


def _exact(number: float) -> Decimal:
    return Decimal(str(number))

"""The test environment's own calls: a simulated user accepts, rejects, reads the PDF."""

from typing import Any

from django.http import HttpResponse
from django.utils.dateparse import parse_date

from providers.sandbox.mobilepay import consumers, lifecycle, paper, problems
from providers.sandbox.mobilepay.endpoint import Answer, Exchange, endpoint
from providers.sandbox.mobilepay.problems import invalid, not_found
from providers.sandbox.models import AppInvoice


@endpoint("consumer_accept", takes_body=True)
def accept(exchange: Exchange, invoice_id: str) -> Answer:
    """PUT /consumers/me/invoices/{id}/accept: pays when paymentDate is today or missing."""
    invoice = _invoice(exchange, invoice_id)
    phone = consumers.number_of(exchange.request)
    day = _payment_date(exchange.body)
    today = lifecycle.today(invoice.merchant.country, exchange.now)
    try:
        if day is None or day == today:
            done = consumers.pay(invoice.pk, phone=phone)
        else:
            done = consumers.accept(invoice.pk, day, phone=phone)
    except lifecycle.NotPossible as problem:
        content = _outcome(invoice) | {"ErrorText": str(problem)}
        return 400, problems.as_json(content, 400)
    return 200, _outcome(done) | _afterwards(done)


@endpoint("consumer_reject")
def reject(exchange: Exchange, invoice_id: str) -> Answer:
    """PUT /consumers/me/invoices/{id}/reject"""
    invoice = _invoice(exchange, invoice_id)
    consumers.number_of(exchange.request)
    try:
        consumers.reject(invoice.pk)
    except lifecycle.NotPossible as problem:
        raise invalid("invoiceId", str(problem)) from None
    return 200, {"InvoiceId": str(invoice.invoice_id)}


@endpoint("consumer_pdf")
def pdf(exchange: Exchange, invoice_id: str) -> Answer:
    """GET /consumers/me/invoices/{id}/pdf: the PDF made by the provider."""
    content = paper.invoice(_invoice(exchange, invoice_id))
    return 200, HttpResponse(content, content_type="application/pdf")


def _invoice(exchange: Exchange, invoice_id: str) -> AppInvoice:
    exchange.reference = invoice_id
    if (wanted := consumers.guid(invoice_id)) is None:
        raise not_found()
    seen = AppInvoice.objects.exclude(status__in=consumers.UNSEEN)
    known = seen.select_related("merchant", "issuer")
    found = known.filter(merchant=exchange.merchant, invoice_id=wanted).first()
    if found is None:
        raise not_found()
    return found


def _payment_date(body: Any) -> Any:
    text = consumers.member(body, "paymentDate")
    if text is None:
        return None
    try:
        day = parse_date(text[:10]) if isinstance(text, str) else None
    except ValueError:
        day = None
    if day is None:
        raise invalid("paymentDate", "Invalid input")
    return day


def _outcome(invoice: AppInvoice) -> dict[str, Any]:
    return {
        "InvoiceId": str(invoice.invoice_id),
        "InvoicePaymentStatus": str(invoice.status).capitalize(),
    }


def _afterwards(invoice: AppInvoice) -> dict[str, Any]:
    address = consumers.redirect_url(invoice)
    return {"RedirectUrl": address} if address else {}

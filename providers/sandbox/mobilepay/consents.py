"""Consent to being billed directly (1.5): asked on a link, answered on the phone, listed."""

import base64
import uuid
from typing import Any

from providers.sandbox.mobilepay import consumers, lifecycle
from providers.sandbox.mobilepay.endpoint import Answer, Exchange, endpoint
from providers.sandbox.mobilepay.problems import Refusal, domain, invalid, not_found
from providers.sandbox.models import AppInvoice, DirectConsent, PortalIssuer

State = DirectConsent.State
PAGE = 50


@endpoint("consent_create", takes_body=True)
def create(exchange: Exchange) -> Answer:
    """POST /directinvoiceconsents: ask on a link that can still be paid; asking twice is once."""
    exchange.reference = str(consumers.member(exchange.body, "InvoiceId") or "")
    invoice = _link(exchange)
    known = DirectConsent.objects.filter(invoice=invoice).first()
    if known is None and invoice.status not in consumers.OPEN:
        raise _conflict("The invoice can no longer be paid")
    return 201, describe(known or DirectConsent.objects.create(invoice=invoice))


@endpoint("consent_list")
def listing(exchange: Exchange) -> Answer:
    """GET /directinvoiceconsents?invoiceIssuerId=&state=granted&pagingState="""
    query = {name.casefold(): str(value) for name, value in exchange.request.GET.items()}
    if query.get("state", "").casefold() != "granted":
        raise invalid("state", "Only granted is supported")
    issuer = _guid(query.get("invoiceissuerid", ""), "invoiceIssuerId")
    if not PortalIssuer.objects.filter(merchant=exchange.merchant, issuer_id=issuer).exists():
        raise not_found()
    rows = DirectConsent.objects.filter(
        invoice__issuer__issuer_id=issuer,
        state=State.GRANTED,
        pk__gt=_after(query.get("pagingstate", "")),
    ).select_related("invoice")
    page = list(rows.order_by("pk")[: PAGE + 1])
    more = _paging_state(page[PAGE - 1].pk) if len(page) > PAGE else None
    return 200, {
        "GrantedConsents": [describe(row) for row in page[:PAGE]],
        "PagingState": more,
    }


@endpoint("consent_get")
def read(exchange: Exchange, consent_id: str) -> Answer:
    """GET /directinvoiceconsents/{consentId}"""
    exchange.reference = consent_id
    return 200, describe(_consent(exchange, consent_id))


@endpoint("consent_delete")
def delete(exchange: Exchange, consent_id: str) -> Answer:
    """DELETE /directinvoiceconsents/{consentId}: the test environment only."""
    exchange.reference = consent_id
    _consent(exchange, consent_id).delete()
    return 204, None


@endpoint("consent_answer", takes_body=True)
def answer(exchange: Exchange, consent_id: str) -> Answer:
    """PUT /consumers/me/invoices/directinvoiceconsent/{consentId}: the simulated user answers."""
    exchange.reference = consent_id
    consent = _consent(exchange, consent_id)
    granted = consumers.member(exchange.body, "isConsentGranted")
    if not isinstance(granted, bool):
        raise invalid("isConsentGranted", "Required")
    if not consent.invoice.alias:
        consent.invoice.alias = consumers.number_of(exchange.request)
        consent.invoice.save(update_fields=["alias"])
    try:
        consumers.answer(consent, granted=granted)
    except lifecycle.NotPossible as problem:
        raise _conflict(str(problem)) from None
    return 204, None


def describe(consent: DirectConsent) -> dict[str, Any]:
    """Write a consent; the number is told once it is granted."""
    granted = consent.granted_on
    return {
        "ConsentId": str(consent.consent_id),
        "InvoiceId": str(consent.invoice.invoice_id),
        "PhoneNumber": consent.phone or None,
        "State": consent.state,
        "GrantedOn": granted.strftime("%Y-%m-%dT%H:%M:%S+00:00") if granted else None,
    }


def _link(exchange: Exchange) -> AppInvoice:
    wanted = _guid(exchange.reference, "InvoiceId")
    invoice = AppInvoice.objects.filter(merchant=exchange.merchant, invoice_id=wanted).first()
    if invoice is None or invoice.status == AppInvoice.Status.INVALID:
        raise not_found()
    if not invoice.is_link:
        raise _conflict("Consent can be asked on a link only")
    return invoice


def _consent(exchange: Exchange, consent_id: str) -> DirectConsent:
    if (wanted := consumers.guid(consent_id)) is None:
        raise not_found()
    known = DirectConsent.objects.select_related("invoice")
    found = known.filter(consent_id=wanted, invoice__merchant=exchange.merchant).first()
    if found is None:
        raise not_found()
    return found


def _conflict(why: str) -> Refusal:
    # The provider never published the codes of these conflicts.
    refusal = domain(10505)
    refusal.description = why
    return refusal


def _guid(text: str, name: str) -> uuid.UUID:
    if not text:
        raise invalid(name, "Required")
    if (found := consumers.guid(text)) is None:
        raise invalid(name, "Must be a guid")
    return found


def _paging_state(pk: int) -> str:
    return base64.b64encode(f"after={pk}".encode()).decode()


def _after(paging_state: str) -> int:
    if not paging_state:
        return 0
    try:
        text = base64.b64decode(paging_state, validate=True).decode()
        return int(text.removeprefix("after="))
    except ValueError:
        raise invalid("pagingState", "Not one of ours") from None

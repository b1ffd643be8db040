"""Invoices made one by one, direct or as links."""

from typing import Any

from providers.sandbox import outbox
from providers.sandbox.mobilepay import batches, fields, intake, lifecycle, switches, tricks
from providers.sandbox.mobilepay.endpoint import Answer, Exchange, endpoint, unknown_merchant
from providers.sandbox.mobilepay.fields import Wanted
from providers.sandbox.mobilepay.problems import domain, invalid
from providers.sandbox.mobilepay.validation import Case, broken, issuer_of, quota
from providers.sandbox.models import AppInvoice, PortalIssuer, PortalMerchant

Status = AppInvoice.Status
Profile = PortalMerchant.Profile


@endpoint("create", takes_body=True, stranger=unknown_merchant)
def create(exchange: Exchange) -> Answer:
    """Send one invoice to a payer's app."""
    return _single(exchange, is_link=False)


@endpoint("create_link", takes_body=True, stranger=unknown_merchant)
def create_link(exchange: Exchange) -> Answer:
    """Make one invoice that whoever has its link can pay."""
    return _single(exchange, is_link=True)


def _single(exchange: Exchange, *, is_link: bool) -> Answer:
    merchant = intake.locked_merchant(exchange)
    # Documented as 202 at first; from August 2019 only batches answer so.
    status = 200 if merchant.profile == Profile.V15 else 202
    item = exchange.body
    if isinstance(item, list):
        if merchant.profile != Profile.V1:
            raise invalid("body", "Invalid input, an object is expected")
        if len(item) != 1:
            return status, _array(exchange, merchant, is_link=is_link)
        # The first documentation posts an array and yet answers with a single id.
        item = item[0]
    invoice = _create(exchange, merchant, item, is_link=is_link)
    return status, _result(exchange, invoice)


def _array(exchange: Exchange, merchant: PortalMerchant, *, is_link: bool) -> list[dict[str, Any]]:
    """Take in the first documentation's array: all of it or, for want of words, nothing."""
    sorting = batches.sort(exchange, merchant, is_link=is_link)
    for _, refusal in sorting.rejected:
        raise refusal
    batches.keep(sorting)
    return [_result(exchange, invoice) for invoice in sorting.accepted]


def _result(exchange: Exchange, invoice: AppInvoice) -> dict[str, Any]:
    links = {"Links": lifecycle.links_of(invoice, exchange.request)} if invoice.is_link else {}
    return {"InvoiceId": str(invoice.invoice_id)} | links


def _create(
    exchange: Exchange, merchant: PortalMerchant, item: Any, *, is_link: bool
) -> AppInvoice:
    wanted = fields.read(item, merchant, is_link=is_link)
    exchange.reference = wanted.number
    issuer = _judged(exchange, wanted, merchant)
    invoice = intake.build(exchange, wanted, merchant, issuer)
    invoice.late_error = tricks.later(wanted)
    invoice.save()
    if not (merchant.validation_delay or invoice.late_error):
        lifecycle.move(invoice, Status.CREATED, exchange.now)
    outbox.nudge()
    return invoice


def _judged(exchange: Exchange, wanted: Wanted, merchant: PortalMerchant) -> PortalIssuer:
    """Return the issuer of a request that is new and breaks no rule. Raises Refusal.

    The provider never told which of the two it looks at first.
    """
    on = switches.of(merchant)
    is_known = bool(intake.known_hashes(merchant, [wanted.hash]))
    if is_known and switches.RULES_FIRST not in on:
        raise domain(intake.duplicate(wanted))
    issuer = issuer_of(wanted, merchant.issuers.all())
    if issuer is None:
        raise domain(intake.no_issuer(wanted))
    case = Case(wanted, merchant, issuer, exchange.now, on)
    if code := tricks.at_once(wanted) or _rule_broken(case):
        raise domain(code)
    if is_known:
        raise domain(intake.duplicate(wanted))
    return issuer


def _rule_broken(case: Case) -> int | None:
    code = broken(case)
    if code is not None or case.wanted.is_link:
        return code
    used = quota(case.merchant, case.now, [case.wanted.alias])
    return used.refuses(case.wanted, case.issuer)

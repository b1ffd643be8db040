"""Up to 2000 invoices in one call. Most rules come later here, as `invalid`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from providers.sandbox import outbox
from providers.sandbox.mobilepay import fields, intake, kinds, switches, tricks
from providers.sandbox.mobilepay.endpoint import Answer, Exchange, endpoint, unknown_merchant
from providers.sandbox.mobilepay.fields import Wanted
from providers.sandbox.mobilepay.problems import Refusal, domain, invalid
from providers.sandbox.mobilepay.validation import Case, Quota, broken, issuer_of, quota
from providers.sandbox.models import AppInvoice, PortalIssuer, PortalMerchant

MOST = 2000
Profile = PortalMerchant.Profile


@endpoint("create_batch", takes_body=True, stranger=unknown_merchant)
def create_batch(exchange: Exchange) -> Answer:
    """Take in many direct invoices."""
    return _many(exchange, is_link=False)


@endpoint("create_link_batch", takes_body=True, stranger=unknown_merchant)
def create_link_batch(exchange: Exchange) -> Answer:
    """Take in many links; the links themselves follow by callback."""
    return _many(exchange, is_link=True)


def _many(exchange: Exchange, *, is_link: bool) -> Answer:
    sorting = sort(exchange, intake.locked_merchant(exchange), is_link=is_link)
    keep(sorting)
    return 202, sorting.answer()


@dataclass
class Sorting:
    """What becomes of a batch's items."""

    profile: str
    accepted: list[AppInvoice] = field(default_factory=list)
    rejected: list[tuple[str, Refusal]] = field(default_factory=list)

    def answer(self) -> dict[str, Any]:
        """Write the two lists."""
        accepted = [
            {"InvoiceNumber": one.number or None, "InvoiceId": str(one.invoice_id)}
            for one in self.accepted
        ]
        return {"Accepted": accepted, "Rejected": [self._told(*one) for one in self.rejected]}

    def _told(self, number: str, refusal: Refusal) -> dict[str, Any]:
        errors = [
            {"ErrorText": line, "ErrorCode": refusal.code}
            for line in refusal.description.splitlines()
        ]
        # Until July 2022 an item had one error, and it stood in the item itself.
        told = {"Errors": errors} if self.profile == Profile.V15 else errors[0]
        return {"InvoiceNumber": number or None} | told


def sort(exchange: Exchange, merchant: PortalMerchant, *, is_link: bool) -> Sorting:
    """Judge a batch's items without keeping any. Raises Refusal for what is no batch."""
    items = exchange.body
    if not isinstance(items, list) or not items:
        raise invalid("body", "Invalid input, an array of invoices is expected")
    if len(items) > MOST:
        raise invalid("body", f"At most {MOST} invoices are allowed")
    exchange.reference = f"{len(items)} invoices"
    sorting = Sorting(merchant.profile)
    readable = list(_readable(items, merchant, sorting, is_link=is_link))
    known = intake.known_hashes(merchant, [wanted.hash for wanted in readable])
    issuers = list(merchant.issuers.all())
    used = quota(merchant, exchange.now)
    on = switches.of(merchant)
    for wanted in readable:
        issuer = issuer_of(wanted, issuers)
        code = _refused_now(wanted, issuer, known, on)
        if code is not None or issuer is None:
            sorting.rejected.append((wanted.number, domain(code or intake.no_issuer(wanted))))
            continue
        known.add(wanted.hash)
        sorting.accepted.append(
            _taken_in(exchange, Case(wanted, merchant, issuer, exchange.now, on), used)
        )
    return sorting


def keep(sorting: Sorting) -> None:
    """Keep what was accepted, to be validated later."""
    AppInvoice.objects.bulk_create(sorting.accepted, batch_size=200)
    outbox.nudge()


def _readable(
    items: list[Any], merchant: PortalMerchant, sorting: Sorting, *, is_link: bool
) -> Iterator[Wanted]:
    for item in items:
        try:
            yield fields.read(item, merchant, is_link=is_link)
        except Refusal as refusal:
            sorting.rejected.append((_number(item), refusal))


def _refused_now(
    wanted: Wanted, issuer: PortalIssuer | None, known: set[str], on: frozenset[str]
) -> int | None:
    duplicate = intake.duplicate(wanted) if wanted.hash in known else None
    broken_rule = intake.no_issuer(wanted) if issuer is None else tricks.at_once(wanted)
    first, second = duplicate, broken_rule
    if switches.RULES_FIRST in on:
        first, second = second, first
    return first if first is not None else second


def _taken_in(exchange: Exchange, case: Case, used: Quota) -> AppInvoice:
    wanted, issuer = case.wanted, case.issuer
    invoice = intake.build(exchange, wanted, case.merchant, issuer)
    invoice.from_batch = True
    invoice.late_error = tricks.later(wanted) or broken(case) or used.refuses(wanted, issuer)
    if invoice.late_error is None:
        used.count(wanted, issuer)
    return invoice


def _number(item: Any) -> str:
    """Find the number that the answer names an unreadable item by."""
    members = item.items() if isinstance(item, dict) else ()
    number = next((value for name, value in members if name.lower() == "invoicenumber"), None)
    try:
        return kinds.text(Profile.V15, number)
    except kinds.Wrong:
        return ""

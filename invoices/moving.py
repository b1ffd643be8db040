"""Moving over: invoices of another system become drafts here, and a report says what changed.

The number an invoice had there is kept as our order number (`301`, or `301 / 938` where it had an
order number too): staff and customer find it by that, and it keeps one invoice from being taken
in twice for the same issuer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest, StrIndex, Substr
from django.utils.translation import gettext as _

from invoices import drafting, moving_customers, numbers, sending, typed
from invoices.enums import Discount
from invoices.models import Invoice
from invoicing_site.merchants.models import Issuer
from providers.contract import TakenInvoice, TakenLine, VatCategory
from providers.models import ProviderIssuer

if TYPE_CHECKING:
    from invoices.sending import Road
    from invoicing_site.merchants.models import Merchant, User

MOST = 200
BETWEEN = " / "


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum that came out otherwise: what it is of, what stood there, what it is here."""

    label: str
    theirs: Decimal
    ours: Decimal


@dataclass(kw_only=True)
class Moved:
    """What became of one invoice: a draft, or the earlier one that stood in its way.

    `problems` refuse it, `to_correct` is what must be put right before it can be issued.
    """

    taken: TakenInvoice
    draft: Invoice | None = None
    earlier: Invoice | None = None
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)
    to_correct: list[str] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)


@dataclass(kw_only=True)
class Report:
    """What became of all, in their order."""

    moved: list[Moved] = field(default_factory=list)

    @property
    def drafts(self) -> list[Moved]:
        """Return those that became drafts."""
        return [each for each in self.moved if each.draft]

    @property
    def refused(self) -> list[Moved]:
        """Return those that did not."""
        return [each for each in self.moved if not each.draft]


# ------------------------------------------------------------------------------------ beforehand
def preflight(merchant: Merchant, issuer: Issuer, taken: Sequence[TakenInvoice]) -> list[Moved]:
    """Say of each whether it can become a draft of this issuer. Writes nothing."""
    before = _earlier(issuer, {each.number for each in taken})
    remote = ProviderIssuer.objects.filter(account__merchant=merchant, issuer__isnull=False)
    senders = {
        each.external_id.lower(): each.issuer
        for each in remote.select_related("issuer")
        if each.issuer
    }
    seen: set[str] = set()
    return [_judge(issuer, each, before, seen, senders) for each in taken]


def _judge(
    issuer: Issuer,
    taken: TakenInvoice,
    before: dict[str, Invoice],
    seen: set[str],
    senders: dict[str, Issuer],
) -> Moved:
    found = Moved(taken=taken, remarks=list(taken.remarks))
    if taken.currency and taken.currency != issuer.currency:
        words = _(
            "It is in %(theirs)s, and %(issuer)s invoices in %(ours)s. Choose another issuer."
        )
        found.problems.append(
            words % {"theirs": taken.currency, "issuer": issuer, "ours": issuer.currency}
        )
    if taken.number in before:
        _point_to(found, before[taken.number])
    elif taken.number in seen:
        words = _("Invoice %s stands here twice. Only the first is taken in.")
        found.problems.append(words % taken.number)
    seen.add(taken.number)
    found.remarks += [
        *moving_customers.remarks(taken, issuer.country),
        *_order_left_out(taken),
        *_other_issuer(issuer, taken, senders),
    ]
    return found


def _point_to(found: Moved, earlier: Invoice) -> None:
    found.earlier = earlier
    words = _("Invoice %s was taken in before. Open that one; it is not taken in twice.")
    found.problems.append(words % found.taken.number)


def _order_left_out(taken: TakenInvoice) -> list[str]:
    own = taken.merchant_order_number
    if not own or own in order_number(taken):
        return []
    return [_("MerchantOrderNumber “%s” does not fit beside the invoice number.") % own]


def _other_issuer(issuer: Issuer, taken: TakenInvoice, senders: dict[str, Issuer]) -> list[str]:
    """Say so where the sender it named is mapped to another issuer of ours."""
    meant = senders.get(taken.issuer_id.strip().lower())
    if meant is None or meant == issuer:
        return []
    words = _("It was sent by %(meant)s, and becomes a draft of %(issuer)s.")
    return [words % {"meant": meant, "issuer": issuer}]


def _earlier(issuer: Issuer, given: set[str]) -> dict[str, Invoice]:
    """Return what was taken in before, by the number it had. One query.

    That number is kept as our order number, before a slash and the order number it had.
    """
    slash = StrIndex("merchant_order_number", Value(BETWEEN))
    rows = Invoice.objects.filter(issuer=issuer).annotate(
        slash=slash, before_slash=Substr("merchant_order_number", 1, Greatest(F("slash") - 1, 0))
    )
    rows = rows.filter(Q(merchant_order_number__in=given) | Q(before_slash__in=given))
    found: dict[str, Invoice] = {}
    for invoice in rows.order_by("-pk"):
        kept = invoice.merchant_order_number
        found |= dict.fromkeys({kept, kept.split(BETWEEN)[0]} & given, invoice)
    return found


# ------------------------------------------------------------------------------------- taking in
def take_in(
    *,
    merchant: Merchant,
    issuer: Issuer,
    taken: Sequence[TakenInvoice],
    by: User,
    now: datetime,
    language: str,
) -> Report:
    """Make a draft of each invoice that has no problem, and report on all.

    Each draft is a commit of its own, so that one that fails leaves the others. `language` is
    the one that numbers are written in, as in the editor.
    """
    report = Report()
    for found in preflight(merchant, issuer, taken[:MOST]):
        if not found.problems:
            _make(found, merchant, issuer, by=by, now=now, language=language)
        report.moved.append(found)
    return report


def _make(
    found: Moved, merchant: Merchant, issuer: Issuer, *, by: User, now: datetime, language: str
) -> None:
    today = now.astimezone(ZoneInfo(merchant.time_zone)).date()
    with transaction.atomic(durable=True):
        # Pressed twice, the second waits here and finds what the first has made.
        Issuer.objects.select_for_update(no_key=True).get(pk=issuer.pk)
        if before := _earlier(issuer, {found.taken.number}):
            _point_to(found, before[found.taken.number])
            return
        customer, remarks = moving_customers.customer(merchant, issuer, found.taken)
        begun = drafting.start(merchant=merchant, issuer=issuer, by=by, customer=customer)
        given = as_typed(found.taken, begun, language)
        saved = drafting.write(begun, given, by=by, today=today, language=language)
    found.remarks += [*remarks, *_issued_then(found.taken)]
    found.draft = saved.invoice
    found.to_correct = list(saved.errors.values())
    found.sums = _sums(found.taken, saved)
    found.roads = sending.roads(saved.invoice, now=now) if saved.document else []


def as_typed(taken: TakenInvoice, draft: Invoice, language: str) -> dict[str, Any]:
    """Write an invoice as a person would type it in the editor of `draft`."""
    given: dict[str, Any] = dict.fromkeys((*typed.DATES, *typed.TEXTS), "")
    for name in typed.DATES:
        on = getattr(taken, name)
        given[name] = on.isoformat() if on else ""
    given |= moving_customers.delivery(taken, draft.issuer.country)
    return given | {
        "issuer": str(draft.issuer_id),
        "customer": str(draft.customer_id or ""),
        "prices_include_vat": "on" if taken.prices_include_vat else "",
        "discount": "",
        "discount_kind": Discount.PERCENT.value,
        "comment": taken.comment,
        "merchant_contact": taken.merchant_contact or draft.merchant_contact,
        "merchant_order_number": order_number(taken),
        "buyer_order_number": taken.buyer_order_number,
        "payment_reference": taken.payment_reference or taken.number,
        "lines": [_line(each, language) for each in taken.lines],
    }


def _issued_then(taken: TakenInvoice) -> list[str]:
    if taken.issue_date is None:
        return []
    words = _("The issue date of then is kept: %s. Empty it in the draft to issue it today.")
    return [words % taken.issue_date.isoformat()]


def order_number(taken: TakenInvoice) -> str:
    """Return what is kept as our order number: the number it had, and its order number."""
    own = taken.merchant_order_number
    joined = f"{taken.number}{BETWEEN}{own}"
    fits = own and own != taken.number and len(joined) <= typed.TEXTS["merchant_order_number"]
    return joined if fits else taken.number


def _line(line: TakenLine, language: str) -> dict[str, str]:
    off = line.discount
    category = VatCategory.STANDARD if line.vat_rate else VatCategory.ZERO
    return {
        "article_number": line.article_number,
        "description": line.description,
        "quantity": numbers.format_quantity(line.quantity, language),
        "unit": line.unit,
        "unit_price": numbers.format_quantity(line.unit_price, language),
        "discount": numbers.format_quantity(off, language) if off else "",
        "discount_kind": Discount.AMOUNT.value,
        "vat": typed.vat_key(category, line.vat_rate),
    }


# ---------------------------------------------------------------------------------- what differs
def _sums(taken: TakenInvoice, saved: drafting.Saved) -> list[Sum]:
    """Return the sums that come out otherwise than they stood there."""
    document = saved.document
    if document is None:
        return []
    pairs = [
        (_("Total"), taken.total, document.totals.payable),
        (_("VAT"), taken.vat, document.totals.vat),
    ]
    for at, (theirs, ours) in enumerate(zip(taken.lines, document.lines, strict=False), 1):
        pairs.append((_("Line %d with VAT") % at, theirs.gross, ours.gross))
    return [Sum(label, was, now) for label, was, now in pairs if was is not None and was != now]

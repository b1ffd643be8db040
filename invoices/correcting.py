"""Correcting what an issued invoice says, but not what it costs: the next version of its document.

The version that was issued stays as it was, at its own address. Amounts are corrected by a credit
note, never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from invoices import documents, issuing, lifecycle, timeline
from invoices.enums import EventKind, InvoiceStatus
from invoices.models import DocumentVersion, Invoice
from invoices.texts import LIMITS, clean, clean_line
from providers.contract import OPEN_STATES, InvoiceDocument, Source

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User

# What may be corrected on the document itself, and on the buyer that it names.
DATES = ("due_date", "order_date", "delivery_date")
TEXTS = (
    "subject", "merchant_contact", "merchant_order_number", "buyer_order_number",
    "buyer_reference", "payment_reference",
)  # fmt: skip
BUYER = ("name", "email")
ADDRESS = ("street", "street2", "postcode", "city")


class CannotCorrect(Exception):
    """Nothing was changed; `field` says what is in the way, if a field is."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def correctable(document: InvoiceDocument) -> dict[str, Any]:
    """Return what a document says in the fields that may be corrected, by their names."""
    buyer = document.customer
    street, street2 = (*buyer.address.lines, "", "")[:2]
    return {
        **{name: getattr(document, name) for name in (*DATES, *TEXTS, "comment")},
        "name": buyer.name,
        "email": buyer.email,
        "street": street,
        "street2": street2,
        "postcode": buyer.address.postcode,
        "city": buyer.address.city,
    }


def obstacle(invoice: Invoice) -> str:
    """Say why an invoice cannot be corrected now, or nothing."""
    if invoice.status in {InvoiceStatus.DRAFT, InvoiceStatus.CANCELLED}:
        return _("A %(status)s invoice is not corrected.") % {
            "status": InvoiceStatus(invoice.status).label.lower()
        }
    if invoice.requests.filter(state__in=OPEN_STATES).exists():
        return _("The customer has a request with the old text. Withdraw it first.")
    return ""


def correct(
    *,
    invoice_id: int,
    values: Mapping[str, Any],
    reason: str,
    by: User,
    now: datetime,
) -> DocumentVersion:
    """Freeze the next version with these values; what is not given stays.

    `values` has the names that `correctable` returns. Raises CannotCorrect when a request is
    open, when the invoice is over, or when nothing differs.
    """
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        if why := obstacle(invoice):
            raise CannotCorrect(why)
        before = documents.latest(invoice)
        after = _changed(before, dict(values))
        if after == before:
            raise CannotCorrect(_("Nothing differs from version %d.") % before.version)
        _check(after)
        after = replace(after, version=before.version + 1)
        version = issuing.keep(invoice, after, reason=reason, by=by, now=now)
        _copy(invoice, after)
        _record(invoice, version, reason, by, now)
        transaction.on_commit(lambda: issuing.render_soon(version.pk))
    return version


def _changed(document: InvoiceDocument, values: dict[str, Any]) -> InvoiceDocument:
    values = correctable(document) | values
    buyer = document.customer
    address = replace(
        buyer.address,
        lines=tuple(
            line for line in (clean_line(values["street"]), clean_line(values["street2"])) if line
        ),
        postcode=clean_line(values["postcode"]),
        city=clean_line(values["city"]),
    )
    buyer = replace(
        buyer, name=clean_line(values["name"]), email=values["email"].strip(), address=address
    )
    own: dict[str, Any] = {name: clean_line(values[name], LIMITS[name]) for name in TEXTS}
    own |= {name: values[name] for name in DATES}
    return replace(
        document, customer=buyer, comment=clean(values["comment"], LIMITS["comment"]), **own
    )


def _check(document: InvoiceDocument) -> None:
    if not document.customer.name:
        raise CannotCorrect(_("The customer needs a name."), field="name")
    if document.due_date is None or document.due_date < document.issue_date:
        raise CannotCorrect(
            _("The due date cannot be before the issue date, %s.") % document.issue_date,
            field="due_date",
        )


def _copy(invoice: Invoice, document: InvoiceDocument) -> None:
    """Bring the columns that lists show in step with the newest document."""
    for name in (*DATES, *TEXTS, "comment"):
        setattr(invoice, name, getattr(document, name))
    invoice.customer_name = document.customer.name
    invoice.search = issuing.search_text(invoice, document)
    invoice.save(update_fields=[*DATES, *TEXTS, "comment", "customer_name", "search", "updated_at"])


def _record(
    invoice: Invoice, version: DocumentVersion, reason: str, by: User, now: datetime
) -> None:
    timeline.add(
        invoice,
        kind=EventKind.ISSUED,
        what="corrected",
        source=Source.STAFF,
        event_id=f"corrected:{version.version}",
        now=now,
        actor=by,
        data={"version": version.version, "reason": reason, "sha256": version.sha256},
    )

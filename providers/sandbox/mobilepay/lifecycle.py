"""What may happen to an invoice, and the events that tell the merchant of it.

Every change of status counts `sequence` up and leaves one AppEvent, whose payload is the item
the callback will carry.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse

from providers.sandbox.mobilepay import problems
from providers.sandbox.models import AppEvent, AppInvoice

Status = AppInvoice.Status
# Payment stays possible for so long after the due date, and so does cancelling.
GRACE = timedelta(days=30)
ZONES = {"DK": ZoneInfo("Europe/Copenhagen"), "FI": ZoneInfo("Europe/Helsinki")}
REL = "user-redirect"
# A page of pending invoices per transaction; SQLite takes some thousand parameters at once.
PAGE = 1000

NEXT: dict[str, set[str]] = {
    Status.PENDING: {Status.CREATED, Status.INVALID},
    Status.CREATED: {
        Status.ACCEPTED,
        Status.PAID,
        Status.REJECTED,
        Status.EXPIRED,
        Status.CANCELED,
    },
    # Accepted again: the payer chose another day.
    Status.ACCEPTED: {
        Status.ACCEPTED,
        Status.PAID,
        Status.REJECTED,
        Status.EXPIRED,
        Status.CANCELED,
    },
}
FINAL = set(Status.values) - set(NEXT)


class NotPossible(Exception):
    """A change of status that the provider does not know."""


def can_move(invoice: AppInvoice, status: str) -> bool:
    """Tell whether this status may follow. A declined link stays open for the next person."""
    if status == Status.REJECTED and invoice.is_link and invoice.status == Status.CREATED:
        return False
    return status in NEXT.get(invoice.status, set())


def locked(pk: int) -> AppInvoice:
    """Lock an invoice for a change; the caller has opened a transaction."""
    return (
        AppInvoice.objects.select_for_update(of=("self",))
        .select_related("merchant", "issuer")
        .get(pk=pk)
    )


def move(
    invoice: AppInvoice,
    status: str,
    now: datetime,
    *,
    payment_date: date | None = None,
    error_code: int | None = None,
    error_text: str = "",
    links: list[dict[str, str]] | None = None,
) -> AppEvent:
    """Change the status of an invoice the caller has locked, and put the event down.

    Raises NotPossible when that status cannot follow.
    """
    if not can_move(invoice, status):
        raise NotPossible(f"Invoice {invoice.invoice_id} is {invoice.status}, not {status}.")
    invoice.status = status
    invoice.sequence += 1
    invoice.updated_at = now
    invoice.validate_at = None
    if payment_date:
        invoice.payment_date = payment_date
    invoice.save()
    event = event_of(invoice, now, error_code=error_code, error_text=error_text, links=links or [])
    event.save()
    return event


def event_of(
    invoice: AppInvoice,
    now: datetime,
    *,
    error_code: int | None = None,
    error_text: str = "",
    links: Iterable[dict[str, str]] = (),
) -> AppEvent:
    """Build, unsaved, the event for the status an invoice has now."""
    item: dict[str, Any] = {
        "InvoiceId": str(invoice.invoice_id),
        "Status": str(invoice.status).capitalize(),
        "Date": stamp(now, invoice.sequence),
        "Sequence": invoice.sequence,
    }
    if invoice.status == Status.ACCEPTED and invoice.payment_date:
        item["PaymentDate"] = invoice.payment_date.isoformat()
    if error_code is not None:
        item |= {"ErrorCode": error_code, "ErrorMessage": error_text}
    if links := list(links):
        item["Links"] = links
    return AppEvent(
        invoice=invoice,
        sequence=invoice.sequence,
        status=invoice.status,
        at=now,
        payload=item,
    )


def stamp(moment: datetime, tenth: int = 0) -> str:
    """Write a moment as the provider does: seven fractional digits and the offset."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text}{tenth % 10}+00:00"


def today(country: str, now: datetime) -> date:
    """Give the civil day in the merchant's country."""
    return now.astimezone(ZONES[country]).date()


def last_day(invoice: AppInvoice) -> date:
    """Give the last day on which the payer may pay."""
    return invoice.due_date + GRACE


def settle_pending(now: datetime) -> int:
    """Validate every pending invoice whose time has come; returns how many there were."""
    settled = 0
    while page := _settle_page(now):
        settled += page
    return settled


def _settle_page(now: datetime) -> int:
    with transaction.atomic():
        due = list(
            AppInvoice.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("merchant")
            .filter(status=Status.PENDING, validate_at__lte=now)
            .order_by("pk")[:PAGE]
        )
        _put(due, Status.INVALID, now)
        _put(due, Status.CREATED, now)
        AppEvent.objects.bulk_create([_verdict(invoice, now) for invoice in due])
    return len(due)


def _put(due: list[AppInvoice], status: str, now: datetime) -> None:
    chosen = [one for one in due if (one.late_error is None) == (status == Status.CREATED)]
    AppInvoice.objects.filter(pk__in=[one.pk for one in chosen]).update(
        status=status, sequence=F("sequence") + 1, updated_at=now, validate_at=None
    )
    for one in chosen:
        one.status = status
        one.sequence += 1


def _verdict(invoice: AppInvoice, now: datetime) -> AppEvent:
    code = invoice.late_error
    if code is not None:
        return event_of(invoice, now, error_code=code, error_text=problems.text(code))
    # Only a batch's links travel by callback; a single call has answered with its own.
    from_batch = invoice.is_link and invoice.from_batch
    return event_of(invoice, now, links=links_of(invoice) if from_batch else ())


def links_of(invoice: AppInvoice, request: HttpRequest | None = None) -> list[dict[str, str]]:
    """List an invoice's links. Clients choose by `Rel`; the payer's is not the first."""
    own = f"merchants/{invoice.merchant.merchant_id}/invoices/{invoice.invoice_id}"
    return [
        {"Rel": "self", "Href": _absolute(f"invoice-restapi/api/v1/{own}", request)},
        {"Rel": REL, "Href": address(invoice, request)},
    ]


def address(invoice: AppInvoice, request: HttpRequest | None = None) -> str:
    """Give the address that any user may pay a link at; without a request, the site's own."""
    return _absolute(f"pay/{invoice.token}/", request)


def _absolute(path: str, request: HttpRequest | None) -> str:
    path = f"{reverse('sandbox:index')}mobilepay/{path}"
    return request.build_absolute_uri(path) if request else f"{settings.PUBLIC_URL}{path}"

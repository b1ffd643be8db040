"""Email and paper: the two roads that need no payment provider."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices import alerts, documents, lifecycle, operations, timeline
from invoices.enums import EventKind, OperationKind, OperationState
from invoices.models import DocumentVersion, Invoice, Operation
from invoices.rendering import email, pdf
from providers.contract import Problem, Source

if TYPE_CHECKING:
    from invoices.roads import Road
    from invoicing_site.merchants.models import User


class Undeliverable(Exception):
    """The address was refused for good."""


class TryLater(Exception):
    """The mail server, or the renderer, could not do it now."""


def email_road(invoice: Invoice) -> Road:
    """Describe email of the link with the PDF attached."""
    from invoices import roads  # noqa: PLC0415 -- roads lists us

    address = _address(invoice, _versions(invoice))
    return roads.Road(
        key=roads.EMAIL,
        label=gettext_lazy("Email"),
        how=_("%(to)s gets the link and the PDF.") % {"to": address or _("The customer")},
        icon="envelope",
        speed=gettext_lazy("minutes"),
        problems=tuple(roads.status_problems(invoice) + _address_problems(address)),
    )


def print_road(invoice: Invoice) -> Road:
    """Describe printing the PDF with its QR code."""
    from invoices import roads  # noqa: PLC0415 -- as above

    return roads.Road(
        key=roads.PRINT,
        label=gettext_lazy("Print"),
        how=gettext_lazy("The PDF carries a QR code that leads to the payment page."),
        icon="printer",
        speed=gettext_lazy("days"),
        problems=tuple(roads.status_problems(invoice)),
    )


def _versions(invoice: Invoice) -> list[DocumentVersion]:
    return [] if invoice.is_draft else list(invoice.versions.order_by("version"))


def _address(invoice: Invoice, versions: Sequence[DocumentVersion]) -> str:
    """Return the address in the register, unless another was put on the document since."""
    on_file = invoice.customer.email if invoice.customer else ""
    if len(versions) < 2:
        return on_file
    issued, corrected = (documents.of(each).customer.email for each in (versions[0], versions[-1]))
    return corrected if corrected and corrected != issued else on_file


def _address_problems(address: str) -> list[Problem]:
    try:
        validate_email(address)
    except ValidationError:
        return [
            Problem(
                field="email",
                rule=_("“%(email)s” is not an email address.") % {"email": address}
                if address
                else _("No email address is on file."),
                remedy=_("Add it on the customer's page."),
                code="email",
            )
        ]
    return []


def queue(
    invoice: Invoice, road_key: str, *, by: User, now: datetime, at: datetime | None = None
) -> None:
    """Queue an email, or note that the PDF was taken out for printing. The invoice is locked."""
    if road_key == "print":
        _note(invoice, "printed", Source.STAFF, f"printed:{now.isoformat()}", now, {}, by)
        return
    versions = _versions(invoice)
    to, version = _address(invoice, versions), versions[-1]
    due_at = at if at and at > now else None
    operation = operations.queue(
        OperationKind.EMAIL,
        invoice,
        by=by,
        now=now,
        due_at=due_at,
        options={"to": to, "version": version.pk},
    )
    what = "scheduled" if due_at else "email_queued"
    data = {"to": to, "road": "Email", "send_at": due_at.isoformat() if due_at else ""}
    _note(invoice, what, Source.STAFF, f"op:{operation.pk}:queued", now, data, by)


def deliver(operation: Operation) -> None:
    """Send one email. Raises Undeliverable or TryLater.

    The message id is the operation's key, so that a repeat after a lost answer is recognisable
    as the same message.
    """
    invoice = operation.invoice
    version = invoice.versions.get(pk=operation.options["version"])
    to = str(operation.options["to"])
    try:
        content = bytes(pdf.content(version).content)
        message = email.message(
            invoice, version, pdf=content, to=to, message_id=_message_id(operation)
        )
        message.send()
    except pdf.RenderFailed as error:
        raise TryLater(_("The PDF could not be made yet.")) from error
    except smtplib.SMTPRecipientsRefused as error:
        raise Undeliverable(_("The mail server refuses “%(to)s”.") % {"to": to}) from error
    except (smtplib.SMTPException, OSError) as error:
        raise TryLater(_("The mail server did not take the message.")) from error


def _message_id(operation: Operation) -> str:
    return f"<{operation.key}@invoicing>"


def record(operation: Operation, what: str, problem: Mapping[str, Any], *, now: datetime) -> None:
    """Write down what became of an email. The invoice is locked."""
    invoice, to = operation.invoice, str(operation.options["to"])
    if what != "emailed" and operation.state != OperationState.FAILED:
        return
    what = "emailed" if what == "emailed" else "email_failed"
    data = {"to": to, "detail": str(problem.get("meaning", ""))}
    event_id = f"op:{operation.pk}:{operation.fence}"
    _note(invoice, what, Source.SYSTEM, event_id, now, data, None)
    if what == "email_failed":
        alerts.raise_alert(invoice, what, now=now, data=data)
    else:
        alerts.settle(invoice, "email_failed", now=now)


def _note(
    invoice: Invoice,
    what: str,
    source: Source,
    event_id: str,
    now: datetime,
    data: dict[str, str],
    by: User | None,
) -> None:
    kind = EventKind.PRINTED if what == "printed" else EventKind.EMAILED
    timeline.add(
        invoice,
        kind=kind,
        what=what,
        source=source,
        actor=by,
        event_id=event_id,
        now=now,
        data=data,
    )


def printed(*, invoice_id: int, by: User, now: datetime) -> None:
    """Note that staff took the PDF out for printing."""
    with transaction.atomic(durable=True):
        queue(lifecycle.locked(invoice_id), "print", by=by, now=now)

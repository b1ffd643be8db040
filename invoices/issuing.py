"""Issuing: a draft gets its number and is frozen, in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection, transaction

from invoices import checks, documents, kid, lifecycle, timeline
from invoices.enums import EventKind, InvoiceStatus
from invoices.models import DocumentVersion, Invoice, InvoiceLine, NumberSeries
from invoicing_site.merchants.models import Issuer, User
from providers.contract import InvoiceDocument, Problem, Source


class CannotIssue(Exception):
    """The draft may not be issued. `problems` say which field, which rule and what to do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(f"{problem.rule} {problem.remedy}" for problem in problems))
        self.problems = list(problems)


def issue(*, invoice_id: int, by: User, today: date, now: datetime) -> Invoice:
    """Give a draft the next number of its issuer's series and freeze its first document.

    A total of zero is paid at once. The PDF is rendered after the commit; that nobody could be
    woken to do it does not undo the issue. Raises CannotIssue, and then nothing was written;
    Invoice.DoesNotExist when there is no such invoice.
    """
    with transaction.atomic(durable=True):
        invoice = _locked(invoice_id)
        lines = list(invoice.lines.all())
        found = checks.problems(invoice, lines, today=today)
        if blocking := [problem for problem in found if problem.blocking]:
            raise CannotIssue(blocking)
        _number(invoice)
        invoice.issue_date = invoice.issue_date or today
        document = documents.freeze(
            invoice, number=invoice.number, issue_date=invoice.issue_date, today=today, lines=lines
        )
        version = keep(invoice, document, reason="issued", by=by, now=now)
        _open(invoice, document, by, now)
        _record(invoice, version, by, now)
        transaction.on_commit(lambda: render_soon(version.pk), robust=True)
    return invoice


def problems(
    invoice: Invoice, *, today: date, lines: Sequence[InvoiceLine] | None = None
) -> list[Problem]:
    """Return what `issue` would refuse, and remarks (`blocking` False), before it is tried."""
    rows = list(invoice.lines.all()) if lines is None else lines
    return checks.problems(invoice, rows, today=today)


def search_text(invoice: Invoice, document: InvoiceDocument) -> str:
    """Return what an issued invoice is found by, casefolded, a blank between."""
    parts = (
        invoice.number,
        document.customer.name,
        document.kid,
        document.customer.phone,
        document.customer.email,
        document.payment_reference,
        document.merchant_order_number,
        document.buyer_order_number,
        document.buyer_reference,
        document.subject,
    )
    return " ".join(part for part in parts if part).casefold()


def _locked(invoice_id: int) -> Invoice:
    return (
        Invoice.objects.select_for_update(of=("self",))
        .select_related("issuer", "merchant", "customer")
        .get(pk=invoice_id)
    )


def _number(invoice: Invoice) -> None:
    """Take the next number, and make the KID if the issuer's bank agreement asks for one."""
    prefix, value = _next(invoice.issuer)
    invoice.number = f"{prefix}{value}"
    invoice.kid = kid.compact(invoice.kid)
    algorithm = invoice.issuer.kid_algorithm
    if algorithm and not invoice.kid:
        invoice.kid = kid.make(algorithm=algorithm, issuer_id=invoice.issuer_id, value=value)


def _next(issuer: Issuer) -> tuple[str, int]:
    """Return prefix and value. The row lock lasts to the commit: a rollback leaves no gap.

    The series is made with its first invoice; of two that try at once, one waits and then finds
    the other's row.
    """
    taken = _take(issuer)
    if taken is None:
        NumberSeries.objects.get_or_create(
            issuer=issuer,
            kind="invoice",
            defaults={"prefix": issuer.number_prefix, "next_value": issuer.first_number},
        )
        taken = _take(issuer)
    if taken is None:
        raise RuntimeError(f"The number series of issuer {issuer.pk} went away while issuing.")
    return taken


def _take(issuer: Issuer) -> tuple[str, int] | None:
    """Lock, count up and read in one statement, which the ORM has no words for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE invoices_numberseries SET next_value = next_value + 1 "
            "WHERE issuer_id = %s AND kind = %s RETURNING prefix, next_value - 1",
            [issuer.pk, "invoice"],
        )
        # Fetch all: SQLite finishes the statement only then.
        rows = cursor.fetchall()
    return (rows[0][0], rows[0][1]) if rows else None


def keep(
    invoice: Invoice, document: InvoiceDocument, *, reason: str, by: User, now: datetime
) -> DocumentVersion:
    """Freeze a document as a version of an invoice."""
    body = documents.to_json(document)
    return DocumentVersion.objects.create(
        invoice=invoice,
        version=document.version,
        body=body,
        sha256=documents.sha256(body),
        reason=reason,
        made_by=by,
        made_at=now,
    )


def _open(invoice: Invoice, document: InvoiceDocument, by: User, now: datetime) -> None:
    nothing = lifecycle.Sums()
    invoice.total = document.totals.payable
    invoice.total_vat = document.totals.vat
    invoice.status = lifecycle.status_of(InvoiceStatus.OPEN, invoice.total, nothing)
    invoice.residual = lifecycle.residual_of(InvoiceStatus(invoice.status), invoice.total, nothing)
    invoice.paid_at = now if invoice.status == InvoiceStatus.PAID else None
    invoice.due_date = document.due_date
    invoice.customer_name = document.customer.name
    invoice.search = search_text(invoice, document)
    invoice.issued_at, invoice.issued_by = now, by
    # An editor still open in another tab holds the old revision, and is told.
    invoice.revision += 1
    invoice.save()


def _record(invoice: Invoice, version: DocumentVersion, by: User, now: datetime) -> None:
    timeline.add(
        invoice,
        kind=EventKind.ISSUED,
        what="issued",
        source=Source.STAFF,
        event_id=f"issued:{version.version}",
        now=now,
        actor=by,
        data={
            "number": invoice.number,
            "version": version.version,
            "sha256": version.sha256,
            "amount": f"{invoice.total:f}",
            "currency": invoice.currency,
        },
    )
    if invoice.status == InvoiceStatus.PAID:
        timeline.add(
            invoice,
            kind=EventKind.STATUS,
            what="status_paid",
            source=Source.SYSTEM,
            event_id="nothing_to_pay",
            now=now,
        )


def render_soon(version_id: int) -> None:
    """Wake the renderer for a new version. Beat sweeps up documents whose wake-up was lost."""
    from invoices import tasks  # noqa: PLC0415 - tasks import the operations, this one too

    tasks.wake(tasks.render_document, version_id=version_id)

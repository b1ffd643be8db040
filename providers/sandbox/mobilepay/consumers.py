"""What a customer can do with an invoice: pay, schedule, decline, answer a question."""

import uuid
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from providers.sandbox import clock, outbox
from providers.sandbox.mobilepay import lifecycle, problems
from providers.sandbox.mobilepay.lifecycle import NotPossible
from providers.sandbox.models import AppInvoice, DirectConsent

Status = AppInvoice.Status
# A number that ends so belongs to somebody whose card never works.
FAILING_CARD = "9999"
OPEN = {Status.CREATED, Status.ACCEPTED}
UNSEEN = (Status.PENDING, Status.INVALID)
BANK = "MPI"
CARD_FAILED = "Your card was refused. Nothing was charged."


class CardFailed(NotPossible):
    """The app's own error: the merchant hears nothing of it."""


def pay(pk: int, *, phone: str = "") -> AppInvoice:
    """Pay at once: accepted first, then paid. Raises CardFailed or NotPossible."""
    now = clock.now()
    with transaction.atomic():
        invoice = _opened(pk, phone)
        _try_card(invoice)
        today = lifecycle.today(invoice.merchant.country, now)
        if invoice.status == Status.CREATED:
            lifecycle.move(invoice, Status.ACCEPTED, now, payment_date=today)
        invoice.transaction_id = transaction_id(invoice)
        lifecycle.move(invoice, Status.PAID, now, payment_date=today)
        outbox.nudge()
    return invoice


def accept(pk: int, payment_date: date | None = None, *, phone: str = "") -> AppInvoice:
    """Schedule the payment, on the due date unless said otherwise; may be moved later.

    Raises NotPossible for a day that has passed or comes more than 30 days after the due date.
    """
    now = clock.now()
    with transaction.atomic():
        invoice = _opened(pk, phone)
        today = lifecycle.today(invoice.merchant.country, now)
        day = payment_date or max(invoice.due_date, today)
        if not today <= day <= lifecycle.last_day(invoice):
            raise NotPossible(
                f"The payment date {day} is not between {today} and {lifecycle.last_day(invoice)}."
            )
        lifecycle.move(invoice, Status.ACCEPTED, now, payment_date=day)
        outbox.nudge()
    return invoice


def reject(pk: int) -> AppInvoice:
    """Decline. A link that nobody has accepted stays open: somebody else may pay it."""
    now = clock.now()
    with transaction.atomic():
        invoice = _opened(pk, "")
        if lifecycle.can_move(invoice, Status.REJECTED):
            lifecycle.move(invoice, Status.REJECTED, now)
            outbox.nudge()
    return invoice


def card_error(pk: int) -> AppInvoice:
    """Try to pay with a card that is refused: the app says so, nothing changes."""
    with transaction.atomic():
        return _opened(pk, "")


def open_on(invoice: AppInvoice, phone: str) -> None:
    """Say on which phone a link is open."""
    AppInvoice.objects.filter(pk=invoice.pk, is_link=True, status__in=OPEN).update(alias=phone)


def answer(consent: DirectConsent, *, granted: bool) -> DirectConsent:
    """Answer whether the issuer may bill this number directly. The first answer stands."""
    with transaction.atomic():
        row = DirectConsent.objects.select_for_update().get(pk=consent.pk)
        if row.state != DirectConsent.State.PENDING:
            raise NotPossible(f"Consent {row.consent_id} has been answered: {row.state}.")
        row.state = DirectConsent.State.GRANTED if granted else DirectConsent.State.DENIED
        if granted:
            row.phone, row.granted_on = row.invoice.alias, clock.now()
        row.save()
    return row


def question_for(invoice: AppInvoice) -> DirectConsent | None:
    """Find what the app must ask on this invoice; nothing where the issuer has the consent."""
    asked = DirectConsent.objects.filter(invoice=invoice, state=DirectConsent.State.PENDING).first()
    if asked is None or not invoice.alias:
        return None
    has_it = DirectConsent.objects.filter(
        invoice__issuer=invoice.issuer_id, phone=invoice.alias, state=DirectConsent.State.GRANTED
    )
    return None if has_it.exists() else asked


def invoices_on(phone: str) -> QuerySet[AppInvoice]:
    """List what a phone shows, newest first: direct invoices, and links it has accepted."""
    mine = AppInvoice.objects.filter(alias=phone).exclude(status__in=UNSEEN)
    return (
        mine.exclude(is_link=True, status=Status.CREATED)
        .select_related("merchant", "issuer")
        .order_by("-id")
    )


def find(invoice_id: str) -> AppInvoice:
    """Find an invoice by the provider's id. Raises AppInvoice.DoesNotExist."""
    known = AppInvoice.objects.select_related("merchant", "issuer")
    wanted = guid(invoice_id)
    if wanted is None:
        raise AppInvoice.DoesNotExist(f"{invoice_id!r} is not the id of an invoice.")
    return known.get(invoice_id=wanted)


def transaction_id(invoice: AppInvoice) -> str:
    """Make up the key under which an invoice's payment shows on the bank statement."""
    return f"{BANK}{invoice.pk:012d}"


def member(content: Any, name: str) -> Any:
    """Read a member of a JSON object without regard to case; None where it is missing."""
    if not isinstance(content, dict):
        return None
    wanted = name.casefold()
    return next((value for key, value in content.items() if key.casefold() == wanted), None)


def guid(text: str) -> uuid.UUID | None:
    """Read an id; None where the text is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def number_of(request: HttpRequest) -> str:
    """Tell the number of a simulated user, who is named by a guid; always the same one.

    Raises a Refusal where the call names nobody.
    """
    user = guid(request.headers.get("AuthenticatedUser", ""))
    if user is None:
        raise problems.invalid("AuthenticatedUser", "Must be a guid")
    return f"+45{20_000_000 + user.int % 70_000_000}"


def redirect_url(invoice: AppInvoice) -> str:
    """Tell where the app goes after a link was accepted or paid; '' for nowhere."""
    address = invoice.body.get("RedirectUrl")
    if not invoice.is_link or not address or invoice.status not in {Status.ACCEPTED, Status.PAID}:
        return ""
    return f"{address}{'&' if '?' in address else '?'}status={invoice.status}"


def _opened(pk: int, phone: str) -> AppInvoice:
    invoice = lifecycle.locked(pk)
    if invoice.status not in OPEN:
        raise NotPossible(f"Invoice {invoice.invoice_id} is {invoice.status}.")
    if phone and invoice.is_link:
        invoice.alias = phone
    return invoice


def _try_card(invoice: AppInvoice) -> None:
    if invoice.alias.endswith(FAILING_CARD):
        raise CardFailed(CARD_FAILED)

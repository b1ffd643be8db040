"""What staff do with requests and invoices already out: withdraw, collect, refund, cancel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from invoices import alerts, facts, lifecycle, numbers, operations, options, timeline
from invoices.enums import PAYABLE, EventKind, InvoiceStatus, OperationKind, OperationState
from invoices.models import Invoice, Operation, PaymentRequest
from providers import registry
from providers.contract import OPEN_STATES, RequestState, Source, StatusChange

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User

ZERO = Decimal("0.00")


class CannotAct(Exception):
    """What was asked for is not possible now; the message says why and what is."""


def drop(*, operation_id: int, by: User, now: datetime) -> None:
    """Call off what waits to be sent. Raises CannotAct when a worker already has it."""
    with transaction.atomic(durable=True):
        invoice_id = Operation.objects.values_list("invoice_id", flat=True).get(pk=operation_id)
        invoice = lifecycle.locked(invoice_id)
        waiting = Operation.objects.filter(
            pk=operation_id,
            state=OperationState.DUE,
            kind__in=[OperationKind.CREATE, OperationKind.EMAIL],
        )
        if not waiting.update(state=OperationState.DROPPED, finished_at=now):
            raise CannotAct(_("It has already left. Withdraw the request instead."))
        operation = Operation.objects.select_related("request__account").get(pk=operation_id)
        if operation.request is not None:
            facts.call_off(invoice, operation.request, now=now)
            return
        timeline.add(
            invoice,
            kind=EventKind.OPERATION,
            what="dropped",
            source=Source.STAFF,
            actor=by,
            event_id=f"op:{operation_id}:dropped",
            now=now,
            data={"road": str(OperationKind(operation.kind).label)},
        )


def withdraw(*, request_id: int, by: User, reason: str, now: datetime) -> None:
    """Ask the provider to take a request back, or call it off if it has not left.

    Raises CannotAct when it is over already, or a withdrawal is under way.
    """
    with transaction.atomic(durable=True):
        invoice, request = _locked(request_id)
        if RequestState(request.state) not in OPEN_STATES:
            raise CannotAct(
                _("The request is over: %(state)s. There is nothing to withdraw.")
                % {"state": RequestState(request.state).label.lower()}
            )
        if operations.live(request, OperationKind.CANCEL, OperationKind.CAPTURE):
            raise CannotAct(_("The provider is being asked already. Wait for its answer."))
        _asked(invoice, request, "asked_cancel", by=by, now=now, data={"reason": reason})
        facts.close(invoice, request, now=now, reason=reason)


def capture(*, request_id: int, amount: Decimal | None, by: User, now: datetime) -> None:
    """Collect reserved money, all of what is owed unless an amount is given.

    Raises CannotAct when nothing is reserved or the amount is more than that.
    """
    with transaction.atomic(durable=True):
        invoice, request = _locked(request_id)
        reserved = min(
            lifecycle.request_sums(request).reserved, facts.owed_of(invoice, besides=request)
        )
        amount = reserved if amount is None else amount
        if operations.live(request, OperationKind.CAPTURE, OperationKind.CANCEL):
            raise CannotAct(_("The provider is being asked already. Wait for its answer."))
        _check_amount(invoice, amount, reserved, _("reserved and still owed"))
        _ask_for_money(OperationKind.CAPTURE, invoice, request, amount, "", by, now)


def refund(*, request_id: int, amount: Decimal, reason: str, by: User, now: datetime) -> None:
    """Give collected money back. Raises CannotAct when it is more than is left of it."""
    with transaction.atomic(durable=True):
        invoice, request = _locked(request_id)
        if not registry.classes()[request.account.provider].can_refund:
            raise CannotAct(_("This provider refunds in its own portal only."))
        if operations.live(request, OperationKind.REFUND):
            raise CannotAct(_("A refund is under way. Wait for its answer."))
        money = lifecycle.request_sums(request)
        _check_amount(invoice, amount, money.captured - money.refunded, _("left to refund"))
        _ask_for_money(OperationKind.REFUND, invoice, request, amount, reason, by, now)


def ask_consent(*, request_id: int, by: User, now: datetime) -> None:
    """Ask the payer of a request for permission to be billed directly, and for the number.

    Raises CannotAct where the provider cannot ask, the request has not arrived there, or the
    payer was asked before.
    """
    with transaction.atomic(durable=True):
        invoice, request = _locked(request_id)
        if not may_ask_consent(request):
            raise CannotAct(_("The payer of this request cannot be asked now, or was asked."))
        request.share_phone = True
        request.save(update_fields=["share_phone", "updated_at"])
        operations.queue(OperationKind.ASK_CONSENT, invoice, request=request, by=by, now=now)
        _asked(invoice, request, "asked_consent", by=by, now=now, data={})


def declare_absent(*, request_id: int, by: User, now: datetime) -> None:
    """Say that the provider does not have a request whose answer was lost: a person looked.

    Raises CannotAct while it is being sent, or when the provider has told its id meanwhile.
    """
    with transaction.atomic(durable=True):
        invoice, request = _locked(request_id)
        if not is_nameless(request) or operations.live(request, OperationKind.CREATE):
            raise CannotAct(_("The provider has told of it meanwhile. Look at the timeline."))
        request.operations.filter(kind=OperationKind.CANCEL, state=OperationState.DUE).update(
            state=OperationState.DROPPED, finished_at=now
        )
        _asked(
            invoice,
            request,
            "declared_absent",
            by=by,
            now=now,
            data={"provider": _provider(request)},
        )
        change = StatusChange(
            reference=request.reference,
            event_id=f"declared-absent:{now.isoformat()}",
            state=RequestState.CANCELLED,
            provider_word="",
            occurred_at=now,
        )
        facts.apply(invoice, request, [change], source=Source.STAFF, now=now)
        alerts.settle(invoice, "id_unknown", now=now, request=request)


def is_nameless(request: PaymentRequest) -> bool:
    """Say whether a request may be with the provider under an id that nobody told us."""
    known = request.account.provider in registry.classes()
    return known and request.state == RequestState.UNKNOWN and not options.handle(request)


def may_ask_consent(request: PaymentRequest) -> bool:
    """Say whether a request's payer can still be asked for permission to be billed directly."""
    provider = registry.classes().get(request.account.provider)
    channels = {each.slug: each for each in provider.channels} if provider else {}
    channel = channels.get(request.channel)
    return bool(
        provider
        and provider.can_ask_contact_consent
        and channel
        and channel.hands_out_link
        and request.state in {RequestState.CREATED, RequestState.ACCEPTED}
        and not request.share_phone
    )


def _ask_for_money(
    kind: OperationKind,
    invoice: Invoice,
    request: PaymentRequest,
    amount: Decimal,
    reason: str,
    by: User,
    now: datetime,
) -> None:
    data = {"amount": str(amount), "currency": invoice.currency, "reason": reason or "-"}
    operations.queue(kind, invoice, request=request, amount=amount, reason=reason, by=by, now=now)
    _asked(invoice, request, f"asked_{kind}", by=by, now=now, data=data)


def cancel_invoice(*, invoice_id: int, by: User, reason: str, now: datetime) -> None:
    """Cancel an issued invoice that nobody has paid; open requests are withdrawn.

    Raises CannotAct when money has come in, or it is not open.
    """
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        money = lifecycle.invoice_sums(invoice)
        if money.kept > ZERO:
            raise CannotAct(
                _("%(currency)s %(amount)s has been received. Refund it before cancelling.")
                % {
                    "currency": invoice.currency,
                    "amount": _number(money.kept),
                }
            )
        _close_books(invoice, InvoiceStatus.CANCELLED, by=by, reason=reason, now=now)
        facts.close_others(invoice, None, now=now)


def mark_uncollectible(*, invoice_id: int, by: User, reason: str, now: datetime) -> None:
    """Write in the books that nobody expects to be paid. A payment still counts."""
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        _close_books(invoice, InvoiceStatus.UNCOLLECTIBLE, by=by, reason=reason, now=now)


def _close_books(
    invoice: Invoice, status: InvoiceStatus, *, by: User, reason: str, now: datetime
) -> None:
    if invoice.status not in PAYABLE or invoice.status == status:
        raise CannotAct(
            _("The invoice is %(status)s, so this is not possible.")
            % {"status": InvoiceStatus(invoice.status).label.lower()}
        )
    invoice.status = status
    invoice.residual = ZERO if status == InvoiceStatus.CANCELLED else invoice.residual
    invoice.save(update_fields=["status", "residual", "updated_at"])
    timeline.add(
        invoice,
        kind=EventKind.STATUS,
        what=f"status_{status}",
        source=Source.STAFF,
        actor=by,
        event_id=f"status:{status}:{now.isoformat()}",
        now=now,
        data={"reason": reason},
    )
    alerts.settle(invoice, "request_invalid", "needs_person", "email_failed", now=now)


def _locked(request_id: int) -> tuple[Invoice, PaymentRequest]:
    """Lock the request's invoice and return both, so that all facts wait for us."""
    invoice_id = PaymentRequest.objects.values_list("invoice_id", flat=True).get(pk=request_id)
    invoice = lifecycle.locked(invoice_id)
    request = PaymentRequest.objects.select_related("account__merchant").get(pk=request_id)
    request.invoice = invoice
    return invoice, request


def _check_amount(invoice: Invoice, amount: Decimal, limit: Decimal, of: str) -> None:
    if ZERO < amount <= limit:
        return
    values = {
        "currency": invoice.currency,
        "amount": _number(amount),
        "limit": _number(limit),
        "of": of,
    }
    raise CannotAct(
        _("%(currency)s %(amount)s is not possible: %(currency)s %(limit)s is %(of)s.") % values
    )


def _number(amount: Decimal) -> str:
    return numbers.format_amount(amount, get_language() or "en")


def _asked(
    invoice: Invoice,
    request: PaymentRequest,
    what: str,
    *,
    by: User,
    now: datetime,
    data: dict[str, str],
) -> None:
    timeline.add(
        invoice,
        kind=EventKind.OPERATION,
        what=what,
        source=Source.STAFF,
        actor=by,
        event_id=f"{request.pk}:{what}:{now.isoformat()}",
        now=now,
        request=request,
        data=data,
    )


# -------------------------------------------------------------------------- what would happen
def effects(
    action: str,
    invoice: Invoice,
    request: PaymentRequest | None = None,
    amount: Decimal | None = None,
) -> list[str]:
    """List what an action does, in the order it happens, for the confirmation.

    `action` is withdraw, capture, refund, cancel, uncollectible, correct, consent, name or
    absent.
    """
    return EFFECTS[action](invoice, request, amount)


def _provider(request: PaymentRequest | None) -> str:
    if request is None:
        return _("the provider")
    return str(registry.classes()[request.account.provider].label)


def _sum(invoice: Invoice, amount: Decimal | None) -> str:
    shown = invoice.residual if amount is None else amount
    return f"{invoice.currency} {_number(shown)}"


def _withdraw_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    first = _("%(provider)s is asked to withdraw request %(reference)s.") % {
        "provider": _provider(request),
        "reference": request.reference if request else "",
    }
    if request and request.state == RequestState.QUEUED:
        first = _("The request has not left yet: it is called off, and nothing reaches anybody.")
    kind = registry.classes().get(request.account.provider) if request else None
    race = _("If the customer approves at the same moment, the approval wins and you are told.")
    if kind and not kind.can_capture:
        race = _(
            "A payment that is set for a later day is withdrawn too. If the customer pays at "
            "the same moment, the payment wins and you are told."
        )
    return [
        first,
        race,
        _("The invoice stays open; it can be sent again."),
    ]


def _capture_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    return [
        _("%(provider)s is asked to collect %(sum)s of what the customer approved.")
        % {"provider": _provider(request), "sum": _sum(invoice, amount)},
        _("The invoice is paid when the provider confirms it."),
    ]


def _refund_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    return [
        _("%(provider)s is asked to pay %(sum)s back to the customer.")
        % {"provider": _provider(request), "sum": _sum(invoice, amount)},
        _("The money is with the customer in 2 to 10 bank days. This cannot be undone."),
        _("The invoice shows the refund when the provider confirms it."),
    ]


def _cancel_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    standing = invoice.requests.filter(state__in=OPEN_STATES).select_related("account")
    withdrawn = [_withdraw_effects(invoice, each, None)[0] for each in standing]
    return [
        _("Invoice %(number)s is cancelled in the books; its number stays used.")
        % {"number": invoice.number},
        *withdrawn,
        _("The customer's page says that there is nothing to pay."),
        _("Money that arrives all the same raises an alert, with the refund one click away."),
    ]


def _uncollectible_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    return [
        _("%(sum)s is no longer counted as outstanding.") % {"sum": _sum(invoice, None)},
        _("The customer can still pay; a payment counts."),
    ]


def _correct_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    last = invoice.versions.order_by("-version").values_list("version", flat=True).first() or 1
    return [
        _("Version %(next)d is frozen, with the same number and amounts.") % {"next": last + 1},
        _("Version %(last)d stays as it is, at its own address.") % {"last": last},
        _("The customer's page shows the new version. Send it again to tell them."),
    ]


def _consent_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    return [
        _("When the customer pays the link, %(provider)s asks whether you may bill them directly.")
        % {"provider": _provider(request)},
        _("If they agree, their number and the permission are kept on their card."),
        _("If they do not answer, nothing changes; we stop asking after 30 days."),
    ]


def _name_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    return [
        _("%(provider)s is asked what it holds under this id.") % {"provider": _provider(request)},
        _("Only if number and amount are this invoice's, the id is kept."),
    ]


def _absent_effects(
    invoice: Invoice, request: PaymentRequest | None, amount: Decimal | None
) -> list[str]:
    return [
        _("You have looked in the portal of %(provider)s, and invoice %(number)s is not there.")
        % {"provider": _provider(request), "number": invoice.number},
        _("The request is closed here, and the invoice can be sent again."),
        _("If the provider has it after all, the customer has it twice: look well."),
    ]


EFFECTS: dict[str, Callable[[Invoice, PaymentRequest | None, Decimal | None], list[str]]] = {
    "withdraw": _withdraw_effects,
    "capture": _capture_effects,
    "refund": _refund_effects,
    "cancel": _cancel_effects,
    "uncollectible": _uncollectible_effects,
    "correct": _correct_effects,
    "consent": _consent_effects,
    "name": _name_effects,
    "absent": _absent_effects,
}

"""Facts arrive here: from webhooks, polls, answers and staff, all by the same function.

`apply` records what is news, then `settle` derives the states and does what follows from them.
The caller holds the invoice's row lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import dateparse

from customers import consents
from invoices import alerts, lifecycle, operations, options, quotas, timeline
from invoices.enums import PAYABLE, EventKind, InvoiceStatus, OperationKind
from invoices.ledger import Ledger, Page, update
from invoices.models import Invoice, Movement, PaymentRequest
from providers import masking, registry
from providers.contract import (
    OPEN_STATES,
    Money,
    MovementKind,
    Provider,
    RequestState,
    Source,
    StatusChange,
)

# The event id of "they took it", where a provider answers without an event of its own.
HANDED_OVER = "handed-over"
SOON = timedelta(seconds=15)


def apply(
    invoice: Invoice,
    request: PaymentRequest,
    changes: Sequence[StatusChange],
    *,
    source: Source,
    now: datetime,
) -> bool:
    """Record facts about a request of a locked invoice, and let everything follow from them.

    Returns whether anything was news. A repeat adds nothing, in any order and any number.
    """
    request.invoice = invoice
    return apply_many([(request, changes)], source=source, now=now)


def apply_many(
    told: Sequence[tuple[PaymentRequest, Sequence[StatusChange]]],
    *,
    source: Source,
    now: datetime,
) -> bool:
    """Record facts about many requests at once; their invoices are loaded and locked.

    A request stands here once. Reads and writes are the same few statements for any number;
    only what follows for a single invoice (collecting, alerts) takes statements of its own.
    """
    invoices = {request.invoice_id: request.invoice for request, _ in told}
    for request, _ in told:
        request.invoice = invoices[request.invoice_id]  # One object per row, so none is stale.
    ledger = Ledger(invoices.values())
    taken = _taken(told)
    news = False
    for request, changes in told:
        page = ledger.page(request.invoice)
        for change in changes:
            news |= _apply_one(page, request, change, taken, source, now)
    settle(ledger, [request for request, _ in told], now=now)
    return news


def refuse(
    request: PaymentRequest, problem: Mapping[str, Any], *, source: Source, now: datetime
) -> None:
    """Record that the provider refused a request of a locked invoice, with its reasons."""
    refused = StatusChange(
        reference=request.reference,
        event_id="refused-by-provider",
        state=RequestState.INVALID,
        provider_word=str(problem.get("code", "")),
        occurred_at=now,
        problem=problem,
        payload=problem,
    )
    apply(request.invoice, request, [refused], source=source, now=now)


def _taken(told: Sequence[tuple[PaymentRequest, Sequence[StatusChange]]]) -> set[tuple[int, str]]:
    """Return which of the movements told of are known already, by account and reference."""
    wanted = [
        (request.account_id, change.money.provider_ref)
        for request, changes in told
        for change in changes
        if change.money
    ]
    if not wanted:
        return set()
    accounts, references = zip(*wanted, strict=True)
    known = Movement.objects.filter(account_id__in=set(accounts), provider_ref__in=references)
    return {(pk, ref) for pk, ref in known.values_list("account_id", "provider_ref") if pk}


def _apply_one(
    page: Page,
    request: PaymentRequest,
    change: StatusChange,
    taken: set[tuple[int, str]],
    source: Source,
    now: datetime,
) -> bool:
    event_id = _event_id(request, change)
    news = _keep_extra(page, request, change, event_id)
    if change.authoritative:
        # The provider's present word is a fact only where the others do not say it already.
        if change.state is not None and page.resolved(request) != change.state:
            again = f"{event_id}@{now.isoformat()}" if event_id in page.event_ids else event_id
            _record(page, request, change, again, taken, source, now)
            news = True
    elif event_id not in page.event_ids:
        _record(page, request, change, event_id, taken, source, now)
        news = True
    _take_profile(page, request, change, now)
    return news


def _event_id(request: PaymentRequest, change: StatusChange) -> str:
    return f"{request.pk}:{change.event_id}"[:180]


def _record(
    page: Page,
    request: PaymentRequest,
    change: StatusChange,
    event_id: str,
    taken: set[tuple[int, str]],
    source: Source,
    now: datetime,
) -> None:
    what, data = _words(request, change)
    if change.state is not None and change.success:
        data["state"] = change.state
        data["stated_at"] = (change.occurred_at or now).isoformat()
        data["authoritative"] = change.authoritative
        if change.sequence is not None:
            data["sequence"] = change.sequence
    page.add(
        kind=EventKind.MONEY if what.startswith("money_") else EventKind.REQUEST,
        what=what,
        source=source,
        event_id=event_id,
        now=now,
        request=request,
        data=data,
        provider_word=change.provider_word,
        payload=change.payload,
        occurred_at=change.occurred_at,
    )
    if change.success and change.money:
        _move(page, request, change, taken, source, now)


def _words(request: PaymentRequest, change: StatusChange) -> tuple[str, dict[str, object]]:
    data: dict[str, object] = {"provider": _label(request)}
    if not change.success or (change.state is None and not change.money):
        return "request_heard", data | {"word": change.provider_word}
    if change.money:
        money = {"amount": str(change.money.amount), "currency": change.money.currency}
        return f"money_{change.money.kind}", data | money
    if change.event_id == HANDED_OVER:
        return "handed_over", data
    if change.problem:
        data["meaning"] = str(change.problem.get("meaning", ""))
        data["detail"] = str(change.problem.get("remedy", ""))
    return f"request_{change.state}", data


def _move(
    page: Page,
    request: PaymentRequest,
    change: StatusChange,
    taken: set[tuple[int, str]],
    source: Source,
    now: datetime,
) -> None:
    money = change.money
    if money is None or money.amount <= Decimal(0):
        return
    if money.currency != request.currency:
        data = {
            "amount": str(money.amount),
            "currency": money.currency,
            "expected": request.currency,
        }
        alerts.raise_alert(request.invoice, "wrong_money", now=now, request=request, data=data)
        return
    if (request.account_id, money.provider_ref) in taken:
        return
    _check_amount(request, money, now)
    taken.add((request.account_id, money.provider_ref))
    page.move(
        Movement(
            invoice=request.invoice,
            request=request,
            account_id=request.account_id,
            provider_ref=money.provider_ref,
            kind=money.kind,
            amount=money.amount,
            currency=money.currency,
            source=source,
            occurred_at=change.occurred_at or now,
            recorded_at=now,
        )
    )


def _check_amount(request: PaymentRequest, money: Money, now: datetime) -> None:
    """Tell a person of a payment in one piece that is not what was asked for. It counts."""
    whole = money.kind == MovementKind.CAPTURED and not _can_capture(request)
    if not whole or money.amount == request.amount:
        return
    data = {
        "amount": str(money.amount),
        "currency": money.currency,
        "expected": str(request.amount),
    }
    alerts.raise_alert(request.invoice, "other_amount", now=now, request=request, data=data)


def _can_capture(request: PaymentRequest) -> bool:
    return _known(request) and registry.classes()[request.account.provider].can_capture


def _keep_extra(page: Page, request: PaymentRequest, change: StatusChange, event_id: str) -> bool:
    """Keep what comes with a fact. What is older than a known one fills gaps, but changes nothing."""
    news = False
    if change.redirect_url and not request.redirect_url:
        request.redirect_url, news = options.sealed(change.redirect_url), True
    if change.problem and change.state == RequestState.INVALID:
        request.problem = timeline.storable(change.problem)
    told = timeline.storable(change.extra)
    stale = event_id in page.event_ids or _is_older(page, request, change)
    merged = told | request.facts if stale else request.facts | told
    if merged == request.facts:
        return news
    request.facts = merged
    if before := merged.get("capture_before"):
        request.capture_before = dateparse.parse_datetime(before)
    return True


def _is_older(page: Page, request: PaymentRequest, change: StatusChange) -> bool:
    if change.authoritative or change.sequence is None:
        return False
    return any((fact.sequence or 0) > change.sequence for fact in page.facts(request))


def _take_profile(page: Page, request: PaymentRequest, change: StatusChange, now: datetime) -> None:
    """Keep a number that the customer agreed to share, once, and only where it was asked for."""
    phone = change.profile.get("phone", "")
    if not phone or not request.share_phone or request.facts.get("shared_phone"):
        return
    invoice, provider = request.invoice, _label(request)
    request.facts = request.facts | {"shared_phone": phone}
    evidence = {"request": request.reference, "invoice": invoice.number, "via": provider}
    evidence |= {name: value for name, value in change.profile.items() if name != "phone"}
    assert invoice.customer is not None  # noqa: S101 -- issued invoices have one
    kept = consents.record_shared_phone(
        invoice.customer, phone=phone, provider_label=provider, evidence=evidence, now=now
    )
    page.add(
        kind=EventKind.PHONE,
        what="phone_shared" if kept else "phone_differs",
        source=Source.CUSTOMER,
        event_id=f"{request.pk}:phone",
        now=now,
        request=request,
        # The timeline can never be erased; the number itself is on the customer's card.
        data={"phone": masking.phone(phone), "provider": provider},
    )


def _says_paid(page: Page, request: PaymentRequest) -> bool:
    """Say whether the provider states a payment whose movement has not come yet."""
    return any(fact.state in lifecycle.PAID_WORDS for fact in page.facts(request))


SETTLED_FIELDS = (
    "state", "state_at", "facts", "capture_before", "ask_at", "redirect_url", "provider_id",
    "expires_at", "problem", "asked_at",
)  # fmt: skip


def settle(ledger: Ledger, requests: Sequence[PaymentRequest], *, now: datetime) -> None:
    """Derive the requests' and their invoices' states from the facts, and do what follows."""
    before = {request.pk: RequestState(request.state) for request in requests}
    providers = {row.account_id: registry.of(row.account) for row in requests if _known(row)}
    for request in requests:
        _settle_request(ledger.page(request.invoice), request, now)
        if provider := providers.get(request.account_id):
            _plan_to_ask(ledger.page(request.invoice), request, provider, now)
    update(requests, SETTLED_FIELDS)
    invoices = {request.invoice_id: request.invoice for request in requests}
    promised = {row.invoice_id for row in requests if _promise(row)}
    changed = [
        invoice
        for invoice in invoices.values()
        if _settle_invoice(ledger.page(invoice), now) or invoice.pk in promised
    ]
    update(changed, ["status", "residual", "paid_at", "promised_on"])
    ledger.write()
    for request in requests:
        _follow(ledger.page(request.invoice), request, before[request.pk], now)


def _settle_request(page: Page, request: PaymentRequest, now: datetime) -> None:
    before = RequestState(request.state)
    request.state = page.resolved(request) or before
    if request.state != before:
        request.state_at = now


def _promise(request: PaymentRequest) -> bool:
    """Keep the day that the customer set for the payment; says whether it changed."""
    approved = request.state == RequestState.ACCEPTED
    said = str(request.facts.get("payment_date") or "") if approved else ""
    day, invoice = _day(said), request.invoice
    if day == invoice.promised_on or not (day or request.pk == invoice.latest_request_id):
        return False
    invoice.promised_on = day
    return True


def _day(said: str) -> date | None:
    try:
        return dateparse.parse_date(said)
    except ValueError:
        return None


def _known(request: PaymentRequest) -> bool:
    return request.account.provider in registry.classes()


def _plan_to_ask(page: Page, request: PaymentRequest, provider: Provider, now: datetime) -> None:
    """Set when to ask next if nothing is heard: soon where only the money has yet to come."""
    request.ask_at = provider.when_to_ask(options.asked(request), now)
    if request.state == RequestState.ACCEPTED and _says_paid(page, request):
        request.ask_at = now + SOON


def _settle_invoice(page: Page, now: datetime) -> bool:
    """Derive an invoice's status and what is left to pay; says whether either changed."""
    invoice, money = page.invoice, page.invoice_sums()
    status = lifecycle.status_of(invoice.status, invoice.total, money)
    residual = lifecycle.residual_of(status, invoice.total, money)
    _alert_excess(invoice, status, money, now)
    if (status, residual) == (invoice.status, invoice.residual):
        return False
    changed, invoice.status, invoice.residual = status != invoice.status, status, residual
    if status == InvoiceStatus.PAID and invoice.paid_at is None:
        invoice.paid_at = now
    if changed:
        page.add(
            kind=EventKind.STATUS,
            what=f"status_{status}",
            source=Source.SYSTEM,
            event_id=f"status:{status}:{now.isoformat()}",
            now=now,
        )
    return True


def next_ask(request: PaymentRequest, now: datetime) -> datetime | None:
    """Say when to ask the provider next, if nothing is heard until then."""
    if not _known(request):
        return None
    return registry.of(request.account).when_to_ask(options.asked(request), now)


def _alert_excess(
    invoice: Invoice, status: InvoiceStatus, money: lifecycle.Sums, now: datetime
) -> None:
    excess = lifecycle.excess_of(status, invoice.total, money)
    if not excess:
        alerts.settle(invoice, "paid_twice", "paid_after_cancel", now=now)
        return
    what = "paid_after_cancel" if status == InvoiceStatus.CANCELLED else "paid_twice"
    if alerts.put_aside(invoice, what, excess):
        return
    data = {"amount": str(excess), "currency": invoice.currency}
    alerts.raise_alert(invoice, what, now=now, data=data)


def _follow(page: Page, request: PaymentRequest, before: RequestState, now: datetime) -> None:
    invoice, after = request.invoice, RequestState(request.state)
    if after == RequestState.ACCEPTED and not _says_paid(page, request):
        collect_or_release(invoice, request, now=now)
    if after == before:
        return
    if after in {RequestState.PAID, RequestState.ACCEPTED, RequestState.CREATED}:
        alerts.settle(invoice, "request_invalid", "needs_person", "operation_failed", now=now)
        alerts.settle(invoice, "id_unknown", now=now, request=request)
    if after == RequestState.PAID:
        alerts.settle(invoice, "capture_due", now=now, request=request)
        if registry.classes()[request.account.provider].has_after_paid:
            operations.queue(OperationKind.AFTER_PAID, invoice, request=request, now=now)
    if after == RequestState.INVALID:
        data = request.problem | {"provider": _label(request)}
        alerts.raise_alert(invoice, "request_invalid", now=now, request=request, data=data)
    settled = invoice.status not in PAYABLE
    if settled:
        close_others(invoice, request, now=now)
    unreserved = after == RequestState.ACCEPTED and not page.request_sums(request).reserved
    if settled and (after in {RequestState.SUBMITTED, RequestState.CREATED} or unreserved):
        # It was on its way when the invoice was settled, and has only now arrived.
        close(invoice, request, now=now, reason="the invoice is settled")


def collect_or_release(invoice: Invoice, request: PaymentRequest, *, now: datetime) -> None:
    """Collect what is reserved where it is owed; let go of what is not.

    This is the shield against paying twice: a reservation for an invoice that is already paid
    or cancelled never becomes money.
    """
    if operations.live(request, OperationKind.CAPTURE, OperationKind.CANCEL):
        return
    reserved = lifecycle.request_sums(request).reserved
    if reserved <= 0:
        return
    owed = owed_of(invoice, besides=request)
    kind = OperationKind.CAPTURE if owed else OperationKind.CANCEL
    if operations.failed(request, kind):
        return  # A person was told; repeating what was refused at every poll helps nobody.
    if not owed:
        operations.queue(kind, invoice, request=request, now=now, reason="already settled")
    elif invoice.issuer.capture_automatically:
        amount = min(reserved, owed)
        operations.queue(kind, invoice, request=request, amount=amount, now=now)


def owed_of(invoice: Invoice, *, besides: PaymentRequest) -> Decimal:
    """Say what may still be collected: what is left, less what other requests are collecting."""
    if invoice.status not in PAYABLE:
        return lifecycle.ZERO
    collecting = operations.collecting(invoice, besides=besides)
    return max(invoice.residual - collecting, lifecycle.ZERO)


def close_others(invoice: Invoice, settled_by: PaymentRequest | None, *, now: datetime) -> None:
    """Withdraw every other open request of an invoice that is settled or cancelled."""
    operations.drop_emails(invoice, now=now)
    others = invoice.requests.filter(state__in=OPEN_STATES)
    if settled_by is not None:
        others = others.exclude(pk=settled_by.pk)
    for other in others.select_related("account"):
        close(invoice, other, now=now, reason="the invoice is settled")


def close(invoice: Invoice, request: PaymentRequest, *, now: datetime, reason: str) -> None:
    """Withdraw one open request: call it off if nothing left yet, else ask the provider."""
    operations.drop_captures(request, now=now)
    if request.state == RequestState.QUEUED and operations.drop(request, now=now):
        call_off(invoice, request, now=now)
    elif not operations.live(request, OperationKind.CANCEL):
        operations.queue(OperationKind.CANCEL, invoice, request=request, now=now, reason=reason)


def call_off(invoice: Invoice, request: PaymentRequest, *, now: datetime) -> None:
    """Record that a queued request never left, and count it against no limit."""
    quotas.release_all(request)
    request.state, request.state_at, request.ask_at = RequestState.CANCELLED, now, None
    request.save(update_fields=["state", "state_at", "ask_at", "updated_at"])
    timeline.add(
        invoice,
        kind=EventKind.REQUEST,
        what="dropped",
        source=Source.SYSTEM,
        event_id=f"{request.pk}:dropped",
        now=now,
        request=request,
        data={"road": _label(request)},
    )


def _label(request: PaymentRequest) -> str:
    provider = registry.classes().get(request.account.provider)
    return str(provider.label) if provider else request.account.name

"""Facts arrive here: from webhooks, polls, answers and staff, all by the same function.

`apply` records what is news, then `settle` derives the states and does what follows from them.
The caller holds the invoice's row lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import dateparse

from customers import consents
from invoices import alerts, lifecycle, operations, timeline
from invoices.enums import EventKind, InvoiceStatus, OperationKind
from invoices.lifecycle import Fact
from invoices.models import Invoice, Movement, PaymentRequest, TimelineEvent
from providers import masking, registry
from providers.contract import (
    OPEN_STATES,
    RequestState,
    Source,
    StatusChange,
)

# The event id of "they took it", where a provider answers without an event of its own.
HANDED_OVER = "handed-over"
LIVE_LINK = timedelta(minutes=12)
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
    ids = [_event_id(request, change) for change in changes]
    known = set(
        TimelineEvent.objects.filter(invoice=invoice, event_id__in=ids).values_list(
            "event_id", flat=True
        )
    )
    news = False
    for change, event_id in zip(changes, ids, strict=True):
        news |= _keep_extra(request, change)
        if change.authoritative:
            news |= _record_present(invoice, request, change, event_id, known, source, now)
        elif event_id not in known:
            known.add(event_id)
            _record(invoice, request, change, event_id, source, now)
            news = True
        _take_profile(invoice, request, change, now)
    settle(invoice, request, now=now)
    return news


def _event_id(request: PaymentRequest, change: StatusChange) -> str:
    return f"{request.pk}:{change.event_id}"[:180]


def _record(
    invoice: Invoice,
    request: PaymentRequest,
    change: StatusChange,
    event_id: str,
    source: Source,
    now: datetime,
) -> None:
    what, data = _words(invoice, request, change)
    if change.state is not None and change.success:
        data["state"] = change.state
        data["stated_at"] = (change.occurred_at or now).isoformat()
        data["authoritative"] = change.authoritative
    timeline.add(
        invoice,
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
        _move(invoice, request, change, source, now)


def _words(
    invoice: Invoice, request: PaymentRequest, change: StatusChange
) -> tuple[str, dict[str, object]]:
    provider = registry.classes().get(request.account.provider)
    data: dict[str, object] = {"provider": str(provider.label) if provider else ""}
    if not change.success or (change.state is None and not change.money):
        return "request_heard", data | {"word": change.provider_word}
    if change.money:
        money = {"amount": str(change.money.amount), "currency": change.money.currency}
        return f"money_{change.money.kind}", data | money
    if change.event_id == HANDED_OVER:
        return "handed_over", data
    return f"request_{change.state}", data


def _record_present(
    invoice: Invoice,
    request: PaymentRequest,
    change: StatusChange,
    event_id: str,
    known: set[str],
    source: Source,
    now: datetime,
) -> bool:
    """Record the provider's present word only where the other facts do not already say it."""
    if change.state is None or _resolved(request) == change.state:
        return False
    if event_id in known:
        event_id = f"{event_id}@{now.isoformat()}"
    _record(invoice, request, change, event_id, source, now)
    return True


def _move(
    invoice: Invoice, request: PaymentRequest, change: StatusChange, source: Source, now: datetime
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
        alerts.raise_alert(invoice, "wrong_money", now=now, request=request, data=data)
        return
    Movement.objects.get_or_create(
        account=request.account,
        provider_ref=money.provider_ref,
        defaults={
            "invoice": invoice,
            "request": request,
            "kind": money.kind,
            "amount": money.amount,
            "currency": money.currency,
            "source": source,
            "occurred_at": change.occurred_at or now,
            "recorded_at": now,
        },
    )


def _keep_extra(request: PaymentRequest, change: StatusChange) -> bool:
    merged = request.facts | dict(change.extra)
    if merged == request.facts:
        return False
    request.facts = merged
    if before := merged.get("capture_before"):
        request.capture_before = dateparse.parse_datetime(before)
    return True


def _take_profile(
    invoice: Invoice, request: PaymentRequest, change: StatusChange, now: datetime
) -> None:
    """Keep a number that the customer agreed to share, once, and only where it was asked for."""
    phone = change.profile.get("phone", "")
    if not phone or not request.share_phone or request.facts.get("shared_phone"):
        return
    provider = str(registry.classes()[request.account.provider].label)
    request.facts = request.facts | {"shared_phone": phone}
    evidence = {"request": request.reference, "invoice": invoice.number, "via": provider}
    assert invoice.customer is not None  # noqa: S101 -- issued invoices have one
    taken = consents.record_shared_phone(
        invoice.customer, phone=phone, provider_label=provider, evidence=evidence, now=now
    )
    timeline.add(
        invoice,
        kind=EventKind.PHONE,
        what="phone_shared" if taken else "phone_differs",
        source=Source.CUSTOMER,
        event_id=f"{request.pk}:phone",
        now=now,
        request=request,
        # The timeline can never be erased; the number itself is on the customer's card.
        data={"phone": masking.phone(phone), "provider": provider},
    )


def _facts(request: PaymentRequest) -> list[Fact]:
    rows = TimelineEvent.objects.filter(request=request).values_list("data", flat=True)
    return [
        Fact(
            RequestState(data["state"]),
            datetime.fromisoformat(data["stated_at"]),
            bool(data["authoritative"]),
        )
        for data in rows
        if "stated_at" in data
    ]


def _resolved(request: PaymentRequest) -> RequestState | None:
    return lifecycle.resolve(_facts(request), lifecycle.request_sums(request), request.amount)


def _says_paid(request: PaymentRequest) -> bool:
    """Say whether the provider states a payment whose movement has not come yet."""
    return any(fact.state in lifecycle.PAID_WORDS for fact in _facts(request))


def settle(invoice: Invoice, request: PaymentRequest, *, now: datetime) -> None:
    """Derive the request's and the invoice's state from the facts, and do what follows."""
    before = RequestState(request.state)
    after = _resolved(request) or before
    request.state = after
    if after != before:
        request.state_at = now
    request.ask_at = next_ask(request, now)
    if after == RequestState.ACCEPTED and _says_paid(request):
        request.ask_at = now + SOON
    request.save(
        update_fields=[
            "state", "state_at", "facts", "capture_before", "ask_at", "redirect_url",
            "provider_id", "expires_at", "problem", "asked_at", "updated_at",
        ]
    )  # fmt: skip
    settle_invoice(invoice, now=now)
    _follow(invoice, request, before, after, now)


def next_ask(request: PaymentRequest, now: datetime) -> datetime | None:
    """Say when to ask the provider next, if no webhook comes.

    A link that is being paid is asked about often, a long-living request every half hour and
    once just after it lapses, a reservation every few hours, a paid one for a month after.
    """
    state, age = RequestState(request.state), now - request.created_at
    if state in {RequestState.CREATED, RequestState.UNKNOWN}:
        soon = now + (timedelta(seconds=15) if age < LIVE_LINK else timedelta(minutes=30))
        lapse = request.expires_at + timedelta(seconds=20) if request.expires_at else None
        return min(soon, lapse) if lapse and lapse > now else soon
    if state == RequestState.ACCEPTED:
        return now + (timedelta(seconds=30) if age < LIVE_LINK else timedelta(hours=3))
    if state in {RequestState.PAID, RequestState.PARTIALLY_REFUNDED} and age < timedelta(days=30):
        return now + timedelta(days=1)
    return None


def settle_invoice(invoice: Invoice, *, now: datetime) -> None:
    """Derive the invoice's status and what is left to pay from the money that moved."""
    money = lifecycle.invoice_sums(invoice)
    status = lifecycle.status_of(invoice.status, invoice.total, money)
    residual = lifecycle.residual_of(status, invoice.total, money)
    _alert_excess(invoice, status, money, now)
    if (status, residual) == (invoice.status, invoice.residual):
        return
    changed, invoice.status, invoice.residual = status != invoice.status, status, residual
    if status == InvoiceStatus.PAID and invoice.paid_at is None:
        invoice.paid_at = now
    invoice.save(update_fields=["status", "residual", "paid_at", "updated_at"])
    if changed:
        timeline.add(
            invoice,
            kind=EventKind.STATUS,
            what=f"status_{status}",
            source=Source.SYSTEM,
            event_id=f"status:{status}:{now.isoformat()}",
            now=now,
        )


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


def _follow(
    invoice: Invoice,
    request: PaymentRequest,
    before: RequestState,
    after: RequestState,
    now: datetime,
) -> None:
    if after == RequestState.ACCEPTED:
        collect_or_release(invoice, request, now=now)
    if after == before:
        return
    if after in {RequestState.PAID, RequestState.ACCEPTED, RequestState.CREATED}:
        alerts.settle(invoice, "request_invalid", "needs_person", "operation_failed", now=now)
    if after == RequestState.PAID:
        alerts.settle(invoice, "capture_due", now=now, request=request)
        operations.queue(OperationKind.AFTER_PAID, invoice, request=request, now=now)
    if after == RequestState.INVALID:
        data = request.problem | {"provider": _label(request)}
        alerts.raise_alert(invoice, "request_invalid", now=now, request=request, data=data)
    settled = invoice.status not in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}
    if settled:
        close_others(invoice, request, now=now)
    if settled and after == RequestState.CREATED:
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
    if _says_paid(request):
        return  # Collected already; only the movement has not come yet.
    if operations.failed(request, kind):
        return  # A person was told; repeating what was refused at every poll helps nobody.
    if not owed:
        operations.queue(kind, invoice, request=request, now=now, reason="already settled")
    elif invoice.issuer.capture_automatically:
        amount = min(reserved, owed)
        operations.queue(kind, invoice, request=request, amount=amount, now=now)


def owed_of(invoice: Invoice, *, besides: PaymentRequest) -> Decimal:
    """Say what may still be collected: what is left, less what other requests are collecting."""
    if invoice.status not in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}:
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
    """Record that a queued request never left."""
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

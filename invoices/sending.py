"""Sending: a decision becomes payment requests and operations, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max, OuterRef, Subquery
from django.utils.translation import gettext as _

from invoices import lifecycle, operations, options, posting, quotas, timeline
from invoices.enums import EventKind, OperationKind
from invoices.ledger import Ledger, insert
from invoices.models import Dispatch, Invoice, Operation, PaymentRequest
from invoices.roads import EMAIL, PRINT, Road, Survey, accounts_of, roads, status_problems
from invoices.texts import plain
from providers.contract import OPEN_STATES, Problem, RequestState, Source

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User

__all__ = [
    "EMAIL",
    "PRINT",
    "CannotSend",
    "Plan",
    "Road",
    "accounts_of",
    "is_withdrawable",
    "request_payment",
    "request_payments",
    "roads",
    "send",
    "status_problems",
]


class CannotSend(Exception):
    """The invoice cannot go by that road; `problems` say which field, which rule, what to do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.rule}" for p in problems))
        self.problems = tuple(problems)


# -------------------------------------------------------------------------------------- sending
def send(
    *, invoice_id: int, road_key: str, by: User, now: datetime, at: datetime | None = None
) -> None:
    """Decide to send an invoice by a road, now or at a chosen time.

    Checks, the request and its operation are one transaction; a worker does the rest. Raises
    CannotSend with every problem when the road is closed or unknown.
    """
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        road = _chosen(invoice, road_key, now=at if at and at > now else now)
        if road.channel is None:
            posting.queue(invoice, road.key, by=by, now=now, at=at)
        elif road.channel.creates_on_press:
            _offer(invoice, road, by=by, now=now)
        else:
            request_payment(invoice, road, by=by, now=now, at=at)


def _chosen(invoice: Invoice, road_key: str, *, now: datetime) -> Road:
    if invoice.is_draft:
        raise CannotSend([_closed(road_key, _("Issue the invoice first."))])
    found = {road.key: road for road in roads(invoice, now=now)}
    road = found.get(road_key)
    if road is None:
        raise CannotSend([unknown_road(road_key)])
    if road.problems:
        raise CannotSend(road.problems)
    return road


def unknown_road(road_key: str) -> Problem:
    """Say that a road is none of those there are."""
    return _closed(road_key, _("Choose one of the roads shown."))


def not_served(invoice: Invoice) -> Problem:
    """Say that an account does not serve an invoice's issuer."""
    return Problem(
        field="issuer",
        rule=_("The account is not used by %s.") % invoice.issuer,
        remedy=_("An owner adds the issuer in the account's settings."),
        code="issuer",
    )


def _closed(road_key: str, remedy: str) -> Problem:
    return Problem(field="road", rule=_("“%s” is not open.") % road_key, remedy=remedy)


def _offer(invoice: Invoice, road: Road, *, by: User, now: datetime) -> None:
    """Open a link road: the payment itself is made when the customer presses pay."""
    invoice.link_channel = road.key
    invoice.save(update_fields=["link_channel", "updated_at"])
    timeline.add(
        invoice,
        kind=EventKind.OPERATION,
        what="link_offered",
        source=Source.STAFF,
        actor=by,
        event_id=f"offer:{road.key}:{now.isoformat()}",
        now=now,
        data={"road": plain(road.label)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One request to be written: a locked invoice, its road, and what it is sent with."""

    invoice: Invoice
    road: Road
    share_phone: bool = False


def request_payment(
    invoice: Invoice,
    road: Road,
    *,
    now: datetime,
    by: User | None = None,
    at: datetime | None = None,
    share_phone: bool = False,
) -> PaymentRequest:
    """Write a payment request and its operation for a locked invoice.

    `at` in the future schedules it; otherwise a worker is woken after commit.
    """
    assert road.account is not None  # noqa: S101 -- provider roads have one
    survey = Survey([invoice], [road.account], now)
    plan = Plan(invoice=invoice, road=road, share_phone=share_phone)
    return request_payments([plan], survey, now=now, by=by, at=at)[0]


def request_payments(
    plans: Sequence[Plan],
    survey: Survey,
    *,
    now: datetime,
    by: User | None = None,
    at: datetime | None = None,
    dispatch: Dispatch | None = None,
) -> list[PaymentRequest]:
    """Write requests and their operations for locked invoices, in a few statements.

    What the providers will be sent is made here, once. Wakes a worker after commit, unless a
    dispatch will do that for all of its requests.
    """
    due_at = at if at and at > now else now
    attempts = _attempts([plan.invoice for plan in plans])
    requests = [_request(p, survey, attempts.get(p.invoice.pk, 0) + 1, by, dispatch) for p in plans]
    insert(requests)
    insert([_operation(p, r, survey, due_at, by) for p, r in zip(plans, requests, strict=True)])
    ledger = Ledger(plan.invoice for plan in plans)
    for plan, request in zip(plans, requests, strict=True):
        plan.invoice.latest_request = request
        ledger.page(plan.invoice).add(
            kind=EventKind.OPERATION,
            what="scheduled" if due_at > now else "pressed" if by is None else "queued",
            source=Source.STAFF if by else Source.CUSTOMER,
            actor=by,
            event_id=f"{request.pk}:queued",
            now=now,
            request=request,
            data={"road": plain(plan.road.label), "send_at": due_at.isoformat()},
        )
    _point_to_latest([plan.invoice.pk for plan in plans], now)
    ledger.write()
    if due_at <= now and dispatch is None:
        transaction.on_commit(operations.wake)
    return requests


def _point_to_latest(invoice_ids: Sequence[int], now: datetime) -> None:
    newest = PaymentRequest.objects.filter(invoice=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    Invoice.objects.filter(pk__in=invoice_ids).update(
        latest_request=Subquery(newest), updated_at=now
    )


def _attempts(invoices: Sequence[Invoice]) -> dict[int, int]:
    """Return the number of the last attempt of each invoice that has one."""
    rows = PaymentRequest.objects.filter(invoice__in=invoices).order_by()
    return dict(rows.values("invoice_id").annotate(n=Max("attempt")).values_list("invoice_id", "n"))


def _request(
    plan: Plan, survey: Survey, attempt: int, by: User | None, dispatch: Dispatch | None
) -> PaymentRequest:
    invoice, account, channel = plan.invoice, plan.road.account, plan.road.channel
    assert account is not None  # noqa: S101 -- provider roads have both
    assert channel is not None  # noqa: S101
    asks_by_phone = channel.needs_contact_consent and invoice.customer
    return PaymentRequest(
        invoice=invoice,
        document=survey.versions[invoice.pk],
        account=account,
        channel=channel.slug,
        attempt=attempt,
        reference=options.new_reference(
            invoice, attempt, str(account.settings.get("installation") or "")
        ),
        amount=invoice.residual,
        currency=invoice.currency,
        phone=invoice.customer.phone if asks_by_phone and invoice.customer else "",
        share_phone=plan.share_phone,
        dispatch=dispatch,
        created_by=by,
    )


def _operation(
    plan: Plan, request: PaymentRequest, survey: Survey, due_at: datetime, by: User | None
) -> Operation:
    account, channel = plan.road.account, plan.road.channel
    assert account is not None  # noqa: S101 -- provider roads have both
    assert channel is not None  # noqa: S101
    operation = operations.new(OperationKind.CREATE, plan.invoice, due_at=due_at, by=by)
    operation.request = request
    checked = survey.asked(plan.invoice, account, channel)
    asked = replace(
        options.of_request(request, key=operation.key, as_of=due_at),
        issuer_id=checked.issuer_id,
        known_name=checked.known_name,
    )
    provider, document = survey.provider(account), survey.documents[plan.invoice.pk]
    assert document is not None  # noqa: S101 -- issued invoices have one
    operation.body = provider.prepare(document, asked)
    operation.options = {"as_of": due_at.isoformat(), "issuer_id": asked.issuer_id}
    if limits := provider.quotas(document, asked):
        operation.options["quotas"] = quotas.stored(limits)
    return operation


def is_withdrawable(request: PaymentRequest) -> bool:
    """Say whether a request is still with the customer or on its way."""
    return RequestState(request.state) in OPEN_STATES

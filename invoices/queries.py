"""What the pages list and count. Every query starts from one merchant."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum

from invoices import numbers
from invoices.enums import InvoiceStatus, OperationState
from invoices.models import Alert, Invoice, Operation, PaymentRequest
from invoicing_site.merchants.models import Merchant
from providers.contract import RequestState

PAGE = 50
RECENT = timedelta(days=30)


def oldest_due() -> datetime | None:
    """Return when the longest-waiting operation fell due, or None when nothing waits."""
    waiting = Operation.objects.filter(state=OperationState.DUE)
    oldest: datetime | None = waiting.aggregate(oldest=Min("due_at"))["oldest"]
    return oldest


def of_merchant(merchant: Merchant) -> QuerySet[Invoice]:
    """Return the merchant's invoices."""
    return Invoice.objects.filter(merchant=merchant)


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What the address bar says about the list. `view` is one of VIEWS."""

    view: str = "all"
    q: str = ""
    status: str = ""
    request: str = ""
    issuer: int | None = None
    customer: int | None = None
    currency: str = ""
    issued_from: date | None = None
    issued_to: date | None = None
    due_from: date | None = None
    due_to: date | None = None
    after: int | None = None
    problems: dict[str, str] = field(default_factory=dict)


def view_q(view: str, today: date) -> Q:
    """Return what a saved view shows. An unknown one shows all."""
    views = {
        "drafts": Q(status=InvoiceStatus.DRAFT),
        "outstanding": Q(status=InvoiceStatus.OPEN),
        "overdue": Q(status=InvoiceStatus.OPEN, due_date__lt=today)
        & (Q(promised_on=None) | Q(promised_on__lt=today)),
        "paid": Q(status=InvoiceStatus.PAID),
        "recent": Q(paid_at__date__gte=today - RECENT),
        "needs": Q(needs_person=True),
        "reserved": Q(requests__state=RequestState.ACCEPTED),
    }
    return views.get(view, Q())


def filtered(merchant: Merchant, chosen: Filter, today: date) -> QuerySet[Invoice]:
    """Return the invoices a filter shows, newest first, without the page's limits."""
    found = of_merchant(merchant).filter(view_q(chosen.view, today))
    exact = {
        "status": chosen.status,
        "issuer_id": chosen.issuer,
        "customer_id": chosen.customer,
        "currency": chosen.currency,
        "issue_date__gte": chosen.issued_from,
        "issue_date__lte": chosen.issued_to,
        "due_date__gte": chosen.due_from,
        "due_date__lte": chosen.due_to,
        "latest_request__state": chosen.request,
    }
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if chosen.q:
        found = found.filter(search_q(chosen.q))
    return found.order_by("-pk")


def search_q(text: str) -> Q:
    """Find by number, name, amount in any notation, phone, KID or provider reference."""
    text = " ".join(text.split())
    wanted = Q(search__contains=text.casefold()) | Q(number__iexact=text)
    amounts = numbers.candidates(text)
    if amounts:
        wanted |= Q(total__in=amounts) | Q(residual__in=amounts, status=InvoiceStatus.OPEN)
    digits = re.sub(r"\D", "", text)
    if len(digits) >= 5 and not re.search(r"[A-Za-z]", text):
        # A phone or KID typed with blanks, a plus or a country prefix.
        wanted |= Q(search__contains=re.sub(r"^00", "", digits))
    if re.fullmatch(r"[A-Za-z0-9-]{6,100}", text):
        known = PaymentRequest.objects.filter(invoice=OuterRef("pk")).filter(
            Q(reference=text) | Q(provider_id=text)
        )
        wanted |= Q(Exists(known))
    return wanted


def page(found: QuerySet[Invoice], after: int | None) -> tuple[list[Invoice], int | None]:
    """Return one page after a key, and the key of the next page or None. One query."""
    if after is not None:
        found = found.filter(pk__lt=after)
    rows = list(
        found.select_related("customer", "issuer", "latest_request__account").defer(
            "typed", "search", "comment"
        )[: PAGE + 1]
    )
    following = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return rows[:PAGE], following


def counts(merchant: Merchant, today: date) -> dict[str, int]:
    """Count each saved view. One query."""
    names = ("drafts", "outstanding", "overdue", "paid", "needs")
    wanted = {name: Count("pk", filter=view_q(name, today)) for name in names}
    found: dict[str, int] = of_merchant(merchant).aggregate(all=Count("pk"), **wanted)
    return found


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of the start page: how many invoices, and how much in one currency."""

    view: str
    currency: str
    count: int
    amount: Decimal


def figures(merchant: Merchant, today: date) -> dict[str, list[Figure]]:
    """Sum what is outstanding, overdue and recently paid, per currency. Three queries."""
    columns = {"outstanding": "residual", "overdue": "residual", "recent": "total"}
    return {view: _figure(merchant, view, column, today) for view, column in columns.items()}


def _figure(merchant: Merchant, view: str, column: str, today: date) -> list[Figure]:
    rows = (
        of_merchant(merchant)
        .filter(view_q(view, today))
        .order_by("currency")
        .values_list("currency")
        .annotate(count=Count("pk"), amount=Sum(column))
    )
    return [Figure(view=view, currency=c, count=n, amount=a) for c, n, a in rows]


@dataclass(frozen=True, kw_only=True)
class Age:
    """Open money of one currency by how late it is."""

    label: str
    count: int
    amount: Decimal
    due_from: date | None
    due_to: date | None
    late: bool


AGES = ((None, -1), (0, 0), (1, 7), (8, 30), (31, 60), (61, None))


def ageing(merchant: Merchant, currency: str, today: date) -> list[Age]:
    """Split what is outstanding in a currency by days past due. One query."""
    wanted = {}
    spans = [_span(late_from, late_to, today) for late_from, late_to in AGES]
    for number, (since, until) in enumerate(spans):
        inside = Q()
        inside &= Q(due_date__gte=since) if since else Q()
        inside &= Q(due_date__lte=until) if until else Q()
        wanted[f"n{number}"] = Count("pk", filter=inside)
        wanted[f"a{number}"] = Sum("residual", filter=inside)  # type: ignore[assignment]
    row = (
        of_merchant(merchant)
        .filter(status=InvoiceStatus.OPEN, currency=currency)
        .aggregate(**wanted)
    )
    return [
        Age(
            label=_age_label(*AGES[number]),
            count=row[f"n{number}"],
            amount=row[f"a{number}"] or Decimal("0.00"),
            due_from=since,
            due_to=until,
            late=AGES[number][0] is not None and AGES[number] != (0, 0),
        )
        for number, (since, until) in enumerate(spans)
    ]


def _span(
    late_from: int | None, late_to: int | None, today: date
) -> tuple[date | None, date | None]:
    since = None if late_to is None else today - timedelta(days=late_to)
    until = None if late_from is None else today - timedelta(days=late_from)
    return since, until


def _age_label(late_from: int | None, late_to: int | None) -> str:
    if late_from is None:
        return "not due"
    if late_to is None:
        return f"{late_from}+"
    return "today" if late_to == 0 else f"{late_from}-{late_to}"


def open_alerts(merchant: Merchant, limit: int = 20) -> list[Alert]:
    """Return what needs a person, newest first. One query."""
    return list(
        Alert.objects.filter(invoice__merchant=merchant, resolved_at=None)
        .select_related("invoice", "request__account")
        .order_by("-raised_at")[:limit]
    )


def lapsing(merchant: Merchant, before: datetime) -> list[PaymentRequest]:
    """Return reservations of the merchant that lapse before an instant. One query."""
    return list(
        PaymentRequest.objects.filter(
            invoice__merchant=merchant, state=RequestState.ACCEPTED, capture_before__lt=before
        )
        .select_related("invoice", "account")
        .order_by("capture_before")[:20]
    )

"""What the days bring: scheduled payments are charged, and what nobody paid runs out."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from django.db import transaction
from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast, Concat, LPad

from providers.sandbox.mobilepay import consumers, lifecycle
from providers.sandbox.models import AppEvent, AppInvoice

Status = AppInvoice.Status
PAGE = 1000
OPEN = (Status.CREATED, Status.ACCEPTED)
# What consumers.transaction_id makes, said to the database.
TRANSACTION = Concat(Value(consumers.BANK), LPad(Cast("pk", CharField()), 12, Value("0")))


def tick(now: datetime) -> int:
    """Validate, charge and expire what is due; returns how many invoices changed."""
    return lifecycle.settle_pending(now) + charge(now) + expire(now)


def charge(now: datetime) -> int:
    """Charge the accepted invoices whose day has come; a card that fails changes nothing."""
    return sum(_all(partial(_payable, country, now), paid, now) for country in lifecycle.ZONES)


def expire(now: datetime) -> int:
    """Let run out what is unpaid once the 30th day after its due date is over, for the merchant."""
    return sum(_all(partial(_overdue, country, now), _expired, now) for country in lifecycle.ZONES)


def _payable(country: str, now: datetime) -> QuerySet[AppInvoice]:
    today = lifecycle.today(country, now)
    due = AppInvoice.objects.filter(
        status=Status.ACCEPTED, merchant__country=country, payment_date__lte=today
    )
    return due.exclude(alias__endswith=consumers.FAILING_CARD)


def _overdue(country: str, now: datetime) -> QuerySet[AppInvoice]:
    ended = lifecycle.today(country, now) - lifecycle.GRACE
    return AppInvoice.objects.filter(status__in=OPEN, merchant__country=country, due_date__lt=ended)


def paid(invoice: AppInvoice) -> None:
    """Make one invoice paid, for `write`."""
    invoice.status = Status.PAID


def _expired(invoice: AppInvoice) -> None:
    invoice.status = Status.EXPIRED


def _all(
    due: Callable[[], QuerySet[AppInvoice]],
    change: Callable[[AppInvoice], None],
    now: datetime,
) -> int:
    changed = 0
    while page := _page(due(), change, now):
        changed += page
    return changed


def _page(due: QuerySet[AppInvoice], change: Callable[[AppInvoice], None], now: datetime) -> int:
    with transaction.atomic():
        rows = list(due.select_for_update(of=("self",), skip_locked=True).order_by("pk")[:PAGE])
        write(rows, change, now)
    return len(rows)


def write(rows: list[AppInvoice], change: Callable[[AppInvoice], None], now: datetime) -> None:
    """Change many locked invoices alike, each with its event, in a few statements."""
    alike: dict[tuple[str, date | None], list[int]] = {}
    for invoice in rows:
        change(invoice)
        invoice.sequence += 1
        invoice.updated_at = now
        alike.setdefault((invoice.status, invoice.payment_date), []).append(invoice.pk)
    for (status, payment_date), pks in alike.items():
        more = {"transaction_id": TRANSACTION} if status == Status.PAID else {}
        AppInvoice.objects.filter(pk__in=pks).update(
            status=status,
            payment_date=payment_date,
            sequence=F("sequence") + 1,
            updated_at=now,
            **more,
        )
    AppEvent.objects.bulk_create([lifecycle.event_of(invoice, now) for invoice in rows])

"""Thousands of customers at once: some pay, some schedule, some decline, the rest do nothing."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction

from providers.sandbox import outbox
from providers.sandbox.mobilepay import consumers, expiry, lifecycle
from providers.sandbox.models import AppInvoice

Status = AppInvoice.Status
PAGE = 1000


@dataclass(frozen=True)
class Shares:
    """How many of a hundred do what, as fractions; what is left over stays as it is."""

    paid: float = 0.0
    rejected: float = 0.0
    accepted: float = 0.0

    def __post_init__(self) -> None:
        parts = (self.paid, self.rejected, self.accepted)
        if min(parts) < 0 or sum(parts) > 1:
            raise ValueError("The shares must be between 0 and 1, and at most 1 together.")

    def choose(self, drawn: float) -> str:
        """Turn a number between 0 and 1 into what one customer does; '' for nothing."""
        for share, status in (
            (self.paid, Status.PAID),
            (self.rejected, Status.REJECTED),
            (self.accepted, Status.ACCEPTED),
        ):
            if drawn < share:
                return str(status)
            drawn -= share
        return ""


def act(merchant_id: str, shares: Shares, *, seed: int, now: datetime) -> dict[str, int]:
    """Let every customer with a new invoice of this merchant act; counts what was done.

    The same seed gives the same invoices, in their order, the same fate.
    """
    dice = random.Random(seed)  # noqa: S311 -- to be repeated, not to be secret
    done = dict.fromkeys((Status.PAID, Status.REJECTED, Status.ACCEPTED), 0)
    after = 0
    while page := _page(merchant_id, after):
        fates = [shares.choose(dice.random()) for _ in page]
        for status in done:
            chosen = [pk for pk, fate in zip(page, fates, strict=True) if fate == status]
            done[status] += _let(chosen, status, now)
        after = page[-1]
    outbox.nudge()
    return {str(status): count for status, count in done.items()}


def _page(merchant_id: str, after: int) -> list[int]:
    waiting = AppInvoice.objects.filter(
        merchant__merchant_id=merchant_id, status=Status.CREATED, pk__gt=after
    )
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:PAGE])


def _let(pks: list[int], status: str, now: datetime) -> int:
    with transaction.atomic():
        locked = AppInvoice.objects.select_for_update(of=("self",)).select_related("merchant")
        rows = [
            invoice
            for invoice in locked.filter(pk__in=pks).order_by("pk")
            if lifecycle.can_move(invoice, status) and _card_works(invoice, status)
        ]
        for step in _steps(status, now):
            expiry.write(rows, step, now)
    return len(rows)


def _card_works(invoice: AppInvoice, status: str) -> bool:
    return status != Status.PAID or not invoice.alias.endswith(consumers.FAILING_CARD)


def _steps(status: str, now: datetime) -> list[Callable[[AppInvoice], None]]:
    if status == Status.PAID:
        return [partial(_accept, now=now, at_once=True), expiry.paid]
    if status == Status.ACCEPTED:
        return [partial(_accept, now=now, at_once=False)]
    return [_reject]


def _accept(invoice: AppInvoice, *, now: datetime, at_once: bool) -> None:
    today = lifecycle.today(invoice.merchant.country, now)
    invoice.status = Status.ACCEPTED
    invoice.payment_date = today if at_once else max(invoice.due_date, today)


def _reject(invoice: AppInvoice) -> None:
    invoice.status = Status.REJECTED

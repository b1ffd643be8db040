"""Callbacks: where a merchant wants them, how they are gathered, signed and tried again."""

import base64
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from providers.sandbox import outbox
from providers.sandbox.mobilepay import expiry
from providers.sandbox.models import AppEvent, PortalMerchant, Subscription

PROVIDER = "mobilepay"
EVENT = "callback"
MOST = 500
PAGE = 1000
# After the first failure, each counted from the failure before; then no more.
RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=19),
    timedelta(minutes=39),
    timedelta(hours=1, minutes=19),
    timedelta(hours=2, minutes=39),
    timedelta(hours=5, minutes=19),
    timedelta(hours=10, minutes=39),
    timedelta(hours=21, minutes=19),
)


@dataclass(frozen=True)
class Manner:
    """How status changes are put into arrays. The plain one is the documented one."""

    size: int = MOST
    seed: int | None = None
    """shuffle with this seed"""
    copies: int = 1
    lost: float = 0.0
    """share of the items that go into no array at all"""

    def arrays(self, items: list[Any]) -> list[list[Any]]:
        """Lose, copy, shuffle and split; with the same seed always alike."""
        dice = random.Random(self.seed)  # noqa: S311 -- to be repeated, not to be secret
        kept = [item for item in items if not (self.lost and dice.random() < self.lost)]
        sent = kept * self.copies
        if self.seed is not None:
            dice.shuffle(sent)
        return [sent[start : start + self.size] for start in range(0, len(sent), self.size)]


PLAIN = Manner()


def collect(now: datetime, manner: Manner = PLAIN) -> int:
    """Gather what waits into arrays, per merchant; returns how many arrays were written."""
    return sum(_collect_for(merchant, now, manner) for merchant in _merchants())


def set_up(merchant: PortalMerchant, now: datetime, *, scheme: str, **credentials: str) -> None:
    """Replace a merchant's address and credentials, whatever the scheme was before.

    What still waits for the old address goes to the new one.
    """
    merchant.callback_scheme = scheme
    merchant.callback_username = credentials.get("username", "")
    merchant.callback_secret = credentials["secret"]
    merchant.callback_url = credentials["url"]
    merchant.save(
        update_fields=[
            "callback_scheme",
            "callback_username",
            "callback_secret",
            "callback_url",
        ]
    )
    # Only the merchant's id: the credentials are read when a call is signed.
    Subscription.objects.update_or_create(
        provider=PROVIDER,
        account=str(merchant.merchant_id),
        deleted_at=None,
        defaults={"url": credentials["url"], "failing_since": None},
        create_defaults={
            "url": credentials["url"],
            "secret": str(merchant.merchant_id),
            "events": ["*"],
            "created_at": now,
        },
    )


def authorization(merchant: PortalMerchant) -> str:
    """Write the Authorization header: Basic, or the key itself without any scheme word."""
    if merchant.callback_scheme == PortalMerchant.Scheme.BASIC:
        pair = f"{merchant.callback_username}:{merchant.callback_secret}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return merchant.callback_secret


def sign(_url: str, secret: str, _raw: bytes, _at: datetime) -> dict[str, str]:
    """Make the headers of one call. The body is not signed; a forger knows no credentials."""
    forged = secret == outbox.FORGERS_SECRET
    known = secret if forged else authorization(PortalMerchant.objects.get(merchant_id=secret))
    return {"Content-Type": "application/json", "Authorization": known}


def delay(attempts: int, _age: timedelta) -> timedelta | None:
    """Tell how long to wait after so many attempts; None when the eight retries are used up."""
    return RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def forge(body: str) -> str:
    """Write what a forger would send: everything has been paid."""
    items: list[dict[str, Any]] = json.loads(body)
    return _json([{**item, "Status": "Paid"} for item in items])


def register_protocol() -> None:
    """Tell the outbox how this provider's callbacks are gathered, signed and retried."""

    def gather(now: datetime) -> int:
        expiry.tick(now)
        return collect(now)

    outbox.PROTOCOLS[PROVIDER] = outbox.Protocol(
        sign=sign, delay=delay, forge=forge, collect=gather, forgets_dead_addresses=False
    )


def _merchants() -> QuerySet[PortalMerchant]:
    waiting = AppEvent.objects.filter(queued_at=None).order_by()
    return PortalMerchant.objects.filter(pk__in=waiting.values("invoice__merchant_id"))


def _collect_for(merchant: PortalMerchant, now: datetime, manner: Manner) -> int:
    with transaction.atomic():
        waiting = AppEvent.objects.filter(queued_at=None, invoice__merchant=merchant).order_by("pk")
        # Whoever gathers at the same time takes what we have not locked.
        mine = waiting.select_for_update(of=("self",), skip_locked=True)
        rows = list(mine.only("payload"))
        _take([row.pk for row in rows], now)
        arrays = manner.arrays([row.payload for row in rows])
        for array in arrays:
            _enqueue(str(merchant.merchant_id), array)
    return len(arrays)


def _take(pks: list[int], now: datetime) -> None:
    for start in range(0, len(pks), PAGE):
        AppEvent.objects.filter(pk__in=pks[start : start + PAGE]).update(queued_at=now)


def _enqueue(account: str, items: Iterable[Any]) -> None:
    outbox.enqueue(
        provider=PROVIDER,
        account=account,
        event=EVENT,
        fault_name=EVENT,
        stream=account,
        body=_json(list(items)),
        out_of_line=True,
    )


def _json(items: list[Any]) -> str:
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"))

"""Daily limits: counted before a provider is asked, and what exceeds them waits for tomorrow.

A request counts once, on the day it is first tried; its operation remembers which day that was.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from invoices.models import Operation, PaymentRequest
from invoices.texts import plain
from providers.contract import Quota
from providers.models import QuotaUse

if TYPE_CHECKING:
    pass

# What waits for tomorrow is spread over its first hours: not all of it in its first second.
SPREAD = timedelta(hours=2)
Key = tuple[int, date, str]


def stored(quotas: Sequence[Quota]) -> list[dict[str, Any]]:
    """Return limits as an operation keeps them."""
    return [
        {
            "scope": q.scope,
            "label": plain(q.label),
            "limit": q.limit,
            "zone": q.zone,
            "code": q.code,
        }
        for q in quotas
    ]


@dataclass(frozen=True, slots=True)
class Held:
    """That a request waits, how long, and for which limit in words."""

    wait: timedelta
    problem: Mapping[str, Any]


def over(operations: Sequence[Operation], *, now: datetime) -> dict[int, Held]:
    """Count requests that are about to be sent, and return those that must wait, by id."""
    counting = [each for each in operations if _uncounted(each)]
    if not counting:
        return {}
    held: dict[int, Held] = {}
    with transaction.atomic(durable=True):
        used = _used(counting, now)
        fresh: Counter[Key] = Counter()
        for each in counting:
            full = next((q for q in each.options["quotas"]
                         if used[_key(each, q, now)] >= q["limit"]), None)  # fmt: skip
            if full is not None:
                held[each.pk] = _wait(full, now)
                continue
            for quota in each.options["quotas"]:
                used[_key(each, quota, now)] += 1
                fresh[_key(each, quota, now)] += 1
            each.counted_on = _today(each.options["quotas"][0], now)
        _store(fresh)
        going = [each for each in counting if each.pk not in held]
        _remember(going)
    return held


def release_all(request: PaymentRequest) -> None:
    """Take a request that is called off from the counters."""
    for operation in request.operations.filter(counted_on__isnull=False):
        operation.request = request
        release(operation)
    request.operations.update(counted_on=None)


def release(operation: Operation) -> None:
    """Take a refused request off the counters: it does not exist at the provider."""
    day = operation.counted_on
    if day is None or operation.request is None:
        return
    for quota in operation.options.get("quotas", ()):
        QuotaUse.objects.filter(
            account=operation.request.account_id, day=day, scope=quota["scope"], used__gt=0
        ).update(used=F("used") - 1)


def full_today(
    account_id: int, counted: Sequence[tuple[int, Sequence[Quota]]], *, now: datetime
) -> dict[int, Quota]:
    """Say which of these would have to wait for tomorrow, and for which limit, in their order.

    `counted` are (key, limits) pairs; nothing is counted by asking.
    """
    scopes = {quota.scope for _, quotas in counted for quota in quotas}
    rows = QuotaUse.objects.filter(account_id=account_id, scope__in=scopes)
    used: Counter[tuple[date, str]] = Counter({(r.day, r.scope): r.used for r in rows})
    waiting: dict[int, Quota] = {}
    for key, quotas in counted:
        days = {q.scope: now.astimezone(ZoneInfo(q.zone)).date() for q in quotas}
        full = next((q for q in quotas if used[days[q.scope], q.scope] >= q.limit), None)
        if full is not None:
            waiting[key] = full
            continue
        used.update((days[q.scope], q.scope) for q in quotas)
    return waiting


def _uncounted(operation: Operation) -> bool:
    # One that was counted may be with the provider already, whatever the day is now.
    return bool(operation.options.get("quotas")) and operation.counted_on is None


def _used(operations: Sequence[Operation], now: datetime) -> Counter[Key]:
    """Lock and read the counters these requests count against, making what is missing."""
    keys = {
        _key(each, quota, now): quota for each in operations for quota in each.options["quotas"]
    }
    rows = [
        QuotaUse(account_id=a, day=d, scope=s, label=quota["label"][:200], limit=quota["limit"])
        for (a, d, s), quota in sorted(keys.items(), key=lambda item: item[0])
    ]
    QuotaUse.objects.bulk_create(rows, ignore_conflicts=True)
    found = QuotaUse.objects.select_for_update().filter(
        account_id__in={key[0] for key in keys},
        day__in={key[1] for key in keys},
        scope__in={key[2] for key in keys},
    )
    used = found.order_by("pk").values_list("account_id", "day", "scope", "used")
    return Counter({(account, day, scope): count for account, day, scope, count in used})


def _store(fresh: Mapping[Key, int]) -> None:
    if not fresh:
        return
    by_count: dict[int, list[Key]] = {}
    for key, count in fresh.items():
        by_count.setdefault(count, []).append(key)
    for count, keys in by_count.items():
        QuotaUse.objects.filter(
            account_id__in={key[0] for key in keys},
            day__in={key[1] for key in keys},
            scope__in={key[2] for key in keys},
        ).update(used=F("used") + count)


def _remember(operations: Sequence[Operation]) -> None:
    days: dict[date | None, list[int]] = {}
    for each in operations:
        days.setdefault(each.counted_on, []).append(each.pk)
    for day, pks in days.items():
        Operation.objects.filter(pk__in=pks).update(counted_on=day)


def _key(operation: Operation, quota: Mapping[str, Any], now: datetime) -> Key:
    assert operation.request is not None  # noqa: S101 -- only requests have limits
    return operation.request.account_id, _today(quota, now), quota["scope"]


def _today(quota: Mapping[str, Any], now: datetime) -> date:
    return now.astimezone(ZoneInfo(quota["zone"])).date()


def _wait(quota: Mapping[str, Any], now: datetime) -> Held:
    zone = ZoneInfo(quota["zone"])
    morning = datetime.combine(_today(quota, now) + timedelta(days=1), time(0, 5), zone)
    spread = SPREAD * random.random()  # noqa: S311 -- not a secret
    problem = {"code": quota["code"], "meaning": quota["label"], "limit": quota["limit"]}
    return Held(wait=morning + spread - now, problem=problem)

"""The business rules, with the merchant's own limits, by the civil day of the merchant's country.

A rule gives the code it refuses with, or None. Which rules bind depends on the documentation
that the merchant's profile follows.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Count, QuerySet

from providers.sandbox.mobilepay import lifecycle, switches, tricks
from providers.sandbox.mobilepay.fields import CURRENCY, Wanted
from providers.sandbox.models import AppInvoice, PortalIssuer, PortalMerchant

Profile = PortalMerchant.Profile
PREFIX = {"DK": "+45", "FI": "+358"}
# The first two documentations say "between today and + 400 days" in words, the last one
# "before + 400 days".
FURTHEST = {Profile.V1: 400, Profile.V14: 400, Profile.V15: 399}
# Edits that still count as the same name; the provider never told its own threshold.
TYPOS = 3


@dataclass(frozen=True)
class Case:
    """One request, with what it is judged by."""

    wanted: Wanted
    merchant: PortalMerchant
    issuer: PortalIssuer
    now: datetime
    on: frozenset[str] = frozenset()

    @property
    def today(self) -> date:
        """The civil day in the merchant's country."""
        return lifecycle.today(self.merchant.country, self.now)

    @property
    def profile(self) -> Profile:
        """The documentation in force."""
        return Profile(self.merchant.profile)


@dataclass
class Quota:
    """How much of the day's limits a merchant has used. Only direct invoices count."""

    merchant: PortalMerchant
    payers: Counter[str]
    issuers: Counter[int]

    def refuses(self, wanted: Wanted, issuer: PortalIssuer) -> int | None:
        """Give the code of the limit that one more would break."""
        if wanted.is_link:
            return None
        per_issuer = self.merchant.per_issuer_daily
        if per_issuer is not None and self.issuers[issuer.pk] >= per_issuer:
            return 10313
        return 10314 if self.payers[wanted.alias] >= self.merchant.per_payer_daily else None

    def count(self, wanted: Wanted, issuer: PortalIssuer) -> None:
        """Count one that was taken in."""
        if not wanted.is_link:
            self.payers[wanted.alias] += 1
            self.issuers[issuer.pk] += 1


def quota(merchant: PortalMerchant, now: datetime, aliases: Iterable[str] = ()) -> Quota:
    """Count what a merchant sent today; with `aliases`, of the payers only those."""
    rows = AppInvoice.objects.filter(
        merchant=merchant, is_link=False, late_error=None, created_at__gte=_midnight(merchant, now)
    ).exclude(status=AppInvoice.Status.INVALID)
    limited = merchant.per_issuer_daily is not None
    few = list(aliases)
    payers = rows.filter(alias__in=few) if few else rows
    return Quota(
        merchant,
        payers=_counted(payers, "alias"),
        issuers=_counted(rows, "issuer_id") if limited else Counter(),
    )


def issuer_of(wanted: Wanted, issuers: Iterable[PortalIssuer]) -> PortalIssuer | None:
    """Find the issuer named, if it may be used."""
    for issuer in issuers:
        if issuer.issuer_id == wanted.issuer:
            return issuer if issuer.status == PortalIssuer.Status.ENABLED else None
    return None


def broken(case: Case) -> int | None:
    """Give the code of the first rule a request breaks, or None."""
    return next((code for rule in RULES if (code := rule(case)) is not None), None)


def _total(case: Case) -> int | None:
    if case.wanted.total <= 0 and case.profile != Profile.V1:
        return 10008
    return 10201 if case.wanted.total > case.merchant.cap else None


def _due_date(case: Case) -> int | None:
    ahead = (case.wanted.due_date - case.today).days
    strict = switches.STRICT_DUE in case.on
    if ahead < strict:
        return 10311
    return 10310 if ahead > (399 if strict else FURTHEST[case.profile]) else None


def _issue_date(case: Case) -> int | None:
    issued = case.wanted.issue_date
    utc_day = case.now.astimezone(UTC).date()
    last = min(case.today, utc_day) if switches.UTC_DAY in case.on else case.today
    ruled = case.profile != Profile.V1
    return 10312 if ruled and issued and issued > last else None


def _country(case: Case) -> int | None:
    """Withdrawn in March 2022: from then on country and currency are the merchant's."""
    if case.profile != Profile.V14:
        return None
    if case.wanted.currency != CURRENCY[case.wanted.country]:
        return 10107
    alias = case.wanted.alias
    elsewhere = {prefix for country, prefix in PREFIX.items() if country != case.wanted.country}
    return 10106 if alias.startswith(tuple(elsewhere)) else None


def _payer(case: Case) -> int | None:
    alias = case.wanted.alias
    if not alias or alias.startswith(tuple(PREFIX.values())):
        return None
    return 10304 if case.wanted.is_link else 10101


def _name(case: Case) -> int | None:
    if case.profile != Profile.V14 or not case.wanted.alias.endswith(tricks.NAMED):
        return None
    given = str(case.wanted.body.get("ConsumerName", tricks.NAME))
    return 10103 if distance(given.casefold(), tricks.NAME.casefold()) > TYPOS else None


def _account(case: Case) -> int | None:
    return None if case.issuer.account_is_valid else 10203


RULES: list[Callable[[Case], int | None]] = [
    _total,
    _country,
    _due_date,
    _issue_date,
    _account,
    _payer,
    _name,
]


def distance(one: str, other: str) -> int:
    """Count the edits from one text to the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one[:200], 1):
        above, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


def _counted(rows: QuerySet[AppInvoice], column: str) -> Counter[Any]:
    grouped = rows.order_by().values_list(column).annotate(Count("pk"))
    return Counter(dict(grouped))


def _midnight(merchant: PortalMerchant, now: datetime) -> datetime:
    day = lifecycle.today(merchant.country, now)
    return datetime.combine(day, time(), lifecycle.ZONES[merchant.country])

"""What would happen if many invoices were sent: who can go, who cannot, and why, in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from invoices.models import Invoice
from invoicing_site.merchants.models import Merchant
from providers.contract import Problem

if TYPE_CHECKING:
    from invoices.bulk import Looked

EXAMPLES = 5
ON_THE_CUSTOMER = ("customer", "phone", "email", "consumer", "alias")


def put_right_at(field: str) -> str:
    """Name the page that corrects a field: one of the customer's, or the invoice's own."""
    if field == "has_contact_consent":
        return "customer-detail"
    return "customer-edit" if field.startswith(ON_THE_CUSTOMER) else "invoice-detail"


@dataclass(slots=True, kw_only=True)
class Group:
    """Invoices with the same problem: the same field and the same thing to do about it."""

    about: str
    rule: str
    remedy: str
    invoice_ids: list[int] = field(default_factory=list)
    rules: dict[int, str] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many invoices have it."""
        return len(self.invoice_ids)

    @property
    def same(self) -> bool:
        """Whether the rule reads the same for all of them."""
        return len(set(self.rules.values())) == 1

    @property
    def fix(self) -> str:
        """The page where it is put right."""
        return put_right_at(self.about)

    @property
    def more(self) -> int:
        """How many are not among the examples."""
        return self.count - len(self.examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One invoice of a group, with its own words."""

    invoice: Invoice
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The pre-flight: invoice ids that can go and that cannot, the reasons and the remarks."""

    can: list[int]
    cannot: list[int]
    reasons: list[Group]
    remarks: list[Group]

    @property
    def total(self) -> int:
        """How many were looked at."""
        return len(self.can) + len(self.cannot)


def report(merchant: Merchant, looked: Sequence[Looked]) -> Report:
    """Group what was found, largest group first. One query, for the examples."""
    reasons = _grouped(looked, lambda each: each.problems)
    remarks = _grouped(looked, lambda each: () if each.problems else each.remarks)
    _fill(merchant, [*reasons, *remarks])
    return Report(
        can=[each.invoice_id for each in looked if not each.problems],
        cannot=[each.invoice_id for each in looked if each.problems],
        reasons=reasons,
        remarks=remarks,
    )


def _grouped(looked: Iterable[Looked], told: Callable[[Looked], Iterable[Problem]]) -> list[Group]:
    """Group by field and remedy: the rule may quote what this one invoice says."""
    found: dict[tuple[str, str], Group] = {}
    for each in looked:
        for problem in told(each):
            rule, remedy = str(problem.rule), str(problem.remedy)
            key = (problem.field, remedy)
            group = found.setdefault(key, Group(about=problem.field, rule=rule, remedy=remedy))
            if each.invoice_id not in group.rules:
                group.invoice_ids.append(each.invoice_id)
                group.rules[each.invoice_id] = rule
    return sorted(found.values(), key=lambda group: -group.count)


def _fill(merchant: Merchant, groups: Sequence[Group]) -> None:
    wanted = {pk for group in groups for pk in group.invoice_ids[:EXAMPLES]}
    rows = Invoice.objects.filter(merchant=merchant, pk__in=wanted).only(
        "number", "customer_name", "customer_id"
    )
    found = {row.pk: row for row in rows} if wanted else {}
    for group in groups:
        group.examples = [
            Example(invoice=found[pk], rule=group.rules[pk])
            for pk in group.invoice_ids[:EXAMPLES]
            if pk in found
        ]

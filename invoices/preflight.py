"""What would happen if many invoices were sent: who can go, who cannot, and why, in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.urls import reverse

from invoices.models import Invoice
from invoicing_site.merchants.models import Merchant
from providers.contract import Problem

if TYPE_CHECKING:
    from invoices.bulk import Looked

EXAMPLES = 5
ON_THE_CUSTOMER = {"phone", "email"}
ON_THE_DOCUMENT = {
    "name", "address", "street", "postcode", "city", "due_date", "order_date", "delivery_date",
    "subject", "comment", "merchant_contact", "merchant_order_number", "buyer_order_number",
    "buyer_reference", "payment_reference",
}  # fmt: skip


def put_right_at(slug: str, invoice: Invoice, field: str) -> str:
    """Return the address of the page where a field is put right.

    What is frozen on the document gets a new version; a phone, an email address and a consent
    are the customer's; the rest is told on the invoice's page.
    """
    last = field.rpartition(".")[2]
    if field == "has_contact_consent" and invoice.customer_id:
        return reverse("customer-detail", args=[slug, invoice.customer_id])
    if last in ON_THE_CUSTOMER and invoice.customer_id:
        return reverse("customer-edit", args=[slug, invoice.customer_id])
    name = "invoice-correct" if last in ON_THE_DOCUMENT else "invoice-detail"
    return reverse(name, args=[slug, invoice.pk])


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
    def more(self) -> int:
        """How many are not among the examples."""
        return self.count - len(self.examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One invoice of a group, with its own words and the page that puts it right."""

    invoice: Invoice
    rule: str
    fix: str


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
            Example(
                invoice=found[pk],
                rule=group.rules[pk],
                fix=put_right_at(merchant.slug, found[pk], group.about),
            )
            for pk in group.invoice_ids[:EXAMPLES]
            if pk in found
        ]

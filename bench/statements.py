"""SQL statements for drafting and issuing an invoice of three lines, by the operations staff use."""

from __future__ import annotations

from collections import Counter

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.row import Row
from customers.models import Customer
from invoices import drafting, issuing
from invoices.models import Invoice
from invoicing_site.merchants.models import Issuer, User
from tests import factories

TARGET = 14
BORDERS = {"BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"}
LINE = {"description": "Hour of work", "quantity": "2", "unit_price": "900", "vat": "S:25"}


def run() -> list[Row]:
    """Count the second invoice of a series: the first also makes the series."""
    issuer, by = factories.IssuerFactory(), factories.UserFactory()
    customer = factories.CustomerFactory(merchant=issuer.merchant)
    _draft_and_issue(issuer, customer, by)
    with CaptureQueriesContext(connection) as captured:
        invoice = _draft_and_issue(issuer, customer, by)
    if invoice.lines.count() != 3:
        raise RuntimeError("The invoice lost lines on the way.")
    words = [query["sql"].split()[0] for query in captured.captured_queries]
    counted = Counter(word for word in words if word not in BORDERS)
    kinds = ", ".join(f"{count} {word}" for word, count in counted.most_common())
    return [
        Row(
            name="draft and issue 3 lines, statements",
            value=sum(counted.values()),
            unit="",
            target=TARGET,
            at_most=True,
            note=f"{kinds}; beside them {len(words) - sum(counted.values())} that begin or end "
            "a transaction. Elsewhere: django-silver 19, pretix 75, Tryton 919.",
        )
    ]


def _draft_and_issue(issuer: Issuer, customer: Customer, by: User) -> Invoice:
    now = timezone.now()
    today = timezone.localdate(now)
    invoice = drafting.start(merchant=issuer.merchant, issuer=issuer, by=by, customer=customer)
    given = dict(invoice.typed) | {"lines": [LINE, LINE, LINE]}
    drafting.save(
        invoice_id=invoice.pk,
        merchant=issuer.merchant,
        given=given,
        revision=0,
        by=by,
        today=today,
        language="en",
    )
    return issuing.issue(invoice_id=invoice.pk, by=by, today=today, now=now)

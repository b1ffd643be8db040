"""Issued invoices by the thousand: one is issued, the others are its frozen twins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from customers.models import ContactConsent, Customer
from invoices import documents, issuing
from invoices.models import DocumentVersion, Invoice
from tests import factories
from tests.factories import NOW


def issued(
    count: int, *, phone_from: int = 20_000_000, prefix: str = "B", **values: Any
) -> list[Invoice]:
    """Return issued invoices with numbers, customers, phones (+45...) and consents of their own."""
    lines = [factories.line(description=text) for text in ("Lawn", "Hedge", "Roses")]
    first = factories.issued(**({"lines": lines} | values))
    document = documents.latest(first)
    customers = _customers(first, count, phone_from)
    invoices = Invoice.objects.bulk_create(
        _twin(first, customer, f"{prefix}-{n:05d}") for n, customer in enumerate(customers, 1)
    )
    DocumentVersion.objects.bulk_create(
        _version(invoice, replace(document, number=invoice.number)) for invoice in invoices
    )
    return invoices


def _customers(first: Invoice, count: int, phone_from: int) -> list[Customer]:
    made = Customer.objects.bulk_create(
        Customer(
            merchant=first.merchant,
            kind=Customer.Kind.PRIVATE,
            name=f"Asta Eksempel {n}",
            phone=f"+45{phone_from + n}",
            email=f"asta{n}@example.com",
            street="Pr\u00f8vevej 7",
            postcode="2100",
            city="K\u00f8benhavn \u00d8",
            country=first.issuer.country,
            language="da",
        )
        for n in range(count)
    )
    ContactConsent.objects.bulk_create(
        ContactConsent(customer=each, phone=each.phone, how="Signed", given_at=NOW) for each in made
    )
    return made


def _twin(first: Invoice, customer: Customer, number: str) -> Invoice:
    kept = {f.attname: getattr(first, f.attname) for f in Invoice._meta.concrete_fields}
    for name in ("id", "token", "search"):
        del kept[name]
    return Invoice(**kept | {"number": number, "customer_id": customer.pk})


def _version(invoice: Invoice, document: Any) -> DocumentVersion:
    body = documents.to_json(document)
    invoice.search = issuing.search_text(invoice, document)
    return DocumentVersion(
        invoice=invoice, version=1, body=body, sha256=documents.sha256(body),
        reason="issued", made_at=NOW,
    )  # fmt: skip

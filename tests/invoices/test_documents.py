"""Frozen documents: what gets in, and that they read back exactly."""

import dataclasses
import hashlib
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.models import Customer
from invoices import canonical, documents
from invoices.models import DocumentVersion
from invoices.totals import compute
from providers.contract import Address, InvoiceDocument, Line, Party, VatCategory
from tests.factories import (
    NOW,
    TODAY,
    CompanyFactory,
    CustomerFactory,
    IssuerFactory,
    draft,
    issued,
    line,
    three_lines,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


def generated() -> st.SearchStrategy[InvoiceDocument]:
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    number = st.decimals(allow_nan=False, allow_infinity=False, places=6,
                         min_value=-(10**9), max_value=10**9)  # fmt: skip
    for kind, strategy in {
        str: text,
        Decimal: number,
        date: st.dates(),
        VatCategory: st.sampled_from(VatCategory),
    }.items():
        st.register_type_strategy(kind, strategy)
    lines = st.lists(st.from_type(Line), max_size=3).map(tuple)
    address = st.builds(Address, lines=st.lists(text, max_size=2).map(tuple))
    return st.builds(
        InvoiceDocument,
        schema=st.just(1),
        lines=lines,
        delivery_address=st.none() | address,
        order_date=st.none() | st.dates(),
        discount_percent=st.none() | number,
    )


@given(document=generated())
def test_document_reads_back_equal_and_writes_the_same_bytes(document):
    text = documents.to_json(document)
    again = documents.from_json(text)

    assert again == document
    assert documents.to_json(again) == text


def test_canonical_json_is_sorted_plain_and_tight():
    document = documents.from_json(documents.to_json(SMALL))
    raw = json.loads(documents.to_json(document))

    assert list(raw) == sorted(raw)
    assert raw["issue_date"] == "2026-11-21"
    assert raw["discount"] == "100"
    assert raw["subject"] == "Bølgen €"
    assert '"subject":"Bølgen €"' in documents.to_json(document)


def test_document_of_a_newer_schema_is_refused():
    newer = documents.to_json(dataclasses.replace(SMALL, schema=canonical.SCHEMA + 1))

    with pytest.raises(documents.UnknownSchema, match="schema 2"):
        documents.from_json(newer)


def test_document_frozen_before_a_field_existed_reads_with_its_default():
    raw = json.loads(documents.to_json(SMALL))
    del raw["buyer_reference"], raw["issuer"]["legal_name"]

    assert documents.from_json(json.dumps(raw)) == SMALL


@pytest.mark.django_db
def test_freezing_takes_everything_from_invoice_issuer_and_customer():
    issuer = IssuerFactory(logo=PNG, colour="#112233", terms="Net 14", website="https://f.example")
    invoice = draft(
        issuer=issuer,
        customer=CompanyFactory(merchant=issuer.merchant, buyer_reference="Åse"),
        subject="Autumn",
        comment="Thanks\r\nfor all\x07",
        kid="602243",
        delivery_street="Kaia 2",
        delivery_city="Bergen",
        delivery_country="NO",
        delivery_date=date(2026, 11, 20),
        buyer_order_number="PO-7",
    )

    document = documents.freeze(invoice, number="F1", issue_date=TODAY, today=TODAY)

    assert document.number == "F1"
    assert document.due_date == date(2026, 12, 5)
    assert document.look.logo.startswith("data:image/png;base64,iVBORw0KGgo")
    assert document.look.colour == "#112233"
    assert (document.issuer.name, document.issuer.legal_name, document.issuer.legal_note) == (
        "Fjord og Fjell Oslo", "Fjord og Fjell AS", "Foretaksregisteret",
    )  # fmt: skip
    assert document.issuer.org_number == "923609016"
    assert document.bank.account == "86011117947"
    assert document.customer.name == "Bølgen Bakeri AS"
    assert document.customer.is_company
    assert document.customer.phone == "+4791234567"
    assert document.buyer_reference == "Åse"
    assert document.comment == "Thanks\nfor all"
    assert document.terms == "Net 14"
    assert document.kid == "602243"
    assert document.delivery_address == Address(lines=("Kaia 2",), city="Bergen", country="NO")
    assert [row.id for row in document.lines] == ["1", "2", "3"]
    assert document.totals.net == Decimal("1979.70")
    assert [str(group.rate) for group in document.vat_totals] == ["25", "15", "12"]


@pytest.mark.django_db
def test_stored_zeros_are_dropped_so_that_equal_invoices_freeze_equal():
    invoice = draft(lines=[line(quantity=Decimal("2.500000"), vat_rate=Decimal("25.000"))])
    invoice.refresh_from_db()

    row = documents.preview(invoice, today=TODAY).lines[0]

    assert (str(row.quantity), str(row.unit_price), str(row.vat_rate)) == ("2.5", "900", "25")


@pytest.mark.django_db
def test_personal_number_never_gets_in():
    """F-36."""
    issuer = IssuerFactory()
    person = CustomerFactory(merchant=issuer.merchant, personal_number="15108695088")

    text = documents.to_json(documents.preview(draft(issuer=issuer, customer=person), today=TODAY))

    assert "15108695088" not in text


@pytest.mark.django_db
def test_logo_that_is_no_png_stays_out():
    invoice = draft(issuer=IssuerFactory(logo=b"<svg onload=alert(1)>"))

    assert documents.preview(invoice, today=TODAY).look.logo == ""


@pytest.mark.django_db
def test_preview_of_an_empty_draft_is_a_document():
    document = documents.preview(draft(customer=None, lines=[]), today=TODAY)

    assert (document.number, document.issue_date, document.lines) == ("", TODAY, ())
    assert document.customer.name == ""
    assert document.totals.payable == Decimal("0.00")


@pytest.mark.django_db
def test_norwegian_reverse_charge_has_its_words_on_the_group():
    lines = [line(vat_category="AE", vat_rate=Decimal(0))]

    document = documents.preview(draft(lines=lines), today=TODAY)

    assert document.vat_totals[0].reason == ("Omvendt avgiftsplikt - Merverdiavgift ikke beregnet")


@pytest.mark.django_db(transaction=True)
def test_stored_document_is_held_to_its_sha256():
    invoice = issued(lines=three_lines())
    version = DocumentVersion.objects.get(invoice=invoice)

    assert version.sha256 == hashlib.sha256(version.body.encode()).hexdigest()
    assert documents.of(version) == documents.latest(invoice) == documents.shown(invoice)

    DocumentVersion.objects.filter(pk=version.pk).update(
        body=version.body.replace("Hour of work", "Hours of work")
    )
    with pytest.raises(documents.DamagedDocument, match="does not match its sha256"):
        documents.latest(invoice)


@pytest.mark.django_db(transaction=True)
def test_issued_document_does_not_change_with_settings():
    invoice = issued()
    before = documents.latest(invoice)
    invoice.issuer.name = "New name"
    invoice.issuer.save()
    Customer.objects.filter(invoices=invoice).update(name="New customer")

    assert documents.latest(invoice) == before


@pytest.mark.django_db
def test_document_version_is_written_once():
    invoice = draft()
    version = DocumentVersion.objects.create(
        invoice=invoice, version=1, body="{}", sha256="", reason="", made_at=NOW
    )

    with pytest.raises(RuntimeError, match="never edited"):
        version.save()


SMALL = InvoiceDocument(
    number="1",
    currency="NOK",
    language="nb",
    issue_date=date(2026, 11, 21),
    due_date=date(2026, 12, 5),
    issuer=Party(name="Fjord"),
    customer=Party(name="Kari"),
    subject="Bølgen €",
    discount=Decimal("1E+2"),
    lines=(),
    vat_totals=(),
    totals=compute([], prices_include_vat=False).totals,
)

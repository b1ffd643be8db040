"""What they hold beside our document, and how a request will look in the app."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from providers.contract import Address, InvoiceDocument, Party, Preview
from providers.mobilepay_invoice import comparing, preview, wire
from tests.providers.mobilepay_documents import HOME, document, options, terms, typed, wire_payload
from tests.providers.mobilepay_samples import ZONE


def bicycle_service(**changes: Any) -> InvoiceDocument:
    values: dict[str, Any] = {
        "number": "2023-000417",
        "issue_date": date(2023, 5, 2),
        "due_date": date(2023, 5, 16),
        "comment": "Tak for besøget i værkstedet",
    }
    rows = (typed("640"), typed("76", quantity="2"))
    texts = (
        {"description": "Stort cykelservice", "article_number": "SRV-1"},
        {"description": "Bremseklodser", "article_number": "BRK-22"},
    )
    return document(*rows, texts=texts, **(values | changes))


def details(**changes: Any) -> wire.Details:
    """What they hold of that invoice."""
    content = wire_payload("v1_5_details")
    content["InvoiceArticles"].append(
        {
            "ArticleNumber": "BRK-22",
            "ArticleDescription": "Bremseklodser",
            "TotalPriceIncludingVat": 190,
            "Quantity": 2,
            "PricePerUnit": 76,
        }
    )
    return wire.read_details(content | changes, ZONE)


def different(invoice: InvoiceDocument, theirs: wire.Details) -> list[tuple[str, str, str | None]]:
    found = comparing.compare(invoice, theirs)
    return [(row.field, row.ours, row.theirs) for row in found if not row.same]


@pytest.mark.requirement("M4-62")
def test_the_same_invoice_has_no_difference():
    found = comparing.compare(bicycle_service(), details())

    assert [row.field for row in found if not row.same] == []
    assert [(row.field, row.ours) for row in found if row.theirs is not None] == [
        ("number", "2023-000417"),
        ("issuer.name", "Nørrebro Cykler"),
        ("payment_reference", "2023-000417"),
        ("comment", "Tak for besøget i værkstedet"),
        ("currency", "DKK"),
        ("issue_date", "2 May 2023"),
        ("due_date", "16 May 2023"),
        ("totals.payable", "990.00"),
        ("totals.vat", "198.00"),
        ("totals.net", "792.00"),
        ("vat.25", "198.00"),
        ("lines.1", "SRV-1, Stort cykelservice, 1 \N{MULTIPLICATION SIGN} 640, 800.00"),
        ("lines.2", "BRK-22, Bremseklodser, 2 \N{MULTIPLICATION SIGN} 76, 190.00"),
    ]


@pytest.mark.requirement("M4-62")
@pytest.mark.parametrize(
    ("changes", "field", "theirs"),
    [
        ({"InvoiceNumber": "1"}, "number", "1"),
        ({"InvoiceIssuerName": "Cykler"}, "issuer.name", "Cykler"),
        ({"PaymentReference": "X"}, "payment_reference", "X"),
        ({"Comment": ""}, "comment", ""),
        ({"CurrencyCode": "EUR"}, "currency", "EUR"),
        ({"IssueDate": "2023-05-01"}, "issue_date", "1 May 2023"),
        ({"DueDate": "2023-06-16T00:00:00"}, "due_date", "16 Jun 2023"),
        ({"TotalVatAmount": Decimal("198.001")}, "totals.vat", "198.001"),
        ({"TotalAmountExcludingVat": 1}, "totals.net", "1.00"),
    ],
)
def test_a_field_that_differs_is_named(changes, field, theirs):
    (found,) = different(bicycle_service(), details(**changes))

    assert (found[0], found[2]) == (field, theirs)


def test_rates_and_lines_that_only_one_has_are_differences():
    other = {"ArticleNumber": "X", "Quantity": 3}
    theirs = details(
        InvoiceVatTotals=[{"VatRate": 12, "TotalVatAmount": 198}], InvoiceArticles=[other] * 3
    )

    assert [(field, told) for field, _ours, told in different(bicycle_service(), theirs)] == [
        ("vat.25", "0.00"),
        ("vat.12", "198.00"),
        ("lines.1", "X, 3"),
        ("lines.2", "X, 3"),
        ("lines.3", "X, 3"),
    ]


def test_what_they_leave_out_is_no_difference():
    theirs = details(
        IssueDate=None,
        TotalVatAmount=None,
        TotalAmountExcludingVat=None,
        InvoiceVatTotals=None,
        InvoiceArticles=None,
        PaymentReference=None,
    )

    assert different(bicycle_service(), theirs) == []


def test_what_they_never_tell_is_shown_as_such():
    invoice = bicycle_service(
        customer=Party(name="Asta Eksempel", address=HOME),
        delivery_address=Address(lines=("Havnen 1",)),
        order_date=date(2023, 4, 28),
        buyer_order_number="631",
    )

    found = comparing.compare(invoice, details())

    assert [(row.field, row.ours, row.same) for row in found if row.theirs is None] == [
        ("customer.name", "Asta Eksempel", True),
        ("delivery_address", "Havnen 1", True),
        ("order_date", "28 Apr 2023", True),
        ("buyer_order_number", "631", True),
    ]


def test_remainder_is_compared_with_the_lines_that_were_sent_for_it():
    line = {
        "ArticleNumber": "remainder",
        "ArticleDescription": "Rest af faktura 2023-000417",
        "TotalPriceIncludingVat": 90,
        "Quantity": 1,
        "PricePerUnit": 72,
    }
    theirs = details(
        TotalAmount=90,
        TotalVatAmount=18,
        TotalAmountExcludingVat=72,
        InvoiceVatTotals=[{"VatRate": 25, "TotalVatAmount": 18}],
        InvoiceArticles=[line],
    )

    assert different(bicycle_service(), theirs) == [("totals.payable", "990.00", "90.00")]


def test_figures_are_written_as_in_the_reader_s_language():
    with translation.override("da"):
        found = different(bicycle_service(), details(TotalAmountExcludingVat=Decimal("1234.5")))

    assert found == [("totals.net", "792,00", "1.234,50")]


# --------------------------------------------------------------------------------------- preview
@pytest.mark.requirement("M4-112")
def test_preview_shows_what_the_app_shows():
    invoice = bicycle_service()
    asked = options(invoice, pdf_url="https://billing.example.com/i/7Qk2.pdf")

    assert preview.preview(invoice, asked, terms()) == Preview(
        sender="Nørrebro Cykler",
        amount=Decimal("990.00"),
        currency="DKK",
        due_date=date(2023, 5, 16),
        title="Invoice 2023-000417",
        comment="Tak for besøget i værkstedet",
        rows=(
            ("Issue date", "2 May 2023"),
            ("Due date", "16 May 2023"),
            ("Payment reference", "2023-000417"),
            ("VAT", "198.00"),
            ("PDF", "The invoice's own"),
        ),
        lines=(("Stort cykelservice", "800.00"), ("2 stk Bremseklodser", "190.00")),
    )


def test_preview_of_a_remainder_and_without_pdf():
    shown = preview.preview(bicycle_service(), options(amount=Decimal("90.00")), terms("v1"))

    assert shown.lines == (("Rest af faktura 2023-000417", "90.00"),)
    assert shown.rows[-1] == ("PDF", "Made by MobilePay")


@pytest.mark.requirement("M4-62")
def test_currency_that_they_do_not_tell_is_no_difference():
    found = comparing.compare(bicycle_service(), details(CurrencyCode=None))

    assert [(row.same, row.theirs) for row in found if row.field == "currency"] == [(True, None)]

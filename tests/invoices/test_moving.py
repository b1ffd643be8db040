"""Invoices of MobilePay Invoice become drafts here, and a report says what changed."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from customers.models import Customer
from invoices import documents, drafting, moving
from invoices.models import Invoice
from providers.mobilepay_invoice import bodies, taking_in, terms
from providers.models import ProviderIssuer
from tests import factories
from tests.factories import NOW
from tests.providers import samples

pytestmark = pytest.mark.django_db(transaction=True)
PAYLOADS = Path(__file__).parents[1] / "payloads" / "mobilepay_invoice"
SEED = json.loads((PAYLOADS / "taken_seed_14.json").read_text())
# The sample's own number is in no country's plan.
PHONE = "+4520123457"
CALLED = SEED | {"ConsumerAlias": {"Alias": PHONE, "AliasType": "Phone"}}


@pytest.fixture
def issuer() -> Any:
    return factories.DanishIssuerFactory()


@pytest.fixture
def by(issuer: Any) -> Any:
    return factories.MembershipFactory(merchant=issuer.merchant).user


@pytest.fixture
def take(issuer: Any, by: Any) -> Any:
    def take(*found: Any, language: str = "en") -> moving.Report:
        taken: Any = taking_in.read(json.dumps(list(found)).encode())
        return moving.take_in(
            merchant=issuer.merchant, issuer=issuer, taken=taken, by=by, now=NOW, language=language
        )

    return take


def body(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = SEED | changes
    return found


@pytest.mark.parametrize("language", ["en", "da", "sv"])
def test_sample_of_1_4_becomes_a_draft_with_all_that_it_said(take, language):
    report = take(SEED, language=language)

    (moved,) = report.moved
    draft = Invoice.objects.get()
    (line,) = draft.lines.all()
    assert moved.draft == draft
    assert draft.is_draft
    assert (draft.total, draft.total_vat, draft.currency) == (Decimal(360), Decimal(72), "DKK")
    assert (draft.issue_date, draft.due_date) == (date(2018, 2, 12), date(2018, 3, 12))
    assert (draft.order_date, draft.delivery_date) == (date(2018, 2, 5), date(2018, 2, 10))
    assert (draft.merchant_order_number, draft.buyer_order_number) == ("301 / 938", "631")
    assert (draft.payment_reference, draft.comment) == ("186", "Any comment")
    assert draft.merchant_contact == "Snowboard gear shop"
    assert (draft.delivery_street, draft.delivery_postcode, draft.delivery_city) == (
        "Østerbrogade 120, WONDERLAND", "1234", "Andeby",
    )  # fmt: skip
    assert (line.description, line.article_number, line.quantity, line.unit_price) == (
        "Process Flying V Snowboard", "1-123", Decimal(1), Decimal(288),
    )  # fmt: skip
    assert (line.vat_category, line.vat_rate) == ("S", Decimal(25))
    assert (moved.sums, moved.to_correct) == ([], [])


def test_payer_is_added_to_the_register(take, issuer):
    take(CALLED)

    added = Customer.objects.get()
    assert (added.merchant, added.name, added.phone) == (
        issuer.merchant, "Consumer Name", PHONE,
    )  # fmt: skip
    assert (added.street, added.street2, added.postcode, added.city, added.country) == (
        "Paradisæblevej 13", "WONDERLAND", "1234", "Andeby", "DK",
    )  # fmt: skip
    assert Invoice.objects.get().customer == added


def test_payer_is_found_by_phone_and_another_name_remarked(take, issuer):
    known = factories.CustomerFactory(merchant=issuer.merchant, phone=PHONE, name="Asta")

    (moved,) = take(CALLED).moved

    assert moved.draft.customer == known
    assert "+4520123457 is Asta here, and was Consumer Name there. Check who is billed." in (
        moved.remarks
    )
    assert Customer.objects.count() == 1


def test_payer_is_found_by_name_unless_the_numbers_differ(take, issuer):
    known = factories.CustomerFactory(merchant=issuer.merchant, phone="", name="consumer name")
    other = factories.CustomerFactory(merchant=issuer.merchant, phone="+4520123456", name="Bo")

    report = take(CALLED, CALLED | {"InvoiceNumber": "302", "ConsumerName": "Bo"})

    assert report.moved[0].draft.customer == known
    assert report.moved[1].draft.customer not in (None, other)


def test_customer_of_another_merchant_is_not_taken(take, issuer):
    factories.CustomerFactory(phone=PHONE, name="Consumer Name")

    (moved,) = take(CALLED).moved

    assert moved.draft.customer.merchant == issuer.merchant


def test_number_that_is_none_is_remarked_and_the_rest_kept(take):
    (moved,) = take(SEED).moved

    assert moved.draft.customer.phone == ""
    assert any("+4577007700" in each for each in moved.remarks)


def test_same_invoice_is_not_taken_in_twice(take):
    first = take(SEED).moved[0].draft

    (again,) = take(SEED).moved

    assert (again.draft, again.earlier) == (None, first)
    assert again.problems == [
        "Invoice 301 was taken in before. Open that one; it is not taken in twice."
    ]
    assert Invoice.objects.count() == 1


def test_invoice_without_order_number_is_not_taken_in_twice_either(take):
    plain = {name: value for name, value in SEED.items() if name != "MerchantOrderNumber"}
    take(plain)

    report = take(plain)

    assert Invoice.objects.get().merchant_order_number == "301"
    assert len(report.refused) == 1


def test_double_press_takes_in_once(take, monkeypatch):
    """The second press looked before the first had made its drafts."""
    look, first = moving.preflight, []

    def slowly(*given):
        found = look(*given)
        monkeypatch.setattr(moving, "preflight", look)
        first.append(take(CALLED, body(InvoiceNumber="302")))
        return found

    monkeypatch.setattr(moving, "preflight", slowly)

    second = take(CALLED, body(InvoiceNumber="302"))

    assert [len(report.drafts) for report in (*first, second)] == [2, 0]
    assert [each.earlier for each in second.moved] == [each.draft for each in first[0].moved]
    assert "taken in before" in second.moved[0].problems[0]
    assert (Invoice.objects.count(), Customer.objects.count()) == (2, 1)


def test_draft_that_fails_leaves_nothing_that_stands_in_its_way(take, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(drafting, "assess", _fail)
        with pytest.raises(RuntimeError):
            take(CALLED)
    assert (Invoice.objects.count(), Customer.objects.count()) == (0, 0)

    assert take(CALLED).drafts


def _fail(*_given, **_named):
    raise RuntimeError


def test_number_that_stands_twice_in_a_file_is_taken_in_once(take):
    report = take(SEED, SEED)

    assert [bool(each.draft) for each in report.moved] == [True, False]
    assert report.moved[1].problems == [
        "Invoice 301 stands here twice. Only the first is taken in."
    ]


def test_other_issuer_may_take_in_the_same_number(take, issuer, by):
    take(SEED)
    other = factories.DanishIssuerFactory(merchant=issuer.merchant, name="Aarhus")
    taken: Any = taking_in.read(json.dumps(SEED).encode())

    report = moving.take_in(
        merchant=issuer.merchant, issuer=other, taken=taken, by=by, now=NOW, language="en"
    )

    assert len(report.drafts) == 1


def test_other_currency_is_refused_with_what_to_do(take):
    report = take(body(CountryCode="FI", CurrencyCode="EUR"))

    assert report.moved[0].problems == [
        "It is in EUR, and Strand og Skov København invoices in DKK. Choose another issuer."
    ]
    assert not Invoice.objects.exists()
    assert not Customer.objects.exists()


def test_sums_that_come_out_otherwise_are_reported(take):
    line = SEED["InvoiceArticles"][0] | {"PriceReduction": 10}

    (moved,) = take(body(InvoiceArticles=[line])).moved

    assert moved.sums == [
        moving.Sum("Total", Decimal(360), Decimal("347.50")),
        moving.Sum("VAT", Decimal(72), Decimal("69.50")),
        moving.Sum("Line 1 with VAT", Decimal(360), Decimal("347.50")),
    ]


def test_sender_mapped_to_another_issuer_is_remarked(take, issuer):
    other = factories.DanishIssuerFactory(merchant=issuer.merchant, name="Aarhus")
    account = factories.ProviderAccountFactory(merchant=issuer.merchant)
    ProviderIssuer.objects.create(
        account=account, issuer=other, external_id=SEED["InvoiceIssuer"], name="X"
    )

    (moved,) = take(SEED).moved

    assert "It was sent by Aarhus, and becomes a draft of Strand og Skov København." in (
        moved.remarks
    )


def test_report_says_which_ways_are_open_now(take, issuer):
    account = factories.ProviderAccountFactory(merchant=issuer.merchant)
    account.settings |= {"market": "DK"}
    account.save()
    account.issuers.add(issuer)

    (moved,) = take(CALLED | {"DueDate": "2026-12-05", "IssueDate": "2026-11-20"}).moved

    roads = {road.channel.slug: road for road in moved.roads if road.account == account}
    assert roads["link"].is_open
    assert not roads["push"].is_open
    assert [each.field for each in roads["push"].problems] == ["has_contact_consent"]


def test_several_rates_and_prices_with_vat_keep_their_sums(take):
    lines = [
        {"ArticleDescription": "A", "VATRate": 25, "Quantity": 3, "PricePerUnit": 19.95,
         "TotalPriceIncludingVat": 59.85, "TotalVATAmount": 11.97, "PriceDiscount": 0},
        {"ArticleDescription": "B", "VATRate": 0, "Quantity": 1, "PricePerUnit": 40,
         "TotalPriceIncludingVat": 40, "TotalVATAmount": 0},
    ]  # fmt: skip

    (moved,) = take(body(InvoiceArticles=lines, TotalAmount=99.85, TotalVATAmount=11.97)).moved

    assert moved.draft.prices_include_vat
    assert moved.sums == []
    assert [row.vat_category for row in moved.draft.lines.all()] == ["S", "Z"]


def test_most_that_are_taken_in_at_once(take, monkeypatch):
    monkeypatch.setattr(moving, "MOST", 1)

    report = take(SEED, body(InvoiceNumber="302"))

    assert len(report.moved) == 1


def test_our_own_body_comes_back_with_the_same_lines_and_totals(take, issuer):
    sent = factories.issued(
        issuer=issuer,
        customer=factories.CustomerFactory(
            merchant=issuer.merchant, country="DK", postcode="2100", phone="+4520123456"
        ),
        lines=[
            factories.line(),
            factories.line(
                description="Kaffe", unit="KGM", quantity=Decimal("2.5"), unit_price=Decimal("80.125"),
                discount_kind="amount", discount_value=Decimal(20), article_number="K-1",
            ),
        ],
    )  # fmt: skip
    document = documents.latest(sent)
    account = samples.account(country="DK", profile="1.5")
    options = samples.options("direct", amount=document.totals.payable, phone="+4520123456")
    written = bodies.dumps(bodies.create(document, options, terms.of(account)))

    (moved,) = take(json.loads(written)).moved

    copy = documents.shown(moved.draft)
    assert moved.sums == []
    assert copy.totals == document.totals
    assert [
        (row.description, row.quantity, row.unit, row.unit_price, row.discount, row.net, row.vat)
        for row in copy.lines
    ] == [
        (row.description, row.quantity, row.unit, row.unit_price, row.discount, row.net, row.vat)
        for row in document.lines
    ]
    assert moved.draft.customer == sent.customer


def test_issue_date_of_then_is_kept_and_said(take):
    (moved,) = take(SEED).moved

    assert (
        "The issue date of then is kept: 2018-02-12. Empty it in the draft to issue it today."
        in moved.remarks
    )

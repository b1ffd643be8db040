"""Issuing: checks that name field and remedy, numbers without gaps, one commit."""

import threading
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections
from kombu.exceptions import OperationalError

from invoices import documents, issuing, tasks, timeline
from invoices.models import DocumentVersion, Invoice, InvoiceLine, NumberSeries, TimelineEvent
from providers.contract import Problem
from tests.factories import (
    NOW,
    TODAY,
    CompanyFactory,
    CustomerFactory,
    DanishIssuerFactory,
    IssuerFactory,
    MerchantFactory,
    UserFactory,
    draft,
    issued,
    line,
)

pytestmark = pytest.mark.django_db(transaction=True)


def issue(invoice: Invoice, **more) -> Invoice:
    by = more.get("by") or UserFactory()
    return issuing.issue(invoice_id=invoice.pk, by=by, today=TODAY, now=NOW)


def refusal(invoice: Invoice) -> list[Problem]:
    """Try to issue, and see that nothing at all was written."""
    before = Invoice.objects.values().get(pk=invoice.pk)
    with pytest.raises(issuing.CannotIssue) as caught:
        issue(invoice)
    assert Invoice.objects.values().get(pk=invoice.pk) == before
    assert not DocumentVersion.objects.filter(invoice=invoice).exists()
    assert not TimelineEvent.objects.filter(invoice=invoice).exists()
    assert not NumberSeries.objects.exists()
    return caught.value.problems


def fields(invoice: Invoice) -> list[tuple[str, str]]:
    found = refusal(invoice)
    assert all(problem.rule and problem.remedy for problem in found)
    return [(problem.field, problem.code) for problem in found]


def test_issued_invoice_is_numbered_frozen_and_open():
    kari = UserFactory()
    invoice = draft(issuer=IssuerFactory(number_prefix="F-", first_number=1001))

    issue(invoice, by=kari)

    stored = Invoice.objects.get(pk=invoice.pk)
    document = documents.latest(stored)
    assert (stored.number, stored.status, stored.revision) == ("F-1001", "open", 1)
    assert (stored.issue_date, stored.due_date) == (TODAY, TODAY + timedelta(days=14))
    assert (stored.total, stored.total_vat, stored.residual) == (
        Decimal("2453.06"), Decimal("473.36"), Decimal("2453.06"),
    )  # fmt: skip
    assert (stored.customer_name, stored.issued_by, stored.issued_at) == (
        "Ola Nordmann", kari, NOW,
    )  # fmt: skip
    assert (document.number, document.version) == ("F-1001", 1)
    assert document.totals.payable == stored.total


def test_issuing_is_a_fact_on_the_timeline():
    kari = UserFactory()
    invoice = issued(by=kari)

    (event,) = invoice.timeline.all()

    version = invoice.versions.get()
    assert (event.what, event.source, event.actor, event.recorded_at) == (
        "issued", "staff", kari, NOW,
    )  # fmt: skip
    assert event.data["sha256"] == version.sha256
    assert event.data["number"] == invoice.number
    assert event.hash == timeline.digest(event)


def test_search_finds_number_names_phone_kid_and_references_casefolded():
    invoice = issued(
        issuer=IssuerFactory(number_prefix="F"),
        kid="60 22 43",
        subject="Straße",
        payment_reference="REF-9",
        merchant_order_number="MO-1",
        buyer_order_number="PO-7",
        buyer_reference="Åse",
    )

    assert invoice.search == (
        "f1 ola nordmann 602243 +4791234567 ola@example.com ref-9 mo-1 po-7 åse strasse"
    )


def test_numbers_follow_each_other_per_issuer():
    one, other = IssuerFactory(number_prefix="A"), IssuerFactory(number_prefix="B", first_number=7)

    numbers = [issued(issuer=issuer).number for issuer in (one, other, one, other, one)]

    assert numbers == ["A1", "B7", "A2", "B8", "A3"]


def test_deleted_draft_leaves_no_gap():
    issuer = IssuerFactory()
    first = issued(issuer=issuer)
    draft(issuer=issuer).delete()

    assert (first.number, issued(issuer=issuer).number) == ("1", "2")


def test_kid_is_made_when_the_agreement_asks_and_typed_one_is_kept():
    issuer = IssuerFactory(kid_algorithm="mod10")

    made, typed = issued(issuer=issuer), issued(issuer=issuer, kid="60224 3")

    assert made.kid.startswith(f"{issuer.pk:05d}0000000001")
    assert documents.latest(made).kid == made.kid
    assert typed.kid == "602243"
    assert issued().kid == ""


def test_total_of_zero_is_paid_at_once():
    free = issued(lines=[line(unit_price=Decimal(0))])

    assert (free.status, free.residual, free.paid_at) == ("paid", Decimal("0.00"), NOW)
    assert list(free.timeline.values_list("what", flat=True)) == ["status_paid", "issued"]


def test_rounding_to_whole_is_followed_from_document_to_list():
    invoice = issued(issuer=IssuerFactory(round_to_whole=True))

    totals = documents.latest(invoice).totals
    assert (totals.gross, totals.rounding) == (Decimal("2453.06"), Decimal("-0.06"))
    assert invoice.total == invoice.residual == Decimal("2453.00")


def test_draft_without_customer_or_lines_is_refused_by_name():
    assert fields(draft(customer=None, lines=[])) == [
        ("customer", "no_customer"), ("lines", "line_count"),
    ]  # fmt: skip


def test_customer_or_issuer_of_another_merchant_is_refused():
    elsewhere = MerchantFactory()

    assert fields(draft(customer=CustomerFactory(merchant=elsewhere))) == [
        ("customer", "other_merchant")
    ]
    assert ("issuer", "other_merchant") in fields(draft(merchant=elsewhere))


def test_issuer_out_of_use_is_refused():
    assert fields(draft(issuer=IssuerFactory(active=False))) == [("issuer", "inactive_issuer")]


def test_wrong_organisation_number_is_refused():
    issuer = IssuerFactory()
    company = CompanyFactory(merchant=issuer.merchant, org_number="123456789")

    (problem,) = refusal(draft(issuer=issuer, customer=company))

    assert (problem.field, problem.code) == ("customer.org_number", "org_number")
    assert "“123456789” is not an organisation number in NO" in str(problem.rule)


def test_wrong_vat_number_is_refused():
    issuer = IssuerFactory()
    company = CompanyFactory(merchant=issuer.merchant, vat_number="NO123456789MVA")

    assert fields(draft(issuer=issuer, customer=company)) == [("customer.vat_number", "vat_number")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"due_date": TODAY - timedelta(days=1)}, ("due_date", "due_before_issue")),
        ({"issue_date": TODAY + timedelta(days=1)}, ("issue_date", "issued_in_future")),
        ({"kid": "602244"}, ("kid", "kid")),
        ({"kid": "KID"}, ("kid", "kid")),
        ({"currency": "XYZ"}, ("currency", "currency")),
        ({"comment": "x" * 10_000}, ("comment", "too_long")),
        ({"discount_value": Decimal(101)}, ("discount_value", "discount")),
        ({"discount_value": Decimal(-1)}, ("discount_value", "discount")),
        ({"discount_kind": "amount", "discount_value": Decimal(5000)}, ("total", "below_zero")),
    ],
)
def test_bad_field_is_refused_by_name(values, expected):
    assert expected in fields(draft(**values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"description": " \x07 "}, ("lines.1.description", "no_description")),
        ({"unit_price": Decimal(-1), "quantity": Decimal(-1)}, ("lines.1.unit_price", "BR-27")),
        ({"vat_rate": Decimal(14)}, ("lines.1.vat_rate", "vat_rate")),
        ({"discount_value": Decimal("100.001")}, ("lines.1.discount_value", "discount")),
        (
            {"discount_kind": "amount", "discount_value": Decimal("1800.01"), "quantity": Decimal(2)},
            ("lines.1.discount_value", "discount_exceeds_line"),
        ),
        ({"quantity": Decimal(10) ** 9, "unit_price": Decimal(1000)}, ("total", "too_large")),
    ],
)  # fmt: skip
def test_bad_line_is_refused_by_name(values, expected):
    assert expected in fields(draft(lines=[line(**values)]))


def test_total_below_zero_is_refused_with_its_amount():
    (problem,) = refusal(draft(lines=[line(quantity=Decimal(-2))]))

    assert problem.rule == "The total is below zero: -2250.00 NOK."
    assert problem.remedy == ("Return what was sold with a credit note for the original invoice.")


def test_return_within_a_larger_sale_is_issued():
    invoice = issued(lines=[line(quantity=Decimal(3)), line(quantity=Decimal(-1))])

    assert invoice.total == Decimal("2250.00")


def test_vat_rate_is_that_of_the_delivery_date():
    finnish = IssuerFactory(country="FI", currency="EUR", merchant__country="FI",
                            merchant__vat_number="FI20774740")  # fmt: skip
    food = [line(vat_rate=Decimal(14))]

    assert fields(draft(issuer=finnish, lines=food)) == [("lines.1.vat_rate", "vat_rate")]
    late = issued(issuer=finnish, lines=food, delivery_date=date(2025, 12, 31))
    assert documents.latest(late).vat_totals[0].rate == Decimal(14)


def test_merchant_without_vat_number_charges_none():
    issuer = IssuerFactory(merchant__vat_number="")

    assert fields(draft(issuer=issuer)) == [("merchant.vat_number", "BR-S-02")]
    outside = [line(vat_category="O", vat_rate=Decimal(0))]
    assert issued(issuer=issuer, lines=outside).total == Decimal("1800.00")


def test_every_problem_is_told_at_once():
    lines = [line(description="", vat_rate=Decimal(14)), line(unit_price=Decimal(-1))]

    assert fields(draft(customer=None, kid="1", lines=lines, due_date=date(2020, 1, 1))) == [
        ("customer", "no_customer"),
        ("due_date", "due_before_issue"),
        ("kid", "kid"),
        ("lines.1.description", "no_description"),
        ("lines.1.vat_rate", "vat_rate"),
        ("lines.2.unit_price", "BR-27"),
    ]


def test_typed_text_that_could_not_be_read_is_not_replaced_by_an_older_value():
    invoice = draft(typed={"unread": {"lines.1.quantity": "two"}})

    (problem,) = refusal(invoice)

    assert (problem.field, problem.rule) == ("lines.1.quantity", "“two” could not be read.")


def test_remarks_do_not_stand_in_the_way():
    invoice = draft(issuer=DanishIssuerFactory(), currency="EUR", lines=[line()])

    remarks = issuing.problems(Invoice.objects.get(pk=invoice.pk), today=TODAY)

    assert [(remark.field, remark.blocking) for remark in remarks] == [("currency", False)]
    assert issue(invoice).status == "open"


def test_second_issue_of_a_draft_is_refused_and_changes_nothing():
    invoice = issued()

    with pytest.raises(issuing.CannotIssue, match="Invoice 1 is issued already"):
        issue(invoice)

    assert invoice.versions.count() == 1
    assert NumberSeries.objects.get().next_value == 2


def test_crash_inside_leaves_draft_and_series_as_they_were(monkeypatch):
    issuer = IssuerFactory()
    first, crashed = issued(issuer=issuer), draft(issuer=issuer)

    def crash(*_args, **_kwargs):
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(timeline, "add", crash)
        with pytest.raises(RuntimeError, match="the power went"):
            issue(crashed)

    assert Invoice.objects.get(pk=crashed.pk).status == "draft"
    assert not crashed.versions.exists()
    assert (first.number, issue(crashed).number) == ("1", "2")


@pytest.mark.parametrize("failure", [OperationalError("no broker"), RuntimeError("odd broker")])
def test_broker_being_down_does_not_undo_the_issue(failure, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise failure

    monkeypatch.setattr(tasks.render_document, "apply_async", refuse)

    assert Invoice.objects.get(pk=issued().pk).status == "open"


def test_renderer_is_woken_after_the_commit(monkeypatch):
    woken = []

    def seen(kwargs, **_options):
        assert not connection.in_atomic_block
        woken.append(kwargs)

    monkeypatch.setattr(tasks.render_document, "apply_async", seen)
    invoice = issued()

    assert woken == [{"version_id": invoice.versions.get().pk}]


def test_three_lines_are_issued_in_seven_statements(django_assert_num_queries):
    issuer, kari = IssuerFactory(), UserFactory()
    issued(issuer=issuer)
    invoice = draft(issuer=issuer)

    # BEGIN and COMMIT are counted too.
    with django_assert_num_queries(7 + 2):
        issue(invoice, by=kari)


def issue_at_once(invoices: list[Invoice], workers: int) -> list[str]:
    """Issue all from `workers` threads that start together; return numbers and failures."""
    kari, gate = UserFactory(), threading.Barrier(workers)
    answers: list[str] = []

    def work(share: list[Invoice]) -> None:
        gate.wait()
        try:
            for invoice in share:
                try:
                    answers.append(issue(invoice, by=kari).number)
                except Exception as error:  # noqa: BLE001 - any failure is what is looked for
                    answers.append(repr(error))
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=work, args=(invoices[start::workers],)) for start in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_many_at_once_get_every_number_once_and_none_fails():
    """The first use of a series is raced for, too."""
    issuer = IssuerFactory()
    customer = CustomerFactory(merchant=issuer.merchant)
    invoices = [draft(issuer=issuer, customer=customer) for _ in range(40)]

    answers = issue_at_once(invoices, workers=8)

    assert sorted(answers, key=lambda number: number.zfill(9)) == [
        str(value) for value in range(1, 41)
    ]
    assert NumberSeries.objects.get().next_value == 41


def test_one_draft_issued_by_many_at_once_is_issued_once():
    invoice = draft()

    answers = Counter(issue_at_once([invoice] * 6, workers=6))

    assert answers["1"] == 1
    assert sum(answers.values()) == 6
    assert all(text == "1" or "is issued already" in text for text in answers)
    assert invoice.versions.count() == 1
    assert NumberSeries.objects.get().next_value == 2


def test_lines_stay_with_the_invoice_they_were_frozen_from():
    invoice = issued()

    assert InvoiceLine.objects.filter(invoice=invoice).count() == 3

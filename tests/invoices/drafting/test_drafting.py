"""Drafts: saved as typed, never overwritten in silence, never lost."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from invoices import drafting, issuing, typed
from invoices.models import Invoice, NumberSeries
from invoicing_site.merchants.models import Role
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(client):
    membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


@pytest.fixture
def issuer(member):
    return factories.IssuerFactory(merchant=member.merchant)


@pytest.fixture
def customer(member):
    return factories.CustomerFactory(merchant=member.merchant)


def row(description="Service", **values):
    return {
        "description": description, "quantity": "2", "unit": "HUR", "unit_price": "1 234,50",
        "discount": "", "discount_kind": "percent", "vat": "S:25", "article_number": "",
    } | values  # fmt: skip


def given(customer=None, lines=None, **values):
    return {"customer": str(customer.pk) if customer else "", "lines": lines or [row()]} | values


def save(invoice, member, given, today, revision=0):
    return drafting.save(
        invoice_id=invoice.pk,
        merchant=member.merchant,
        given=given,
        revision=revision,
        by=member.user,
        today=today,
        language="nb",
    )


def post(client, member, invoice, name="invoice-save", revision=0, lines=None, **values):
    lines = lines if lines is not None else [row()]
    data = {f"line-{key}": [line[key] for line in lines] for key in row()}
    data |= {"revision": revision} | values
    url = reverse(name, args=[member.merchant.slug, invoice.pk])
    return client.post(url, data, headers={"HX-Request": "true"})


@pytest.fixture
def draft(member, issuer):
    return drafting.start(merchant=member.merchant, issuer=issuer, by=member.user)


def test_saving_reads_what_was_typed(draft, member, customer, today):
    saved = save(draft, member, given(customer, discount="10"), today)

    draft.refresh_from_db()
    assert saved.document.totals.payable == Decimal("2777.63")
    assert (draft.total, draft.customer_name) == (Decimal("2777.63"), "Ola Nordmann")
    assert draft.revision == 1


def test_drafting_and_issuing_take_few_statements(member, issuer, customer, today, now):
    """Three lines, begun, saved and issued: at most 14 statements besides BEGIN and COMMIT.

    An issuer's very first invoice makes its number series, which is not counted here.
    """
    factories.issued(issuer=issuer, customer=customer)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        invoice = drafting.start(
            merchant=member.merchant, issuer=issuer, by=member.user, customer=customer
        )
        save(invoice, member, given(customer, lines=[row(), row(), row()]), today)
        issuing.issue(invoice_id=invoice.pk, by=member.user, today=today, now=now)

    statements = [
        each["sql"]
        for each in captured
        if each["sql"] not in {"BEGIN IMMEDIATE", "BEGIN", "COMMIT"}
    ]
    assert len(statements) <= 14, "\n".join(sql[:100] for sql in statements)


def test_unreadable_text_stays_and_stops_the_issue(draft, member, customer, today, now):
    saved = save(draft, member, given(customer, lines=[row(quantity="two")]), today)

    draft.refresh_from_db()
    assert draft.typed["lines"][0]["quantity"] == "two"
    assert "lines.0.quantity" in saved.errors
    with pytest.raises(issuing.CannotIssue):
        issuing.issue(invoice_id=draft.pk, by=member.user, today=today, now=now)


def test_second_tab_overwrites_nothing_in_silence(draft, member, customer, today):
    save(draft, member, given(customer, subject="First"), today)

    with pytest.raises(drafting.Stale) as stale:
        save(draft, member, given(customer, subject="Second"), today, revision=0)

    draft.refresh_from_db()
    assert draft.subject == "First"
    assert stale.value.by == str(member.user)


def test_overwriting_on_purpose_is_possible(draft, member, customer, today):
    save(draft, member, given(customer, subject="First"), today)

    save(draft, member, given(customer, subject="Second"), today, revision=None)

    draft.refresh_from_db()
    assert draft.subject == "Second"


def test_unchanged_lines_are_not_written_again(draft, member, customer, today):
    save(draft, member, given(customer), today)
    before = draft.lines.get().pk

    save(draft, member, given(customer, subject="x"), today, revision=1)

    assert draft.lines.get().pk == before


def test_vat_rate_not_in_force_is_an_error_on_its_line(draft, member, customer, today):
    saved = save(
        draft,
        member,
        given(customer, lines=[row(), row(vat="S:6")], delivery_date="2026-11-01"),
        today,
    )

    assert list(saved.errors) == ["lines.1.vat_rate"]


def test_wrong_kid_is_an_error_on_its_field(draft, member, customer, today):
    draft.issuer.kid_algorithm = "mod10"
    draft.issuer.save()

    saved = save(draft, member, given(customer, kid="12345675"), today)

    assert list(saved.errors) == ["kid"]


def test_customer_of_another_merchant_is_not_taken(draft, member, today):
    stranger = factories.CustomerFactory()

    save(draft, member, given(stranger), today)

    draft.refresh_from_db()
    assert draft.customer is None


def test_deleted_draft_leaves_no_gap(draft, member, issuer, today, now):
    drafting.delete(invoice_id=draft.pk, merchant=member.merchant)

    first = factories.issued(issuer=issuer)

    assert first.number == "1"
    assert NumberSeries.objects.get().next_value == 2


def test_copy_takes_lines_and_texts_but_no_dates(member, issuer, customer, today):
    source = factories.issued(issuer=issuer, customer=customer, subject="November")

    made = drafting.copy(
        invoice_id=source.pk, merchant=member.merchant, by=member.user, language="nb"
    )

    reading = typed.read(made.typed, language="nb")
    assert (made.subject, made.due_date, made.kid, made.number) == ("November", None, "", "")
    assert [each.description for each in reading.lines] == [
        each.description for each in source.lines.all()
    ]
    assert made.lines.count() == source.lines.count()


# ------------------------------------------------------------------------------------- the pages
def test_page_saves_and_answers_with_the_side(client, draft, member):
    answer = post(client, member, draft)

    assert answer.status_code == 200
    assert b'id="side"' in answer.content
    assert b"3,086.25" in answer.content


def test_conflict_answers_422_and_keeps_both(client, draft, member):
    post(client, member, draft, subject="First")

    answer = post(client, member, draft, subject="Second")

    draft.refresh_from_db()
    assert answer.status_code == 422
    assert b"Keep mine" in answer.content
    assert draft.subject == "First"


def test_conflict_without_script_shows_what_was_typed(client, draft, member):
    post(client, member, draft, subject="First")
    url = reverse("invoice-edit", args=[member.merchant.slug, draft.pk])

    answer = client.post(url, {"revision": 0, "subject": "Second"})

    assert answer.status_code == 409
    assert b'value="Second"' in answer.content


def test_issued_invoice_is_not_edited(client, member, issuer):
    invoice = factories.issued(issuer=issuer)

    saved = post(client, member, invoice, subject="Changed")
    page = client.get(reverse("invoice-edit", args=[member.merchant.slug, invoice.pk]))

    invoice.refresh_from_db()
    assert saved.status_code == 422
    assert page.status_code == 302
    assert invoice.subject == ""


def test_other_merchants_draft_is_not_found(client, member):
    stranger = factories.draft()

    assert post(client, member, stranger).status_code == 404


def test_viewer_may_not_edit(client, member, draft):
    member.role = Role.VIEWER
    member.save()

    assert post(client, member, draft).status_code == 403


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("add", ["A", "B", ""]),
        ("copy:0", ["A", "A", "B"]),
        ("remove:0", ["B"]),
        ("down:0", ["B", "A"]),
        ("up:1", ["B", "A"]),
        ("up:0", ["A", "B"]),
        ("remove:9", ["A", "B"]),
    ],
)
def test_line_buttons_work_without_script(client, draft, member, do, expected):
    post(client, member, draft, "invoice-edit", lines=[row("A"), row("B")], do=do)

    draft.refresh_from_db()
    assert [line.get("description", "") for line in draft.typed["lines"]] == expected


def test_issue_with_problems_keeps_all_that_was_typed(client, draft, member):
    answer = post(
        client, member, draft, "invoice-issue", lines=[row(quantity="two")], comment="Hei"
    )

    draft.refresh_from_db()
    assert answer.status_code == 422
    assert (draft.status, draft.typed["comment"]) == ("draft", "Hei")
    assert b'value="two"' in answer.content
    assert not NumberSeries.objects.exists()


def test_issue_goes_to_the_invoice(client, draft, member, customer):
    answer = post(client, member, draft, "invoice-issue", customer=customer.pk)

    draft.refresh_from_db()
    assert (answer.status_code, draft.status, draft.number) == (302, "open", "1")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "file:///etc/passwd",
        "\u202egnp.exe",
        "😀" * 50,
        "x" * 1000,
        "{{ 7|add:7 }}",
    ],
)
def test_awkward_text_is_shown_as_text(client, draft, member, customer, text):
    answer = post(client, member, draft, lines=[row(text)], customer=customer.pk)

    draft.refresh_from_db()
    assert answer.status_code == 200
    assert b"<script>alert" not in answer.content
    assert draft.typed["lines"][0]["description"] == text


def test_new_customer_in_place_keeps_what_was_typed(client, member):
    url = reverse("draft-customer-new", args=[member.merchant.slug])
    typed_in = {"kind": "corporate", "name": "Bø AS", "org_number": "123456789",
                "phone": "12", "country": "NO", "language": "nb"}  # fmt: skip

    refused = client.post(url, typed_in)
    made = client.post(url, typed_in | {"org_number": "923 609 016", "phone": "0047 912 34 567"})

    customer = member.merchant.customers.get()
    assert refused.status_code == 422
    assert b"123456789" in refused.content
    assert set(refused.context["form"].errors) == {"org_number", "phone"}
    assert made.status_code == 200
    assert (customer.org_number, customer.phone) == ("923609016", "+4791234567")


def test_article_search_writes_prices_as_typed(client, member):
    factories.ArticleFactory(merchant=member.merchant, price=Decimal("1234.5"))
    factories.ArticleFactory(description="Hour of another merchant")

    answer = client.get(reverse("draft-articles", args=[member.merchant.slug]), {"q": "hour"})

    assert answer.content.count(b'role="option"') == 1
    assert b'data-vat="S:25"' in answer.content


def test_new_draft_starts_at_once_with_one_issuer(client, member, issuer):
    client.post(reverse("invoice-new", args=[member.merchant.slug]))

    assert Invoice.objects.get().issuer == issuer

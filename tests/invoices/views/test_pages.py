"""Staff pages: what they show, to whom, in how many queries."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from invoices import queries
from invoices.enums import InvoiceStatus
from invoices.models import Operation
from invoices.views.listing import today_of
from invoicing_site.merchants.models import Role
from providers.sandbox import seeding
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(client):
    """An owner who has signed in."""
    membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


@pytest.fixture
def issuer(member):
    return factories.IssuerFactory(merchant=member.merchant)


@pytest.fixture
def account(member, issuer):
    unit = seeding.sales_unit()
    account = factories.ProviderAccountFactory(merchant=member.merchant)
    account.credentials = {
        "client_id": unit.client_id,
        "client_secret": unit.client_secret,
        "subscription_key": unit.key_primary,
    }
    account.save()
    account.issuers.add(issuer)
    return account


def address(name, member, *args):
    return reverse(name, args=[member.merchant.slug, *args])


def issued(issuer, **values):
    return factories.issued(issuer=issuer, **values)


def test_list_shows_newest_first(client, member, issuer):
    numbers = [issued(issuer).number for _ in range(3)]

    page = client.get(address("invoice-list", member))

    assert [row.number for row in page.context["rows"]] == numbers[::-1]


@pytest.mark.parametrize("count", [1, 3, 51])
def test_list_takes_the_same_few_queries(
    client, member, issuer, count, django_assert_max_num_queries
):
    for _ in range(count):
        factories.draft(issuer=issuer)

    with django_assert_max_num_queries(11):
        page = client.get(address("invoice-list", member))

    assert len(page.context["rows"]) == min(count, queries.PAGE)


def test_next_page_goes_on_by_key(client, member, issuer):
    for _ in range(queries.PAGE + 2):
        factories.draft(issuer=issuer)
    first = client.get(address("invoice-list", member))

    second = client.get(address("invoice-list", member) + first.context["next_url"])

    ids = [row.pk for row in [*first.context["rows"], *second.context["rows"]]]
    assert len(ids) == queries.PAGE + 2
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    "text", ["{number}", "ola nordmann", "2 453,06", "2453.06", "+47 912 34 567", "91234567"]
)
def test_search_finds_by_what_the_user_has(client, member, issuer, text):
    wanted = issued(issuer)
    other = factories.CompanyFactory(merchant=member.merchant, phone="+4722334455")
    issued(issuer, customer=other, lines=[factories.line(unit_price=Decimal(7))])
    text = text.format(number=wanted.number)

    page = client.get(address("invoice-list", member), {"q": text})

    assert wanted.total == Decimal("2453.06")
    assert wanted.pk in [row.pk for row in page.context["rows"]]
    if text != wanted.number:
        assert len(page.context["rows"]) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issued_from", "32.13.2026"),
        ("due_to", "2026-02-31"),
        ("status", "paied"),
        ("issuer", "x"),
        ("after", "-1"),
        ("view", "nothing"),
    ],
)
def test_unreadable_filter_is_named_and_left_out(client, member, issuer, name, value):
    issued(issuer)

    page = client.get(address("invoice-list", member), {name: value})

    assert page.status_code == 200
    assert list(page.context["chosen"].problems) == [name]
    assert len(page.context["rows"]) == 1


def test_search_text_is_shown_as_text(client, member):
    page = client.get(address("invoice-list", member), {"q": "<script>alert(1)</script>\x00"})

    assert b"<script>alert" not in page.content


def test_figures_lead_to_exactly_their_invoices(client, member, issuer):
    issued(issuer)
    issued(issuer, lines=[factories.line(unit_price=Decimal(7))])
    late = issued(issuer)
    late.due_date = today_of(member.merchant) - timedelta(days=3)
    late.save()
    paid = issued(issuer)
    paid.status, paid.residual, paid.paid_at = "paid", 0, timezone.now()
    paid.save()
    page = client.get(address("dashboard", member))

    for group in page.context["figures"]:
        for figure in group["figures"]:
            listed = client.get(
                address("invoice-list", member), {"view": figure.view, "currency": figure.currency}
            ).context["rows"]
            column = "total" if figure.view == "recent" else "residual"
            assert sum(getattr(row, column) for row in listed) == figure.amount
            assert len(listed) == figure.count


def test_chart_bars_lead_to_exactly_their_invoices(client, member, issuer):
    for days in (-5, 0, 3, 20, 45, 90):
        invoice = issued(issuer)
        invoice.due_date = today_of(member.merchant) - timedelta(days=days)
        invoice.save()

    (chart,) = client.get(address("dashboard", member)).context["charts"]

    for bar in chart["bars"]:
        listed = client.get(bar.url).context["rows"]
        assert sum((row.residual for row in listed), Decimal(0)) == bar.amount
        assert len(listed) == bar.count == 1


def test_page_shows_open_and_closed_roads_with_reasons(client, member, issuer, account):
    """V-08: push is closed without a consent, and says so before anything is sent."""
    invoice = issued(issuer)

    page = client.get(address("invoice-detail", member, invoice.pk))

    roads = {road.key: road for road in page.context["roads"]}
    push, link = roads[f"{account.pk}:push"], roads[f"{account.pk}:link"]
    assert push.problems
    assert link.is_open
    assert str(push.problems[0].rule) in page.content.decode()


def test_sending_by_a_closed_road_sends_nothing(client, member, issuer, account):
    invoice = issued(issuer)

    answer = client.post(
        address("invoice-send", member, invoice.pk), {"road": f"{account.pk}:push"}
    )

    assert answer.status_code == 422
    assert not invoice.requests.exists()
    assert not Operation.objects.exists()


def test_unreadable_time_keeps_the_page(client, member, issuer, account):
    invoice = issued(issuer)

    answer = client.post(
        address("invoice-send", member, invoice.pk), {"road": "email", "at": "tomorrow"}
    )

    assert answer.status_code == 422
    assert "tomorrow" in answer.content.decode()
    assert not Operation.objects.exists()


def test_email_is_queued_for_a_chosen_time_and_called_off(client, member, issuer):
    invoice = issued(issuer)
    later = (timezone.localtime() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")

    client.post(address("invoice-send", member, invoice.pk), {"road": "email", "at": later})
    operation = Operation.objects.get()
    client.post(address("invoice-drop", member, invoice.pk, operation.pk))

    operation.refresh_from_db()
    assert operation.state == "dropped"
    assert [e.what for e in invoice.timeline.all()][:2] == ["dropped", "scheduled"]


def test_live_answers_only_when_something_happened(client, member, issuer):
    invoice = issued(issuer)
    seen = invoice.timeline.count()

    nothing = client.get(address("invoice-live", member, invoice.pk), {"seen": seen})
    news = client.get(address("invoice-live", member, invoice.pk), {"seen": seen - 1})

    assert (nothing.status_code, nothing.content) == (204, b"")
    assert news.status_code == 200
    assert b'id="live"' in news.content


def test_cancel_says_what_will_happen_then_does_it(client, member, issuer):
    invoice = issued(issuer)
    url = address("invoice-cancel", member, invoice.pk)

    asked = client.get(url)
    empty = client.post(url, {"reason": ""})
    done = client.post(url, {"reason": "Wrong customer"})

    invoice.refresh_from_db()
    assert invoice.number in " ".join(asked.context["effects"])
    assert (empty.status_code, done.status_code) == (422, 302)
    assert invoice.status == InvoiceStatus.CANCELLED
    assert invoice.timeline.first().data["reason"] == "Wrong customer"


def test_cancelling_twice_is_told(client, member, issuer):
    invoice = issued(issuer)
    url = address("invoice-cancel", member, invoice.pk)
    client.post(url, {"reason": "x"})

    again = client.post(url, {"reason": "x"})

    assert again.status_code == 422
    assert again.context["refused"]


def test_viewer_reads_and_does_nothing(client, member, issuer):
    member.role = Role.VIEWER
    member.save()
    invoice = issued(issuer)

    page = client.get(address("invoice-detail", member, invoice.pk))
    answer = client.post(address("invoice-cancel", member, invoice.pk), {"reason": "x"})

    assert page.status_code == 200
    assert answer.status_code == 403
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OPEN


def test_other_merchants_invoice_is_not_found(client, member):
    stranger = factories.issued()

    answer = client.get(address("invoice-detail", member, stranger.pk))

    assert answer.status_code == 404

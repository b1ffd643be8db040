"""Sending many from the list: choosing, the pre-flight, the decision, the progress."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from invoices import options, queries, selecting, tasks
from invoices.models import Dispatch, Invoice, Operation, PaymentRequest
from invoicing_site.merchants.models import Role
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
    account = factories.ProviderAccountFactory(merchant=member.merchant)
    account.issuers.add(issuer)
    return account


@pytest.fixture
def consenting(member):
    customer = factories.CustomerFactory(merchant=member.merchant, name="Agreed Andersen")
    factories.ContactConsentFactory(customer=customer)
    return customer


def address(name, member, *args):
    return reverse(name, args=[member.merchant.slug, *args])


def send(client, member, **form):
    return client.post(address("dispatch-send", member), form)


def invoices(issuer, count, **values):
    return [factories.issued(issuer=issuer, **values) for _ in range(count)]


def joined(rows):
    return ",".join(str(row.pk) for row in rows)


def nothing_happened():
    return not (Dispatch.objects.exists() or PaymentRequest.objects.exists()) and not (
        Operation.objects.exists()
    )


# ------------------------------------------------------------------------------------ the list
def test_list_offers_only_what_can_be_sent(client, member, issuer, account):
    open_one, asked, paid = invoices(issuer, 3)
    asked.latest_request = request(asked, account, "created")
    asked.save()
    Invoice.objects.filter(pk=paid.pk).update(status="paid")
    factories.draft(issuer=issuer)

    page = client.get(address("invoice-list", member))

    assert page.context["may_go"] == {open_one.pk}
    assert page.context["sendable"] == 1
    assert page.content.decode().count('name="invoice"') == 1


def test_viewer_has_nothing_to_tick(client, member, issuer):
    factories.issued(issuer=issuer)
    viewer = factories.MembershipFactory(merchant=member.merchant, role=Role.VIEWER)
    client.force_login(viewer.user)

    page = client.get(address("invoice-list", member)).content.decode()

    assert 'name="invoice"' not in page
    assert "data-picked" not in page


def test_list_takes_the_same_few_queries_with_boxes(
    client, member, issuer, django_assert_max_num_queries
):
    for count in (1, 2):
        invoices(issuer, count)
        with django_assert_max_num_queries(12):
            client.get(address("invoice-list", member))


# ------------------------------------------------------------------------------------ choosing
def test_ticked_invoices_are_shown_with_the_roads(client, member, issuer, account):
    one, two, _other = invoices(issuer, 3)

    page = send(client, member, invoice=[one.pk, two.pk], query="view=outstanding")

    assert page.status_code == 200
    assert page.context["ids"] == joined([one, two])
    assert [way.key for way in page.context["ways"]] == [f"{account.pk}:push", "email"]
    assert 'href="' + address("invoice-list", member) + "?view=outstanding" in page.content.decode()
    assert nothing_happened()


def test_a_whole_filter_is_chosen_beyond_the_page(client, member, issuer):
    other = factories.CompanyFactory(merchant=member.merchant)
    left_out = factories.issued(issuer=issuer, customer=other)
    draft = factories.draft(issuer=issuer)
    wanted = invoices(issuer, queries.PAGE + 2)

    page = send(client, member, all=f"customer={wanted[0].customer_id}&view=outstanding")
    everything = send(client, member, all="")

    assert page.context["ids"] == joined(wanted[:1])
    assert everything.context["count"] == queries.PAGE + 3
    ids = everything.context["ids"].split(",")
    assert str(left_out.pk) in ids
    assert str(draft.pk) not in ids


def test_filter_that_cannot_be_read_chooses_nothing(client, member, issuer):
    """Leaving it out would send more than was shown."""
    factories.issued(issuer=issuer)

    page = send(client, member, all="issued_from=32.13.2026")

    assert page.status_code == 422
    assert page.context["problem"].field == "issued_from"
    assert "32.13.2026" in page.content.decode()


@pytest.mark.parametrize("form", [{}, {"ids": ""}, {"invoice": ["x", "999999999999999999999"]}])
def test_empty_choice_says_what_to_do(client, member, issuer, form):
    page = send(client, member, **form)

    assert page.status_code == 422
    assert page.context["problem"].code == "empty"
    assert "Back to the list" in page.content.decode()


def test_too_many_are_named_with_the_limit(client, member, issuer, monkeypatch):
    monkeypatch.setattr(selecting, "LIMIT", 2)
    rows = invoices(issuer, 3)

    by_filter, by_hand = (
        send(client, member, all=""),
        send(client, member, ids=joined(rows)),
    )

    for page in (by_filter, by_hand):
        assert page.status_code == 422
        assert page.context["problem"].code == "too_many"
        assert "3 invoices are chosen" in str(page.context["problem"].rule)


def test_invoices_of_others_and_drafts_are_not_chosen(client, member, issuer):
    foreign, draft = factories.issued(), factories.draft(issuer=issuer)
    own = factories.issued(issuer=issuer)

    page = send(client, member, ids=joined([foreign, draft, own]))

    assert page.context["ids"] == str(own.pk)


def test_opening_the_address_leads_to_the_list(client, member):
    answer = client.get(address("dispatch-send", member))

    assert answer.status_code == 302
    assert answer["Location"] == address("invoice-list", member)


@pytest.mark.parametrize("step", ["check", "send"])
@pytest.mark.parametrize("road", ["", "pigeon", "99999:push"])
def test_unknown_road_keeps_the_choice(client, member, issuer, account, step, road):
    rows = invoices(issuer, 2)

    page = send(client, member, ids=joined(rows), road=road, step=step, query="q=x")

    assert page.status_code == 422
    assert page.context["problem"].field == "road"
    assert page.context["ids"] == joined(rows)
    assert page.context["query"] == "q=x"
    assert nothing_happened()


# ----------------------------------------------------------------------------------- pre-flight
@pytest.mark.requirement("M4-43")
def test_preflight_says_how_many_go_and_why_others_do_not(
    client, member, issuer, account, consenting
):
    going = invoices(issuer, 2, customer=consenting)
    staying = invoices(issuer, 3)

    page = send(
        client, member, ids=joined([*going, *staying]), road=f"{account.pk}:push", step="check"
    )

    report = page.context["report"]
    assert (len(report.can), len(report.cannot)) == (2, 3)
    (reason,) = report.reasons
    assert (reason.about, reason.count) == ("has_contact_consent", 3)
    assert [each.invoice for each in reason.examples] == staying
    shown = page.content.decode()
    assert "2 can be sent, 3 cannot" in shown
    assert reason.rule in shown
    assert reason.remedy in shown
    assert "Send 2" in shown
    assert nothing_happened()


def test_preflight_of_none_has_no_button(client, member, issuer, account):
    page = send(
        client, member, ids=joined(invoices(issuer, 1)), road=f"{account.pk}:push", step="check"
    )

    assert "None can be sent" in page.content.decode()
    assert b'value="send"' not in page.content


def test_different_words_for_the_same_remedy_are_one_group(client, member, issuer):
    for email in ("a@b@c", "not an address"):
        customer = factories.CustomerFactory(merchant=member.merchant, email=email)
        factories.issued(issuer=issuer, customer=customer)

    page = send(client, member, ids=joined(Invoice.objects.all()), road="email", step="check")

    (reason,) = page.context["report"].reasons
    assert reason.count == 2
    assert not reason.same
    assert "not an address" in page.content.decode()


def test_preflight_takes_no_more_queries_for_more_invoices(
    client, member, issuer, account, django_assert_max_num_queries
):
    for count in (1, 2):
        invoices(issuer, count)
        ids = joined(Invoice.objects.all())
        with django_assert_max_num_queries(18):
            send(client, member, ids=ids, road=f"{account.pk}:push", step="check")


# --------------------------------------------------------------------------------- the decision
def test_decision_starts_a_dispatch_and_keeps_those_left_behind(
    client, member, issuer, account, consenting
):
    going, staying = invoices(issuer, 1, customer=consenting), invoices(issuer, 1)
    form = {"ids": joined(going), "left": joined(staying), "road": f"{account.pk}:push"}

    answer = send(client, member, **form, step="send", seen=0)

    dispatch = Dispatch.objects.get()
    assert answer["Location"] == address("dispatch-detail", member, dispatch.pk)
    assert dispatch.items.get(invoice=going[0]).state == "waiting"
    left = dispatch.items.get(invoice=staying[0])
    assert left.state == "refused"
    assert left.problems[0]["field"] == "has_contact_consent"


def test_decision_pressed_twice_leads_to_the_same_page(client, member, issuer):
    form = {"ids": joined(invoices(issuer, 2)), "road": "email", "step": "send", "seen": 0}

    first, second = send(client, member, **form), send(client, member, **form)

    assert first["Location"] == second["Location"]
    assert Dispatch.objects.count() == 1


# --------------------------------------------------------------------------------- the progress
def request(invoice, account, state, **values):
    return PaymentRequest.objects.create(
        invoice=invoice, document=invoice.versions.get(), account=account, channel="push",
        state=state, attempt=1, reference=f"r-{invoice.pk}", amount=invoice.total,
        currency=invoice.currency, **values,
    )  # fmt: skip


def dispatched(member, issuer, account, states, road="push"):
    """Return a dispatch with one invoice per state of its request."""
    dispatch = Dispatch.objects.create(
        merchant=member.merchant, road_key=f"{account.pk}:{road}", road_label="Request to the app",
        created_by=member.user, created_at=timezone.now() - timedelta(hours=1),
    )  # fmt: skip
    for state in states:
        invoice = factories.issued(issuer=issuer)
        if state in {"waiting", "refused"}:
            problems = [{"field": "phone", "rule": "No phone.", "remedy": "Add it.", "code": "x"}]
            dispatch.items.create(invoice=invoice, state=state, problems=problems)
        else:
            row = request(invoice, account, state)
            dispatch.items.create(invoice=invoice, state="queued", request=row)
    return dispatch


@pytest.mark.requirement("M4-46")
def test_progress_page_counts_and_draws_to_scale(client, member, issuer, account):
    states = ["waiting", "submitted", "created", "accepted", "paid", "refused", "invalid", "paid"]
    dispatch = dispatched(member, issuer, account, states)

    page = client.get(address("dispatch-detail", member, dispatch.pk))

    figures = {str(each["label"]): each["count"] for each in page.context["figures"]}
    assert figures == {
        "Paid": 2, "Approved": 1, "With the customer": 1, "Handed over": 1, "Waiting": 1,
        "Not sent by us": 1, "Refused by the provider": 1,
    }  # fmt: skip
    widths = [each["width"] for each in page.context["bar"]]
    assert widths == [250, 125, 125, 125, 125, 125]


@pytest.mark.requirement("M4-44", "M4-46")
@pytest.mark.parametrize(
    ("states", "every"),
    [(["waiting", "paid"], 2), (["submitted"], 2), (["created"], 15), (["paid", "invalid"], 0)],
)
def test_page_looks_again_while_something_moves(client, member, issuer, account, states, every):
    dispatch = dispatched(member, issuer, account, states)

    page = client.get(address("dispatch-detail", member, dispatch.pk))

    assert page.context["moment"].every == every
    assert ("hx-trigger" in page.content.decode().split('id="live"')[1]) == bool(every)


def test_live_answers_only_what_changed(client, member, issuer, account):
    dispatch = dispatched(member, issuer, account, ["submitted"])
    seen = client.get(address("dispatch-detail", member, dispatch.pk)).context["moment"].seen
    url = address("dispatch-live", member, dispatch.pk)

    same = client.get(url, {"seen": seen})
    PaymentRequest.objects.update(state="invalid")
    news = client.get(url, {"seen": seen})

    assert same.status_code == 204
    assert news.status_code == 200
    assert b"<html" not in news.content
    assert b"1 refused" in news.content


@pytest.mark.requirement("M4-43")
def test_refused_are_shown_with_words_code_and_correction(client, member, issuer, account):
    dispatch = dispatched(member, issuer, account, ["invalid", "refused"])
    problem = {"code": "10316", "meaning": "The due date is past.", "remedy": "Move it.",
               "field": "due_date"}  # fmt: skip
    PaymentRequest.objects.update(problem=problem)

    page = client.get(address("dispatch-detail", member, dispatch.pk)).content.decode()

    theirs, ours = dispatch.items.order_by("pk")
    for words in ("10316", "The due date is past.", "Move it.", "No phone.", "Add it."):
        assert words in page
    assert address("invoice-correct", member, theirs.invoice_id) in page
    assert address("customer-edit", member, ours.invoice.customer_id) in page


@pytest.mark.requirement("M4-43")
def test_refused_are_sent_again_by_one_button(client, member, issuer, account):
    dispatch = dispatched(member, issuer, account, ["invalid", "refused", "paid"])

    answer = client.post(address("dispatch-resend", member, dispatch.pk))

    again = Dispatch.objects.exclude(pk=dispatch.pk).get()
    assert answer["Location"] == address("dispatch-detail", member, again.pk)
    assert again.items.count() == 2


def test_nothing_left_to_send_again_says_so(client, member, issuer, account):
    dispatch = dispatched(member, issuer, account, ["paid"])

    answer = client.post(address("dispatch-resend", member, dispatch.pk), follow=True)

    assert "No invoice is chosen that can be sent." in answer.content.decode()
    assert Dispatch.objects.count() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_progress_page_takes_the_same_few_queries(
    client, member, issuer, account, count, django_assert_max_num_queries
):
    dispatch = dispatched(member, issuer, account, ["created", "refused", "invalid"] * count)

    with django_assert_max_num_queries(11):
        page = client.get(address("dispatch-detail", member, dispatch.pk))

    assert len(page.context["refused"]) == 2 * count


@pytest.mark.parametrize("count", [1, 3])
def test_list_of_dispatches_takes_the_same_few_queries(
    client, member, issuer, account, count, django_assert_max_num_queries
):
    rows = [dispatched(member, issuer, account, ["created"] * n) for n in range(1, count + 1)]

    with django_assert_max_num_queries(6):
        page = client.get(address("dispatch-list", member))

    shown = page.context["dispatches"]
    assert [each["row"] for each in shown] == rows[::-1]
    assert [each["counts"].delivered for each in shown] == list(range(count, 0, -1))


def test_dispatch_of_a_worker_ends_on_the_page(client, member, issuer, account, consenting):
    going = factories.issued(issuer=issuer, customer=consenting)
    send(client, member, ids=str(going.pk), road=f"{account.pk}:push", step="send")
    dispatch = Dispatch.objects.get()

    tasks.work_dispatch(dispatch_id=dispatch.pk)

    assert PaymentRequest.objects.get().dispatch == dispatch
    page = client.get(address("dispatch-detail", member, dispatch.pk))
    assert page.context["counts"].waiting == 1


# ------------------------------------------------------------------------------------ the links
@pytest.fixture
def with_links(member, issuer):
    """A dispatch by link: one link has come, one has not, one invoice is paid, one was refused."""
    account = factories.ProviderAccountFactory(
        merchant=member.merchant, provider="mobilepay_invoice", name="MobilePay"
    )
    account.issuers.add(issuer)
    states = ["created", "submitted", "paid", "invalid"]
    dispatch = dispatched(member, issuer, account, states, road="link")
    url = options.sealed("https://products.example/mobilepay/pay?id=1")
    PaymentRequest.objects.filter(state__in=["created", "paid"]).update(redirect_url=url)
    return dispatch


@pytest.mark.requirement("M4-52", "M4-55", "M4-56")
def test_links_are_shown_as_they_come(client, member, with_links):
    page = client.get(address("dispatch-detail", member, with_links.pk))

    urls = [link.url for link in page.context["links"]]
    assert urls == ["https://products.example/mobilepay/pay?id=1", ""]
    shown = page.content.decode()
    assert "1 waiting for link" in shown
    assert 'data-copy="https://products.example/mobilepay/pay?id=1"' in shown
    assert page.context["moment"].every == 2


def test_coming_link_is_news(client, member, with_links):
    PaymentRequest.objects.filter(state="submitted").update(state="created")
    seen = client.get(address("dispatch-detail", member, with_links.pk)).context["moment"].seen
    url = address("dispatch-live", member, with_links.pk)
    same = client.get(url, {"seen": seen})

    PaymentRequest.objects.update(redirect_url=options.sealed("https://products.example/2"))

    assert same.status_code == 204
    assert b"https://products.example/2" in client.get(url, {"seen": seen}).content


@pytest.mark.requirement("M4-52")
def test_links_download_as_a_table_that_no_formula_enters(client, member, with_links):
    Invoice.objects.update(customer_name="=HYPERLINK(Bølgen)")

    answer = client.get(address("dispatch-links", member, with_links.pk))

    text = answer.content.decode("utf-8-sig")
    first = with_links.items.order_by("pk")[0].invoice
    assert list(csv.reader(io.StringIO(text))) == [
        ["Number", "Customer", "Link"],
        [first.number, "'=HYPERLINK(Bølgen)", "https://products.example/mobilepay/pay?id=1"],
    ]
    assert answer["Content-Disposition"].startswith("attachment")


def test_viewer_sees_that_links_are_ready_but_not_where_they_lead(client, member, with_links):
    viewer = factories.MembershipFactory(merchant=member.merchant, role=Role.VIEWER)
    client.force_login(viewer.user)

    page = client.get(address("dispatch-detail", member, with_links.pk)).content.decode()

    assert "Link is ready" in page
    assert "products.example" not in page

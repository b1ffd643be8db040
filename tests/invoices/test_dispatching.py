"""Deciding to send many, and reading how far they have come."""

from datetime import timedelta

import pytest

from invoices import bulk, dispatching, operations, progress, tasks
from invoices.enums import OperationKind, OperationState
from invoices.models import Dispatch, DispatchItem, Operation, PaymentRequest
from invoices.selecting import LIMIT, sendable, ways_out
from providers.contract import Problem
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
PROBLEM = Problem(field="customer.email", rule="No email.", remedy="Add one.", code="email")


@pytest.fixture
def member():
    return factories.MembershipFactory()


@pytest.fixture
def issuer(member):
    return factories.IssuerFactory(merchant=member.merchant)


@pytest.fixture
def woken(monkeypatch):
    """The dispatches that a worker was told of."""
    told = []

    def wake(task, **ids):
        if task is tasks.work_dispatch:
            told.append(ids["dispatch_id"])

    monkeypatch.setattr(tasks, "wake", wake)
    return told


@pytest.fixture
def account(member, issuer):
    account = factories.ProviderAccountFactory(merchant=member.merchant)
    account.issuers.add(issuer)
    return account


def consenting(member, **values):
    customer = factories.CustomerFactory(merchant=member.merchant, **values)
    factories.ContactConsentFactory(customer=customer)
    return customer


def invoices(issuer, count, **values):
    return [factories.issued(issuer=issuer, **values) for _ in range(count)]


def started(member, rows, road_key="email", *, now=NOW, **more):
    return dispatching.start(
        merchant=member.merchant,
        road_key=road_key,
        ids=[row.pk for row in rows],
        by=member.user,
        now=now,
        **more,
    )


def test_start_keeps_every_invoice_and_wakes_a_worker_after_the_commit(member, issuer, woken):
    rows = invoices(issuer, 3)

    dispatch = started(member, rows)

    assert [item.invoice_id for item in dispatch.items.all()] == [row.pk for row in rows]
    assert {item.state for item in dispatch.items.all()} == {"waiting"}
    assert (dispatch.created_by, dispatch.road_label) == (member.user, "Email")
    assert woken == [dispatch.pk]


def test_what_stays_behind_is_kept_with_its_reasons(member, issuer, woken):
    one, two = invoices(issuer, 2)

    dispatch = started(member, [one], left={two.pk: [PROBLEM]})

    left = dispatch.items.get(state=DispatchItem.State.REFUSED)
    assert left.invoice == two
    assert left.problems == [
        {"field": "customer.email", "rule": "No email.", "remedy": "Add one.", "code": "email"}
    ]


def test_pressing_twice_makes_one_dispatch(member, issuer, woken):
    rows = invoices(issuer, 2)

    first = started(member, rows)
    second = started(member, rows, now=NOW + timedelta(seconds=20))

    assert second == first
    assert len(woken) == 1


@pytest.mark.parametrize("what", ["later", "other invoices", "other road", "other person", "seen"])
def test_another_decision_makes_another_dispatch(member, issuer, account, woken, what):
    customer = consenting(member)
    rows = invoices(issuer, 2, customer=customer)
    first = started(member, rows)

    more = {"after": first.pk} if what == "seen" else {}
    by = factories.MembershipFactory(merchant=member.merchant) if what == "other person" else member
    road = f"{account.pk}:push" if what == "other road" else "email"
    wanted = rows[:1] if what == "other invoices" else rows
    now = NOW + timedelta(seconds=31 if what == "later" else 1)

    assert started(by, wanted, road, now=now, **more) != first


@pytest.mark.parametrize(
    ("ids", "road", "code"),
    [
        ([], "email", "empty"),
        (None, "", "road"),
        (None, "pigeon", "road"),
        ([999], "email", "empty"),
    ],
)
def test_bad_choice_is_refused_in_words_and_nothing_is_kept(member, issuer, woken, ids, road, code):
    wanted = [row.pk for row in invoices(issuer, 1)] if ids is None else ids

    with pytest.raises(dispatching.CannotDispatch) as refused:
        dispatching.start(
            merchant=member.merchant, road_key=road, ids=wanted, by=member.user, now=NOW
        )

    assert refused.value.problem.code == code
    assert refused.value.problem.remedy
    assert not Dispatch.objects.exists()
    assert not woken


def test_more_than_the_limit_is_refused_with_both_numbers(member, issuer, woken):
    with pytest.raises(dispatching.CannotDispatch) as refused:
        dispatching.start(
            merchant=member.merchant,
            road_key="email",
            ids=range(1, LIMIT + 2),
            by=member.user,
            now=NOW,
        )

    assert "10,001" in str(refused.value.problem.rule)
    assert "10,000" in str(refused.value.problem.rule)


def test_invoices_of_another_merchant_are_not_sent(member, issuer, woken):
    foreign = factories.issued()
    own = factories.issued(issuer=issuer)

    with pytest.raises(dispatching.CannotDispatch):
        started(member, [own, foreign])

    assert not Dispatch.objects.exists()


def test_roads_say_how_many_could_take_them(member, issuer, account):
    other = factories.IssuerFactory(merchant=member.merchant, name="Other")
    rows = [*invoices(issuer, 2), factories.issued(issuer=other)]
    rows[0].customer.email = ""
    rows[0].customer.save()

    found = {way.key: way.count for way in ways_out(member.merchant, [row.pk for row in rows])}

    assert found == {f"{account.pk}:push": 2, "email": 2}


def test_sendable_is_open_and_without_a_standing_request(member, issuer, account):
    plain, asked, paid = invoices(issuer, 3)
    request(asked, account, "created")
    paid.status = "paid"
    paid.save()
    ended = factories.issued(issuer=issuer)
    request(ended, account, "expired")
    draft = factories.draft(issuer=issuer)

    found = set(sendable(member.merchant.invoices.all()))

    assert found == {plain, ended}
    assert draft not in found


def request(invoice, account, state, attempt=1, **values):
    return PaymentRequest.objects.create(
        invoice=invoice, document=invoice.versions.get(), account=account, channel="push",
        state=state, attempt=attempt, reference=f"r-{invoice.pk}-{attempt}", amount=invoice.total,
        currency=invoice.currency, **values,
    )  # fmt: skip


def placed(member, issuer, account, states):
    """Return a dispatch by push with one invoice per state of its request."""
    rows = invoices(issuer, len(states))
    dispatch = started(member, rows, f"{account.pk}:push")
    for item, state in zip(dispatch.items.all(), states, strict=True):
        if state not in {"waiting", "refused"}:
            item.request = request(item.invoice, account, state)
        item.state = state if state in {"waiting", "refused"} else "queued"
        item.save()
    return dispatch


STATES = (
    "waiting", "refused", "queued", "submitting", "unknown", "submitted", "created", "accepted",
    "paid", "partially_refunded", "refunded", "rejected", "expired", "cancelled", "invalid",
)  # fmt: skip


@pytest.mark.requirement("M4-46")
def test_every_invoice_is_counted_in_exactly_one_place(
    member, issuer, account, woken, django_assert_num_queries
):
    dispatch = placed(member, issuer, account, STATES)

    with django_assert_num_queries(1):
        found = progress.counts(dispatch)

    assert found == progress.Counts(
        total=15, waiting=4, handed_over=1, delivered=1, accepted=1, paid=3, ended=3,
        refused_by_us=1, refused_by_provider=1,
    )  # fmt: skip
    places = (found.waiting, found.sent, found.refused)
    assert sum(places) == found.total


@pytest.mark.requirement("M4-44")
@pytest.mark.parametrize(
    ("state", "moving", "unsettled"),
    [
        ("queued", True, True),
        ("submitted", True, True),
        ("created", False, True),
        ("accepted", False, True),
        ("paid", False, False),
        ("invalid", False, False),
    ],
)
def test_handed_over_is_not_done(member, issuer, account, woken, state, moving, unsettled):
    found = progress.counts(placed(member, issuer, account, [state]))

    assert (found.moving, found.unsettled) == (moving, unsettled)


def test_several_dispatches_are_counted_together(
    member, issuer, account, woken, django_assert_num_queries
):
    rows = [placed(member, issuer, account, ["created"] * n) for n in (1, 2, 3)]

    with django_assert_num_queries(1):
        found = progress.of_many(rows)

    assert [found[row.pk].delivered for row in rows] == [1, 2, 3]


@pytest.mark.requirement("M4-43")
def test_refused_by_the_provider_are_listed_with_code_words_and_next_step(
    member, issuer, account, woken
):
    dispatch = placed(member, issuer, account, ["invalid", "created"])
    row = PaymentRequest.objects.get(state="invalid")
    row.problem = {"code": "10104", "meaning": "Wrong alias.", "remedy": "Correct it.",
                   "field": "customer.phone"}  # fmt: skip
    row.save()

    (found,) = progress.refused(dispatch, 10)

    assert found.by_provider
    assert found.again
    assert found.fix == f"/m/{member.merchant.slug}/customers/{row.invoice.customer_id}/edit/"
    assert found.problems == (
        {
            "code": "10104",
            "rule": "Wrong alias.",
            "remedy": "Correct it.",
            "field": "customer.phone",
        },
    )


@pytest.mark.requirement("M4-43")
def test_refused_are_sent_again_as_a_group_and_nothing_else(member, issuer, account, woken):
    dispatch = placed(member, issuer, account, ["invalid", "refused", "created", "paid"])

    again = dispatching.resend(dispatch, by=member.user, now=NOW)

    wanted = list(dispatch.items.order_by("pk").values_list("invoice_id", flat=True))[:2]
    assert again.pk != dispatch.pk
    assert again.road_key == dispatch.road_key
    assert list(again.items.values_list("invoice_id", flat=True)) == wanted


def test_refused_and_paid_since_are_not_sent_again(member, issuer, account, woken):
    dispatch = placed(member, issuer, account, ["invalid", "refused"])
    paid, asked = (item.invoice for item in dispatch.items.order_by("pk"))
    paid.status = "paid"
    paid.save()
    request(asked, account, "created", attempt=2)

    assert [each.again for each in progress.refused(dispatch, 10)] == [False, False]
    other = factories.issued(issuer=issuer)
    dispatch.items.create(invoice=other, state="refused")
    assert [each.item.invoice for each in progress.refused(dispatch, 2)] == [other, paid]
    dispatch.items.filter(invoice=other).delete()
    with pytest.raises(dispatching.CannotDispatch):
        dispatching.resend(dispatch, by=member.user, now=NOW)


def test_all_refused_at_once_can_be_sent_again_at_once(member, issuer, account, woken):
    """The second is a decision of its own, although it names the same invoices."""
    dispatch = placed(member, issuer, account, ["refused"])

    again = dispatching.resend(dispatch, by=member.user, now=NOW)
    twice = dispatching.resend(dispatch, by=member.user, now=NOW)

    assert again != dispatch
    assert twice == again


def test_sweep_wakes_what_was_forgotten(member, issuer, woken):
    forgotten = started(member, invoices(issuer, 1))
    done = started(member, invoices(issuer, 1), now=NOW + timedelta(seconds=1))
    Dispatch.objects.filter(pk=done.pk).update(queued_at=NOW)
    woken.clear()

    assert dispatching.sweep(NOW + timedelta(seconds=5)) == 0
    assert dispatching.sweep(NOW + timedelta(minutes=5)) == 1
    assert woken == [forgotten.pk]


def test_held_back_are_counted_with_their_hour(member, issuer, account, woken):
    dispatch = placed(member, issuer, account, ["queued", "queued"])
    until = NOW + timedelta(hours=13)
    for row in PaymentRequest.objects.all():
        operations.queue(OperationKind.CREATE, row.invoice, request=row, now=NOW, due_at=until)
    # What waits for tomorrow knows its limit; what is only tried again later has none.
    full = Operation.objects.order_by("pk")[:1].values("pk")
    Operation.objects.filter(pk__in=list(full.values_list("pk", flat=True))).update(
        problem={"limit": 10, "code": "too_many"}
    )

    assert progress.held(dispatch, NOW) == progress.Held(count=1, until=until)


def test_emails_are_counted_by_what_the_mail_server_said(member, issuer, woken):
    dispatch = started(member, invoices(issuer, 4))
    bulk.queue(dispatch.pk, now=NOW)
    mails = list(Operation.objects.filter(kind=OperationKind.EMAIL).order_by("pk"))
    mails[0].state = OperationState.DONE
    mails[1].state, mails[1].problem = OperationState.FAILED, {"meaning": "Unknown mailbox."}
    mails[2].state = OperationState.DROPPED
    Operation.objects.bulk_update(mails, ["state", "problem"])

    assert progress.counts(dispatch) == progress.Counts(
        total=4, waiting=1, delivered=1, ended=1, refused_by_provider=1
    )
    (refusal,) = progress.refused(dispatch, 10)
    assert refusal.item.invoice == mails[1].invoice
    assert refusal.problems[0]["rule"] == "Unknown mailbox."
    assert dispatching.to_resend(dispatch) == [mails[1].invoice_id]


@pytest.mark.parametrize("item", ["invalid", "refused"])
@pytest.mark.parametrize(
    ("since", "again"),
    [("rejected", False), ("expired", False), ("cancelled", False), ("invalid", True)],
)
def test_what_was_sent_since_is_not_sent_again(member, issuer, account, woken, item, since, again):
    """Declined by the customer after a person sent it alone: it is theirs to take up."""
    dispatch = placed(member, issuer, account, [item])
    invoice = dispatch.items.get().invoice
    assert dispatching.to_resend(dispatch) == [invoice.pk]

    later = request(invoice, account, since, attempt=2)
    PaymentRequest.objects.filter(pk=later.pk).update(created_at=NOW + timedelta(hours=1))

    assert dispatching.to_resend(dispatch) == ([invoice.pk] if again else [])
    assert [each.again for each in progress.refused(dispatch, 10)] == [again]


def test_what_was_declined_before_is_sent_again(member, issuer, account, woken):
    (invoice,) = invoices(issuer, 1)
    earlier = request(invoice, account, "rejected")
    PaymentRequest.objects.filter(pk=earlier.pk).update(created_at=NOW - timedelta(hours=1))
    dispatch = started(member, [invoice], f"{account.pk}:push")
    dispatch.items.update(state="refused")

    assert dispatching.to_resend(dispatch) == [invoice.pk]


def test_email_that_went_since_is_not_sent_again(member, issuer, woken):
    dispatch = started(member, invoices(issuer, 1))
    bulk.queue(dispatch.pk, now=NOW)
    Operation.objects.update(state=OperationState.FAILED)
    invoice = Operation.objects.get().invoice
    assert dispatching.to_resend(dispatch) == [invoice.pk]

    operations.queue(OperationKind.EMAIL, invoice, now=NOW)

    assert dispatching.to_resend(dispatch) == []


def test_worker_queues_what_goes_and_refuses_the_rest(member, issuer, account, woken):
    going = factories.issued(issuer=issuer, customer=consenting(member))
    staying = factories.issued(issuer=issuer)
    dispatch = started(member, [going, staying], f"{account.pk}:push")

    tasks.work_dispatch(dispatch_id=dispatch.pk)

    dispatch.refresh_from_db()
    found = progress.counts(dispatch)
    assert (found.waiting, found.refused_by_us) == (1, 1)
    assert dispatch.queued_at is not None
    (refusal,) = progress.refused(dispatch, 10)
    assert refusal.item.invoice == staying
    assert refusal.problems[0]["rule"]

"""One invoice through MobilePay: whatever is lost or crosses, it is billed once and told rightly."""

import json
from datetime import timedelta
from decimal import Decimal
from unittest import mock

import pytest
import requests
from django.utils import timezone

from invoices import acting, outbox, queries, reconcile, sending
from invoices.enums import InvoiceStatus, OperationState
from invoices.models import Alert, Invoice, Operation
from providers import registrations
from providers.consents import grants, tokens
from providers.contract import Unavailable
from providers.mobilepay_invoice.client import Client
from providers.models import MerchantConsent, ProviderAccount, WebhookDelivery
from providers.sandbox import clock
from providers.sandbox.mobilepay import callbacks
from providers.sandbox.models import (
    AppInvoice,
    Fault,
    Grant,
    IssuedToken,
    PortalIssuer,
    PortalMerchant,
)
from tests.contract.mobilepay import consent
from tests.faults.conftest import request_of
from tests.faults.mobilepay import MobileShop

pytestmark = pytest.mark.django_db(transaction=True)
LOST = ("timeout_after", "drop_after", "cut_after", "truncated_json", "error_after")
NEVER_HAPPENED = ("timeout_before", "drop_before", "error_before")
BOTH = pytest.mark.parametrize("channel", ["direct", "link"])
ENDPOINT = {"direct": "create", "link": "create_link"}
MINUTES = (1, 5, 30, 60)


@pytest.fixture
def shop(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    return MobileShop.make(live_server.url)


def push(shop, channel="direct", **values):
    """Issue an invoice and decide to send it; nothing has left yet."""
    invoice = shop.issued(**values)
    decide(shop, invoice, channel)
    return invoice


def decide(shop, invoice, channel="direct", now=None):
    sending.send(
        invoice_id=invoice.pk, road_key=shop.key(channel), by=shop.owner,
        now=now or timezone.now(),
    )  # fmt: skip


def heal(shop, minutes=MINUTES, **manner):
    """Let time pass, with all that workers and callbacks do in it."""
    for each in minutes:
        shop.work(timedelta(minutes=each), **manner)


def ask_all(ahead=timedelta(days=3)):
    """Let the time pass in which each request is asked about."""
    while reconcile.ask_due(timezone.now() + ahead):
        pass


def billed(shop, invoice):
    """The one invoice that the provider holds of ours."""
    return shop.ledger()[invoice.number]


def made(shop, channel="direct"):
    """What the provider answered to each try to create, oldest first."""
    found = shop.phone.calls(merchantId=shop.id, endpoint=ENDPOINT[channel])
    return [call["status"] for call in reversed(found)]


def withdraw(shop, invoice):
    acting.withdraw(
        request_id=request_of(invoice).pk, by=shop.owner, reason="Mistake", now=timezone.now()
    )


def books(invoice):
    invoice.refresh_from_db()
    return invoice.status, request_of(invoice).state


def call_back(shop, *items):
    """Post a callback as the provider would, with the right secret."""
    merchant = PortalMerchant.objects.get(merchant_id=shop.id)
    answer = requests.post(
        registrations.webhook_url(shop.account), data=json.dumps(items), timeout=5,
        headers={"Authorization": callbacks.authorization(merchant),
                 "Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 200


def item(invoice_id, word, sequence, at=None):
    when = (at or timezone.now()).isoformat()
    return {"InvoiceId": invoice_id, "Status": word, "Date": when, "Sequence": sequence}


# --------------------------------------------------------------------------------- lost answers
@BOTH
@pytest.mark.parametrize("kind", LOST)
@pytest.mark.requirement("M4-82", "M4-86")
def test_lost_answer_is_recognised_and_named_by_the_callback(shop, channel, kind):
    shop.spoil(ENDPOINT[channel], kind)
    invoice = push(shop, channel)

    shop.work()
    heal(shop)

    request = request_of(invoice)
    assert request.provider_id == billed(shop, invoice)["invoiceId"]
    assert (request.state, invoice.requests.count()) == ("created", 1)
    # The endpoint worked once; each repeat was refused as a duplicate.
    assert made(shop, channel)[1:] == [409]


@BOTH
@pytest.mark.parametrize("kind", NEVER_HAPPENED)
@pytest.mark.requirement("M4-82")
def test_try_that_never_arrived_is_repeated_with_the_same_body(shop, channel, kind):
    shop.spoil(ENDPOINT[channel], kind)
    invoice = push(shop, channel)

    shop.work()
    heal(shop)

    assert request_of(invoice).state == "created"
    assert billed(shop, invoice)["status"] == "created"
    assert len([status for status in made(shop, channel) if status == 200]) == 1


@pytest.mark.requirement("M4-82", "M4-86")
@pytest.mark.parametrize("when", ["before the call", "after the call"])
def test_killed_worker_bills_once(shop, when):
    invoice = push(shop)
    claims = outbox.claim(timezone.now(), limit=10)
    if when == "after the call":
        died = mock.patch.object(outbox, "write_back_many", side_effect=SystemExit)
        with died, pytest.raises(SystemExit):
            outbox.run(claims[0])

    shop.work()
    assert Operation.objects.get(kind="create").state == OperationState.LEASED
    for minutes in MINUTES:
        shop.work(outbox.LEASE + timedelta(minutes=minutes))

    assert request_of(invoice).state == "created"
    assert request_of(invoice).provider_id == billed(shop, invoice)["invoiceId"]


@pytest.mark.requirement("M4-77", "M4-86")
def test_id_that_no_callback_brings_is_asked_of_a_person(shop):
    """They offer no search by number: without callbacks only their portal shows the id."""
    shop.phone.merchant(merchantId=shop.id, callbacks=False)
    shop.spoil("create", "error_after")
    invoice = push(shop)
    shop.work()
    heal(shop)
    assert request_of(invoice).state == "unknown"
    ask_all()
    assert Alert.objects.get(resolved_at=None).what == "id_unknown"

    handle = billed(shop, invoice)["invoiceId"]
    reconcile.name(request_id=request_of(invoice).pk, handle=handle, now=timezone.now())

    assert request_of(invoice).state == "created"
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert len(shop.ledger()) == 1


# ---------------------------------------------------------------------------------- withdrawing
@pytest.mark.parametrize("kind", [*LOST, *NEVER_HAPPENED])
@pytest.mark.requirement("M4-57", "M4-60", "M4-71")
def test_withdrawal_whose_answer_is_lost_is_repeated(shop, kind):
    invoice = push(shop)
    shop.work()
    shop.spoil("cancel", kind)

    withdraw(shop, invoice)
    shop.work()
    heal(shop)

    assert billed(shop, invoice)["status"] == "canceled"
    assert books(invoice) == (InvoiceStatus.OPEN, "cancelled")


@pytest.mark.requirement("M4-59", "M4-68", "M4-99")
def test_withdrawal_that_meets_a_payment_ends_paid(shop):
    invoice = push(shop)
    shop.work()
    shop.phone.merchant(merchantId=shop.id, callbacks=False)
    shop.phone.pay(billed(shop, invoice)["invoiceId"])

    withdraw(shop, invoice)
    shop.work()

    assert books(invoice) == (InvoiceStatus.PAID, "paid")
    refused = invoice.timeline.get(what="failed_cancel")
    assert refused.provider_word == "10504"


@BOTH
@pytest.mark.requirement("M4-44", "M4-71")
def test_withdrawal_before_their_checks_are_done_waits_for_them(shop, channel):
    """It is never called withdrawn while it may still come to life."""
    shop.phone.merchant(merchantId=shop.id, validation_delay=600)
    invoice = push(shop, channel)
    shop.work()
    assert request_of(invoice).state == "submitted"

    withdraw(shop, invoice)
    heal(shop, (0, 1, 5))
    assert billed(shop, invoice)["status"] == "pending"
    assert request_of(invoice).state == "submitted"
    shop.phone.push_clock(601)
    heal(shop)

    assert billed(shop, invoice)["status"] == "canceled"
    assert books(invoice) == (InvoiceStatus.OPEN, "cancelled")


@pytest.mark.requirement("M4-44", "M4-66")
def test_withdrawal_of_what_turns_out_invalid_ends_invalid(shop):
    shop.phone.merchant(merchantId=shop.id, validation_delay=600)
    invoice = push(shop, customer=shop.customer(phone="+4511810101"))
    shop.work()

    withdraw(shop, invoice)
    heal(shop, (0, 1))
    shop.phone.push_clock(601)
    heal(shop)

    assert billed(shop, invoice)["status"] == "invalid"
    assert request_of(invoice).state == "invalid"
    assert not Operation.objects.filter(kind="cancel", state__in=["due", "unknown"]).exists()


def test_withdrawal_of_a_lost_request_waits_for_its_name(shop):
    """Nobody can withdraw what has no name yet; the callback names it, then it is withdrawn."""
    shop.phone.merchant(merchantId=shop.id, callbacks=False)
    shop.spoil("create", "error_after")
    invoice = push(shop)
    shop.work()
    withdraw(shop, invoice)
    heal(shop, (1, 6))
    assert request_of(invoice).state == "unknown"

    reconcile.name(
        request_id=request_of(invoice).pk, handle=billed(shop, invoice)["invoiceId"],
        now=timezone.now(),
    )  # fmt: skip
    heal(shop)

    assert billed(shop, invoice)["status"] == "canceled"
    assert request_of(invoice).state == "cancelled"


def test_cancelled_invoice_is_not_left_payable_there(shop):
    """The invoice is cancelled while the answer to its request is lost."""
    shop.spoil("create", "error_after")
    invoice = push(shop)
    outbox.drain(timezone.now(), threads=1)
    acting.cancel_invoice(
        invoice_id=invoice.pk, by=shop.owner, reason="Wrong customer", now=timezone.now()
    )

    heal(shop, (0, *MINUTES))

    assert billed(shop, invoice)["status"] == "canceled"
    assert books(invoice) == (InvoiceStatus.CANCELLED, "cancelled")


# ------------------------------------------------------------------------------------ access
@pytest.mark.requirement("M1-19", "M1-23")
def test_refused_token_is_renewed_and_the_call_repeated_once(shop):
    invoice = push(shop)
    IssuedToken.objects.filter(kind=IssuedToken.Kind.ACCESS).update(expires_at=clock.now())
    before = tokens.access_token(shop.account)

    shop.work()

    assert made(shop) == [401, 200]
    assert tokens.access_token(shop.account) != before
    assert request_of(invoice).state == "created"


@BOTH
@pytest.mark.requirement("M1-23", "M1-24")
def test_consent_revoked_while_many_wait_holds_all_and_loses_none(shop, channel):
    first = push(shop, channel)
    shop.work()
    Grant.objects.update(revoked_at=clock.now())
    waiting = [push(shop, channel) for _ in range(3)]

    heal(shop, (0, *MINUTES))

    assert [request_of(each).state for each in waiting] == ["queued"] * 3
    assert len(shop.ledger()) == 1
    assert ProviderAccount.objects.get().paused_at is not None
    assert MerchantConsent.objects.get().state == MerchantConsent.State.NEEDED
    consent(shop.account, shop.portal)
    grants.let_go_on(shop.account, MerchantConsent.objects.get())
    heal(shop, (61, 70))

    assert [request_of(each).state for each in (first, *waiting)] == ["created"] * 4
    assert ProviderAccount.objects.get().paused_at is None
    assert set(shop.ledger()) == {each.number for each in (first, *waiting)}


@pytest.mark.requirement("M1-23")
def test_consent_revoked_after_sending_does_not_mislead_about_what_is_out(shop):
    """Nobody can be asked while there is no consent: nothing is called ended for that."""
    invoice = push(shop)
    shop.work()
    shop.phone.merchant(merchantId=shop.id, callbacks=False)
    Grant.objects.update(revoked_at=clock.now())
    their_tokens_expire()
    shop.phone.pay(billed(shop, invoice)["invoiceId"])

    ask_all()
    assert books(invoice) == (InvoiceStatus.OPEN, "created")
    consent(shop.account, shop.portal)
    grants.let_go_on(shop.account, MerchantConsent.objects.get())
    ask_all(timedelta(days=4))

    assert books(invoice) == (InvoiceStatus.PAID, "paid")


def their_tokens_expire():
    IssuedToken.objects.update(expires_at=clock.now())


# ---------------------------------------------------------------------------------- callbacks
@BOTH
@pytest.mark.requirement("M4-77", "M4-68")
def test_without_callbacks_asking_brings_every_state(shop, channel):
    shop.phone.merchant(merchantId=shop.id, callbacks=False)
    paid, rejected, accepted = (push(shop, channel) for _ in range(3))
    shop.work()
    heard = WebhookDelivery.objects.count()
    ids = [billed(shop, each)["invoiceId"] for each in (paid, rejected, accepted)]
    shop.phone.pay(ids[0], phone="+4520304050")
    shop.phone.accept(ids[1], phone="+4520304050")
    shop.phone.reject(ids[1])
    shop.phone.accept(ids[2], phone="+4520304050")

    ask_all()

    assert books(paid) == (InvoiceStatus.PAID, "paid")
    assert books(rejected) == (InvoiceStatus.OPEN, "rejected")
    assert books(accepted) == (InvoiceStatus.OPEN, "accepted")
    assert WebhookDelivery.objects.count() == heard == 0


@pytest.mark.requirement("M4-76")
def test_callback_with_an_unknown_id_rests_for_a_person_and_holds_up_nothing(shop):
    invoice = push(shop)
    shop.work()
    known = billed(shop, invoice)["invoiceId"]
    stranger = "5a0c5c3e-8a4b-4d0c-9a83-2f6f3f0c1d11"

    call_back(shop, item(stranger, "Created", 1), item(known, "Rejected", 2))
    for hours in range(14):
        shop.work(timedelta(hours=hours))

    delivery = WebhookDelivery.objects.latest("pk")
    assert (delivery.processed_at, delivery.due_at) == (None, None)
    assert stranger in delivery.problem
    assert request_of(invoice).state == "rejected"


@pytest.mark.requirement("M4-76", "M4-71")
def test_paid_after_canceled_is_believed_only_if_they_say_so_when_asked(shop):
    invoice = push(shop)
    shop.work()
    handle = billed(shop, invoice)["invoiceId"]
    withdraw(shop, invoice)
    shop.work()

    call_back(shop, item(handle, "Paid", 3))
    shop.work(timedelta(minutes=1))
    assert books(invoice) == (InvoiceStatus.OPEN, "cancelled")
    assert not invoice.movements.exists()

    AppInvoice.objects.update(status="paid", payment_date=clock.now().date())
    call_back(shop, item(handle, "Paid", 4))
    shop.work(timedelta(minutes=2))
    assert books(invoice) == (InvoiceStatus.PAID, "paid")
    assert invoice.movements.get().amount == invoice.total


@pytest.mark.requirement("M4-68", "M4-72")
def test_created_after_paid_reopens_nothing(shop):
    invoice = push(shop)
    shop.work()
    handle = billed(shop, invoice)["invoiceId"]
    shop.phone.pay(handle)
    shop.work()

    later = timezone.now() + timedelta(hours=1)
    call_back(shop, item(handle, "Created", 9, at=later), item(handle, "Accepted", 10, at=later))
    shop.work(timedelta(hours=2))

    assert books(invoice) == (InvoiceStatus.PAID, "paid")
    assert invoice.movements.count() == 1


@pytest.mark.requirement("M4-69", "M4-70", "M4-71")
@pytest.mark.parametrize("end", ["rejected", "expired", "cancelled"])
def test_final_states_stay(shop, end):
    invoice = push(shop)
    shop.work()
    handle = billed(shop, invoice)["invoiceId"]
    if end == "rejected":
        shop.phone.reject(handle)
    elif end == "expired":
        shop.phone.push_clock(46 * 24 * 3600)
    else:
        withdraw(shop, invoice)
    shop.work()
    assert request_of(invoice).state == end

    later = clock.now() + timedelta(hours=1)
    call_back(shop, item(handle, "Created", 9, at=later), item(handle, "Accepted", 10, at=later))
    shop.work(timedelta(hours=2))

    assert books(invoice) == (InvoiceStatus.OPEN, end)


# ------------------------------------------------------------------------------ limits, refusals
@pytest.mark.requirement("M4-81")
def test_too_many_calls_are_repeated_after_the_time_they_name(shop):
    shop.spoil("create", "rate_limited", retry_after=Fault.RetryAfter.SECONDS, seconds=90)
    invoice = push(shop)

    shop.work()
    due = Operation.objects.get(kind="create").due_at - timezone.now()
    assert request_of(invoice).state == "queued"
    assert timedelta(seconds=80) < due < timedelta(seconds=120)
    heal(shop, (1,))
    assert made(shop) == []
    heal(shop, (3,))

    assert request_of(invoice).state == "created"


@BOTH
@pytest.mark.requirement("M4-91", "M4-111")
def test_issuer_disabled_there_is_refused_and_sent_again_under_the_same_number(shop, channel):
    issuers = PortalIssuer.objects.filter(pk=shop.portal.issuers[0].pk)
    issuers.update(status=PortalIssuer.Status.DISABLED)
    invoice = push(shop, channel)

    shop.work()
    heal(shop)

    request = request_of(invoice)
    assert request.state == "invalid"
    assert request.problem["code"] == {"direct": "10202", "link": "10303"}[channel]
    assert request.problem["field"] == "issuer"
    assert request.problem["remedy"]
    assert made(shop, channel) == [409]
    issuers.update(status=PortalIssuer.Status.ENABLED)
    decide(shop, invoice, channel)
    shop.work(timedelta(hours=2))

    assert request_of(invoice).state == "created"
    assert set(shop.ledger()) == {invoice.number}


LIMITS = {"10313": "per_issuer_daily", "10314": "per_payer_daily"}


@pytest.mark.requirement("M4-97", "M4-98")
@pytest.mark.parametrize("code", LIMITS)
def test_daily_limit_told_by_the_provider_waits_for_the_next_day(shop, code):
    shop.phone.merchant(merchantId=shop.id, **{LIMITS[code]: 1})
    customer = shop.customer(phone="+4561626364")
    push(shop, customer=customer)
    shop.work()
    second = push(shop, customer=customer)

    shop.work()
    heal(shop)

    assert request_of(second).state == "queued"
    waiting = Operation.objects.get(kind="create", state=OperationState.DUE)
    assert waiting.problem["code"] == code
    assert waiting.problem["remedy"]
    assert timedelta(0) < waiting.due_at - timezone.now() <= timedelta(hours=25)
    assert made(shop) == [200, 409]
    day = timedelta(hours=25)
    shop.phone.push_clock(day.total_seconds())
    shop.work(day + timedelta(minutes=10))

    assert request_of(second).state == "created"
    assert len(shop.ledger()) == 2


@pytest.mark.requirement("M4-97", "M4-98", "M4-44", "M4-111")
@pytest.mark.parametrize("code", LIMITS)
def test_daily_limit_found_after_taking_it_promises_nothing(shop, code):
    """A batch is checked only later: what they then refuse is over, and a person sends it again."""
    shop.phone.merchant(merchantId=shop.id, **{LIMITS[code]: 1})
    customer = shop.customer(phone="+4561626364")
    both = [push(shop, customer=customer) for _ in range(2)]

    shop.work()

    (refused,) = [each for each in both if request_of(each).state == "invalid"]
    problem = request_of(refused).problem
    assert problem["code"] == code
    assert problem["remedy"] == "Send it again tomorrow, or another way now."
    shop.phone.push_clock(timedelta(hours=25).total_seconds())
    decide(shop, refused)
    shop.work(timedelta(hours=25))

    assert [request_of(each).state for each in both] == ["created", "created"]


@pytest.mark.requirement("M4-87")
@pytest.mark.parametrize("code", ["10105", "10205"])
def test_technical_error_is_repeated_with_a_number_for_their_support(shop, code):
    shop.phone.set_fault(endpoint="create", kind="refuse", status=409, code=code, remaining=1)
    invoice = push(shop)

    shop.work()
    waiting = Operation.objects.get(kind="create")
    assert (waiting.state, waiting.problem["code"]) == (OperationState.UNKNOWN, code)
    assert waiting.problem["correlation_id"]
    heal(shop)

    assert request_of(invoice).state == "created"
    assert billed(shop, invoice)["total"] == str(Decimal(invoice.total))


@pytest.mark.requirement("M4-86", "M4-87")
def test_technical_error_that_came_too_late_bills_once(shop):
    """They said 10105 and had taken it all the same: the repeat is a duplicate of our own."""
    real = Client.create

    def late(self, text, **how):
        if not AppInvoice.objects.exists():
            real(self, text, **how)
            raise Unavailable("A technical problem.", code="10105", retry_after=1.0)
        return real(self, text, **how)

    with mock.patch.object(Client, "create", late):
        invoice = push(shop)
        shop.phone.merchant(merchantId=shop.id, validation_delay=60)
        shop.work()
        heal(shop, (1, 2))
    shop.phone.push_clock(61)
    heal(shop)

    assert billed(shop, invoice)["status"] == "created"
    assert request_of(invoice).state == "created"


@pytest.mark.requirement("M4-55", "M4-56")
def test_link_whose_callback_was_lost_is_chased_and_can_be_replaced(shop):
    """Only the callback carries it. Asking tells that the invoice stands, not where."""
    shop.phone.merchant(merchantId=shop.id, callbacks=False)
    lost, _other = [push(shop, "link") for _ in range(2)]
    shop.work()
    request = request_of(lost)
    assert (request.state, request.redirect_url) == ("submitted", "")
    assert request.ask_at is not None
    assert request.ask_at - request.created_at < timedelta(minutes=10)

    ask_all()
    request = request_of(lost)
    assert (request.state, request.redirect_url) == ("created", "")
    assert request.facts["waits_for_link"]
    later = timedelta(days=3, hours=1)
    withdraw(shop, lost)
    shop.work(later)
    decide(shop, lost, "link")
    shop.work(later)

    assert request_of(lost).redirect_url
    statuses = AppInvoice.objects.filter(number=lost.number).order_by("pk")
    assert [each.status for each in statuses] == ["canceled", "created"]


@pytest.mark.requirement("M4-73")
def test_invoice_with_a_day_set_for_payment_is_not_overdue(shop):
    """The customer may move the payment past the due date; until that day nobody is late."""
    invoice = push(shop)
    shop.work()
    day = timezone.localdate() + timedelta(days=20)
    shop.phone.accept(request_of(invoice).provider_id, day.isoformat())
    shop.work()

    invoice.refresh_from_db()
    late = invoice.due_date + timedelta(days=1)
    found = Invoice.objects.filter(queries.view_q("overdue", late))
    assert invoice.promised_on == day
    assert invoice.is_overdue(late) is False
    assert list(found) == []
    assert invoice.is_overdue(day + timedelta(days=1)) is True


@pytest.mark.requirement("M4-82", "M4-86")
def test_repeat_that_is_refused_for_another_reason_does_not_deny_the_first_try(shop):
    """The first try had arrived; a limit, a date or a sender speaks against the repeat alone."""
    shop.spoil("create", "error_after")
    shop.phone.set_fault(endpoint="create", kind="refuse", status=409, code="10202", remaining=1)
    invoice = push(shop)

    shop.work()
    heal(shop)

    assert billed(shop, invoice)["status"] == "created"
    assert request_of(invoice).state == "created"


def test_permission_that_asking_missed_is_found_in_the_nightly_list(shop):
    """A payer agreed long after we stopped asking one by one."""
    invoice = push(shop, "link", customer=shop.customer(phone=""))
    shop.work()
    request = request_of(invoice)
    acting.ask_consent(request_id=request.pk, by=shop.owner, now=timezone.now())
    shop.work()
    shop.phone.consent(request.provider_id, granted=True, phone="+4520203030")

    told = reconcile.list_contact_consents(timezone.now())
    again = reconcile.list_contact_consents(timezone.now())

    invoice.customer.refresh_from_db()
    assert (told, again) == (1, 1)
    assert invoice.customer.phone == "+4520203030"
    assert invoice.customer.consents.filter(phone="+4520203030").count() == 1

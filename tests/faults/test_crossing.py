"""Things that cross on their way: each was once a way to lose money, or a page."""

from datetime import timedelta
from unittest import mock

import pytest
from django.urls import reverse
from django.utils import timezone

from invoices import acting, outbox, paying, reconcile, sending
from invoices.enums import InvoiceStatus, OperationState
from invoices.models import Alert, Operation
from invoicing_site.demo.phone import PhoneError
from providers import inbox
from providers.contract import RequestState, StatusChange
from providers.models import ProviderAccount, WebhookDelivery
from providers.vipps_mobilepay.adapter import VippsMobilePay
from tests import factories
from tests.faults.conftest import fault, request_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(push, work):
    invoice = push()
    work()
    return invoice


def press(invoice, shop):
    return paying.press_pay(
        invoice_id=invoice.pk,
        road_key=f"{shop.account.pk}:link",
        share_phone=False,
        now=timezone.now() + timedelta(minutes=1),
    )


def test_refused_receipt_button_holds_nothing(push, work, phone, shop):
    """403 on what is best effort: the account goes on, and nobody is asked."""
    shop.account.settings = shop.account.settings | {"order_management": True}
    shop.account.save()
    shot = fault("refuse", "om_category", times=9, status=403)
    invoice = push()
    work()
    phone.approve(request_of(invoice).reference)

    work()
    work(timedelta(hours=1))

    shot.refresh_from_db()
    shop.account.refresh_from_db()
    assert shot.fired >= 1
    assert shop.account.paused_at is None
    assert not Alert.objects.filter(resolved_at=None).exists()


def test_provider_that_is_away_all_night_is_waited_for(push, work, phone):
    invoice = push()
    fault("rate_limited", "create", times=20)
    for minutes in range(0, 600, 20):
        work(timedelta(minutes=minutes))

    work(timedelta(hours=20))

    assert request_of(invoice).state == RequestState.CREATED
    assert invoice.timeline.filter(what="retry").count() <= 6


def test_withdrawing_what_never_arrived_ends_it(push, work, shop):
    """The provider does not know it and nobody is sending it: that is certain."""
    invoice = push()
    operation = Operation.objects.get()
    Operation.objects.update(state=OperationState.FAILED, tries=outbox.MAX_TRIES)
    request = request_of(invoice)
    request.state = RequestState.UNKNOWN
    request.save()

    acting.withdraw(request_id=request.pk, by=shop.owner, reason="x", now=timezone.now())
    work()

    assert operation.kind == "create"
    assert request_of(invoice).state == RequestState.CANCELLED


def test_request_in_retry_does_not_outlive_its_invoice(push, work, shop, phone):
    fault("rate_limited", "create", times=1)
    invoice = push()
    work()
    assert request_of(invoice).state == RequestState.QUEUED

    acting.cancel_invoice(invoice_id=invoice.pk, by=shop.owner, reason="x", now=timezone.now())
    work(timedelta(hours=1))

    assert request_of(invoice).state == RequestState.CANCELLED
    with pytest.raises(PhoneError):
        phone.payment(request_of(invoice).reference)


def test_waiting_collection_is_dropped_with_its_invoice(sent, work, shop, phone):
    phone.approve(request_of(sent).reference)
    reconcile.ask(request_of(sent).pk, now=timezone.now())
    assert Operation.objects.filter(kind="capture", state="due").exists()

    acting.cancel_invoice(invoice_id=sent.pk, by=shop.owner, reason="x", now=timezone.now())
    work()

    payment = phone.payment(request_of(sent).reference)
    assert (payment["captured"], payment["cancelled"]) == (0, int(sent.total * 100))


def test_press_after_approval_leaves_the_reservation_alone(sent, shop, phone, work):
    phone.approve(request_of(sent).reference)
    reconcile.ask(request_of(sent).pk, now=timezone.now())

    pressed = press(sent, shop)
    work()

    sent.refresh_from_db()
    assert (pressed.problem, sent.requests.count()) == ("checking", 1)
    assert sent.status == InvoiceStatus.PAID


def test_only_what_is_being_sent_can_be_called_off(sent, shop, phone):
    phone.approve(request_of(sent).reference)
    reconcile.ask(request_of(sent).pk, now=timezone.now())
    capture = Operation.objects.get(kind="capture")

    with pytest.raises(acting.CannotAct):
        acting.drop(operation_id=capture.pk, by=shop.owner, now=timezone.now())

    assert request_of(sent).state == RequestState.ACCEPTED


def test_per_cent_sign_in_a_browsers_name_breaks_no_page(shop, client):
    invoice = shop.issued()
    paying.opened(
        invoice_id=invoice.pk, version=1, now=timezone.now(), user_agent="Foo%20Bar/1.0 50% %(x)s"
    )
    client.force_login(shop.owner)

    page = client.get(reverse("invoice-detail", args=[shop.merchant.slug, invoice.pk]))

    assert page.status_code == 200
    assert b"50% %(x)s" in page.content


def test_one_bad_delivery_stops_no_other(sent, shop, phone, work):
    WebhookDelivery.objects.all().delete()
    now = timezone.now() - timedelta(minutes=1)
    inbox.keep(shop.account, delivery_id="bad", body=b"{}", headers={}, now=now)
    phone.approve(request_of(sent).reference)
    real = VippsMobilePay.parse

    def breaks_on_one(self: VippsMobilePay, body: bytes) -> list[StatusChange]:
        if body == b"{}":
            raise ZeroDivisionError
        return real(self, body)

    with mock.patch.object(VippsMobilePay, "parse", breaks_on_one):
        work()

    sent.refresh_from_db()
    assert sent.status == InvoiceStatus.PAID
    assert WebhookDelivery.objects.get(delivery_id="bad").processed_at is None


def test_account_of_a_provider_that_was_taken_out_breaks_no_page(shop, client):
    invoice = shop.issued()
    ProviderAccount.objects.update(provider="gone")
    client.force_login(shop.owner)

    pages = [
        client.get(reverse("invoice-detail", args=[shop.merchant.slug, invoice.pk])),
        client.get(reverse("provider-list", args=[shop.merchant.slug])),
        client.get(reverse("hosted", args=[invoice.token])),
    ]

    assert [page.status_code for page in pages] == [200, 200, 200]


def test_outcome_that_cannot_be_stored_counts_as_unknown(push, work):
    invoice = push()
    (claim,) = outbox.claim(timezone.now(), limit=1)
    real, calls = outbox.write_back_many, []

    def breaks_once(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("a value no database keeps")
        return real(*args, **kwargs)

    with mock.patch.object(outbox, "write_back_many", breaks_once):
        outbox.run(claim)
    assert Operation.objects.get().state == OperationState.UNKNOWN

    work(timedelta(minutes=5))

    assert request_of(invoice).state == RequestState.CREATED


def test_waiting_email_is_called_off_when_the_invoice_is_cancelled(shop, work, mailoutbox):
    invoice, now = shop.issued(), timezone.now()
    later = now + timedelta(days=1)
    sending.send(invoice_id=invoice.pk, road_key="email", by=shop.owner, now=now, at=later)

    acting.cancel_invoice(invoice_id=invoice.pk, by=shop.owner, reason="x", now=now)
    work(timedelta(days=2))

    assert mailoutbox == []
    assert Operation.objects.get().state == OperationState.DROPPED


@pytest.mark.parametrize(
    "odd",
    [
        {"revision": "9" * 5000},
        {"issuer": "9" * 5000},
        {"customer": "9" * 5000},
        {"line-vat": "S:NaN"},
        {"line-vat": "S:1E+999999"},
        {"line-vat": "S:99999999"},
        {"line-unit": "ABCDEFGH"},
        {"line-quantity": "999999999", "line-unit_price": "999999999"},
        {"prices_include_vat": "\x00"},
        {"comment": "a\x00b"},
    ],
)
def test_odd_input_in_a_draft_is_no_error_of_ours(shop, client, odd):
    draft = factories.draft(issuer=shop.issuer, customer=shop.customer)
    client.force_login(shop.owner)
    data = {
        "revision": "0", "line-description": "x", "line-quantity": "1", "line-unit": "C62",
        "line-unit_price": "1", "line-discount": "", "line-discount_kind": "percent",
        "line-vat": "S:25", "line-article_number": "",
    } | odd  # fmt: skip

    answer = client.post(
        reverse("invoice-save", args=[shop.merchant.slug, draft.pk]),
        data,
        headers={"HX-Request": "true"},
    )

    assert answer.status_code in {200, 422}


def test_five_hundred_lines_can_be_saved(shop, client):
    draft = factories.draft(issuer=shop.issuer, customer=shop.customer)
    client.force_login(shop.owner)
    row = {"description": "x", "quantity": "1", "unit": "C62", "unit_price": "1", "discount": "",
           "discount_kind": "percent", "vat": "S:25", "article_number": ""}  # fmt: skip
    data = {f"line-{name}": [value] * 500 for name, value in row.items()} | {"revision": "0"}

    answer = client.post(
        reverse("invoice-save", args=[shop.merchant.slug, draft.pk]),
        data,
        headers={"HX-Request": "true"},
    )

    assert answer.status_code == 200
    assert draft.lines.count() == 500


@pytest.mark.parametrize("at", ["9999-12-31T23:59", "2001-01-01T10:00", "0001-01-01T00:00"])
def test_time_out_of_reach_sends_nothing(shop, client, at):
    invoice = shop.issued()
    client.force_login(shop.owner)

    answer = client.post(
        reverse("invoice-send", args=[shop.merchant.slug, invoice.pk]), {"road": "email", "at": at}
    )

    assert answer.status_code == 422
    assert not Operation.objects.exists()

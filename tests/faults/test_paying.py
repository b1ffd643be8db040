"""Getting paid: lost, doubled, forged and crossing messages."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import requests
from django.db import connection
from django.utils import timezone

from invoices import acting, paying, reconcile
from invoices.enums import InvoiceStatus
from invoices.models import Alert, Operation
from providers import registrations
from providers.contract import RequestState
from providers.models import RejectedDelivery, WebhookDelivery
from tests.faults.conftest import fault, request_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(push, work):
    invoice = push()
    work()
    return invoice


def books(invoice):
    invoice.refresh_from_db()
    return invoice.status, request_of(invoice).state


def test_push_is_paid_through_webhooks(sent, phone, work):
    """V-22, V-24: approved on the phone, collected, paid."""
    phone.approve(request_of(sent).reference)

    work()

    assert books(sent) == (InvoiceStatus.PAID, RequestState.PAID)
    captured = phone.payment(request_of(sent).reference)["captured"]
    assert captured == int(sent.total * 100)


def test_lost_webhooks_are_healed_by_asking(sent, phone, work):
    """The callback never came: the poll plan alone ends the same."""
    fault("webhook_dropped", times=50)
    heard = WebhookDelivery.objects.count()
    phone.approve(request_of(sent).reference)
    work()
    assert books(sent) == (InvoiceStatus.OPEN, RequestState.CREATED)

    for minutes in (31, 62):
        reconcile.ask_due(timezone.now() + timedelta(minutes=minutes))
        work(timedelta(minutes=minutes))

    assert books(sent) == (InvoiceStatus.PAID, RequestState.PAID)
    assert WebhookDelivery.objects.count() == heard


@pytest.mark.parametrize("kind", ["webhook_duplicate", "webhook_reordered", "webhook_forged"])
def test_doubled_reordered_and_forged_webhooks_end_the_same(sent, phone, work, kind):
    shot = fault(kind, times=10)
    phone.approve(request_of(sent).reference)

    work()
    reconcile.ask_due(timezone.now() + timedelta(minutes=31))
    work(timedelta(minutes=31))

    shot.refresh_from_db()
    assert shot.fired >= 1
    assert books(sent) == (InvoiceStatus.PAID, RequestState.PAID)
    assert sent.movements.filter(kind="captured").count() == 1


def test_forged_webhook_is_counted_and_nothing_of_it_kept(sent, shop):
    url = registrations.webhook_url(shop.account)
    body = (
        f'{{"msn":"123456","reference":"{request_of(sent).reference}","pspReference":"x",'
        '"name":"CAPTURED","amount":{"currency":"NOK","value":1},'
        '"timestamp":"2026-11-21T10:00:00Z","success":true}'
    )

    answer = requests.post(url, data=body, timeout=5)

    assert answer.status_code == 401
    assert RejectedDelivery.objects.get().count == 1
    assert (
        not WebhookDelivery.objects.exclude(processed_at=None).filter(body=body.encode()).exists()
    )
    assert books(sent)[0] == InvoiceStatus.OPEN


def test_oversized_webhook_is_refused(shop, settings):
    url = registrations.webhook_url(shop.account)

    answer = requests.post(url, data=b"x" * (settings.WEBHOOK_MAX_BODY + 1), timeout=5)

    assert answer.status_code == 413


def test_unknown_account_is_not_found(shop, live_server):
    answer = requests.post(f"{live_server.url}/webhooks/vipps_mobilepay/nope/", timeout=5)

    assert answer.status_code == 404


def test_lost_answer_to_a_collection_collects_once(sent, phone, work):
    shot = fault("timeout_after", "capture")
    phone.approve(request_of(sent).reference)

    work()
    work(timedelta(minutes=20))

    shot.refresh_from_db()
    assert shot.fired == 1
    payment = phone.payment(request_of(sent).reference)
    assert payment["captured"] == int(sent.total * 100)
    assert books(sent) == (InvoiceStatus.PAID, RequestState.PAID)


def test_lost_answer_to_a_refund_refunds_once(sent, phone, work, shop):
    phone.approve(request_of(sent).reference)
    work()
    fault("drop_after", "refund")
    acting.refund(
        request_id=request_of(sent).pk,
        amount=Decimal("100.00"),
        reason="Goodwill",
        by=shop.owner,
        now=timezone.now(),
    )

    work()
    work(timedelta(minutes=20))

    payment = phone.payment(request_of(sent).reference)
    assert payment["refunded"] == 10000
    assert books(sent) == (InvoiceStatus.PARTIALLY_REFUNDED, RequestState.PARTIALLY_REFUNDED)


def test_more_than_collected_is_not_refunded(sent, phone, work, shop):
    phone.approve(request_of(sent).reference)
    work()

    with pytest.raises(acting.CannotAct, match="left to refund"):
        acting.refund(
            request_id=request_of(sent).pk,
            amount=sent.total + 1,
            reason="x",
            by=shop.owner,
            now=timezone.now(),
        )

    assert not Operation.objects.filter(kind="refund").exists()


def test_withdrawal_that_loses_against_the_customer_is_told(sent, phone, work, shop):
    """The customer approves while we withdraw: the approval wins."""
    fault("webhook_dropped", times=50)
    request = request_of(sent)
    phone.approve(request.reference)

    acting.withdraw(request_id=request.pk, by=shop.owner, reason="Mistake", now=timezone.now())
    work()
    work(timedelta(minutes=5))

    assert books(sent) == (InvoiceStatus.PAID, RequestState.PAID)
    assert sent.timeline.filter(what="failed_cancel").exists()


def test_withdrawn_request_cannot_be_paid(sent, phone, work, shop):
    request = request_of(sent)
    acting.withdraw(request_id=request.pk, by=shop.owner, reason="Mistake", now=timezone.now())

    work()

    assert books(sent) == (InvoiceStatus.OPEN, RequestState.CANCELLED)
    assert phone.payment(request.reference)["state"] == "TERMINATED"


def test_cancelled_invoice_withdraws_its_request(sent, phone, work, shop):
    acting.cancel_invoice(
        invoice_id=sent.pk, by=shop.owner, reason="Wrong customer", now=timezone.now()
    )

    work()

    assert books(sent) == (InvoiceStatus.CANCELLED, RequestState.CANCELLED)
    assert phone.payment(request_of(sent).reference)["state"] == "TERMINATED"


def test_expiry_is_told_and_asking_again_has_a_new_reference(sent, phone, work, push, shop):
    """V-27: the old request cannot be paid twice."""
    from invoices import sending  # noqa: PLC0415 -- beside its only use

    old = request_of(sent).reference
    phone.push_clock(25 * 3600)
    work(timedelta(hours=25))
    assert books(sent) == (InvoiceStatus.OPEN, RequestState.EXPIRED)

    sending.send(
        invoice_id=sent.pk,
        road_key=f"{shop.account.pk}:push",
        by=shop.owner,
        now=timezone.now() + timedelta(hours=25),
    )
    work(timedelta(hours=25))

    assert request_of(sent).reference != old
    assert books(sent) == (InvoiceStatus.OPEN, RequestState.CREATED)


def test_rejection_is_not_expiry(sent, phone, work):
    phone.reject(request_of(sent).reference)

    work()

    assert books(sent) == (InvoiceStatus.OPEN, RequestState.REJECTED)


def test_soft_dismissal_changes_nothing(sent, phone, work):
    """V-25: "I'll pay later" gives no signal, and the customer can pay later."""
    phone.dismiss(request_of(sent).reference)
    work()
    assert books(sent) == (InvoiceStatus.OPEN, RequestState.CREATED)

    phone.approve(request_of(sent).reference)
    work()

    assert books(sent)[0] == InvoiceStatus.PAID


# ------------------------------------------------------------------------------------- the link
def press(invoice, shop, share=False, channel="link", at=None):
    return paying.press_pay(
        invoice_id=invoice.pk,
        road_key=f"{shop.account.pk}:{channel}",
        share_phone=share,
        now=at or timezone.now(),
    )


def test_double_press_makes_one_payment(shop, phone):
    """V-32: a double click, and two tabs at once."""
    invoice = shop.issued()

    def pressed(_number):
        try:
            return press(invoice, shop).redirect_url
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(pressed, range(4)))

    assert invoice.requests.count() == 1
    assert len(urls) == 1
    assert urls != {""}


def test_later_press_withdraws_the_earlier_payment_first(shop, phone):
    invoice = shop.issued()
    press(invoice, shop)
    old = request_of(invoice)

    pressed = press(invoice, shop, at=timezone.now() + timedelta(seconds=30))

    new = request_of(invoice)
    assert pressed.redirect_url
    assert new.pk != old.pk
    assert phone.payment(old.reference)["state"] == "TERMINATED"
    assert phone.payment(new.reference)["state"] == "CREATED"


def test_press_while_a_push_is_open_withdraws_the_push(sent, shop, phone):
    old = request_of(sent)

    pressed = press(sent, shop)

    assert pressed.redirect_url
    assert phone.payment(old.reference)["state"] == "TERMINATED"


def test_press_after_approval_makes_no_second_payment(sent, shop, phone, work):
    """The push was approved a moment ago and no webhook has come yet."""
    fault("webhook_dropped", times=50)
    phone.approve(request_of(sent).reference)

    pressed = press(sent, shop)

    assert pressed.redirect_url == ""
    assert sent.requests.count() == 1
    work()
    assert books(sent)[0] == InvoiceStatus.PAID


def test_press_without_an_answer_is_checking_then_paid(shop, phone, work):
    invoice = shop.issued()
    fault("timeout_after", "create")

    pressed = press(invoice, shop)

    assert pressed.problem == "checking"
    work(timedelta(minutes=20))
    assert request_of(invoice).state == RequestState.CREATED


def test_forged_return_pays_nothing(shop, phone):
    """V-17: coming back proves nothing; the provider is asked."""
    invoice = shop.issued()
    press(invoice, shop)

    paying.returned(invoice_id=invoice.pk, now=timezone.now())

    assert books(invoice) == (InvoiceStatus.OPEN, RequestState.CREATED)


def test_return_after_approval_shows_paid_without_a_webhook(shop, phone):
    """V-34: the customer who comes back need not wait for a worker."""
    invoice = shop.issued()
    press(invoice, shop)
    fault("webhook_dropped", times=50)
    phone.approve(request_of(invoice).reference)

    paying.returned(invoice_id=invoice.pk, now=timezone.now())

    assert books(invoice) == (InvoiceStatus.PAID, RequestState.PAID)


def test_shared_number_is_kept_with_its_evidence(shop, phone, work):
    """V-40 to V-43: shared through the provider, verified, and the next one may be pushed."""
    shop.customer.phone = ""
    shop.customer.save()
    shop.customer.consents.all().delete()
    invoice = shop.issued()
    invoice.link_channel = f"{shop.account.pk}:link_phone"
    invoice.save()
    press(invoice, shop, share=True, channel="link_phone")
    phone.share(request_of(invoice).reference)

    work()

    shop.customer.refresh_from_db()
    consent = shop.customer.consents.get()
    assert books(invoice)[0] == InvoiceStatus.PAID
    assert shop.customer.phone_is_verified
    assert consent.phone == shop.customer.phone
    assert consent.evidence["request"] == request_of(invoice).reference


def test_other_number_overwrites_nothing(shop, phone, work):
    """V-44: staff choose."""
    shop.customer.phone = "+4799999999"
    shop.customer.save()
    invoice = shop.issued()
    invoice.link_channel = f"{shop.account.pk}:link_phone"
    invoice.save()
    press(invoice, shop, share=True, channel="link_phone")
    phone.share(request_of(invoice).reference)

    work()

    shop.customer.refresh_from_db()
    assert shop.customer.phone == "+4799999999"
    assert shop.customer.phone_proposals.get().taken is None


def test_second_approval_is_released_and_never_becomes_money(sent, shop, phone, work):
    """M-7: the shield against paying twice."""
    first = request_of(sent)
    phone.approve(first.reference)
    work()
    sent.refresh_from_db()
    # As if a withdrawal had been lost at the provider: a second payment comes in all the same.
    sent.status, sent.residual = InvoiceStatus.OPEN, sent.total
    sent.save()
    press(sent, shop)
    second = request_of(sent)
    phone.approve(second.reference)
    work()
    payment = phone.payment(second.reference)
    assert payment["captured"] == 0
    assert payment["cancelled"] == int(sent.total * 100)
    assert books(sent)[0] == InvoiceStatus.PAID
    assert not Alert.objects.filter(resolved_at=None).exists()


def test_return_address_finds_the_invoice_again(shop, phone, client):
    """V-16: no session survives the app, so the address itself must lead back."""
    invoice = shop.issued()
    press(invoice, shop)
    reference = request_of(invoice).reference
    body = json.loads(phone.calls(endpoint="create")[0]["body"])

    page = client.get(urlsplit(body["returnUrl"])._replace(scheme="", netloc="").geturl())

    assert body["returnUrl"].endswith(f"/i/{invoice.token}/return/?r={reference}")
    assert page.status_code == 200
    assert invoice.number in page.content.decode()

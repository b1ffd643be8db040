"""The phone, the landing page, the mailbox. V-22, V-23, V-25, V-33, V-39, X-13."""

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from providers.sandbox.models import Mail, Payment

from .conftest import new_reference, push_body, receipt

PHONE_AGENT = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile/15E148"}
HOME = "/sandbox/phone/?msisdn=4791234567"


def page(payment: Payment) -> str:
    return f"/sandbox/phone/pay/{payment.token}/"


@pytest.fixture
def push(api) -> Payment:
    api.create(**push_body())
    return Payment.objects.get()


def test_push_shows_up_on_the_phone(client, push):
    content = client.get(HOME).content.decode()

    assert "Nordlys Sykkel AS asks for 100,00 NOK" in content
    assert 'http-equiv="refresh"' in content


def test_details_show_the_order_lines(client, push):
    content = client.get(f"/sandbox/phone/details/{push.token}/").content.decode()

    assert receipt()["orderLines"][0]["name"] in content


def test_details_frame_the_merchants_page(api, client):
    api.create(**push_body(receipt=None, receiptUrl="https://billing.example.com/i/7Qk2"))
    payment = Payment.objects.get()

    content = client.get(f"/sandbox/phone/details/{payment.token}/").content.decode()

    assert '<iframe class="sb-web" src="https://billing.example.com/i/7Qk2"' in content


def test_pay(client, push):
    answer = client.post(page(push), {"action": "pay"}, follow=True)

    push.refresh_from_db()
    assert push.state == "AUTHORIZED"
    assert "Approved" in answer.content.decode()


def test_pay_later_changes_nothing_and_stays_under_activities(client, push):
    answer = client.post(page(push), {"action": "later"}, follow=True)

    assert list(push.events.values_list("name", flat=True)) == ["CREATED"]
    assert "Waiting for you" in answer.content.decode()
    client.post(page(push), {"action": "pay"})
    push.refresh_from_db()
    assert push.state == "AUTHORIZED"


def test_decline(client, push):
    client.post(page(push), {"action": "reject"})

    push.refresh_from_db()
    assert push.state == "ABORTED"


def test_paying_what_was_withdrawn_says_so(api, client, push):
    api.modify(push.reference, "cancel")

    answer = client.post(page(push), {"action": "pay"}, follow=True)

    assert "Withdrawn" in answer.content.decode()


def test_failing_card_is_told_on_the_phone(api, client):
    api.create(**push_body(amount={"currency": "NOK", "value": 151}))
    payment = Payment.objects.get()

    answer = client.post(page(payment), {"action": "pay"}, follow=True)

    assert "Payment failed: no funds" in answer.content.decode()


@pytest.fixture
def link(api) -> Payment:
    reference = new_reference()
    api.create(reference=reference, profile={"scope": "phoneNumber"})
    return Payment.objects.get(reference=reference)


def test_desktop_landing_asks_for_a_number_then_waits(client, link):
    landing = f"/sandbox/landing/{link.token}/"

    refused = client.post(landing, {"msisdn": "+47 912 37 010"})
    client.post(landing, {"msisdn": "+47 998 87 766"})
    waiting = client.get(landing).content.decode()

    assert refused.status_code == 422
    link.refresh_from_db()
    assert link.msisdn == "4799887766"
    assert "This page goes on by itself" in waiting


def test_landing_returns_to_the_merchant_when_it_is_over(api, client, link):
    api.control("share", reference=link.reference)

    answer = client.get(f"/sandbox/landing/{link.token}/")

    assert (answer.status_code, answer["Location"]) == (302, link.return_url)


def test_cancelling_on_the_landing_page_aborts(client, link):
    answer = client.post(f"/sandbox/landing/{link.token}/", {"action": "cancel"})

    link.refresh_from_db()
    assert (link.state, answer["Location"]) == ("ABORTED", link.return_url)


def test_cancelling_while_the_bank_thinks_changes_nothing(api, client):
    reference = new_reference()
    api.create(reference=reference, amount={"currency": "NOK", "value": 201})
    link = Payment.objects.get(reference=reference)
    for _ in range(2):
        api.control("approve", reference=reference)

    answer = client.post(f"/sandbox/landing/{link.token}/", {"action": "cancel"})

    assert answer.status_code == 302
    assert api.payment(reference)["state"] == "CREATED"


def test_phone_opens_the_app_and_comes_back(client, link):
    opened = client.get(f"/sandbox/landing/{link.token}/", headers=PHONE_AGENT)
    address = opened["Location"]
    consent = client.get(address).content.decode()
    client.post(address, {"action": "share"})
    confirm = client.get(address).content.decode()
    done = client.post(address, {"action": "pay"}, follow=True).content.decode()

    assert address == f"{page(link)}?from=app"
    assert "Your phone number" in consent
    assert "Pay 100,00 NOK" in confirm
    assert f"url={link.return_url}" in done


def test_declining_to_share_fails_the_payment(api, client, link):
    client.post(page(link), {"action": "decline"})

    assert api.payment(link.reference)["state"] == "ABORTED"
    assert api.payment(link.reference)["profile"] == {}


def test_who_shared_this_week_is_not_asked_again(api, client, link):
    api.control("share", reference=link.reference, phoneNumber="4791234567")
    reference = new_reference()
    api.create(reference=reference, profile={"scope": "phoneNumber"})
    second = Payment.objects.get(reference=reference)

    assert "Pay 100,00 NOK" in client.get(page(second)).content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/sandbox/",
        "/sandbox/phone/",
        "/sandbox/ledger/",
        "/sandbox/faults/",
        "/sandbox/mailbox/",
    ],
)
def test_pages_open_empty_and_filled(api, client, push, path):
    answer = client.get(path)

    assert answer.status_code == 200
    content = answer.content.decode()
    assert "sandbox-band" in content
    assert "<script>" not in content
    assert " style=" not in content


def test_front_page_lists_the_tricks(client, db):
    content = client.get("/sandbox/").content.decode()

    assert "number ending in 7010" in content
    assert "amount 151" in content


def test_fault_form(client, unit):
    answer = client.post(
        "/sandbox/faults/",
        {
            "kind": "latency",
            "endpoint": "create",
            "seconds": "0.1",
            "status": "0",
            "retry_after": "absent",
            "remaining": "2",
        },
        follow=True,
    )

    assert "Slow answer" in answer.content.decode()


def test_mail_is_kept_with_its_parts(client, db):
    message = EmailMultiAlternatives(
        "Invoice 1042", "Plain words", "from@example.com", ["to@example.com"]
    )
    message.attach_alternative("<p>Rich <b>words</b></p>", "text/html")
    message.attach("invoice.pdf", b"%PDF-1.7", "application/pdf")
    connection = get_connection("providers.sandbox.mail.EmailBackend")

    assert connection.send_messages([message]) == 1

    mail = Mail.objects.get()
    assert (mail.text.strip(), mail.recipients) == ("Plain words", ["to@example.com"])
    listing = client.get("/sandbox/mailbox/").content.decode()
    assert "invoice.pdf" in listing
    html = client.get(f"/sandbox/mailbox/{mail.pk}/html/")
    assert html.content.decode().strip() == "<p>Rich <b>words</b></p>"
    assert html["X-Frame-Options"] == "SAMEORIGIN"
    assert client.get(f"/sandbox/mailbox/{mail.pk}/0/").content == b"%PDF-1.7"
    listed = client.get("/sandbox/mailbox/?format=json").json()["mails"]
    assert listed[0]["subject"] == "Invoice 1042"

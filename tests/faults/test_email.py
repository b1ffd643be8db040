"""Email as a road: the link and the PDF, sent once, and bounces that do not hide."""

import smtplib
from datetime import timedelta
from unittest import mock

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from invoices import outbox, sending
from invoices.enums import OperationState
from invoices.models import Alert, Operation
from providers.sandbox.mail import attachments
from providers.sandbox.models import Mail

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def mailbox(settings):
    """Tests get a mailbox of Django's own unless told; this is about the sandbox's."""
    settings.EMAIL_BACKEND = "providers.sandbox.mail.EmailBackend"


@pytest.fixture
def invoice(shop):
    return shop.issued()


def email(invoice, shop):
    sending.send(invoice_id=invoice.pk, road_key="email", by=shop.owner, now=timezone.now())


def test_email_carries_the_link_and_the_pdf(invoice, shop, work):
    """V-28: the sandbox's mailbox gets it."""
    email(invoice, shop)

    work()

    mail = Mail.objects.get()
    assert mail.recipients == [shop.customer.email]
    assert invoice.token in mail.text
    ((_name, kind, content),) = attachments(mail)
    assert (kind, content[:5]) == ("application/pdf", b"%PDF-")
    assert invoice.timeline.first().what == "emailed"


def test_mail_server_that_is_away_is_tried_again(invoice, shop, work):
    email(invoice, shop)
    with mock.patch(
        "providers.sandbox.mail.EmailBackend.send_messages", side_effect=ConnectionRefusedError
    ):
        work()
    operation = Operation.objects.get()
    assert operation.state == OperationState.DUE

    work(timedelta(minutes=5))

    assert Mail.objects.count() == 1


def test_refused_address_is_a_matter_for_a_person(invoice, shop, work):
    """ "Sent" although nothing left the house: not here."""
    email(invoice, shop)
    refused = smtplib.SMTPRecipientsRefused({shop.customer.email: (550, b"unknown")})
    with mock.patch("providers.sandbox.mail.EmailBackend.send_messages", side_effect=refused):
        work()

    invoice.refresh_from_db()
    assert Operation.objects.get().state == OperationState.FAILED
    assert Alert.objects.get().what == "email_failed"
    assert invoice.needs_person is True
    assert invoice.timeline.first().what == "email_failed"


def test_repeat_after_a_lost_answer_is_the_same_message(invoice, shop, work):
    """The worker dies after the mail server took it: the second try has the same message id."""
    sent: list[str] = []

    class Recorder(BaseEmailBackend):
        def send_messages(self, messages):
            sent.extend(each.message()["Message-ID"] for each in messages)
            return len(messages)

    email(invoice, shop)
    with mock.patch("providers.sandbox.mail.EmailBackend", Recorder):
        (claim,) = outbox.claim(timezone.now(), limit=1)
        died = mock.patch.object(outbox, "write_back_many", side_effect=SystemExit)
        with died, pytest.raises(SystemExit):
            outbox.run(claim)
        work(outbox.LEASE + timedelta(seconds=1))

    assert len(sent) == 2
    assert len(set(sent)) == 1


def test_invoice_without_an_address_closes_the_road(shop):
    shop.customer.email = ""
    shop.customer.save()
    invoice = shop.issued()

    with pytest.raises(sending.CannotSend) as refused:
        email(invoice, shop)

    assert [each.field for each in refused.value.problems] == ["email"]
    assert not Operation.objects.exists()

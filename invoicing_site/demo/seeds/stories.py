"""What happened to the sample invoices, told by the operations that make it happen.

A story is a function of a `Teller` and an issued invoice. Staff act through `sending` and
`acting`, customers through the sandbox's phone, and the workers' part is `Teller.work`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from invoices import acting, outbox, paying, sending
from invoices.models import Invoice, PaymentRequest
from invoicing_site.demo.phone import MobilePayPhone, Phone
from invoicing_site.merchants.models import User
from providers import inbox
from providers.sandbox import clock
from providers.sandbox.models import AppEvent, AppInvoice, Delivery, Payment
from providers.sandbox.vipps import lifecycle as provider

VIPPS = "vipps_mobilepay"
PUSH, LINK, SHARE = "push", "link", "link_phone"
# Of the customer who shares a number that nobody had on file.
NEW_NUMBER = "+4794112233"
ROUNDS = 100


@dataclass(frozen=True)
class Teller:
    """Who acts: a member of staff, and the customers' phones at the two providers."""

    by: User
    phone: Phone
    app: MobilePayPhone

    def work(self) -> None:
        """Do what the workers would, until nothing is due.

        The sandbox posts webhooks by itself too: one that is just under way is waited for.
        """
        for _ in range(ROUNDS):
            done = outbox.drain(threads=1)
            done += self.app.deliver() if _untold() else self.phone.deliver()
            done += inbox.drain()
            if not done and not _on_the_way():
                return
            time.sleep(0.0 if done else 0.05)

    def send(
        self,
        invoice: Invoice,
        channel: str,
        *,
        at: datetime | None = None,
        provider: str = VIPPS,
    ) -> None:
        """Send by a provider's channel, or by "email"."""
        now = timezone.now()
        key = next(
            road.key
            for road in sending.roads(invoice, now=now)
            if road.key.rpartition(":")[2] == channel
            and (road.account is None or road.account.provider == provider)
        )
        sending.send(invoice_id=invoice.pk, road_key=key, by=self.by, now=now, at=at)
        self.work()

    def press(self, invoice: Invoice, *, share: bool = False) -> None:
        """Open the hosted page as the customer, and press pay."""
        now = timezone.now()
        paying.opened(invoice_id=invoice.pk, version=1, now=now)
        invoice.refresh_from_db()
        offer = paying.offers(invoice)[0]
        pressed = paying.press_pay(
            invoice_id=invoice.pk, road_key=offer.road_key, share_phone=share, now=now
        )
        if pressed.problem:
            raise RuntimeError(f"Pressing pay on {invoice} ended in: {pressed.problem}")

    def request(self, invoice: Invoice) -> PaymentRequest:
        """Return the invoice's newest request."""
        return PaymentRequest.objects.filter(invoice=invoice).order_by("-attempt")[0]

    def approve(self, invoice: Invoice, *, share: bool = False) -> None:
        """Approve on the phone, and let the news arrive."""
        answer = self.phone.share if share else self.phone.approve
        own = invoice.customer.phone if invoice.customer else ""
        answer(self.request(invoice).reference, own or NEW_NUMBER)
        self.work()

    def refund(self, invoice: Invoice, amount: Decimal, reason: str) -> None:
        """Give money back."""
        request = self.request(invoice)
        acting.refund(
            request_id=request.pk, amount=amount, reason=reason, by=self.by, now=timezone.now()
        )
        self.work()


def _untold() -> bool:
    """Say whether MobilePay Invoice has news that are in no callback yet."""
    checked = AppInvoice.objects.filter(
        status=AppInvoice.Status.PENDING, validate_at__lte=clock.now()
    )
    return AppEvent.objects.filter(queued_at=None).exists() or checked.exists()


def _on_the_way() -> bool:
    return Delivery.objects.filter(settled_at=None, due_at__lte=clock.now()).exists()


Story = Callable[[Teller, Invoice], None]


def emailed(tell: Teller, invoice: Invoice) -> None:
    """The link and the PDF went out by email."""
    tell.send(invoice, sending.EMAIL)


def with_customer(tell: Teller, invoice: Invoice) -> None:
    """A request waits on the phone."""
    tell.send(invoice, PUSH)


def put_off(tell: Teller, invoice: Invoice) -> None:
    """The customer said "I'll pay later": nothing that the merchant could see."""
    tell.send(invoice, PUSH)
    tell.phone.dismiss(tell.request(invoice).reference)


def paid(tell: Teller, invoice: Invoice) -> None:
    """Approved on the phone and collected."""
    tell.send(invoice, PUSH)
    tell.approve(invoice)


def paid_by_link(tell: Teller, invoice: Invoice) -> None:
    """The customer opened the link and paid there."""
    tell.send(invoice, sending.EMAIL)
    tell.send(invoice, LINK)
    tell.press(invoice)
    tell.approve(invoice)


def paid_and_shared(tell: Teller, invoice: Invoice) -> None:
    """The customer paid by the link and shared the phone number."""
    tell.send(invoice, SHARE)
    tell.press(invoice, share=True)
    tell.approve(invoice, share=True)


def link_open(tell: Teller, invoice: Invoice) -> None:
    """The link is open, nobody has pressed pay."""
    tell.send(invoice, LINK)


def partly_refunded(tell: Teller, invoice: Invoice) -> None:
    """Paid, then a part was given back."""
    paid(tell, invoice)
    tell.refund(invoice, Decimal("100.00"), "Scratch on the frame")


def refunded(tell: Teller, invoice: Invoice) -> None:
    """Paid, then all was given back."""
    paid(tell, invoice)
    tell.refund(invoice, invoice.total, "Returned within 14 days")


def rejected(tell: Teller, invoice: Invoice) -> None:
    """The customer declined."""
    tell.send(invoice, PUSH)
    tell.phone.reject(tell.request(invoice).reference)
    tell.work()


def expired(tell: Teller, invoice: Invoice) -> None:
    """The request ran out unanswered: its hour is set back at the provider, the rest follows."""
    tell.send(invoice, PUSH)
    past = timezone.now() - timedelta(minutes=1)
    reference = tell.request(invoice).reference
    Payment.objects.filter(reference=reference).update(expires_at=past)
    provider.tick()
    tell.work()


def cancelled(tell: Teller, invoice: Invoice) -> None:
    """Cancelled while the request was with the customer: it was withdrawn."""
    tell.send(invoice, PUSH)
    acting.cancel_invoice(
        invoice_id=invoice.pk, by=tell.by, reason="Ordered twice by mistake", now=timezone.now()
    )
    tell.work()


def uncollectible(tell: Teller, invoice: Invoice) -> None:
    """Nobody expects to be paid any more."""
    emailed(tell, invoice)
    acting.mark_uncollectible(
        invoice_id=invoice.pk, by=tell.by, reason="Estate without means", now=timezone.now()
    )


def refused(tell: Teller, invoice: Invoice) -> None:
    """The provider refused the request: nobody pays with that number. Needs a person."""
    tell.send(invoice, PUSH)


def later(tell: Teller, invoice: Invoice) -> None:
    """Queued for the day after tomorrow."""
    tell.send(invoice, PUSH, at=timezone.now() + timedelta(days=2))


def approved(tell: Teller, invoice: Invoice) -> None:
    """Approved and reserved; the issuer collects by hand."""
    tell.send(invoice, PUSH)
    tell.approve(invoice)


def collected(tell: Teller, invoice: Invoice) -> None:
    """Approved, then collected by a member of staff."""
    approved(tell, invoice)
    request = tell.request(invoice)
    acting.capture(request_id=request.pk, amount=None, by=tell.by, now=timezone.now())
    tell.work()

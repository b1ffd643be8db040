"""What happened to the sample invoices that went through MobilePay Invoice."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from invoices.models import Invoice
from invoicing_site.demo.seeds import mobilepay
from invoicing_site.demo.seeds.stories import Teller

DIRECT, LINK = "direct", "link"
# Longer than anybody looks at the demo, shorter than the request's life.
CHECKED_FOR = timedelta(hours=12)
SOMEBODY = "+4526113355"


def _send(tell: Teller, invoice: Invoice, channel: str = DIRECT) -> str:
    """Send it, and return what the provider calls it."""
    tell.send(invoice, channel, provider=mobilepay.PROVIDER)
    return str(tell.request(invoice).provider_id)


def handed_over(tell: Teller, invoice: Invoice) -> None:
    """Handed over; the provider still checks it, and nobody has seen it yet."""
    vat = mobilepay.COMPANIES[0][1]
    tell.app.merchant(vat_number=vat, validation_delay=int(CHECKED_FOR.total_seconds()))
    try:
        _send(tell, invoice)
    finally:
        tell.app.merchant(vat_number=vat, validation_delay=0)


def with_customer(tell: Teller, invoice: Invoice) -> None:
    """An invoice waits in the customer's app."""
    _send(tell, invoice)


def scheduled(tell: Teller, invoice: Invoice) -> None:
    """The customer chose a day; the app pays by itself then."""
    day = timezone.localdate() + timedelta(days=3)
    tell.app.accept(_send(tell, invoice), day.isoformat())
    tell.work()


def paid(tell: Teller, invoice: Invoice) -> None:
    """Paid in the app."""
    tell.app.pay(_send(tell, invoice))
    tell.work()


def declined(tell: Teller, invoice: Invoice) -> None:
    """The customer declined."""
    tell.app.reject(_send(tell, invoice))
    tell.work()


def invalid(tell: Teller, invoice: Invoice) -> None:
    """Taken in, then refused: nobody pays with that number. The page says so in words."""
    _send(tell, invoice)


def link_open(tell: Teller, invoice: Invoice) -> None:
    """A link that anybody may pay: shown, copied, mailed or printed as a QR code."""
    _send(tell, invoice, LINK)


def link_paid(tell: Teller, invoice: Invoice) -> None:
    """Somebody opened the link on a phone, and paid."""
    tell.app.pay(_send(tell, invoice, LINK), phone=SOMEBODY)
    tell.work()

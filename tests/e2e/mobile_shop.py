"""What staff, the customer and the workers do in browser tests of MobilePay Invoice."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page

from invoices import outbox
from invoices.models import Invoice
from providers.sandbox.models import AppInvoice
from tests.faults.mobilepay import MobileShop

SITE = "/sandbox/mobilepay"


def path(shop: MobileShop, invoice: Invoice) -> str:
    """Return the address of the invoice's page."""
    return f"/m/{shop.merchant.slug}/invoices/{invoice.pk}/"


def send(page: Page, shop: MobileShop, invoice: Invoice, channel: str = "direct") -> None:
    """Choose a road of MobilePay Invoice on the invoice's page, and send."""
    page.goto(path(shop, invoice))
    page.locator(f"input[name=road][value='{shop.key(channel)}']").check()
    page.locator("#roads button[type=submit]").click()


def hand_over() -> None:
    """Let the worker send what is due; no callback is told yet."""
    while outbox.drain(timezone.now(), threads=1):
        pass


def at_the_provider(invoice: Invoice) -> AppInvoice:
    """Return what the simulator holds of an invoice."""
    return AppInvoice.objects.get(number=invoice.number)


def open_link(customer: Page, phone: str) -> Page:
    """Say on the landing page of a link which phone is to open it; returns that phone."""
    customer.get_by_label("Your phone number, with country code").fill(phone)
    customer.get_by_role("button", name="Next").click()
    with customer.expect_popup() as opened:
        customer.get_by_role("link", name="Open that phone in a new tab").click()
    return opened.value


def open_phone(customer: Page, phone: str) -> None:
    """Pick a phone up, and open the newest invoice on it."""
    customer.goto(f"{SITE}/phone/?msisdn={phone.removeprefix('+')}")
    customer.locator("a.sb-push").first.click()


def pay(customer: Page) -> None:
    """Pay what is open on the phone."""
    customer.get_by_role("button", name=re.compile(r"^Pay .* now$")).click()
    customer.get_by_role("heading", name="Paid", exact=True).wait_for()


def choose_day(customer: Page, day: date) -> None:
    """Let the app pay on a day."""
    customer.get_by_role("link", name="Choose a day").click()
    customer.get_by_label("Payment date").fill(day.isoformat())
    customer.get_by_role("button", name="Pay on that day").click()


def facts(page: Page) -> Any:
    """Return the timeline, newest first."""
    return page.locator("ol.timeline .what")


def badges(page: Page) -> Any:
    """Return what our books say, and what the provider says."""
    return page.locator("#live .title-line .badge")

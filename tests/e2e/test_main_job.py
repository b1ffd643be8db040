"""From an issued invoice to money and back, by hand in a real browser: staff on one page, the
customer's phone on another. The workers' part is `pump`.

Shows V-02, V-08, V-20 to V-35 of the numbered demands.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from invoices.models import Invoice
from tests.e2e.shop import latest_request

PHONE = "4791234567"


@pytest.fixture
def invoice(shop: Any) -> Invoice:
    """An issued invoice of three lines."""
    issued: Invoice = shop.issued()
    return issued


@pytest.fixture
def customer(open_page: Any) -> Page:
    """The customer's phone: narrow, a browser of its own."""
    page: Page = open_page(viewport={"width": 390, "height": 844})
    return page


def send(page: Page, shop: Any, invoice: Invoice, road: str) -> None:
    """Choose a way to send, and send."""
    page.goto(shop.path(invoice))
    page.locator(f"input[name=road][value$='{road}']").check()
    page.locator("#roads button[type=submit]").click()


def open_request(customer: Page) -> None:
    """Open the newest request on the sandbox's phone."""
    customer.goto(f"/sandbox/phone/?msisdn={PHONE}")
    customer.locator("a[href*='/sandbox/phone/pay/']").first.click()


def pay(customer: Page) -> None:
    """Press Pay on the request that is open."""
    customer.get_by_role("button", name=re.compile("^Pay ")).click()


def facts(page: Page) -> Any:
    """Return the timeline, newest first."""
    return page.locator("ol.timeline .what")


# --- flow A: to the phone -------------------------------------------------------------------
def test_push_is_paid_and_the_open_page_shows_it(staff, shop, invoice, customer, pump) -> None:
    """V-22, V-24: nobody reloads the page of the invoice."""
    send(staff, shop, invoice, ":push")
    pump()
    expect(facts(staff).first).to_contain_text("with the customer")

    open_request(customer)
    pay(customer)
    pump()

    expect(staff.locator("#live .badge").first).to_contain_text("Paid")
    expect(facts(staff).filter(has_text="collected")).to_have_count(1)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.residual) == ("paid", Decimal("0.00"))


def test_see_details_opens_our_page_on_the_phone(staff, shop, invoice, customer, pump) -> None:
    """V-23: the details behind a request are our hosted page, or the lines at once."""
    send(staff, shop, invoice, ":push")
    pump()

    open_request(customer)
    customer.get_by_role("link", name="See details").click()

    expect(customer.locator("body")).to_contain_text(re.compile(r"Hour of work|Coffee"))


def test_pay_later_leaves_the_request_payable(staff, shop, invoice, customer, pump) -> None:
    """V-25: a soft dismissal is nothing that the merchant sees."""
    send(staff, shop, invoice, ":push")
    pump()
    staff.reload()
    before = facts(staff).all_inner_texts()

    open_request(customer)
    customer.get_by_role("link", name="Cancel").click()
    customer.get_by_role("button", name="I'll pay later").click()
    pump()

    staff.reload()
    assert facts(staff).all_inner_texts() == before
    assert latest_request(invoice).state == "created"
    open_request(customer)
    pay(customer)
    pump()
    staff.reload()
    expect(staff.locator("#live .badge").first).to_contain_text("Paid")


def test_decline_is_said_and_the_invoice_can_be_sent_again(
    staff, shop, invoice, customer, pump
) -> None:
    """V-26: declined is not expired, and the next request has a reference of its own."""
    send(staff, shop, invoice, ":push")
    pump()
    first = latest_request(invoice)

    open_request(customer)
    customer.get_by_role("link", name="Cancel").click()
    customer.get_by_role("button", name="Decline the request").click()
    pump()

    staff.reload()
    expect(facts(staff).first).to_contain_text("declined")
    send(staff, shop, invoice, ":push")
    pump()
    second = latest_request(invoice)
    assert (second.state, second.reference != first.reference) == ("created", True)


def test_expiry_is_said_and_the_old_request_cannot_be_paid(
    staff, shop, invoice, customer, phone, pump
) -> None:
    """V-26, V-27: two days pass at the provider."""
    send(staff, shop, invoice, ":push")
    pump()

    phone.push_clock(2 * 24 * 3600)
    pump()

    staff.reload()
    expect(facts(staff).first).to_contain_text("ran out")
    invoice.refresh_from_db()
    assert (invoice.status, latest_request(invoice).state) == ("open", "expired")
    open_request(customer)
    expect(customer.get_by_role("button", name=re.compile("^Pay "))).to_have_count(0)


def test_cancel_withdraws_the_request_and_tells_the_customer(
    staff, shop, invoice, customer, pump
) -> None:
    send(staff, shop, invoice, ":push")
    pump()

    staff.locator("details.menu summary", has_text="More").click()
    staff.get_by_role("link", name="Cancel the invoice").click()
    expect(staff.locator("ol.effects li")).not_to_have_count(0)
    staff.get_by_label("Reason").fill("Ordered twice")
    staff.get_by_role("button", name=re.compile("^Cancel invoice")).click()
    pump()

    staff.reload()
    expect(staff.locator("#live .badge").first).to_contain_text("Cancelled")
    assert latest_request(invoice).state == "cancelled"
    customer.goto(f"/i/{invoice.token}/?lang=en")
    expect(customer.locator("#stands")).to_contain_text("Cancelled")
    expect(customer.locator("button.pay")).to_have_count(0)


def test_refund_in_two_parts(staff, shop, invoice, customer, pump) -> None:
    send(staff, shop, invoice, ":push")
    pump()
    open_request(customer)
    pay(customer)
    pump()

    _refund(staff, shop, invoice, "100.00")
    pump()
    staff.reload()
    expect(staff.locator("#live .badge").first).to_contain_text("Partly refunded")
    _refund(staff, shop, invoice, str(invoice.total - 100))
    pump()

    staff.reload()
    expect(staff.locator("#live .badge").first).to_contain_text("Refunded")
    refunds = invoice.movements.filter(kind="refunded").values_list("amount", flat=True)
    assert sorted(refunds) == sorted([Decimal("100.00"), invoice.total - 100])


def test_refund_of_too_much_is_refused_with_the_amount_kept(
    staff, shop, invoice, customer, pump
) -> None:
    send(staff, shop, invoice, ":push")
    pump()
    open_request(customer)
    pay(customer)
    pump()

    _refund(staff, shop, invoice, "999999")

    expect(staff.get_by_role("alert").first).to_contain_text("left to refund")
    expect(staff.get_by_label("Amount")).to_have_value("999999")
    assert not invoice.movements.filter(kind="refunded").exists()


def _refund(staff: Page, shop: Any, invoice: Invoice, amount: str) -> None:
    staff.goto(shop.path(invoice))
    staff.get_by_role("link", name="Refund").first.click()
    staff.get_by_label("Amount").fill(amount)
    staff.get_by_label("Reason").fill("Scratch on the frame")
    staff.get_by_role("button", name="Refund").click()


# --- flow B: the link -----------------------------------------------------------------------
def test_link_is_pressed_and_paid_on_a_phone_without_cookies(
    staff, shop, invoice, customer, pump
) -> None:
    """V-28, V-30 to V-34: the payment is made when the customer presses, not before."""
    send(staff, shop, invoice, ":link")
    pump()
    assert not invoice.requests.exists()

    customer.goto(f"/i/{invoice.token}/?lang=en")
    customer.locator("button.pay").click()
    customer.wait_for_url(re.compile("/sandbox/landing/"))
    customer.get_by_label("Your phone number").fill(PHONE)
    customer.get_by_role("button", name="Next").click()
    open_request(customer)
    pay(customer)
    pump()

    customer.goto(f"/i/{invoice.token}/return/?lang=en")
    expect(customer.locator("#stands")).to_contain_text("Paid")
    staff.reload()
    expect(staff.locator("#live .badge").first).to_contain_text("Paid")


def test_forged_return_pays_nothing(shop, invoice, customer, pump) -> None:
    """V-17: who opens the return address has proved nothing."""
    customer.goto(f"/i/{invoice.token}/return/?lang=en&status=paid")

    expect(customer.locator("#stands")).to_contain_text("To pay")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.movements.count()) == ("open", 0)


# --- flow C: the link that asks for the number ------------------------------------------------
def test_number_is_shared_only_when_the_customer_ticks_it(
    staff, shop, invoice, customer, phone, pump
) -> None:
    """V-35, V-36: never ticked beforehand; ticked, the request asks and the number is kept."""
    shop.customer.consents.all().delete()
    shop.customer.phone = ""
    shop.customer.save()
    send(staff, shop, invoice, ":link_phone")

    customer.goto(f"/i/{invoice.token}/?lang=en")
    tick = customer.get_by_role("checkbox")
    expect(tick).not_to_be_checked()
    tick.check()
    customer.locator("button.pay").click()
    customer.wait_for_url(re.compile("/sandbox/landing/"))
    reference = latest_request(invoice).reference
    assert phone.payment(reference)["scope"] == "phoneNumber"
    phone.share(reference)
    pump()

    shop.customer.refresh_from_db()
    assert shop.customer.phone == f"+{PHONE}"
    assert shop.customer.consents.filter(withdrawn_at=None).exists()
    invoice.refresh_from_db()
    assert invoice.status == "paid"


def test_without_the_tick_nothing_is_asked_for(staff, shop, invoice, customer, phone, pump) -> None:
    send(staff, shop, invoice, ":link_phone")

    customer.goto(f"/i/{invoice.token}/?lang=en")
    customer.locator("button.pay").click()
    customer.wait_for_url(re.compile("/sandbox/landing/"))

    assert phone.payment(latest_request(invoice).reference)["scope"] == ""


# --- roads that are closed ------------------------------------------------------------------
def test_push_without_consent_is_closed_and_says_why(staff, shop, invoice) -> None:
    """V-08, V-09."""
    shop.customer.consents.all().delete()

    staff.goto(shop.path(invoice))

    assert staff.locator("input[name=road][value$=':push']").count() == 0
    expect(staff.locator(".channel.closed").first).to_contain_text(re.compile("agree|consent"))


def test_scheduled_sending_can_be_called_off(staff, shop, invoice, pump) -> None:
    staff.goto(shop.path(invoice))
    staff.locator("input[name=road][value$=':push']").check()
    tomorrow = timezone.localtime() + timedelta(days=1)
    staff.locator("input[name=at]").fill(f"{tomorrow:%Y-%m-%dT%H:%M}")
    staff.locator("#roads button[type=submit]").click()
    pump()
    assert latest_request(invoice).state == "queued"

    staff.get_by_role("button", name="Call it off").click()

    expect(facts(staff).first).to_contain_text("called off")
    assert latest_request(invoice).state == "cancelled"

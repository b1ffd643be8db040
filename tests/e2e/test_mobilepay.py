"""MobilePay Invoice by hand in a real browser: staff on one page, the customer's phone on another."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from customers.models import Customer
from invoices import reconcile, tasks
from invoices.models import Dispatch, Invoice, PaymentRequest
from providers.sandbox import clock
from tests.e2e.conftest import sign_in
from tests.e2e.mobile_shop import (
    SITE,
    at_the_provider,
    badges,
    choose_day,
    facts,
    hand_over,
    open_link,
    open_phone,
    path,
    pay,
    send,
)
from tests.e2e.shop import latest_request
from tests.faults.mobilepay import MobileShop

PHONE = "+4520304050"


@pytest.fixture
def shop(live_server: Any, settings: Any) -> MobileShop:
    """A Danish merchant whose account is consented at the simulator."""
    settings.PUBLIC_URL = live_server.url
    settings.SANDBOX_DELIVER_INLINE = False
    return MobileShop.make(live_server.url)


@pytest.fixture
def staff(open_page: Any, shop: MobileShop) -> Page:
    """A page where the owner has signed in."""
    page: Page = open_page()
    sign_in(page, shop.owner.email)
    return page


@pytest.fixture
def customer(open_page: Any) -> Page:
    """The customer's phone: narrow, a browser of its own."""
    page: Page = open_page(viewport={"width": 390, "height": 844})
    return page


@pytest.fixture
def invoice(shop: MobileShop) -> Invoice:
    """An issued invoice of a customer who may be billed by phone."""
    return shop.issued()


# --- to the app -----------------------------------------------------------------------------
@pytest.mark.requirement("M1-27", "M4-65", "M4-75")
def test_invoice_to_the_app_is_handed_over_delivered_and_paid(
    staff, shop, invoice, customer
) -> None:
    send(staff, shop, invoice)
    hand_over()
    expect(badges(staff).last).to_have_text(re.compile(r"^\s*Handed over"))
    expect(facts(staff).first).to_have_text("MobilePay Invoice took the payment request")
    expect(staff.locator("#live")).not_to_contain_text(re.compile("with the customer|Sent"))

    shop.work()
    expect(facts(staff).filter(has_text="with the customer")).to_have_count(1)
    expect(badges(staff).last).to_have_text(re.compile(r"^\s*With the customer"))

    open_phone(customer, PHONE)
    pay(customer)
    shop.work()

    # The page is not touched: it follows.
    expect(badges(staff).first).to_contain_text("Paid")
    expect(facts(staff).filter(has_text="collected")).to_have_count(1)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.residual) == ("paid", Decimal("0.00"))


@pytest.mark.requirement("M4-69")
def test_declined_is_said_and_can_be_sent_again(staff, shop, invoice, customer) -> None:
    send(staff, shop, invoice)
    shop.work()

    open_phone(customer, PHONE)
    customer.get_by_role("link", name="More").click()
    customer.get_by_role("button", name="Decline").click()
    shop.work()

    expect(facts(staff).filter(has_text="The customer declined the request")).to_have_count(1)
    staff.reload()
    expect(staff.locator(f"input[name=road][value='{shop.key()}']")).to_be_enabled()


# --- by link --------------------------------------------------------------------------------
@pytest.mark.requirement("M4-52")
def test_link_is_handed_on_and_paid(staff, shop, invoice, customer) -> None:
    send(staff, shop, invoice, "link")
    hand_over()
    shop.work()

    staff.get_by_role("link", name="Link and QR").click()
    url = staff.locator("p.code").inner_text()
    assert url.endswith(f"{SITE}/pay/{at_the_provider(invoice).token}/")
    expect(staff.locator("#main")).to_contain_text(f"{invoice.number}, DKK")
    assert staff.locator("img.qr").evaluate("image => image.naturalWidth") > 0

    customer.goto(f"/i/{invoice.token}/?lang=en")
    customer.get_by_role("button", name="Pay with MobilePay Invoice").click()
    customer.wait_for_url(url)
    pay(open_link(customer, PHONE))

    # The page that the link opened goes on by itself, to where the merchant wants the payer.
    customer.wait_for_url(re.compile(rf"/i/{invoice.token}/"))
    shop.work()

    customer.goto(f"/i/{invoice.token}/?lang=en")
    expect(customer.locator("#stands")).to_contain_text("Paid")
    expect(customer.locator("button.pay")).to_have_count(0)
    staff.goto(path(shop, invoice))
    expect(badges(staff).first).to_contain_text("Paid")


def test_payer_of_a_link_agrees_to_be_billed_directly(staff, shop, customer) -> None:
    nobody: Customer = shop.customer(phone="")
    nobody.consents.all().delete()
    invoice = shop.issued(customer=nobody)
    send(staff, shop, invoice, "link")
    shop.work()
    staff.get_by_role("link", name="Ask to bill directly").click()
    staff.get_by_role("button", name="Ask the customer").click()
    shop.work()
    expect(staff.locator("#live")).to_contain_text("no answer yet")

    customer.goto(f"{SITE}/pay/{at_the_provider(invoice).token}/")
    app = open_link(customer, PHONE)
    app.get_by_role("button", name="Yes, send them here").click()
    pay(app)
    shop.work()
    # The answer comes by no callback: we ask.
    reconcile.ask_due(timezone.now() + timedelta(hours=2))
    shop.work()

    staff.goto(path(shop, invoice))
    expect(staff.locator("#live")).to_contain_text("The payer agreed to be billed directly.")
    expect(facts(staff).filter(has_text="The customer shared the number")).to_have_count(1)
    staff.goto(f"/m/{shop.merchant.slug}/customers/{nobody.pk}/")
    expect(staff.locator("#main")).to_contain_text(re.compile(r"20 ?30 ?40 ?50"))
    nobody.refresh_from_db()
    assert (nobody.phone, nobody.consents.filter(withdrawn_at=None).count()) == (PHONE, 1)


# --- many at once ---------------------------------------------------------------------------
def work_dispatches(shop: MobileShop) -> None:
    """Do what the workers do with every dispatch and what came of it."""
    for pk in Dispatch.objects.filter(queued_at=None).values_list("pk", flat=True):
        tasks.work_dispatch(dispatch_id=pk)
    shop.work()


def place(page: Page, name: str) -> Any:
    """Return the number beside a place on the progress page."""
    return page.locator(".places > div", has_text=name).locator("dd")


@pytest.mark.requirement("M4-43", "M4-46", "M4-111")
def test_refused_part_of_a_batch_is_corrected_and_sent_again(staff, shop) -> None:
    good = [shop.issued() for _ in range(2)]
    silent = shop.customer(name="Nils Nej", phone="+4520999999")
    silent.consents.all().delete()
    unknown = shop.customer(name="Ukendt Modtager", phone="+4511910101")
    stays, refused = shop.issued(customer=silent), shop.issued(customer=unknown)

    staff.goto(f"/m/{shop.merchant.slug}/invoices/")
    staff.locator("[data-pick-all]").check()
    staff.get_by_role("button", name="Send 4 invoices").click()
    staff.locator(f"input[name=road][value='{shop.key()}']").check()
    staff.get_by_role("button", name="Look them over").click()
    expect(staff.locator("h1")).to_have_text("3 can be sent, 1 cannot")
    expect(staff.locator("#main")).to_contain_text("Nils Nej")
    staff.get_by_role("button", name="Send 3").click()
    expect(place(staff, "Waiting")).to_have_text("3")

    work_dispatches(shop)
    expect(place(staff, "With the customer")).to_have_text("2")
    expect(place(staff, "Refused by the provider")).to_have_text("1")
    expect(place(staff, "Not sent by us")).to_have_text("1")
    row = staff.locator("ul.groups li", has_text="Ukendt Modtager")
    expect(row).to_contain_text("10101")
    overview = staff.url

    row.get_by_role("link", name=re.compile("^Correct")).click()
    expect(staff.locator("h1")).to_have_text("Ukendt Modtager")
    staff.locator("input[name=phone]").fill("+45 20 77 66 55")
    staff.get_by_role("button", name="Save").click()
    expect(staff.locator("#main")).to_contain_text("+4520776655")
    # Permission was for the old number.
    staff.get_by_role("link", name="Record a consent").click()
    staff.get_by_label("How the customer agreed").fill("By phone, when the number was put right")
    staff.get_by_role("button", name="Record the consent").click()
    expect(staff.locator("#consents ~ .badge")).to_have_text(re.compile("Yes"))
    unknown.refresh_from_db()
    assert unknown.phone == "+4520776655"
    staff.goto(overview)
    staff.get_by_role("button", name="Send the refused again").click()
    expect(staff.locator("h1")).to_have_text("2 invoices, sent in bulk")
    work_dispatches(shop)

    ledger = shop.ledger()
    assert {ledger[each.number]["status"] for each in (*good, refused)} == {"created"}
    assert stays.number not in ledger
    sent = PaymentRequest.objects.filter(invoice=refused).order_by("attempt")
    assert [each.state for each in sent] == ["invalid", "created"]
    expect(staff.locator("nav a[aria-current=page]").first).to_contain_text("Invoices")
    expect(place(staff, "With the customer")).to_have_text("1")
    expect(place(staff, "Not sent by us")).to_have_text("1")


@pytest.mark.requirement("M4-43")
def test_refusal_is_told_in_words_where_it_is_put_right(staff, shop) -> None:
    unknown = shop.customer(name="Ukendt Modtager", phone="+4511910101")
    refused = shop.issued(customer=unknown)
    send(staff, shop, refused)
    shop.work()

    said = facts(staff).filter(has_text="refused the request")
    expect(said).to_have_text(re.compile("No MobilePay user has this phone number"))
    staff.get_by_role("link", name="Correct and send again").click()
    expect(staff).to_have_url(re.compile(f"/customers/{unknown.pk}/edit/$"))


# --- taken back -----------------------------------------------------------------------------
def withdraw(staff: Page) -> None:
    """Withdraw the request that is open on the invoice's page."""
    staff.get_by_role("link", name="Withdraw").click()
    staff.get_by_label("Reason").fill("Ordered twice")
    staff.get_by_role("button", name="Withdraw the request").click()


@pytest.mark.requirement("M4-57", "M4-71")
def test_withdrawn_request_cannot_be_paid(staff, shop, invoice, customer) -> None:
    send(staff, shop, invoice)
    shop.work()
    staff.reload()

    withdraw(staff)
    shop.work()

    expect(facts(staff).first).to_have_text("The request was withdrawn")
    expect(badges(staff).last).to_have_text(re.compile(r"^\s*Withdrawn"))
    assert latest_request(invoice).state == "cancelled"
    customer.goto(f"{SITE}/phone/{at_the_provider(invoice).token}/")
    expect(customer.locator(".sb-outcome")).to_contain_text("Cancelled")


@pytest.mark.requirement("M4-59")
def test_payment_that_beats_the_withdrawal_wins(staff, shop, invoice, customer) -> None:
    send(staff, shop, invoice)
    shop.work()
    staff.reload()
    open_phone(customer, PHONE)
    pay(customer)

    withdraw(staff)
    hand_over()
    shop.work()

    expect(badges(staff).first).to_contain_text("Paid")
    refusal = facts(staff).filter(has_text="The withdrawal was refused")
    expect(refusal).to_have_count(1)
    expect(refusal).to_contain_text("paid")
    expect(facts(staff).filter(has_text="collected")).to_have_count(1)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.residual) == ("paid", Decimal("0.00"))


# --- a day of the customer's own ------------------------------------------------------------
@pytest.mark.requirement("M4-67", "M4-73")
def test_customer_chooses_a_day_and_it_is_paid_then(staff, shop, invoice, customer) -> None:
    send(staff, shop, invoice)
    shop.work()
    day = clock.now().date() + timedelta(days=4)
    open_phone(customer, PHONE)
    choose_day(customer, day)
    shop.work()

    expect(staff.locator("#live")).to_contain_text(f"To be paid on {day.day}")
    expect(badges(staff).first).to_contain_text("Open")
    expect(staff.locator("#live")).not_to_contain_text("reserved")
    customer.goto(f"/i/{invoice.token}/?lang=en")
    expect(customer.locator("main")).to_contain_text(f"The app pays it on {day.day}")

    shop.phone.push_clock(5 * 24 * 3600)
    shop.work()

    expect(badges(staff).first).to_contain_text("Paid")
    invoice.refresh_from_db()
    assert invoice.status == "paid"


# --- through the provider's eyes ------------------------------------------------------------
@pytest.mark.requirement("M4-62")
def test_what_they_have_is_compared_field_by_field(staff, shop, invoice) -> None:
    send(staff, shop, invoice)
    shop.work()
    staff.reload()

    staff.get_by_role("link", name="What they have").click()

    expect(staff.locator("h1")).to_have_text("What the provider has")
    expect(staff.get_by_role("status").first).to_contain_text("is the same")
    assert staff.locator("tbody tr").count() > 5


@pytest.mark.requirement("M4-112")
def test_how_it_looks_in_the_app_is_shown_before_sending(staff, shop, invoice) -> None:
    staff.goto(path(shop, invoice))

    staff.get_by_role("link", name=re.compile("looks in the app")).first.click()

    sender = shop.portal.issuers[0].name
    expect(staff.locator("#app-preview .handset")).to_contain_text(sender)
    expect(staff.locator(".handset-amount")).to_contain_text("DKK")
    staff.goto(f"{path(shop, invoice)}preview/{shop.account.pk}/link/")
    expect(staff.locator("h1")).to_have_text("How it looks in the app")
    expect(staff.locator(".handset")).to_contain_text(sender)
    assert not PaymentRequest.objects.exists()

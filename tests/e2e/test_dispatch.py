"""Sending many in a real browser: tick, look over, send, watch, correct, send the rest again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from customers.models import Customer
from invoices import tasks
from invoices.models import Dispatch, PaymentRequest
from tests import factories
from tests.e2e.conftest import sign_in
from tests.e2e.test_every_page import scrolls_sideways

NARROW = {"width": 390, "height": 844}


@pytest.fixture
def refusing(shop: Any) -> Customer:
    """A customer who has not agreed to be sent requests."""
    customer: Customer = factories.CustomerFactory(
        merchant=shop.merchant, name="Nils Nei", phone="+4798765432"
    )
    return customer


@pytest.fixture
def many(shop: Any, refusing: Customer) -> None:
    """Three invoices that can be pushed, and two that cannot."""
    for _ in range(3):
        shop.issued()
    for _ in range(2):
        shop.issued(customer=refusing)


def look_over(page: Page, shop: Any, road: str = ":push") -> None:
    """Tick all on the list's page, choose a road and look them over."""
    page.goto(f"/m/{shop.merchant.slug}/invoices/")
    page.locator("[data-pick-all]").check()
    page.get_by_role("button", name="Send 5 invoices").click()
    page.locator(f"input[name=road][value$='{road}']").check()
    page.get_by_role("button", name="Look them over").click()


def worker() -> None:
    """Do what a worker does with every dispatch."""
    for pk in Dispatch.objects.filter(queued_at=None).values_list("pk", flat=True):
        tasks.work_dispatch(dispatch_id=pk)


def place(page: Page, name: str) -> Any:
    """Return the number beside a place on the progress page."""
    return page.locator(".places > div", has_text=name).locator("dd")


def test_bar_counts_what_is_ticked_and_what_it_is_worth(staff, shop, many) -> None:
    staff.goto(f"/m/{shop.merchant.slug}/invoices/")
    bar = staff.locator("[data-picked]")
    expect(bar).to_be_hidden()

    staff.locator("input[name=invoice]").first.check()
    expect(bar).to_contain_text("1 chosen")
    expect(bar).to_contain_text("NOK 2,453.06")
    staff.locator("[data-pick-all]").check()
    expect(bar).to_contain_text("NOK 12,265.30")
    expect(bar.get_by_role("button", name="Send 5 invoices")).to_be_visible()

    bar.get_by_role("button", name="Choose none").click()
    expect(bar).to_be_hidden()
    expect(staff.locator("input[name=invoice]:checked")).to_have_count(0)


def test_bar_follows_a_search(staff, shop, many) -> None:
    """The list is swapped in twice, by typing and by leaving the box; ticks survive."""
    staff.goto(f"/m/{shop.merchant.slug}/invoices/")
    staff.locator("input[name=q]").fill("Nils")
    expect(staff.locator("input[name=invoice]")).to_have_count(2)

    staff.locator("[data-pick-all]").check()
    staff.get_by_role("button", name="Send all 2 that match").click()

    expect(staff.locator("h1")).to_have_text("Send 2 invoices")


@pytest.mark.requirement("M4-43", "M4-46")
def test_many_are_looked_over_sent_watched_corrected_and_sent_again(
    staff, shop, many, refusing, pump
) -> None:
    look_over(staff, shop)
    expect(staff.locator("h1")).to_have_text("3 can be sent, 2 cannot")
    expect(staff.locator("#main")).to_contain_text("has not agreed to be sent payment requests")
    assert not PaymentRequest.objects.exists()

    staff.get_by_role("button", name="Send 3").click()
    expect(place(staff, "Waiting")).to_have_text("3")
    expect(place(staff, "Not sent by us")).to_have_text("2")

    # The page is not touched: it follows what workers do.
    worker()
    pump()
    expect(place(staff, "With the customer")).to_have_text("3")
    expect(place(staff, "Waiting")).to_have_text("0")

    factories.ContactConsentFactory(customer=refusing)
    staff.get_by_role("button", name="Send the refused again").click()
    expect(staff.locator("h1")).to_have_text("2 invoices, sent in bulk")
    worker()
    pump()
    expect(place(staff, "With the customer")).to_have_text("2")
    numbers = PaymentRequest.objects.values_list("invoice__number", flat=True)
    assert len(numbers) == len(set(numbers)) == 5


def test_correcting_starts_at_the_refusal(staff, shop, many, refusing) -> None:
    look_over(staff, shop)
    staff.get_by_role("button", name="Send 3").click()

    staff.get_by_role("link", name=re.compile("Correct .*Nils Nei")).first.click()

    expect(staff.locator("h1")).to_have_text("Nils Nei")


def test_another_road_keeps_what_was_chosen(staff, shop, many) -> None:
    look_over(staff, shop)

    staff.get_by_role("button", name="Another road").click()

    expect(staff.locator("h1")).to_have_text("Send 5 invoices")
    expect(staff.locator("input[name=road][value$=':push']")).to_be_checked()
    staff.locator("input[name=road][value=email]").check()
    staff.get_by_role("button", name="Look them over").click()
    expect(staff.locator("h1")).to_have_text("All 5 can be sent")


def test_going_back_loses_nothing_and_sends_nothing_twice(staff, shop, many) -> None:
    look_over(staff, shop)
    staff.get_by_role("button", name="Send 3").click()
    staff.wait_for_url(re.compile(r"/dispatches/\d+/$"))
    first = staff.url

    staff.go_back()
    staff.get_by_role("button", name="Send 3").click()
    staff.wait_for_url(re.compile(r"/dispatches/\d+/$"))

    assert staff.url == first
    assert Dispatch.objects.count() == 1


def test_everything_works_without_script(open_page, shop, many) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, shop.owner.email)
    page.goto(f"/m/{shop.merchant.slug}/invoices/")
    expect(page.locator("[data-pick-all]")).to_be_hidden()

    # Newest first: the last two are those that cannot be pushed.
    for place_in_list in (1, 2):
        page.locator("input[name=invoice]").nth(place_in_list).check()
    page.get_by_role("button", name="Send the ticked").click()
    page.locator("input[name=road][value$=':push']").check()
    page.get_by_role("button", name="Look them over").click()
    expect(page.locator("h1")).to_have_text("1 can be sent, 1 cannot")
    page.get_by_role("button", name="Send 1").click()

    expect(page.locator("h1")).to_have_text("2 invoices, sent in bulk")
    worker()
    page.get_by_role("link", name="Reload").click()
    assert PaymentRequest.objects.count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_sending_many_have_no_finding_and_fit_a_phone(
    open_page, shop, many, accessible, scheme
) -> None:
    page = open_page(viewport=NARROW, color_scheme=scheme)
    sign_in(page, shop.owner.email)
    page.goto(f"/m/{shop.merchant.slug}/invoices/")
    page.locator("input[name=invoice]").first.check()
    good(page, accessible)
    # Each press leads to another page; what is looked at is that one, not the way to it.
    page.get_by_role("button", name="Send all 5 that match").click()
    expect(page.locator("input[name=road][value$=':push']")).to_be_visible()
    good(page, accessible)
    page.locator("input[name=road][value$=':push']").check()
    page.get_by_role("button", name="Look them over").click()
    expect(page.get_by_role("button", name="Send 3")).to_be_visible()
    good(page, accessible)
    page.get_by_role("button", name="Send 3").click()
    expect(page.locator(".places")).to_be_visible()
    worker()
    page.reload()
    good(page, accessible)
    page.goto(f"/m/{shop.merchant.slug}/dispatches/")
    good(page, accessible)


def good(page: Page, accessible: Any) -> None:
    """Fail on a serious finding, or where the page is wider than its window."""
    accessible(page)
    assert not scrolls_sideways(page), page.url

"""Drafting by hand in a real browser, from an empty form to a paid invoice."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from invoices.models import Invoice
from tests import factories
from tests.e2e.conftest import sign_in
from tests.e2e.shop import latest_request


@pytest.fixture
def editor(staff: Page, shop: Any) -> Page:
    """A new, empty draft."""
    staff.goto(f"/m/{shop.merchant.slug}/invoices/new/")
    staff.get_by_role("button", name=re.compile("^Start a draft")).click()
    expect(staff.get_by_role("heading", name="Draft", exact=True)).to_be_visible()
    return staff


def saved(page: Page) -> None:
    """Wait until all that was typed is saved."""
    expect(page.locator("[data-state]")).to_have_text(re.compile("^Saved"))


def line(page: Page, number: int = 0) -> Any:
    return page.locator("[data-line]").nth(number)


def fill(page: Page, number: int, text: str, quantity: str, price: str) -> None:
    row = line(page, number)
    row.locator("[data-field=description]").fill(text)
    row.locator("[data-field=quantity]").fill(quantity)
    row.locator("[data-field=unit_price]").fill(price)


def choose_customer(page: Page, text: str) -> None:
    search = page.locator("#customer-search")
    search.click()
    search.press_sequentially(text)
    page.get_by_role("option", name=re.compile("^Kari")).wait_for()
    search.press("ArrowDown")
    search.press("Enter")
    expect(page.locator("#customer .picked b")).to_have_text("Kari Nordmann")


def draft_of(page: Page) -> Invoice:
    match = re.search(r"/invoices/(\d+)/", page.url)
    assert match
    return Invoice.objects.get(pk=match[1])


def test_typing_saves_itself_and_totals_follow(editor: Page, shop: Any) -> None:
    """`1 234,50` is read as a Norwegian types it."""
    choose_customer(editor, "kari")
    fill(editor, 0, "Service", "2", "1 234,50")

    expect(editor.locator(".totals .v")).to_have_text(re.compile(r"3,086\.25"))
    saved(editor)

    draft = draft_of(editor)
    assert (draft.customer, draft.total) == (shop.customer, Decimal("3086.25"))
    expect(line(editor).locator("[data-field=unit_price]")).to_have_value("1 234,50")


@pytest.mark.parametrize("road", ["push", "link", "link_phone"])
def test_from_draft_to_paid(
    editor: Page, shop: Any, phone: Any, pump: Any, open_page: Any, road: str
) -> None:
    """V-02: the three flows, each from an empty draft until it is paid."""
    choose_customer(editor, "kari")
    fill(editor, 0, "Service", "1", "900")
    saved(editor)
    editor.get_by_role("button", name="Issue").click()
    expect(editor.locator(".timeline .what").first).to_have_text(re.compile("^Issued"))
    editor.locator(f"input[name=road][value$=':{road}']").check()
    editor.locator("#roads button[type=submit]").click()
    pump()
    invoice = draft_of(editor)
    if road != "push":
        customer = open_page(viewport={"width": 390, "height": 844})
        customer.goto(f"/i/{invoice.token}/")
        customer.locator("form[action*='/pay/'] button[type=submit]").first.click()
        customer.wait_for_url(re.compile("/sandbox/"))
    phone.approve(latest_request(invoice).reference)
    pump()

    expect(editor.locator(".badge.good").first).to_have_text(re.compile("Paid"))


def test_quick_fingers_take_who_was_typed(editor: Page, shop: Any) -> None:
    """Enter before the list has caught up: not whoever stood first in the old list."""
    factories.CustomerFactory(merchant=shop.merchant, name="Aino Virtanen")
    editor.reload()
    search = editor.locator("#customer-search")
    search.click()
    editor.get_by_role("option", name=re.compile("^Aino")).wait_for()
    search.fill("kari")
    search.press("ArrowDown")
    search.press("Enter")

    expect(editor.locator("#customer .picked b")).to_have_text("Kari Nordmann")


def test_unreadable_number_is_told_and_kept(editor: Page) -> None:
    fill(editor, 0, "Service", "two", "900")
    line(editor).locator("[data-field=unit_price]").blur()

    expect(line(editor).locator(".error")).to_contain_text("two")
    expect(line(editor).locator("[data-field=quantity]")).to_have_attribute("aria-invalid", "true")
    editor.reload()
    expect(line(editor).locator("[data-field=quantity]")).to_have_value("two")


def test_lines_are_added_copied_moved_and_removed(editor: Page) -> None:
    fill(editor, 0, "First", "1", "1")
    editor.get_by_role("button", name="Add a line").click()
    fill(editor, 1, "Second", "1", "2")
    line(editor, 1).get_by_role("button", name="Copy the line").click()
    line(editor, 0).locator("[data-field=description]").press("Alt+ArrowDown")
    saved(editor)

    texts = [row["description"] for row in draft_of(editor).typed["lines"]]
    assert texts == ["Second", "First", "Second"]

    line(editor, 0).get_by_role("button", name="Remove the line").click()
    expect(editor.locator("[data-line]")).to_have_count(2)
    editor.get_by_role("button", name="Undo").click()
    expect(editor.locator("[data-line]")).to_have_count(3)


def test_line_is_moved_by_mouse(editor: Page) -> None:
    fill(editor, 0, "First", "1", "1")
    editor.get_by_role("button", name="Add a line").click()
    fill(editor, 1, "Second", "1", "2")
    grip, target = line(editor, 1).locator("[data-grip]"), line(editor, 0)
    start, end = grip.bounding_box(), target.bounding_box()
    assert start
    assert end
    editor.mouse.move(start["x"] + 5, start["y"] + 5)
    editor.mouse.down()
    editor.mouse.move(start["x"] + 5, end["y"] + 2, steps=8)
    editor.mouse.up()

    expect(line(editor, 0).locator("[data-field=description]")).to_have_value("Second")


def test_article_fills_the_line(editor: Page) -> None:
    line(editor).locator("[data-field=description]").press_sequentially("workshop")
    editor.get_by_role("option", name=re.compile("Workshop hour")).click()

    expect(line(editor).locator("[data-field=unit_price]")).to_have_value("760")
    expect(line(editor).locator("[data-field=article_number]")).to_have_value("REP-010")


def test_customer_is_added_in_place(editor: Page, shop: Any) -> None:
    search = editor.locator("#customer-search")
    search.click()
    search.press_sequentially("Nye Bakeri")
    editor.get_by_role("option", name=re.compile("^Add")).click()
    editor.locator("#new-customer [name=kind]").select_option("corporate")
    editor.locator("#new-customer [name=org_number]").fill("123")
    expect(editor.locator("#new-customer [name=name]")).to_have_value("Nye Bakeri")
    editor.get_by_role("button", name="Add the customer").click()
    expect(editor.locator("#new-customer .error").first).to_contain_text("123")
    editor.locator("#new-customer [name=org_number]").fill("988 077 917")
    editor.get_by_role("button", name="Add the customer").click()

    expect(editor.locator("#customer .picked b")).to_have_text("Nye Bakeri")
    saved(editor)
    assert draft_of(editor).customer_name == "Nye Bakeri"


def test_two_tabs_do_not_overwrite_each_other(editor: Page, open_page: Any, shop: Any) -> None:
    other = open_page()
    sign_in(other, shop.owner.email)
    other.goto(editor.url)
    fill(editor, 0, "From the first tab", "1", "1")
    saved(editor)

    line(other).locator("[data-field=description]").fill("From the second tab")

    expect(other.locator("#notice")).to_contain_text("saved this draft elsewhere")
    expect(other.locator("#side")).to_have_count(1)
    # Typing on asks again, and is told again, without losing a letter.
    line(other).locator("[data-field=quantity]").fill("7")
    other.wait_for_timeout(900)
    expect(other.locator("#side")).to_have_count(1)
    assert draft_of(editor).typed["lines"][0]["description"] == "From the first tab"
    expect(line(other).locator("[data-field=description]")).to_have_value("From the second tab")
    other.get_by_role("button", name="Keep mine").click()
    expect(line(other).locator("[data-field=description]")).to_have_value("From the second tab")
    assert draft_of(editor).typed["lines"][0]["description"] == "From the second tab"


def test_text_that_never_reached_us_is_offered_again(editor: Page) -> None:
    """The network is away, the tab is closed: the browser still holds what was typed."""
    editor.route("**/save/", lambda route: route.abort())
    line(editor).locator("[data-field=description]").fill("Typed without a network")
    expect(editor.locator("[data-state]")).to_have_text("Not saved yet")
    # The save that waits for a pause in the typing must meet the missing network too.
    editor.wait_for_timeout(1000)
    editor.unroute("**/save/")
    editor.reload(wait_until="networkidle")

    editor.get_by_role("button", name="Put it back").click()

    expect(line(editor).locator("[data-field=description]")).to_have_value(
        "Typed without a network"
    )
    saved(editor)


def test_many_lines_stay_in_order(staff: Page, shop: Any) -> None:
    lines = [factories.line(description=f"Line {n}") for n in range(1, 26)]
    draft = factories.draft(issuer=shop.issuer, customer=shop.customer, lines=lines)
    staff.goto(f"{shop.path(draft)}edit/")

    line(staff, 24).locator("[data-field=quantity]").fill("3")
    saved(staff)

    draft.refresh_from_db()
    assert [row.description for row in draft.lines.all()] == [f"Line {n}" for n in range(1, 26)]

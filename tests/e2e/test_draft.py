"""A draft beyond the editor's own tests: after a reload, unfinished, without script, on a phone."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from playwright.sync_api import Page, expect

from invoices.models import Invoice
from tests.e2e.conftest import sign_in

TO_PAY = ".totals .v"


def begin(page: Page, shop: Any) -> Invoice:
    """Start a draft and open the editor."""
    page.goto(f"/m/{shop.merchant.slug}/invoices/new/")
    page.get_by_role("button", name=re.compile("^Start a draft")).click()
    page.wait_for_url(re.compile("/edit/$"))
    invoice: Invoice = Invoice.objects.latest("pk")
    return invoice


def type_line(page: Page, row: int, description: str, quantity: str, price: str) -> None:
    """Type into one line of the editor."""
    page.locator("[name=line-description]").nth(row).fill(description)
    page.locator("[name=line-quantity]").nth(row).fill(quantity)
    page.locator("[name=line-unit_price]").nth(row).fill(price)


def test_what_was_typed_is_there_after_a_reload(staff, shop) -> None:
    """Also what cannot be read: it is kept as typed, with the error by its field."""
    begin(staff, shop)
    type_line(staff, 0, "Brake pads", "two", "12,345")
    expect(staff.locator("[data-state]")).to_contain_text("Saved")

    staff.reload()

    expect(staff.locator("[name=line-description]").first).to_have_value("Brake pads")
    expect(staff.locator("[name=line-quantity]").first).to_have_value("two")
    expect(staff.locator("[data-errors]").first).to_contain_text("two")


def test_issue_of_an_unfinished_draft_uses_no_number(staff, shop) -> None:
    invoice = begin(staff, shop)

    staff.get_by_role("button", name="Issue", exact=True).click()

    expect(staff.get_by_role("alert").first).to_contain_text("no number was used")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.number) == ("draft", "")
    assert not shop.issuer.series.exists()


def test_draft_is_written_and_issued_without_script(open_page, shop) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, shop.owner.email)
    invoice = begin(page, shop)
    page.locator("noscript input[name=customer], input[name=customer]").first.fill(
        str(shop.customer.pk)
    )
    type_line(page, 0, "Workshop hour", "2", "760")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator(TO_PAY)).to_have_text(re.compile(r"1.900[.,]00"))

    page.get_by_role("button", name="Issue", exact=True).click()

    invoice.refresh_from_db()
    assert (invoice.status, invoice.total) == ("open", Decimal("1900.00"))


def test_editor_has_no_serious_finding_and_fits_a_phone(open_page, shop, accessible) -> None:
    page = open_page(viewport={"width": 320, "height": 700})
    sign_in(page, shop.owner.email)
    begin(page, shop)
    accessible(page)
    type_line(page, 0, "A description that is long enough to need several lines", "1", "100")
    expect(page.locator("[data-state]")).to_contain_text("Saved")

    accessible(page)
    assert not page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )

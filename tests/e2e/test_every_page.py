"""What holds on every page: no serious accessibility finding, no sideways scroll, no script needed."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver, reverse
from playwright.sync_api import Page, expect

from providers.sandbox.models import AppInvoice
from tests.e2e.conftest import sign_in
from tests.e2e.shop import latest_request
from tests.faults.mobilepay import MobileShop

# Fragments that a picker swaps in, not pages.
FRAGMENTS = {"draft-customers", "draft-articles", "draft-customer-new", "article-rows"}
LANGUAGES = ("en", "nb", "da", "sv", "fi")
NARROW = {"width": 320, "height": 700}
SCREENS = ("", "lines", "schedule", "decline")


def standing_pages(merchant: str) -> dict[str, str]:
    """Return every named address that needs no more than the merchant: new pages join by themselves."""
    found = {}
    for name, patterns in get_resolver().reverse_dict.items():
        wanted: Any = patterns[0][0][1] if isinstance(name, str) else []  # type: ignore[index]
        if wanted == ["merchant"] and name not in FRAGMENTS:
            found[name] = reverse(name, kwargs={"merchant": merchant})
    return found


def staff_paths(shop: Any, invoice: Any) -> dict[str, str]:
    """Return the pages of staff that can be opened when there is one issued invoice."""
    return (
        standing_pages(shop.merchant.slug)
        | {
            "empty list": f"/m/{shop.merchant.slug}/invoices/?q=nothing-like-this",
            "detail": shop.path(invoice),
            "cancel": f"{shop.path(invoice)}cancel/",
            "uncollectible": f"{shop.path(invoice)}uncollectible/",
            "password": "/accounts/password/change/",
        }
        | _of_rows(shop)
    )


def _of_rows(shop: Any) -> dict[str, str]:
    rows = {
        "customer-detail": {"pk": shop.customer.pk},
        "issuer-edit": {"pk": shop.issuer.pk},
        "provider-detail": {"pk": shop.account.pk},
        "provider-edit": {"pk": shop.account.pk},
        "provider-new": {"slug": "vipps_mobilepay"},
    }
    merchant = {"merchant": shop.merchant.slug}
    return {name: reverse(name, kwargs=merchant | row) for name, row in rows.items()}


def scrolls_sideways(page: Page) -> bool:
    """Say whether the page is wider than its window."""
    wider: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wider


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_staff_pages_have_no_serious_finding(open_page, shop, accessible, scheme) -> None:
    invoice = shop.issued()
    page = open_page(color_scheme=scheme)
    page.goto("/accounts/login/")
    accessible(page)
    sign_in(page, shop.owner.email)

    for path in staff_paths(shop, invoice).values():
        page.goto(path)
        accessible(page)


def test_page_of_a_paid_invoice_and_its_dialogs(staff, shop, phone, pump, accessible) -> None:
    invoice = shop.issued()
    staff.goto(shop.path(invoice))
    staff.locator("input[name=road][value$=':push']").check()
    staff.locator("#roads button[type=submit]").click()
    pump()
    request = latest_request(invoice)
    staff.goto(f"{shop.path(invoice)}requests/{request.pk}/withdraw/")
    accessible(staff)
    phone.approve(request.reference)
    pump()

    staff.goto(shop.path(invoice))
    accessible(staff)
    staff.goto(f"{shop.path(invoice)}requests/{request.pk}/refund/")
    accessible(staff)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hosted_page_in_five_languages(open_page, shop, accessible, language) -> None:
    """V-05: phone width, no sideways scroll, no finding."""
    invoice = shop.issued()
    page = open_page(viewport=NARROW)

    page.goto(f"/i/{invoice.token}/?lang={language}")

    expect(page.locator("html")).to_have_attribute("lang", language)
    assert not scrolls_sideways(page)
    accessible(page)


def test_hosted_page_sets_no_cookie_and_loads_nothing_foreign(open_page, shop, live_server) -> None:
    """V-04, V-05: under 30 KB with all it loads, everything from our own host, no cookie."""
    invoice = shop.issued()
    page = open_page(viewport=NARROW, java_script_enabled=False)
    loaded: list[Any] = []
    page.on("response", lambda answer: loaded.append(answer))

    page.goto(f"/i/{invoice.token}/")

    assert {answer.url.startswith((live_server.url, "data:")) for answer in loaded} == {True}
    assert page.context.cookies() == []
    sizes = [len(answer.body()) for answer in loaded if not answer.url.startswith("data:")]
    assert sum(sizes) < 30_000


def test_hosted_page_can_be_paid_without_script(open_page, shop, pump) -> None:
    invoice = shop.issued()
    page = open_page(viewport=NARROW, java_script_enabled=False)

    page.goto(f"/i/{invoice.token}/?lang=en")
    page.locator("button.pay").click()

    assert "/sandbox/landing/" in page.url


def test_staff_can_send_without_script(open_page, shop, pump) -> None:
    invoice = shop.issued()
    page = open_page(java_script_enabled=False)
    sign_in(page, shop.owner.email)

    page.goto(shop.path(invoice))
    page.locator("input[name=road][value$=':push']").check()
    page.locator("#roads button[type=submit]").click()
    pump()

    page.reload()
    expect(page.locator("ol.timeline .what").first).to_contain_text("with the customer")


def test_no_page_scrolls_sideways_at_320(open_page, shop) -> None:
    invoice = shop.issued()
    page = open_page(viewport=NARROW)
    sign_in(page, shop.owner.email)

    wide = []
    for name, path in staff_paths(shop, invoice).items():
        page.goto(path)
        if scrolls_sideways(page):
            wide.append(name)
    assert wide == []


def test_sandbox_phone_has_no_serious_finding(staff, open_page, shop, pump, accessible) -> None:
    invoice = shop.issued()
    staff.goto(shop.path(invoice))
    staff.locator("input[name=road][value$=':push']").check()
    staff.locator("#roads button[type=submit]").click()
    pump()
    page = open_page(viewport={"width": 390, "height": 844})

    for path in ("/sandbox/", "/sandbox/phone/?msisdn=4791234567", "/sandbox/mailbox/"):
        page.goto(path)
        accessible(page)
    page.goto("/sandbox/phone/?msisdn=4791234567")
    page.locator("a[href*='/sandbox/phone/pay/']").first.click()
    accessible(page)


# --- MobilePay Invoice ----------------------------------------------------------------------
@pytest.fixture
def mobile(live_server: Any, settings: Any) -> MobileShop:
    """A merchant that sends through MobilePay Invoice."""
    settings.PUBLIC_URL = live_server.url
    settings.SANDBOX_DELIVER_INLINE = False
    return MobileShop.make(live_server.url)


def mobile_paths(shop: MobileShop) -> list[str]:
    """Return the pages about invoices sent to the app, by link, in bulk and refused."""
    sent, linked = shop.issued(), shop.issued(customer=shop.customer(phone="+4520304051"))
    refused = shop.issued(customer=shop.customer(phone="+4511910101"))
    waiting = shop.issued()
    bulk = shop.dispatch([sent, refused])
    links = shop.dispatch([linked], "link")
    shop.work()
    asked, link = latest_request(sent), latest_request(linked)

    def at(name: str, **values: Any) -> str:
        return reverse(name, kwargs={"merchant": shop.merchant.slug, **values})

    account, row, hand_out = shop.account.pk, {"pk": sent.pk}, {"pk": linked.pk}
    return [
        at("invoice-detail", **row),
        at("invoice-detail", **hand_out),
        at("invoice-detail", pk=refused.pk),
        at("invoice-detail", pk=waiting.pk),
        at("invoice-correct", **row),
        at("request-compare", **row, request_pk=asked.pk),
        at("request-withdraw", **row, request_pk=asked.pk),
        at("request-link", **hand_out, request_pk=link.pk),
        at("request-consent", **hand_out, request_pk=link.pk),
        at("invoice-preview", pk=waiting.pk, account_pk=account, channel="direct"),
        at("invoice-preview", pk=waiting.pk, account_pk=account, channel="link"),
        at("dispatch-list"),
        at("dispatch-detail", pk=bulk.pk),
        at("dispatch-detail", pk=links.pk),
        at("provider-detail", pk=account),
        at("provider-edit", pk=account),
        at("provider-issuers", pk=account),
        at("consent-list"),
        at("consent-start", pk=account),
        at("consent-withdraw", pk=account),
        at("moving"),
        *_their_paths(str(asked.provider_id), str(link.provider_id)),
    ]


def _their_paths(direct: str, link: str) -> list[str]:
    app = "/sandbox/mobilepay"
    known = dict(AppInvoice.objects.values_list("invoice_id", "token"))
    tokens = {str(invoice_id): token for invoice_id, token in known.items()}
    screens = [f"{app}/phone/{tokens[direct]}/?screen={name}" for name in SCREENS]
    landing = f"{app}/pay/{tokens[link]}/"
    return [f"{app}/phone/", f"{app}/phone/?msisdn=4520304050", *screens, landing]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_mobilepay_have_no_finding_and_fit_a_phone(
    open_page, mobile, accessible, scheme
) -> None:
    paths = mobile_paths(mobile)
    page = open_page(viewport=NARROW, color_scheme=scheme)
    sign_in(page, mobile.owner.email)

    wide = []
    for path in paths:
        answer = page.goto(path)
        assert answer.status == 200, path
        accessible(page)
        if scrolls_sideways(page):
            wide.append(path)
    assert wide == []

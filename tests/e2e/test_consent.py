"""A merchant's consent in a real browser: given, declined, removed at the portal, withdrawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from invoicing_site.merchants.models import Role
from providers.consents import flow, tokens
from providers.contract import NotAuthorised
from providers.models import MerchantConsent, ProviderAccount
from providers.sandbox import portal_seeding
from tests import factories
from tests.e2e.conftest import sign_in

OWNER = "signe@skovbo.example"


@pytest.fixture
def account(live_server: Any, settings: Any) -> ProviderAccount:
    """An account of a Danish merchant at the simulated portal, without a consent."""
    settings.PUBLIC_URL = live_server.url
    portal = portal_seeding.portal(redirect_uris=[flow.callback_url("mobilepay_invoice")])
    merchant = factories.MerchantFactory(slug="skovbo", name="Skovbo Have")
    factories.MembershipFactory(
        user=factories.UserFactory(email=OWNER), merchant=merchant, role=Role.OWNER
    )
    return factories.ProviderAccountFactory(
        merchant=merchant,
        provider="mobilepay_invoice",
        name="MobilePay Invoice",
        base_url=f"{live_server.url}/sandbox/mobilepay",
        credentials={
            "client_id": portal.app.client_id,
            "client_secret": portal.app.client_secret,
            "gateway_id": portal.app.gateway_id,
            "gateway_secret": portal.app.gateway_secret,
        },
        settings={"country": "DK", "vat_number": "DK31415926", "profile": "1.5"},
    )


@pytest.fixture
def page(account: ProviderAccount, open_page: Callable[..., Page]) -> Page:
    """The owner, signed in to our site."""
    found = open_page()
    sign_in(found, OWNER)
    return found


def address(account: ProviderAccount) -> str:
    """Return the account's page."""
    return f"/m/{account.merchant.slug}/providers/{account.pk}/"


def ask(page: Page, account: ProviderAccount) -> None:
    """Tick the box, press the button and sign in to the portal if it asks."""
    page.goto(f"{address(account)}consent/start/")
    button = page.get_by_role("button", name="Go to the consent screen")
    expect(button).to_be_disabled()
    page.get_by_label("The merchant is enrolled at the provider").check()
    expect(button).to_be_enabled()
    button.click()
    page.wait_for_url("**/sandbox/mobilepay/account/**")
    if page.locator("input[name=password]").count():
        sign_in_there(page)


def sign_in_there(page: Page) -> None:
    """Sign in to the simulated portal as its merchant's SuperManager."""
    user = portal_seeding.portal().user
    page.locator("input[name=email]").fill(user.email)
    page.locator("input[name=password]").fill(user.password)
    page.get_by_role("button", name="Sign in").click()


def answer(page: Page, account: ProviderAccount, button: str) -> None:
    """Press Grant or Deny at the portal, and come back."""
    page.get_by_role("button", name=button).click()
    page.wait_for_url(lambda url: url.endswith(address(account)))


def consent() -> MerchantConsent:
    """Return the one consent."""
    return MerchantConsent.objects.get()


@pytest.mark.requirement("M1-03", "M1-10", "M1-17", "M1-25")
def test_granted(page: Page, account: ProviderAccount, accessible: Callable[[Page], None]) -> None:
    page.goto(f"{address(account)}consent/start/")
    accessible(page)

    ask(page, account)
    answer(page, account, "Grant access")

    expect(page.get_by_role("status")).to_contain_text("Consent given. Requests can be sent now.")
    kept = consent()
    assert (kept.state, kept.granted_by.email) == ("granted", OWNER)  # type: ignore[union-attr]
    assert kept.remote_merchant == str(portal_seeding.portal().merchant.merchant_id)
    page.goto(f"/m/{account.merchant.slug}/providers/consents/")
    row = page.locator("tr[data-row]")
    expect(row).to_contain_text("Granted")
    expect(row).to_contain_text("openid offline_access invoice")
    accessible(page)


@pytest.mark.requirement("M1-22")
def test_declined_and_tried_again(page: Page, account: ProviderAccount) -> None:
    ask(page, account)
    answer(page, account, "Deny")

    expect(page.get_by_role("status")).to_contain_text("Not granted")
    assert (consent().state, consent().tokens) == ("denied", {})

    ask(page, account)
    answer(page, account, "Grant access")
    assert consent().state == "granted"


@pytest.mark.requirement("M1-23")
def test_removed_at_the_portal_and_given_anew(page: Page, account: ProviderAccount) -> None:
    ask(page, account)
    answer(page, account, "Grant access")
    page.goto("/sandbox/mobilepay/account/integration/")
    page.get_by_role("button", name="Remove access").click()
    expect(page.get_by_role("status")).to_contain_text("no longer has access")

    with pytest.raises(NotAuthorised):
        tokens.access_token(account, stale=consent().tokens["access"])

    page.goto(address(account))
    expect(page.get_by_text(re.compile("^Paused since"))).to_be_visible()
    expect(page.locator(".alert.warn")).to_contain_text("The provider ended the consent")

    ask(page, account)
    answer(page, account, "Grant access")
    expect(page.get_by_text(re.compile("^Paused since"))).to_have_count(0)
    assert consent().state == "granted"


@pytest.mark.requirement("M1-25")
def test_withdrawn_here(
    page: Page, account: ProviderAccount, accessible: Callable[[Page], None]
) -> None:
    ask(page, account)
    answer(page, account, "Grant access")
    page.goto(f"{address(account)}consent/withdraw/")
    accessible(page)
    link = page.get_by_role("link", name="To the merchant portal")
    expect(link).to_have_attribute("href", re.compile(r"/sandbox/mobilepay/account/$"))

    page.get_by_role("button", name="Withdraw the consent").click()

    expect(page.get_by_role("status")).to_contain_text("Withdrawn here.")
    assert (consent().state, "refresh" in consent().tokens) == ("withdrawn", False)


@pytest.mark.requirement("M1-18")
def test_renewed_at_the_simulator(page: Page, account: ProviderAccount) -> None:
    ask(page, account)
    answer(page, account, "Grant access")
    first = consent()

    renewed = tokens.access_token(account, stale=first.tokens["access"])

    assert renewed == consent().tokens["access"] != first.tokens["access"]
    assert consent().tokens["refresh"] != first.tokens["refresh"]

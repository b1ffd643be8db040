"""A real browser on the live site, with the workers' part played by `pump`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from invoices import outbox
from invoicing_site.demo.phone import Phone
from providers import inbox
from providers.sandbox import outbox as sandbox_outbox
from tests.e2e.shop import Shop
from tests.factories import PASSWORD

# Playwright's own event loop runs in this thread; the tests below use the database from it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SERIOUS = {"serious", "critical"}
expect.set_options(timeout=10_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all of this folder, and give each test the database it needs."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; a missing one is a failure in CI and a skip elsewhere."""
    binary = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(binary).exists():
        reason = f"No browser at {binary}. Install chromium, or name one in CHROMIUM."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=binary, headless=True, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, live_server: Any, settings: Any) -> Iterator[Callable[..., Page]]:
    """Open a page in a context of its own. Errors in its console fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(**options: Any) -> Page:
        # Colours are judged at rest: something that is still fading in has too little contrast.
        still = {"reduced_motion": "reduce", "locale": "en-GB"}
        given = {"viewport": {"width": 1280, "height": 900}} | still | options
        context = browser.new_context(base_url=live_server.url, **given)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: _note(line, complaints))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _note(line: Any, complaints: list[str]) -> None:
    # The browser reports each 4xx answer, and htmx a network that is away; tests provoke both.
    provoked = ("Failed to load resource", "htmx:afterRequest", "htmx:sendError")
    if line.type == "error" and not any(each in line.text for each in provoked):
        complaints.append(f"{line.text} ({line.location.get('url')})")


@pytest.fixture
def shop(live_server: Any, settings: Any) -> Shop:
    """A merchant with staff, a customer and an account that points at the sandbox."""
    settings.PUBLIC_URL = live_server.url
    settings.SANDBOX_DELIVER_INLINE = False
    return Shop.make(live_server.url)


@pytest.fixture
def phone(live_server: Any) -> Phone:
    """The customer's fingers at the provider."""
    return Phone(live_server.url)


@pytest.fixture
def staff(open_page: Callable[..., Page], shop: Shop) -> Page:
    """A page where the owner has signed in."""
    page = open_page()
    sign_in(page, shop.owner.email)
    return page


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Sign in through the sign-in page."""
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) button[type=submit]").click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)


@pytest.fixture
def pump() -> Callable[[], None]:
    """Do what the workers do, until nothing is left to do."""

    def pumped() -> None:
        for _ in range(10):
            done = outbox.drain(timezone.now(), threads=1)
            done += sandbox_outbox.deliver_due()
            done += inbox.drain(timezone.now())
            if not done:
                return
        raise AssertionError("The workers never come to rest.")

    return pumped


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Fail on what axe-core calls serious or critical, naming rule, element and page."""
    axe = Axe()

    def check(page: Page) -> None:
        found = axe.run(page).response["violations"]
        problems = [
            f"{each['id']} ({each['impact']}): {node['html'][:160]}"
            for each in found
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]
        assert problems == [], f"on {page.url}"

    return check

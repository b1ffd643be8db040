"""An owner's way through the consent, over HTTP: our page, the provider's portal, and back."""

from __future__ import annotations

from invoicing_site.demo.forms import Browser
from invoicing_site.demo.signins import PASSWORD, PORTAL_EMAIL, PORTAL_PASSWORD

CALLBACK = "/callback/"


class NotConsented(Exception):
    """The way ended somewhere else; the message has the page's own words."""


def consent_over_http(url: str, account: str, *, email: str) -> None:
    """Give a consent for the account whose page is at the path `account`, as a person would.

    Raises NotConsented when the account's page does not say so in the end.
    """
    browser = Browser(url)
    page = browser.get("/accounts/login/")
    browser.submit(page, "password", {"login": email, "password": PASSWORD})
    page = browser.get(f"{account}consent/start/")
    page = browser.submit(page, "enrolled", {"enrolled": "on"})
    page = browser.submit(page, "email", {"email": PORTAL_EMAIL, "password": PORTAL_PASSWORD})
    if not any(CALLBACK in form.action for form in page.forms):
        # The portal asks only where it has not been answered before.
        page = browser.submit(page, "merchant", button="grant")
    page = browser.submit(page, CALLBACK)
    if "Consent given." not in page.text:
        raise NotConsented(f"{page.url} does not say that consent was given: {page.text[:600]}")

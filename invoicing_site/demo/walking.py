"""What every walk of the smoke run does alike: sign in, draft, issue, wait for a page to say so."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from invoicing_site.demo.forms import Browser, Page
from invoicing_site.demo.signins import PASSWORD, SIGN_INS

PATIENCE = 45.0
HOME = "/m/nordlys/"


class Failed(Exception):
    """A step did not end as it should."""


@dataclass(frozen=True)
class Wanted:
    """An invoice to write: who sends it, who gets it, its line, and the total that must show."""

    issuer: str
    customer: str
    total: str
    line: Mapping[str, str] = field(default_factory=dict)


class Walker:
    """A member of staff without script, at one invoice."""

    def __init__(self, url: str, staff: Browser | None = None) -> None:
        self.url = url
        self.staff = staff or Browser(url)
        self.customer = Browser(url)
        self.invoice = ""
        self.page: Page

    def sign_in(self) -> str:
        """Sign in as the biller."""
        biller = next(each for each in SIGN_INS if each.role == "biller")
        page = self.staff.get("/accounts/login/")
        page = self.staff.submit(page, "password", {"login": biller.email, "password": PASSWORD})
        expect(HOME in page.url, f"signing in led to {page.url}")
        return f"signed in as {biller.email}"

    def begin(self, wanted: Wanted) -> None:
        """Begin a draft, choose the customer, type a line."""
        page = self.staff.get(f"{HOME}invoices/new/")
        pattern = rf'{wanted.issuer}</b>.*?name="issuer" value="(\d+)"'
        issuer = found(re.search(pattern, page.html, re.DOTALL), f"no issuer {wanted.issuer}")
        page = self.staff.submit(page, "issuer", {"issuer": issuer})
        typed = {**wanted.line, "customer": self._customer_pk(wanted.customer)}
        page = self.staff.submit(page, "line-description", typed)
        expect(wanted.customer in page.text, "the draft does not show its customer")
        expect(
            re.search(wanted.total, page.text) is not None,
            f"the total is not {wanted.total}: {page.text[-1500:]}",
        )
        self.page = page

    def issue(self) -> str:
        """Issue the draft."""
        page = self.staff.submit(self.page, "line-description", button="/issue/")
        number = re.search(r"[NK]-\d+", page.text)
        expect(number is not None and "/edit/" not in page.url, f"not issued: {page.text[:600]}")
        self.invoice, self.page = page.url, page
        return f"issued as {number.group() if number else ''}"

    def send(self, channel: str) -> None:
        """Send the invoice by the one road with this channel."""
        pattern = rf'value="(\d+:{channel})"'
        road = found(re.search(pattern, self.page.html), f"the road {channel} is closed")
        self.staff.submit(self.page, "/send/", {"road": road})

    def until(self, done: Callable[[Page], bool], what: str, *, at: str = "") -> Page:
        """Load the invoice's page, or the one `at` an address, until it is as wanted."""
        deadline = time.monotonic() + PATIENCE
        while not done(page := self.staff.get(at or self.invoice)):
            if time.monotonic() > deadline:
                raise Failed(f"waited {PATIENCE:.0f} s until {what}; the page says: {page.text}")
            time.sleep(0.3)
        return page

    def _customer_pk(self, name: str) -> str:
        page = self.staff.get(f"{HOME}invoices/pick/customers/?q={name.split()[0]}")
        return found(re.search(r'value="(\d+)"', page.html), f"the picker does not find {name}")


def expect(held: bool, otherwise: str) -> None:
    """Raise Failed with these words unless it held."""
    if not held:
        raise Failed(otherwise)


def found(match: re.Match[str] | None, otherwise: str) -> str:
    """Return what a pattern's one group matched. Raises Failed where it matched nothing."""
    if match is None:
        raise Failed(otherwise)
    return match.group(1)

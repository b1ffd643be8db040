"""`python -m invoicing_site.demo.smoke`: the main job over real HTTP, without a browser.

Starts the stack on a free port in a folder of its own, walks from sign-in to paid as a person
without script would, prints a line per step, and stops everything. Exit status 0 or 1.
"""

from __future__ import annotations

import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import requests

from invoicing_site.demo.forms import Browser, Page
from invoicing_site.demo.home import Home
from invoicing_site.demo.phone import Phone, PhoneError
from invoicing_site.demo.signins import PASSWORD, SIGN_INS
from invoicing_site.demo.stack import CannotRun, Stack, free_port, running

PATIENCE = 45.0
ISSUER = "Nordlys Sykkel Oslo"
CUSTOMER, CUSTOMER_PHONE = "Kari Nordmann", "4791234567"
LINE = {
    "line-description": "Workshop hour",
    "line-quantity": "1,5",
    "line-unit_price": "760",
    "line-vat": "S:25",
}


class Failed(Exception):
    """A step did not end as it should."""


def main() -> int:
    """Run the walk on a stack of its own. Returns the exit status."""
    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        home = Home(Path(folder))
        home.make()
        stack = Stack(home, free_port(0), _say)
        try:
            with running(stack):
                _bring_up(stack)
                Walk(stack.url).all()
        except (Failed, CannotRun, PhoneError, LookupError, requests.RequestException) as problem:
            _say(f"FAILED  {problem}\n{_logs(home)}")
            return 1
    _say(f"ok      the whole walk in {time.monotonic() - started:.0f} s; everything stopped")
    return 0


def _bring_up(stack: Stack) -> None:
    stack.prepare("basics", "crowd")
    stack.start_web()
    stack.manage("seed_demo", "webhooks")
    stack.start_workers()
    stack.start_beat()
    _say(f"ok      stack runs at {stack.url}: web, two workers, beat")


class Walk:
    """The steps of the main job, in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.staff = Browser(url)
        self.customer = Browser(url)
        self.phone = Phone(url)
        self.invoice = ""
        self.hosted = ""

    def all(self) -> None:
        """Walk every step, a line each."""
        for step in (
            self.sign_in,
            self.draft,
            self.issue,
            self.push,
            self.approve,
            self.see_it_paid,
            self.open_the_hosted_page,
            self.fetch_the_pdf,
        ):
            began = time.monotonic()
            said = step()
            _say(f"ok      {said} ({time.monotonic() - began:.1f} s)")

    def sign_in(self) -> str:
        """Sign in as the biller."""
        biller = next(each for each in SIGN_INS if each.role == "biller")
        page = self.staff.get("/accounts/login/")
        page = self.staff.submit(page, "password", {"login": biller.email, "password": PASSWORD})
        _expect("/m/nordlys/" in page.url, f"signing in led to {page.url}")
        return f"signed in as {biller.email}"

    def draft(self) -> str:
        """Begin a draft, choose the customer, type a line."""
        page = self.staff.get("/m/nordlys/invoices/new/")
        oslo = re.search(rf'{ISSUER}</b>.*?name="issuer" value="(\d+)"', page.html, re.DOTALL)
        if oslo is None:
            raise Failed(f"{ISSUER} is not among the issuers")
        page = self.staff.submit(page, "issuer", {"issuer": oslo.group(1)})
        customer = self._customer_pk()
        page = self.staff.submit(page, "line-description", LINE | {"customer": customer})
        _expect(CUSTOMER in page.text, "the draft does not show its customer")
        # 1.5 x 760 is 1140.00, and a quarter of it VAT.
        amount = re.search(r"1\D?425\D00", page.text)
        _expect(amount is not None, f"the total is not 1 425,00: {page.text[-1500:]}")
        self.page = page
        return "drafted 1.5 hours for Kari Nordmann: NOK 1 425,00 with VAT"

    def issue(self) -> str:
        """Issue the draft."""
        page = self.staff.submit(self.page, "line-description", button="/issue/")
        number = re.search(r"N-\d+", page.text)
        _expect(number is not None and "/edit/" not in page.url, f"not issued: {page.text[:600]}")
        self.invoice = page.url
        self.page = page
        return f"issued as {number.group() if number else ''}"

    def push(self) -> str:
        """Send it to the customer's phone, and wait for the worker."""
        road = re.search(r'value="(\d+:push)"', self.page.html)
        if road is None:
            raise Failed("the way to the phone is closed")
        self.staff.submit(self.page, "/send/", {"road": road.group(1)})
        self._until(lambda page: "The payment request is with the customer" in page.text, "it left")
        return "sent to the phone by the worker"

    def approve(self) -> str:
        """Approve on the sandbox's phone, through its pages."""
        page = self.customer.get(f"/sandbox/phone/?msisdn={CUSTOMER_PHONE}")
        link = re.search(r'href="(/sandbox/phone/pay/[^"]+)"', page.html)
        if link is None:
            raise Failed("the phone shows no request")
        page = self.customer.get(link.group(1))
        self.customer.submit(page, "csrfmiddlewaretoken", button="pay")
        return "approved on the phone"

    def see_it_paid(self) -> str:
        """Wait until webhook and worker have made the timeline say paid."""
        page = self._until(lambda page: "The invoice is paid" in page.text, "paid")
        _expect("collected" in page.text, "the timeline does not show the collection")
        return "paid on the timeline"

    def open_the_hosted_page(self) -> str:
        """Open the customer's page without any cookie."""
        link = re.search(rf"{re.escape(self.url)}/i/[\w-]+/", self.staff.get(self.invoice).html)
        if link is None:
            raise Failed("the invoice's page has no link to the customer's page")
        self.hosted = link.group()
        page = Browser(self.url).get(f"{self.hosted}?lang=en")
        _expect("Paid" in page.text, "the customer's page does not say paid")
        return f"customer's page says paid: {self.hosted}"

    def fetch_the_pdf(self) -> str:
        """Fetch the PDF as the customer."""
        answer = requests.get(f"{self.hosted}pdf", timeout=60)
        _expect(answer.content.startswith(b"%PDF-"), f"no PDF: HTTP {answer.status_code}")
        again = requests.get(
            f"{self.hosted}pdf", headers={"If-None-Match": answer.headers["ETag"]}, timeout=60
        )
        _expect(again.status_code == requests.codes.not_modified, "the PDF's ETag is not honoured")
        return f"PDF fetched, {len(answer.content) // 1024} kB, and not sent twice"

    def _customer_pk(self) -> str:
        page = self.staff.get(f"/m/nordlys/invoices/pick/customers/?q={CUSTOMER.split()[0]}")
        found = re.search(r'value="(\d+)"', page.html)
        if found is None:
            raise Failed(f"the customer picker does not find {CUSTOMER}")
        return found.group(1)

    def _until(self, done: Callable[[Page], bool], what: str) -> Page:
        deadline = time.monotonic() + PATIENCE
        while not done(page := self.staff.get(self.invoice)):
            if time.monotonic() > deadline:
                raise Failed(f"waited {PATIENCE:.0f} s until {what}; the page says: {page.text}")
            time.sleep(0.3)
        return page


def _expect(held: bool, otherwise: str) -> None:
    if not held:
        raise Failed(otherwise)


def _logs(home: Home) -> str:
    ends = []
    for path in sorted(home.logs.glob("*.log")):
        lines = path.read_text(errors="replace").splitlines()[-8:]
        ends.append("\n".join([f"--- {path.name} ends:", *lines]))
    return "\n".join(ends)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())

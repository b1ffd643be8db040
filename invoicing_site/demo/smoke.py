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
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

import requests

from invoicing_site.demo.forms import Browser
from invoicing_site.demo.home import Home
from invoicing_site.demo.smoke_mobilepay import MobilePayWalk
from invoicing_site.demo.stack import CannotRun, Stack, free_port, running
from invoicing_site.demo.walking import Failed, Walker, Wanted, expect, found

CUSTOMER_PHONE = "4791234567"
# 1.5 x 760 is 1140.00, and a quarter of it VAT.
WANTED = Wanted(
    issuer="Nordlys Sykkel Oslo",
    customer="Kari Nordmann",
    total=r"1\D?425\D00",
    line={
        "line-description": "Workshop hour",
        "line-quantity": "1,5",
        "line-unit_price": "760",
        "line-vat": "S:25",
    },
)
Step = Callable[[], str]


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
                main_job = Walk(stack.url)
                walk(main_job.steps())
                walk(MobilePayWalk(stack.url, main_job.staff).steps())
        except (Failed, CannotRun, LookupError, requests.RequestException) as problem:
            _say(f"FAILED  {problem}\n{_logs(home)}")
            return 1
    _say(f"ok      the whole walk in {time.monotonic() - started:.0f} s; everything stopped")
    return 0


def walk(steps: Iterable[Step]) -> None:
    """Walk every step, a line each."""
    for step in steps:
        began = time.monotonic()
        said = step()
        _say(f"ok      {said} ({time.monotonic() - began:.1f} s)")


def _bring_up(stack: Stack) -> None:
    stack.prepare("basics", "crowd")
    stack.start_web()
    stack.manage("seed_demo", "webhooks")
    stack.start_workers()
    stack.start_beat()
    _say(f"ok      stack runs at {stack.url}: web, two workers, beat")


class Walk(Walker):
    """The steps of the main job, in order."""

    def steps(self) -> list[Step]:
        """List the steps, in order."""
        return [
            self.sign_in,
            self.draft,
            self.issue,
            self.push,
            self.approve,
            self.see_it_paid,
            self.open_the_hosted_page,
            self.fetch_the_pdf,
        ]

    def draft(self) -> str:
        """Begin a draft, choose the customer, type a line."""
        self.begin(WANTED)
        return "drafted 1.5 hours for Kari Nordmann: NOK 1 425,00 with VAT"

    def push(self) -> str:
        """Send it to the customer's phone, and wait for the worker."""
        self.send("push")
        self.until(lambda page: "The payment request is with the customer" in page.text, "it left")
        return "sent to the phone by the worker"

    def approve(self) -> str:
        """Approve on the sandbox's phone, through its pages."""
        page = self.customer.get(f"/sandbox/phone/?msisdn={CUSTOMER_PHONE}")
        link = re.search(r'href="(/sandbox/phone/pay/[^"]+)"', page.html)
        page = self.customer.get(found(link, "the phone shows no request"))
        self.customer.submit(page, "csrfmiddlewaretoken", button="pay")
        return "approved on the phone"

    def see_it_paid(self) -> str:
        """Wait until webhook and worker have made the timeline say paid."""
        page = self.until(lambda page: "The invoice is paid" in page.text, "paid")
        expect("collected" in page.text, "the timeline does not show the collection")
        return "paid on the timeline"

    def open_the_hosted_page(self) -> str:
        """Open the customer's page without any cookie."""
        link = re.search(rf"({re.escape(self.url)}/i/[\w-]+/)", self.staff.get(self.invoice).html)
        self.hosted = found(link, "the invoice's page has no link to the customer's page")
        page = Browser(self.url).get(f"{self.hosted}?lang=en")
        expect("Paid" in page.text, "the customer's page does not say paid")
        return f"customer's page says paid: {self.hosted}"

    def fetch_the_pdf(self) -> str:
        """Fetch the PDF as the customer."""
        answer = requests.get(f"{self.hosted}pdf", timeout=60)
        expect(answer.content.startswith(b"%PDF-"), f"no PDF: HTTP {answer.status_code}")
        again = requests.get(
            f"{self.hosted}pdf", headers={"If-None-Match": answer.headers["ETag"]}, timeout=60
        )
        expect(again.status_code == requests.codes.not_modified, "the PDF's ETag is not honoured")
        return f"PDF fetched, {len(answer.content) // 1024} kB, and not sent twice"


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

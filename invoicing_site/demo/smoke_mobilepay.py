"""The smoke run's way through MobilePay Invoice: one invoice paid in the app, and fifty at once."""

from __future__ import annotations

import re
from collections.abc import Callable

from invoicing_site.demo.forms import Page
from invoicing_site.demo.walking import HOME, Walker, Wanted, expect, found

COPENHAGEN = "Nordlys Cykler København"
CUSTOMER_PHONE = "4531323334"
APP = "/sandbox/mobilepay/phone/"
# Prices include VAT in Copenhagen.
WANTED = Wanted(
    issuer=COPENHAGEN,
    customer="Mette Kjær",
    total=r"742\D50",
    line={
        "line-description": "Værkstedstime",
        "line-quantity": "1,5",
        "line-unit_price": "495",
        "line-vat": "S:25",
    },
)
CROWD = 50


class MobilePayWalk(Walker):
    """The steps, in order. The member of staff is signed in, the account consented."""

    def steps(self) -> list[Callable[[], str]]:
        """List the steps, in order."""
        return [self.send_one, self.pay_in_the_app, self.look_over_fifty, self.send_fifty]

    def send_one(self) -> str:
        """Draft and issue in Copenhagen, send straight to the app, wait for the validation."""
        self.begin(WANTED)
        number = self.issue()
        self.send("direct")
        self.until(_is_in_the_app, "it is in the app")
        return f"MobilePay Invoice: {number}, checked by the provider and in the customer's app"

    def pay_in_the_app(self) -> str:
        """Pay on the simulated phone, and wait until the callback has made it paid."""
        page = self.customer.get(f"{APP}?msisdn={CUSTOMER_PHONE}")
        link = re.search(rf'class="sb-push" href="({APP}[^"]+)"', page.html)
        page = self.customer.get(found(link, "the app shows no invoice"))
        self.customer.submit(page, "csrfmiddlewaretoken", button="pay")
        self.until(lambda page: "The invoice is paid" in page.text, "paid")
        return "MobilePay Invoice: paid in the app, paid on the timeline"

    def look_over_fifty(self) -> str:
        """Choose a whole filter's invoices and the road, and see that all can go."""
        page = self.staff.get(f"{HOME}invoices/?q=Serviceaftale")
        page = self.staff.submit(page, "query", button="all")
        road = found(re.search(r'value="(\d+:direct)"', page.html), "the app is not offered")
        self.page = self.staff.submit(page, "step", {"road": road})
        heading = f"All {CROWD} can be sent"
        expect(heading in self.page.text, f"not “{heading}”: {self.page.text[:800]}")
        return f"MobilePay Invoice: {CROWD} looked over, {heading.lower()}"

    def send_fifty(self) -> str:
        """Send them by one decision, and wait until all are with the customers."""
        page = self.staff.submit(self.page, "left", button="send")
        expect("/dispatches/" in page.url, f"sending led to {page.url}: {page.text[:600]}")
        self.until(_all_arrived, f"{CROWD} are with the customers", at=page.url)
        return f"MobilePay Invoice: {CROWD} sent by one decision, {CROWD} with the customers"


def _all_arrived(page: Page) -> bool:
    return re.search(rf"With the customer\D+{CROWD}\b", page.text) is not None


def _is_in_the_app(page: Page) -> bool:
    return "The payment request is with the customer" in page.text

"""A merchant at the simulated MobilePay Invoice, over real HTTP, and a receiver of callbacks."""

import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from providers.sandbox import clock, portal_seeding
from providers.sandbox.mobilepay import lifecycle, tokens
from providers.sandbox.models import PortalMerchant
from providers.sandbox.portal_seeding import Portal

API = "/invoice-restapi/api/v1"
_numbers = itertools.count(1)


@dataclass
class Merchant:
    """Speaks the documented protocol, and has the simulator's remote control at hand."""

    base: str
    portal: Portal
    token: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def id(self) -> str:
        return str(self.portal.merchant.merchant_id)

    @property
    def issuer(self) -> str:
        return str(self.portal.issuers[0].issuer_id)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Call the API with the merchant's token; a fresh one each time, as clocks are pushed."""
        grant = portal_seeding.grant(self.portal)
        token = tokens.issue(grant, clock.now())["access_token"]
        known = {
            "Authorization": f"Bearer {token}",
            "x-ibm-client-id": self.portal.app.gateway_id,
            "x-ibm-client-secret": self.portal.app.gateway_secret,
        }
        url = f"{self.base}{API}/{path}"
        return self.session.request(method, url, json=body, headers=known | headers, timeout=30)

    def own(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.call(method, f"merchants/{self.id}/{path}", body)

    def control(self, what: str, **given: Any) -> requests.Response:
        return self.session.post(f"{self.base}/_control/{what}", json=given, timeout=60)

    def look(self, what: str, **query: str) -> Any:
        return self.session.get(f"{self.base}/_control/{what}", params=query, timeout=30).json()

    def direct(self, **changes: Any) -> str:
        """Send one invoice; returns its id."""
        answer = self.own("POST", "invoices", self.body(**changes))
        assert answer.ok, answer.text
        return str(answer.json()["InvoiceId"])

    def link(self, **changes: Any) -> str:
        answer = self.own("POST", "invoices/link", self.body(**changes))
        assert answer.ok, answer.text
        return str(answer.json()["InvoiceId"])

    def status(self, invoice_id: str) -> str:
        return str(self.own("GET", f"invoices/{invoice_id}/status").json()["Status"]).lower()

    def held(self, invoice_id: str) -> dict[str, Any]:
        """What the simulator holds of one invoice."""
        rows = self.look("ledger", limit="2000")["invoices"]
        return next(row for row in rows if row["invoiceId"] == invoice_id)

    def statuses(self, invoice_id: str) -> list[str]:
        return [event["Status"] for event in self.held(invoice_id)["events"]]

    def today(self) -> date:
        return lifecycle.today(self.portal.merchant.country, clock.now())

    def body(self, **changes: Any) -> dict[str, Any]:
        """An invoice of 1.5; a change of None leaves the field out."""
        number = f"INV-{next(_numbers):05d}"
        body = {
            "InvoiceIssuer": self.issuer,
            "ConsumerAlias": {"Alias": "+4511223344", "AliasType": "Phone"},
            "ConsumerName": "Asta Eksempel",
            "TotalAmount": 990.0,
            "TotalVATAmount": 198.0,
            "InvoiceNumber": number,
            "IssueDate": self.today().isoformat(),
            "DueDate": (self.today() + timedelta(days=14)).isoformat(),
            "Comment": "Tak for besøget",
            "InvoiceArticles": [
                {
                    "ArticleNumber": "SRV-1",
                    "ArticleDescription": "Stort cykelservice",
                    "TotalPriceIncludingVat": 990.0,
                    "Quantity": 1,
                    "PricePerUnit": 792.0,
                }
            ],
        }
        return {name: value for name, value in (body | changes).items() if value is not None}


def merchant(base: str, vat_number: str = "DK31415926", **given: Any) -> Merchant:
    """Make a merchant with consent given; ``given`` as for `portal_seeding.portal`."""
    portal = portal_seeding.portal(vat_number, **given)
    portal_seeding.grant(portal)
    return Merchant(base=f"{base}/sandbox/mobilepay", portal=portal)


def alias(number: str) -> dict[str, str]:
    return {"Alias": number, "AliasType": "Phone"}


@dataclass
class Call:
    """One callback as it came in."""

    headers: dict[str, str]
    raw: bytes

    @property
    def items(self) -> list[dict[str, Any]]:
        content = json.loads(self.raw)
        assert isinstance(content, list)
        return content


@dataclass
class Receiver:
    """Takes callbacks; ``answers`` are used up first, then everything is 200."""

    url: str
    calls: list[Call] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def items(self) -> list[dict[str, Any]]:
        return [item for call in self.calls for item in call.items]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            found.calls.append(Call(dict(self.headers), raw))
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(url=f"http://127.0.0.1:{server.server_port}/hooks/{uuid.uuid4().hex}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fresh(found: Merchant) -> PortalMerchant:
    return PortalMerchant.objects.get(pk=found.portal.merchant.pk)

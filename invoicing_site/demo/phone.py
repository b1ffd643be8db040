"""The customer's fingers: the sandbox's remote control over HTTP."""

from __future__ import annotations

from typing import Any

import requests

Json = dict[str, Any]


class PhoneError(Exception):
    """The sandbox did not do as told."""


class Remote:
    """Speaks to one simulated provider's remote control."""

    provider = ""

    def __init__(self, url: str) -> None:
        self._base = f"{url}/sandbox/{self.provider}/_control"
        self._session = requests.Session()
        self._session.trust_env = False

    def deliver(self, **manner: Any) -> int:
        """Post the webhooks that are due. Returns how many were accepted."""
        return int(self._post("deliver", **manner)["delivered"])

    def ledger(self, **where: str) -> Json:
        """Return what the provider holds: payments, totals, how often it was called."""
        return self._call("GET", "ledger", **where)

    def set_fault(self, **fields: Any) -> Json:
        """Make something go wrong, for instance kind="latency", endpoint="create", seconds=3."""
        return self._post("faults", **fields)

    def clear_faults(self) -> None:
        """Mend everything that goes wrong on purpose."""
        self._call("DELETE", "faults")

    def calls(self, **where: str) -> list[Json]:
        """Return requests the provider received, newest first."""
        found: list[Json] = self._call("GET", "calls", **where)["calls"]
        return found

    def push_clock(self, seconds: float) -> Json:
        """Push the providers' clock forward; what expires, expires."""
        return self._post("clock", seconds=seconds)

    def _post(self, what: str, **given: Any) -> Json:
        return self._call("POST", what, **given)

    def _call(self, method: str, what: str, **given: Any) -> Json:
        body = {"params": given} if method == "GET" else {"json": given}
        answer = self._session.request(method, f"{self._base}/{what}", timeout=60, **body)  # type: ignore[arg-type]
        if not answer.ok:
            raise PhoneError(f"{what} {given}: HTTP {answer.status_code} {answer.text[:300]}")
        found: Json = answer.json()
        return found


class Phone(Remote):
    """Plays the customer of any payment at the simulated provider."""

    provider = "vipps"

    def approve(self, reference: str, phone: str = "") -> Json:
        """Approve a payment, on the phone with this number where it was not sent to one."""
        return self._post("approve", reference=reference, phoneNumber=phone.lstrip("+"))

    def share(self, reference: str, phone: str = "") -> Json:
        """Approve a payment and share what it asks for."""
        return self._post("share", reference=reference, phoneNumber=phone.lstrip("+"))

    def reject(self, reference: str) -> Json:
        """Decline a payment."""
        return self._post("reject", reference=reference)

    def dismiss(self, reference: str) -> Json:
        """Say "I'll pay later"."""
        return self._post("dismiss", reference=reference)

    def pushes(self, phone: str) -> list[Json]:
        """Return the requests on a phone, newest first. `phone` is E.164."""
        answer = self._call("GET", "pushes", phoneNumber=phone.lstrip("+"))
        found: list[Json] = answer["pushes"]
        return found

    def sales_unit(self, **fields: Any) -> Json:
        """Make a sales unit, or change one. Returns its keys."""
        return self._post("sales-units", **fields)

    def payment(self, reference: str) -> Json:
        """Return what the provider holds about one payment."""
        found: list[Json] = self.ledger(reference=reference)["payments"]
        if not found:
            raise PhoneError(f"The sandbox knows no payment {reference}.")
        return found[0]


class MobilePayPhone(Remote):
    """Plays the customers of MobilePay Invoice. Invoices go by the provider's id."""

    provider = "mobilepay"

    def pay(self, invoice_id: str, phone: str = "") -> Json:
        """Pay now. A link is paid by whoever has `phone` (E.164)."""
        return self._post("pay", invoiceId=invoice_id, phone=phone)

    def accept(self, invoice_id: str, payment_date: str = "", phone: str = "") -> Json:
        """Schedule the payment, on the due date unless an ISO date is given."""
        return self._post("accept", invoiceId=invoice_id, paymentDate=payment_date, phone=phone)

    def reject(self, invoice_id: str) -> Json:
        """Decline; an open link stays open."""
        return self._post("reject", invoiceId=invoice_id)

    def card_error(self, invoice_id: str) -> Json:
        """Try with a card that is refused; nothing changes."""
        return self._post("card_error", invoiceId=invoice_id)

    def consent(self, invoice_id: str, *, granted: bool, phone: str = "") -> Json:
        """Answer whether the issuer may send invoices straight to this number."""
        return self._post("consent", invoiceId=invoice_id, granted=granted, phone=phone)

    def bulk(self, merchant_id: str, **shares: float) -> Json:
        """Let every customer act: share_paid, share_rejected, share_accepted, seed."""
        return self._post("bulk", merchantId=merchant_id, **shares)

    def merchant(self, **fields: Any) -> Json:
        """Change a merchant, named by `merchantId` or `vat_number`. Returns its switches."""
        return self._post("merchant", **fields)

    def callbacks(self, **where: str) -> list[Json]:
        """Return the callbacks written, oldest first, by merchantId or invoiceId."""
        found: list[Json] = self._call("GET", "callbacks", **where)["callbacks"]
        return found

    def invoices(self, merchant_id: str = "") -> list[Json]:
        """Return everything the provider holds, page by page."""
        found: list[Json] = []
        after: int | None = 0
        while after is not None:
            page = self.ledger(merchantId=merchant_id, after=str(after), limit="2000")
            found += page["invoices"]
            after = page["next"]
        return found

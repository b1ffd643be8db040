"""The customer's fingers: the sandbox's remote control over HTTP."""

from __future__ import annotations

from typing import Any

import requests

Json = dict[str, Any]


class PhoneError(Exception):
    """The sandbox did not do as told."""


class Phone:
    """Plays the customer of any payment at the simulated provider."""

    def __init__(self, url: str) -> None:
        self._base = f"{url}/sandbox/vipps/_control"
        self._session = requests.Session()
        self._session.trust_env = False

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

    def deliver(self) -> int:
        """Post the webhooks that are due. Returns how many were accepted."""
        return int(self._post("deliver")["delivered"])

    def sales_unit(self, **fields: Any) -> Json:
        """Make a sales unit, or change one. Returns its keys."""
        return self._post("sales-units", **fields)

    def payment(self, reference: str) -> Json:
        """Return what the provider holds about one payment."""
        found: list[Json] = self.ledger(reference=reference)["payments"]
        if not found:
            raise PhoneError(f"The sandbox knows no payment {reference}.")
        return found[0]

    def ledger(self, **where: str) -> Json:
        """Return what the provider holds: payments, totals, how often it was called."""
        return self._call("GET", "ledger", **where)

    def set_fault(self, **fields: Any) -> Json:
        """Make something go wrong, for instance kind="latency", endpoint="create", seconds=3."""
        return self._post("faults", **fields)

    def calls(self, **where: str) -> list[Json]:
        """Return requests the provider received, newest first."""
        found: list[Json] = self._call("GET", "calls", **where)["calls"]
        return found

    def push_clock(self, seconds: float) -> Json:
        """Push the provider's clock forward; what expires, expires."""
        return self._post("clock", seconds=seconds)

    def _post(self, what: str, **given: Any) -> Json:
        return self._call("POST", what, **given)

    def _call(self, method: str, what: str, **given: Any) -> Json:
        body = {"params": given} if method == "GET" else {"json": given}
        answer = self._session.request(method, f"{self._base}/{what}", timeout=30, **body)  # type: ignore[arg-type]
        if not answer.ok:
            raise PhoneError(f"{what} {given}: HTTP {answer.status_code} {answer.text[:300]}")
        found: Json = answer.json()
        return found

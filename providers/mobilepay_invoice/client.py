"""Their HTTP: paths, headers, a token that may have to be renewed. Raises the error family.

Source: developer.mobilepay.dk/api/invoice, and their OpenAPI file of 1.5, read 2026-11.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.utils.functional import cached_property

from providers import http
from providers.consents import tokens
from providers.contract import NotFound, Unavailable
from providers.mobilepay_invoice import refusals, terms, values, wire

if TYPE_CHECKING:
    from providers.models import ProviderAccount

API = "/invoice-restapi/api/v1"
CONSENTS = f"{API}/directinvoiceconsents"
JSON = "application/json"
# More pages of consents than any merchant has: a cursor that goes in circles ends.
MOST_PAGES = 1000


class Called(NamedTuple):
    """What a call brought, and its name, which their support asks for."""

    content: Any
    trace: str


class Client:
    """One account's calls. Cheap to make; never shared between threads."""

    base_urls: ClassVar[Mapping[str, str]] = {
        "test": "https://api.sandbox.mobilepay.dk",
        "production": "https://api.mobilepay.dk",
    }

    def __init__(self, account: ProviderAccount) -> None:
        self.account = account

    # ------------------------------------------------------------------------------- merchant
    @cached_property
    def merchant(self) -> str:
        """The merchant's id there, part of most paths; asked once and kept with the consent."""
        if kept := tokens.remote_merchant(self.account):
            return kept
        found = self.me()
        tokens.remember_merchant(self.account, found)
        return found

    def me(self, *, token: str = "") -> str:
        """Ask whom the token speaks for. Raises NotAuthorised when it has no merchant.

        `token` is one that is not the account's yet; it is never renewed.
        """
        try:
            called = self._call("GET", f"{API}/merchants/me", token=token)
        except NotFound as error:
            raise refusals.no_merchant(error) from error
        try:
            return values.guid(values.members(called.content, "merchant"), "MerchantId")
        except values.Unreadable as error:
            raise _unreadable(called, error) from error

    def issuers(self) -> Any:
        """List the merchant's invoice issuers."""
        return self._call("GET", f"{self._merchant_path}/invoiceissuers").content

    # ------------------------------------------------------------------------------- invoices
    def create(self, text: str, *, link: bool, many: bool, reference: str = "") -> Called:
        """Post one invoice or an array of them, exactly as written."""
        path = f"{self._merchant_path}/invoices{'/link' if link else ''}"
        path += "/batch" if many else ""
        return self._call("POST", path, text=text, reference=reference, creates=True)

    def status(self, handle: str) -> Any:
        """Get an invoice's status. Raises NotFound."""
        return self._call("GET", f"{self._invoice_path(handle)}/status", reference=handle).content

    def details(self, handle: str) -> Any:
        """Get what they hold of an invoice. Raises NotFound, also when a link has expired."""
        return self._call("GET", self._invoice_path(handle), reference=handle).content

    def cancel(self, handle: str) -> None:
        """Withdraw an invoice."""
        path = f"{self._invoice_path(handle)}/cancel"
        self._call("PUT", path, reference=handle, writes=True)

    # ------------------------------------------------------------------- consents of the payers
    def ask_consent(self, handle: str) -> Any:
        """Ask the payer of a link's invoice to be billed directly."""
        text = f'{{"InvoiceId":"{known_guid(handle)}"}}'
        return self._call("POST", CONSENTS, text=text, reference=handle, writes=True).content

    def consent(self, consent_id: str) -> Any:
        """Get one payer's answer. Raises NotFound."""
        return self._call("GET", f"{CONSENTS}/{known_guid(consent_id)}").content

    def granted_consents(self, issuer_id: str) -> list[wire.Consent]:
        """List all consents granted to an issuer, page by page."""
        params = {"invoiceIssuerId": issuer_id, "state": "granted"}
        found: list[wire.Consent] = []
        for _page in range(MOST_PAGES):
            called = self._call("GET", CONSENTS, params=params)
            try:
                rows, cursor = wire.read_consents(called.content)
            except values.Unreadable as error:
                raise _unreadable(called, error) from error
            found += rows
            if not cursor:
                return found
            params["pagingState"] = cursor
        raise Unavailable("Their list of consents does not end.", code="paging")

    # ------------------------------------------------------------------------------- callbacks
    def set_callback(self, scheme: str, text: str) -> None:
        """Set address and secret of callbacks (`basic` or `apikey`); replaces what was set."""
        self._call("PUT", f"{self._merchant_path}/auth/{scheme}", text=text, writes=True)

    # ---------------------------------------------------------------------------- the one call
    @property
    def _merchant_path(self) -> str:
        return f"{API}/merchants/{self.merchant}"

    def _invoice_path(self, handle: str) -> str:
        return f"{self._merchant_path}/invoices/{known_guid(handle)}"

    def _call(
        self,
        method: str,
        path: str,
        *,
        text: str | None = None,
        params: Mapping[str, str] | None = None,
        reference: str = "",
        writes: bool = False,
        creates: bool = False,
        token: str = "",
    ) -> Called:
        writes = writes or creates
        call = http.Call(
            method=method,
            path=path,
            params=params or {},
            headers={"Accept": JSON} | ({} if text is None else {"Content-Type": JSON}),
            body=None if text is None else text.encode(),
            writes=writes,
            reference=reference,
            told=refusals.told,
        )
        given, token = token, token or tokens.access_token(self.account)
        answer, trace = self._send(call, token)
        if answer.status == 401 and not given:
            # Revoked or expired before its time: once more with a fresh one.
            token = tokens.access_token(self.account, stale=token)
            answer, trace = self._send(call, token)
            if answer.status == 401 and not refusals.of_gateway(answer):
                tokens.refused(self.account, token)
        zone = terms.of(self.account).zone
        about: dict[str, Any] = {"correlation_id": trace, "zone": zone}
        refusals.raise_for(answer, writes=writes, creates=creates, **about)
        return Called(_content(answer, writes=writes, trace=trace), trace)

    def _send(self, call: http.Call, token: str) -> tuple[http.Answer, str]:
        trace = str(uuid.uuid4())
        named = replace(
            call,
            headers={**call.headers, "CorrelationId": trace},
            credentials={"Authorization": f"Bearer {token}", **self._gateway_keys()},
            correlation_id=trace,
        )
        return http.send(self.account, self.base_urls, named), trace

    def _gateway_keys(self) -> dict[str, str]:
        """The app's own key pair, which the gateway wanted on every call until 2022."""
        kept = self.account.credentials or {}
        named = {"x-ibm-client-id": "gateway_id", "x-ibm-client-secret": "gateway_secret"}
        return {header: kept[name] for header, name in named.items() if kept.get(name)}


def known_guid(handle: str) -> str:
    """Write a guid for a path. Raises NotFound for what cannot be an id of theirs."""
    try:
        return str(uuid.UUID(handle))
    except ValueError:
        message = f"{handle!r} is not an id of theirs."
        raise NotFound(message, code="handle", field="handle") from None


def _content(answer: http.Answer, *, writes: bool, trace: str) -> Any:
    if not answer.body.strip():
        return None
    try:
        return answer.json()
    except ValueError:
        found = http.unreadable(answer, writes=writes)
        found.correlation_id = trace
        raise found from None


def _unreadable(called: Called, error: values.Unreadable) -> Unavailable:
    message = f"Their answer cannot be read: {error}."
    return Unavailable(message, code="unreadable", correlation_id=called.trace)

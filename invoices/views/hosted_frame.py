"""What every customer's page shares: headers, one answer for what is not there, how it is found.

The token in the address is the only key there is. No cookie is set or read, so nothing here may
touch the session, the messages or the CSRF machinery.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils.translation import get_language
from django.views.decorators.clickjacking import xframe_options_deny, xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt

from invoices.enums import InvoiceStatus
from invoices.models import DocumentVersion, Invoice
from invoices.rendering import words

View = Callable[..., HttpResponse]

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}
# Chromium holds form-action against redirects too, so wherever a provider may send the customer
# must be allowed. The sandbox plays the provider over plain HTTP on this machine.
FORM_ACTION = [SELF, "https:"]
if settings.SANDBOX:
    FORM_ACTION += ["http://127.0.0.1:*", "http://localhost:*"]
FRAMED_BY = [SELF] if settings.SANDBOX else [NONE]
# What the page is made of; the wide columns would cost more to ask for than to read.
COLUMNS = (
    *("version", "sha256", "invoice_id"),
    *(
        f"invoice__{name}"
        for name in (
            *("merchant_id", "issuer_id", "status", "number", "token", "language", "currency"),
            *("due_date", "total", "residual", "paid_at", "link_channel", "latest_request_id"),
            "revoked_at",
        )
    ),
    "invoice__merchant__country",
    *(f"invoice__latest_request__{name}" for name in ("state", "share_phone", "asked_at")),
)


class Gone(Exception):
    """There is no such page, whatever the reason: all look the same from outside."""


@dataclass(frozen=True, slots=True)
class Found:
    """An issued invoice with the version asked for, and the newest one's number."""

    invoice: Invoice
    version: DocumentVersion
    newest: int

    @property
    def is_old(self) -> bool:
        """Whether a newer version exists."""
        return self.version.version < self.newest


def framed(view: View) -> View:
    """Give a view the headers of a customer's page, and one answer for all that is not there."""

    @wraps(view)
    def wrapped(request: HttpRequest, token: str, **kwargs: str) -> HttpResponse:
        try:
            response = view(request, token, **kwargs)
        except Gone:
            response = _not_found()
        for name, text in HEADERS.items():
            response.headers.setdefault(name, text)
        return response

    framing = xframe_options_exempt if settings.SANDBOX else xframe_options_deny
    strict = csp_replace({"form-action": FORM_ACTION, "frame-ancestors": FRAMED_BY})
    # Without cookies there is nothing for a forged request to ride on: who can name the address
    # can press its buttons anyway. A CSRF cookie would only break web views that keep none.
    return csrf_exempt(cast("View", framing(strict(cast("Any", wrapped)))))


def _not_found() -> HttpResponse:
    text = loader.render_to_string("hosted/missing.html", {"language": get_language() or "en"})
    return HttpResponse(text, status=404)


def find(token: str, wanted: str = "") -> Found:
    """Load an invoice, its newest request and its versions in one query, bodies left behind."""
    rows = list(
        DocumentVersion.objects.filter(invoice__token=token)
        .select_related("invoice__merchant", "invoice__latest_request")
        .only(*COLUMNS)
        .order_by()
    )
    rows.sort(key=lambda row: row.version)
    by_number = {str(row.version): row for row in rows}
    version = by_number.get(wanted) if wanted else rows[-1] if rows else None
    if version is None or _is_closed(version.invoice):
        raise Gone
    return Found(version.invoice, version, rows[-1].version)


def _is_closed(invoice: Invoice) -> bool:
    return invoice.revoked_at is not None or invoice.status == InvoiceStatus.DRAFT


def language_of(request: HttpRequest, found: Found) -> str:
    """Return the language the address asks for, else the document's. Never the browser's."""
    asked = request.GET.get("lang", "")
    return asked if asked in words.LANGUAGES else words.language(found.invoice.language)


def query_of(values: dict[str, str]) -> str:
    """Write a query string, or nothing for no values."""
    return f"?{urlencode(values)}" if values else ""

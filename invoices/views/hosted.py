"""The customer's page: read it, open the PDF, press pay, come back.

The token in the address is the only key there is. No cookie is set or read, so nothing here may
touch the session, the messages or the CSRF machinery; only staff who say so (`?staff=1`) are
looked up. GET changes no money: mail scanners open every link they see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template import loader
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header, parse_etags, quote_etag
from django.utils.translation import get_language, override
from django.views.decorators.clickjacking import xframe_options_deny, xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from invoices import paying
from invoices.enums import InvoiceStatus
from invoices.models import DocumentVersion, Invoice, RenderedPdf
from invoices.rendering import page, pdf, standing, words
from invoicing_site.merchants.models import Membership
from providers.contract import OPEN_STATES, RequestState

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
LANGUAGE_NAMES = (
    ("en", "English"),
    ("nb", "Norsk"),
    ("da", "Dansk"),
    ("sv", "Svenska"),
    ("fi", "Suomi"),
)
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
SECONDS_BETWEEN_OPENINGS = 60
PRESSES, PRESSES_WITHIN = 20, 600
# How often "checking" asks again: quickly at first, then patiently, then on a press.
PATIENCE = (2, 2, 2, 3, 3, 5, 5, 10, 10, 15, 15, 20)
ENOUGH_ASKED = 3


class _Gone(Exception):
    """There is no such page, whatever the reason: all look the same from outside."""


class SeeOther(HttpResponse):
    """303 to the very address given: Django's own redirects would write it anew."""

    status_code = 303

    def __init__(self, url: str) -> None:
        super().__init__(headers={"Location": url})

    @property
    def url(self) -> str:
        """The address."""
        return self.headers["Location"]


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


def hosted(view: View) -> View:
    """Give a view the headers of a customer's page, and one answer for all that is not there."""

    @wraps(view)
    def wrapped(request: HttpRequest, token: str, **kwargs: str) -> HttpResponse:
        try:
            response = view(request, token, **kwargs)
        except _Gone:
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


def _find(token: str, wanted: str = "") -> Found:
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
        raise _Gone
    return Found(version.invoice, version, rows[-1].version)


def _is_closed(invoice: Invoice) -> bool:
    return invoice.revoked_at is not None or invoice.status == InvoiceStatus.DRAFT


def _language(request: HttpRequest, found: Found) -> str:
    asked = request.GET.get("lang", "")
    return asked if asked in words.LANGUAGES else words.language(found.invoice.language)


# ---------------------------------------------------------------------------------------- the page
@hosted
@require_safe
def show(request: HttpRequest, token: str) -> HttpResponse:
    """Show the invoice: what, who, how much, by when, how it stands, how to pay."""
    found = _find(token, request.GET.get("v", ""))
    now = timezone.now()
    _note_opening(request, found, now)
    return _draw(request, found, now)


def _draw(
    request: HttpRequest, found: Found, now: datetime, *, notice: str = "", status: int = 200
) -> HttpResponse:
    language = _language(request, found)
    with override(language):
        text = loader.render_to_string(
            "hosted/page.html", _context(request, found, language, now, notice)
        )
    return HttpResponse(text, status=status, headers={"Content-Language": language})


def _context(
    request: HttpRequest, found: Found, language: str, now: datetime, notice: str
) -> dict[str, object]:
    invoice = found.invoice
    stands = standing.of(invoice, _today(invoice, now), language)
    path = reverse("hosted", kwargs={"token": invoice.token})
    kept = _kept(request)
    return {
        "language": language,
        "sheet": page.sheet(found.version, language, all_lines="all" in request.GET),
        "found": found,
        "stands": stands,
        "notice": notice,
        "offers": paying.offers(invoice) if stands.is_payable and not found.is_old else [],
        "path": path,
        "query": _query(kept),
        "pdf_query": _query({"v": kept["v"]} if "v" in kept else {}),
        "languages": [
            (code, name, _query({**kept, "lang": code})) for code, name in LANGUAGE_NAMES
        ],
    }


def _today(invoice: Invoice, now: datetime) -> date:
    return now.astimezone(ZoneInfo(invoice.merchant.time_zone)).date()


def _kept(request: HttpRequest) -> dict[str, str]:
    """Return what the address carries from page to page: there is no cookie to carry it."""
    return {name: request.GET[name] for name in ("v", "lang", "staff") if request.GET.get(name)}


def _query(values: dict[str, str]) -> str:
    return f"?{urlencode(values)}" if values else ""


def _note_opening(request: HttpRequest, found: Found, now: datetime) -> None:
    """Note that the customer opened the page; a prefetch, a HEAD and staff are not customers."""
    if request.method != "GET" or _is_prefetch(request) or _is_staff(request, found):
        return
    key = f"opened:{found.version.pk}"
    # A reload within the minute is the same opening, and costs no query to know.
    if not cache.add(key, 1, SECONDS_BETWEEN_OPENINGS):
        return
    paying.opened(
        invoice_id=found.invoice.pk,
        version=found.version.version,
        now=now,
        user_agent=request.headers.get("User-Agent", ""),
    )


def _is_prefetch(request: HttpRequest) -> bool:
    said = " ".join(request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return "prefetch" in said or "preview" in said or "prerender" in said


def _is_staff(request: HttpRequest, found: Found) -> bool:
    """Say whether a signed-in member looks. Only asked when the address says so."""
    if "staff" not in request.GET or not request.user.is_authenticated:
        return False
    return Membership.objects.filter(
        user_id=request.user.pk, merchant_id=found.invoice.merchant_id
    ).exists()


# ----------------------------------------------------------------------------------------- the PDF
@hosted
@require_safe
def as_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the version's PDF with its hash as ETag; a copy that is still good is not sent again."""
    found = _find(token, request.GET.get("v", ""))
    kept = RenderedPdf.objects.filter(pk=found.version.pk).values_list("sha256", flat=True).first()
    if kept and quote_etag(kept) in parse_etags(request.headers.get("If-None-Match", "")):
        return _pdf_headers(HttpResponseNotModified(), found, kept)
    try:
        rendered = pdf.content(found.version)
    except pdf.RenderFailed:
        return _pdf_later(request, found)
    response = HttpResponse(bytes(rendered.content), content_type="application/pdf")
    return _pdf_headers(response, found, rendered.sha256)


def _pdf_headers(response: HttpResponse, found: Found, sha256: str) -> HttpResponse:
    response.headers["ETag"] = quote_etag(sha256)
    # Unlike the page, the file may be kept by the customer's own browser, which asks each time
    # whether it is still good: without a kept copy an ETag would have nothing to compare.
    response.headers["Cache-Control"] = "private, no-cache"
    name = f"{found.invoice.number}-v{found.version.version}.pdf"
    disposition = content_disposition_header(as_attachment=False, filename=name)
    response.headers["Content-Disposition"] = disposition or "inline"
    return response


def _pdf_later(request: HttpRequest, found: Found) -> HttpResponse:
    response = _draw(request, found, timezone.now(), notice="pdf_later", status=503)
    response.headers["Retry-After"] = "60"
    return response


# -------------------------------------------------------------------------------------- the money
@hosted
@require_POST
def pay(request: HttpRequest, token: str, road_key: str) -> HttpResponse:
    """Make the payment and send the customer to the provider, at the very address it gave."""
    found = _find(token)
    now = timezone.now()
    if _pressed_too_often(found.invoice):
        return _draw(request, found, now, notice="too_often", status=429)
    pressed = paying.press_pay(
        invoice_id=found.invoice.pk,
        road_key=road_key,
        share_phone=request.POST.get("share_phone") == "yes",
        now=now,
    )
    if pressed.redirect_url:
        return SeeOther(pressed.redirect_url)
    if pressed.problem == "checking":
        return _see("hosted-return", token, request)
    if pressed.problem == "settled":
        return _see("hosted", token, request)
    return _draw(request, _find(token), now, notice="closed", status=409)


def _pressed_too_often(invoice: Invoice) -> bool:
    """Count presses of one invoice: every one may become a payment at the provider."""
    key = f"presses:{invoice.pk}"
    cache.add(key, 0, PRESSES_WITHIN)
    try:
        return cache.incr(key) > PRESSES
    except ValueError:  # It ran out between the two calls.
        return False


def _see(name: str, token: str, request: HttpRequest) -> HttpResponse:
    lang = request.GET.get("lang", "")
    query = _query({"lang": lang}) if lang in words.LANGUAGES else ""
    return SeeOther(reverse(name, args=[token]) + query)


@hosted
@require_safe
def returned(request: HttpRequest, token: str) -> HttpResponse:
    """Show "checking" until the provider has been asked; the address itself proves nothing.

    `n` only counts how often the page was loaded, to ask less and less often.
    """
    found = _find(token)
    if request.method == "GET":
        paying.returned(invoice_id=found.invoice.pk, now=timezone.now())
        found = _find(token)
    times = _times(request)
    if _is_decided(found.invoice, times):
        return _see("hosted", token, request)
    language = _language(request, found)
    context = _checking(request, found, language, times)
    with override(language):
        text = loader.render_to_string("hosted/checking.html", context)
    response = HttpResponse(text, headers={"Content-Language": language})
    if context["seconds"]:
        # The page asks again by itself without script; a button on it does the same.
        response.headers["Refresh"] = f"{context['seconds']}; url={context['again']}"
    return response


def _is_decided(invoice: Invoice, times: int) -> bool:
    """Say whether the truth is known: settled, or asked often enough that waiting is the truth."""
    request = invoice.latest_request
    if request is None or RequestState(request.state) not in OPEN_STATES:
        return True
    if RequestState(request.state) == RequestState.ACCEPTED:
        return True
    has_answer = RequestState(request.state) == RequestState.CREATED and request.asked_at
    return bool(has_answer) and times >= ENOUGH_ASKED


def _checking(request: HttpRequest, found: Found, language: str, times: int) -> dict[str, object]:
    lang = {"lang": request.GET["lang"]} if request.GET.get("lang") in words.LANGUAGES else {}
    path = reverse("hosted-return", kwargs={"token": found.invoice.token})
    return {
        "language": language,
        "sheet": page.sheet(found.version, language),
        "found": found,
        "seconds": PATIENCE[times] if times < len(PATIENCE) else 0,
        "again": path + _query({**lang, "n": str(times + 1)}),
        "path": reverse("hosted", kwargs={"token": found.invoice.token}) + _query(lang),
    }


def _times(request: HttpRequest) -> int:
    said = request.GET.get("n", "")
    return int(said) if said.isdecimal() and len(said) < 4 else 0

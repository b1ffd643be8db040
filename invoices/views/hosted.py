"""The customer's page: read it, open the PDF. GET changes no money: scanners open every link."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template import loader
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header, parse_etags, quote_etag
from django.utils.translation import override
from django.views.decorators.http import require_safe

from invoices import paying
from invoices.models import Invoice, RenderedPdf
from invoices.rendering import page, pdf, standing
from invoices.views.hosted_frame import Found, find, framed, language_of, query_of
from invoicing_site.merchants.models import Membership

LANGUAGE_NAMES = (
    ("en", "English"),
    ("nb", "Norsk"),
    ("da", "Dansk"),
    ("sv", "Svenska"),
    ("fi", "Suomi"),
)
SECONDS_BETWEEN_OPENINGS = 60


# ---------------------------------------------------------------------------------------- the page
@framed
@require_safe
def show(request: HttpRequest, token: str) -> HttpResponse:
    """Show the invoice: what, who, how much, by when, how it stands, how to pay."""
    found = find(token, request.GET.get("v", ""))
    now = timezone.now()
    _note_opening(request, found, now)
    return draw(request, found, now)


def draw(
    request: HttpRequest, found: Found, now: datetime, *, notice: str = "", status: int = 200
) -> HttpResponse:
    """Draw the page as things stand, with a notice on top where something did not go through."""
    language = language_of(request, found)
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
        "query": query_of(kept),
        "pdf_query": query_of({"v": kept["v"]} if "v" in kept else {}),
        "languages": [
            (code, name, query_of({**kept, "lang": code})) for code, name in LANGUAGE_NAMES
        ],
    }


def _today(invoice: Invoice, now: datetime) -> date:
    return now.astimezone(ZoneInfo(invoice.merchant.time_zone)).date()


def _kept(request: HttpRequest) -> dict[str, str]:
    """Return what the address carries from page to page: there is no cookie to carry it."""
    return {name: request.GET[name] for name in ("v", "lang", "staff") if request.GET.get(name)}


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
@framed
@require_safe
def as_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the version's PDF with its hash as ETag; a copy that is still good is not sent again."""
    found = find(token, request.GET.get("v", ""))
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
    response = draw(request, found, timezone.now(), notice="pdf_later", status=503)
    response.headers["Retry-After"] = "60"
    return response

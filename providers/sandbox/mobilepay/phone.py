"""The customer's phone with MobilePay Invoice on it, and the page a payment link opens."""

from datetime import date
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_safe

from providers.sandbox import clock, pages
from providers.sandbox.mobilepay import consumers, expiry, lifecycle, paper
from providers.sandbox.mobilepay.lifecycle import NotPossible
from providers.sandbox.models import AppInvoice
from providers.sandbox.phone import MOBILE, digits

Status = AppInvoice.Status
PEOPLE = 8
SCREENS = {"schedule", "decline", "lines"}
NUMBER_WANTED = "Write the number with its country code, for example +45 11 22 33 44."


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is on one phone; asks which phone when none is given."""
    expiry.tick(clock.now())
    msisdn = number(request.GET.get("msisdn", ""))
    if not msisdn:
        context = {"numbers": _recent_numbers(), **pages.clock_context()}
        return render(request, "sandbox/mobilepay_choose.html", context)
    rows = list(consumers.invoices_on(f"+{msisdn}")[:40])
    context = {
        "msisdn": msisdn,
        "fresh": [row for row in rows if row.status == Status.CREATED],
        "scheduled": [row for row in rows if row.status == Status.ACCEPTED],
        "earlier": [row for row in rows if row.status not in consumers.OPEN],
        "refresh": 3,
        **pages.clock_context(),
    }
    return render(request, "sandbox/mobilepay_home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def invoice(request: HttpRequest, token: str) -> HttpResponse:
    """One invoice in the app: pay now, choose a day, decline, or a card that fails."""
    found = _found(token)
    if not found.alias and found.status in consumers.OPEN:
        return redirect("sandbox:mobilepay_link", token=token)
    said = ""
    if request.method == "POST":
        said = _act(request, found)
        if not said:
            return redirect(reverse("sandbox:mobilepay_invoice", args=[token]))
        found = _found(token)
    screen = _screen(found, request.GET.get("screen", ""))
    context = _context(found) | {"screen": screen, "said": said}
    return render(request, "sandbox/mobilepay_invoice.html", context, status=422 if said else 200)


@require_safe
def pdf(_request: HttpRequest, token: str) -> HttpResponse:
    """The invoice as the provider prints it."""
    return HttpResponse(paper.invoice(_found(token)), content_type="application/pdf")


@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Where a link leads: a desktop asks for the number, a phone opens the app."""
    found = _found(token)
    if not found.is_link or found.status == Status.EXPIRED:
        return render(request, "sandbox/mobilepay_gone.html", status=404)
    opened_on = number(request.GET.get("on", ""))
    if found.status != Status.CREATED:
        return _back(request, found, came_here=bool(opened_on))
    if request.method == "POST":
        return _open(request, found)
    return _landing(request, found, opened_on=opened_on)


def number(typed: str) -> str:
    """Read a number as typed; eight digits alone are Danish. '' when it is none."""
    plain = "".join(letter for letter in typed if letter.isdigit())
    is_bare = len(plain) == 8 and not typed.strip().startswith(("+", "00"))
    return digits(f"45{plain}" if is_bare else typed)


def _landing(
    request: HttpRequest, found: AppInvoice, *, opened_on: str = "", problem: str = ""
) -> HttpResponse:
    default = "+358401234567" if found.merchant.country == "FI" else "+4511223344"
    context = {
        "invoice": found,
        "opened_on": opened_on,
        "problem": problem,
        "suggested": request.POST.get("msisdn", found.alias or default),
        "refresh": 2 if opened_on else 0,
    }
    status = 422 if problem else 200
    return render(request, "sandbox/mobilepay_link.html", context, status=status)


def _open(request: HttpRequest, found: AppInvoice) -> HttpResponse:
    msisdn = number(request.POST.get("msisdn", ""))
    if not msisdn:
        return _landing(request, found, problem=NUMBER_WANTED)
    consumers.open_on(found, f"+{msisdn}")
    if MOBILE.search(request.headers.get("User-Agent", "")):
        return redirect("sandbox:mobilepay_invoice", token=found.token)
    return redirect(reverse("sandbox:mobilepay_link", args=[found.token], query={"on": msisdn}))


def _back(request: HttpRequest, found: AppInvoice, *, came_here: bool) -> HttpResponse:
    """Follow RedirectUrl for the payer; anybody else learns that it is over."""
    address = _web_address(consumers.redirect_url(found))
    if came_here and address:
        return redirect(address)
    context = {"invoice": found, "ended": True}
    return render(request, "sandbox/mobilepay_link.html", context)


def _act(request: HttpRequest, found: AppInvoice) -> str:
    """Do what a button says; returns what the app says when it could not."""
    action = request.POST.get("action", "")
    try:
        if action == "pay":
            consumers.pay(found.pk)
        elif action == "schedule":
            consumers.accept(found.pk, _day(request.POST.get("day", "")))
        elif action == "reject":
            consumers.reject(found.pk)
        elif action == "card":
            consumers.card_error(found.pk)
            return consumers.CARD_FAILED
        elif action in {"grant", "deny"} and (asked := consumers.question_for(found)):
            consumers.answer(asked, granted=action == "grant")
    except NotPossible as problem:
        return str(problem)
    return ""


def _day(typed: str) -> date:
    try:
        day = parse_date(typed)
    except ValueError:
        day = None
    if day is None:
        raise NotPossible("Choose the day on which the money is to be taken.")
    return day


def _screen(found: AppInvoice, wanted: str) -> str:
    if wanted == "lines":
        return wanted
    if consumers.question_for(found):
        return "consent"
    if found.status in consumers.OPEN and wanted in SCREENS:
        return wanted
    return "confirm" if found.status == Status.CREATED else "done"


def _context(found: AppInvoice) -> dict[str, object]:
    today = lifecycle.today(found.merchant.country, clock.now())
    body = found.body
    return {
        "invoice": found,
        "msisdn": found.alias.removeprefix("+"),
        "lines": body.get("InvoiceArticles") or body.get("InvoiceLineItem") or [],
        "comment": body.get("Comment", ""),
        "pdf_url": _web_address(str(body.get("InvoiceUrl", ""))),
        "back_url": _web_address(consumers.redirect_url(found)),
        "today": today,
        "last_day": lifecycle.last_day(found),
        "suggested_day": found.payment_date or max(found.due_date, today),
        "events": list(found.events.all()),
        "refresh": 0,
        **pages.clock_context(),
    }


def _found(token: str) -> AppInvoice:
    expiry.tick(clock.now())
    seen = AppInvoice.objects.exclude(status__in=consumers.UNSEEN)
    invoice = seen.select_related("merchant", "issuer").filter(token=token).first()
    if invoice is None:
        raise Http404("No invoice has this token.")
    return invoice


def _recent_numbers() -> list[str]:
    rows = AppInvoice.objects.exclude(alias="").exclude(status__in=consumers.UNSEEN)
    latest = rows.order_by("-id").values_list("alias", flat=True)[:200]
    return [alias.removeprefix("+") for alias in dict.fromkeys(latest)][:PEOPLE]


def _web_address(url: str) -> str:
    return url if urlsplit(url).scheme in {"http", "https"} else ""

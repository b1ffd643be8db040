"""Pages that play the customer's phone, and the landing page a payment link opens."""

import io
import re
from urllib.parse import urlsplit

import segno
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from providers.sandbox import clock, pages
from providers.sandbox.models import Payment, PhoneUser
from providers.sandbox.vipps import customer, order_management, users
from providers.sandbox.vipps.fields import PHONE
from providers.sandbox.vipps.problems import Refusal

MOBILE = re.compile(r"Mobile|Android|iPhone|iPad")
DEFAULT_NUMBER = {"NO": "4791234567", "DK": "4520123456", "FI": "358401234567"}
SCOPE_WORDS = {
    "name": "Your name",
    "address": "Your address",
    "email": "Your email address",
    "phoneNumber": "Your phone number",
    "birthDate": "Your date of birth",
    "nin": "Your national identity number",
}
State = Payment.State


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The phone's list of requests; asks which phone when none is given."""
    msisdn = digits(request.GET.get("msisdn", ""))
    if not msisdn:
        people = PhoneUser.objects.order_by("-id")[:8]
        context = {"people": people, **pages.clock_context()}
        return render(request, "sandbox/phone_choose.html", context)
    requests = list(customer.requests_for(msisdn)[:40])
    waiting = [payment for payment in requests if payment.state == State.CREATED]
    context = {
        "msisdn": msisdn,
        "person": users.person(msisdn),
        "fresh": [payment for payment in waiting if not payment.dismissed_at],
        "later": [payment for payment in waiting if payment.dismissed_at],
        "earlier": [payment for payment in requests if payment.state != State.CREATED],
        "refresh": 3,
        **pages.clock_context(),
    }
    return render(request, "sandbox/phone_home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """One payment on the phone: consent, confirmation, cancel sheet, outcome."""
    payment = _opened(token)
    from_app = request.GET.get("from") == "app"
    if request.method == "POST":
        return _act(request, payment, from_app=from_app)
    screen = request.GET.get("screen", "")
    context = _screen(payment, screen, from_app=from_app)
    context["said"] = request.GET.get("said", "")
    return render(request, "sandbox/phone_pay.html", context)


@require_safe
def details(request: HttpRequest, token: str) -> HttpResponse:
    """'See details': the merchant's page in the app's own window, or the order lines."""
    payment = _opened(token)
    link = order_management.latest_link(payment.unit_id, payment.reference)
    context = _screen(payment, "details", from_app=request.GET.get("from") == "app")
    context["url"] = payment.receipt_url or (link.url if link else "")
    context["refresh"] = 0
    return render(request, "sandbox/phone_details.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def landing(request: HttpRequest, token: str) -> HttpResponse:
    """Where redirectUrl leads: a desktop asks for the number, a phone opens the app."""
    payment = _found(token)
    if payment.state != State.CREATED:
        return _to_merchant(request, payment)
    if MOBILE.search(request.headers.get("User-Agent", "")):
        return redirect(f"{reverse('sandbox:pay', args=[token])}?from=app")
    problem = ""
    if request.method == "POST":
        if request.POST.get("action") == "cancel":
            return _cancel(request, payment)
        problem = _enter_number(payment, request.POST.get("msisdn", ""))
        if not problem:
            return redirect("sandbox:landing", token=token)
    suggested = payment.msisdn or DEFAULT_NUMBER.get(payment.unit.market, "")
    context = {
        "payment": payment,
        "problem": problem,
        "suggested": request.POST.get("msisdn", suggested),
        "asked": bool(payment.msisdn) and not problem,
        "refresh": 2 if payment.msisdn and not problem else 0,
    }
    return render(request, "sandbox/landing.html", context, status=422 if problem else 200)


@require_GET
def qr(request: HttpRequest, token: str) -> HttpResponse:
    """Draw the QR code of a payment; it holds the landing page's address."""
    _found(token)
    target = request.build_absolute_uri(reverse("sandbox:landing", args=[token]))
    picture = io.BytesIO()
    segno.make(target, error="m").save(picture, kind="svg", scale=8, border=4)
    return HttpResponse(picture.getvalue(), content_type="image/svg+xml")


def digits(text: str) -> str:
    """Read a number as typed into a page: +47, 0047 and spaces are fine; '' when it is none."""
    plain = re.sub(r"[\s()+-]", "", text).removeprefix("00")
    return plain if PHONE.fullmatch(plain) else ""


def _found(token: str) -> Payment:
    payment = customer.by_token(token)
    if payment is None:
        raise Http404("No payment has this token.")
    return payment


def _opened(token: str) -> Payment:
    payment = _found(token)
    if not payment.msisdn and payment.state == State.CREATED:
        payment.msisdn = DEFAULT_NUMBER.get(payment.unit.market, "4791234567")
        customer.open_on(payment, payment.msisdn)
    return payment


def _screen(payment: Payment, screen: str, *, from_app: bool) -> dict[str, object]:
    name = _screen_name(payment, screen)
    back = from_app and payment.return_url
    return {
        "payment": payment,
        "screen": name,
        "msisdn": payment.msisdn,
        "person": users.person(payment.msisdn),
        "shares": [SCOPE_WORDS.get(word, word) for word in payment.scope.split()],
        "from_app": from_app,
        "back_url": payment.return_url if back else "",
        "refresh": 2 if _something_is_coming(payment, name, bool(back)) else 0,
        "refresh_to": _web_address(payment.return_url) if back and name == "done" else "",
        "events": list(payment.events.all()),
        **pages.clock_context(),
    }


def _something_is_coming(payment: Payment, name: str, goes_back: bool) -> bool:
    uncaptured = payment.state == State.AUTHORIZED and payment.remainder > 0
    return name == "processing" or (name == "done" and (goes_back or uncaptured))


def _screen_name(payment: Payment, screen: str) -> str:
    if payment.state != State.CREATED:
        return "done"
    if payment.processing_until:
        return "processing"
    if screen in {"cancel", "details"}:
        return screen
    return "consent" if customer.must_ask(payment, clock.now()) else "confirm"


def _act(request: HttpRequest, payment: Payment, *, from_app: bool) -> HttpResponse:
    action, said = request.POST.get("action", ""), ""
    try:
        if action == "pay":
            said = customer.approve(payment)
        elif action == "share":
            customer.remember_sharing(payment)
        elif action in {"reject", "decline"}:
            customer.reject(payment)
        elif action == "later":
            customer.dismiss(payment)
            return redirect(f"{reverse('sandbox:phone')}?msisdn={payment.msisdn}")
    except Refusal:
        # Too late: the merchant or the clock was quicker, and the next screen says so.
        said = ""
    query = {"from": "app" if from_app else "", "said": "" if said == "approved" else said}
    address = reverse("sandbox:pay", args=[payment.token], query=_filled(query) or None)
    return redirect(address)


def _filled(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}


def _enter_number(payment: Payment, typed: str) -> str:
    msisdn = digits(typed)
    if not msisdn:
        return "Write the number with its country code, for example +47 912 34 567."
    try:
        customer.open_on(payment, msisdn)
    except Refusal:
        return "This number cannot pay here. Try another one."
    return ""


def _cancel(request: HttpRequest, payment: Payment) -> HttpResponse:
    try:
        customer.reject(payment)
    except Refusal:
        # Approved a moment ago, or still at the bank: the landing page shows which.
        return redirect("sandbox:landing", token=payment.token)
    return _to_merchant(request, payment)


def _to_merchant(request: HttpRequest, payment: Payment) -> HttpResponse:
    if address := _web_address(payment.return_url):
        return redirect(address)
    return render(request, "sandbox/landing.html", {"payment": payment, "ended": True})


def _web_address(url: str) -> str:
    return url if urlsplit(url).scheme in {"http", "https"} else ""

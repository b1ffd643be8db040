"""The customer's money: press pay, come back from the app."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from django.views.decorators.http import require_POST, require_safe

from invoices import paying
from invoices.models import Invoice
from invoices.rendering import page, words
from invoices.views import hosted
from invoices.views.hosted_frame import Found, find, framed, language_of, query_of
from providers.contract import OPEN_STATES, RequestState

PRESSES, PRESSES_WITHIN = 20, 600
# How often "checking" asks again: quickly at first, then patiently, then on a press.
PATIENCE = (2, 2, 2, 3, 3, 5, 5, 10, 10, 15, 15, 20)
ENOUGH_ASKED = 3


class SeeOther(HttpResponse):
    """303 to the very address given: Django's own redirects would write it anew."""

    status_code = 303

    def __init__(self, url: str) -> None:
        super().__init__(headers={"Location": url})

    @property
    def url(self) -> str:
        """The address."""
        return self.headers["Location"]


@framed
@require_POST
def pay(request: HttpRequest, token: str, road_key: str) -> HttpResponse:
    """Make the payment and send the customer to the provider, at the very address it gave."""
    found = find(token)
    now = timezone.now()
    if _pressed_too_often(found.invoice):
        return hosted.draw(request, found, now, notice="too_often", status=429)
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
    return hosted.draw(request, find(token), now, notice="closed", status=409)


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
    query = query_of({"lang": lang}) if lang in words.LANGUAGES else ""
    return SeeOther(reverse(name, args=[token]) + query)


@framed
@require_safe
def returned(request: HttpRequest, token: str) -> HttpResponse:
    """Show "checking" until the provider has been asked; the address itself proves nothing.

    `n` only counts how often the page was loaded, to ask less and less often.
    """
    found = find(token)
    if request.method == "GET":
        paying.returned(invoice_id=found.invoice.pk, now=timezone.now())
        found = find(token)
    times = _times(request)
    if _is_decided(found.invoice, times):
        return _see("hosted", token, request)
    language = language_of(request, found)
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
        "again": path + query_of({**lang, "n": str(times + 1)}),
        "path": reverse("hosted", kwargs={"token": found.invoice.token}) + query_of(lang),
    }


def _times(request: HttpRequest) -> int:
    said = request.GET.get("n", "")
    return int(said) if said.isdecimal() and len(said) < 4 else 0

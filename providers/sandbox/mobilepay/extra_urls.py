"""Callbacks' set-up, consents, the simulated user, the phone, the remote control."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from providers.sandbox.control import Action
from providers.sandbox.control import control as remote_view
from providers.sandbox.mobilepay import (
    callback_setup,
    consents,
    control,
    phone,
    problems,
    simulation,
)
from providers.sandbox.mobilepay.endpoint import View

API = "invoice-restapi/api/v1"
MERCHANT = "merchants/<str:merchant_id>"
MINE = "consumers/me/invoices"
CONSENTS = "directinvoiceconsents"


def api(route: str, **views: View) -> URLPattern:
    """Mount a call of the API, one view per HTTP method."""

    @csrf_exempt
    def dispatch(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        view = views.get(request.method or "")
        if view is None:
            return problems.answer(problems.gateway(404, "Resource not found"), "")
        return view(request, **arguments)

    return path(f"{API}/{route}", login_not_required(dispatch))


def page(route: str, view: Callable[..., Any], name: str) -> URLPattern:
    """Mount a page that is open to everyone."""
    return path(route, login_not_required(view), name=f"mobilepay_{name}")


def remote(route: str, **actions: Action) -> URLPattern:
    """Mount a part of the JSON control API."""
    return path(f"_control/{route}", login_not_required(remote_view(**actions)))


urlpatterns = [
    api(f"{MERCHANT}/auth/basic", PUT=callback_setup.basic),
    api(f"{MERCHANT}/auth/apikey", PUT=callback_setup.api_key),
    api(CONSENTS, GET=consents.listing, POST=consents.create),
    api(f"{CONSENTS}/<str:consent_id>", GET=consents.read, DELETE=consents.delete),
    api(f"{MINE}/directinvoiceconsent/<str:consent_id>", PUT=consents.answer),
    api(f"{MINE}/<str:invoice_id>/accept", PUT=simulation.accept),
    api(f"{MINE}/<str:invoice_id>/reject", PUT=simulation.reject),
    api(f"{MINE}/<str:invoice_id>/pdf", GET=simulation.pdf),
    page("phone/", phone.home, "phone"),
    page("phone/<str:token>/", phone.invoice, "invoice"),
    page("phone/<str:token>/invoice.pdf", phone.pdf, "pdf"),
    page("pay/<str:token>/", phone.link, "link"),
    remote("accept", POST=control.accept),
    remote("pay", POST=control.pay),
    remote("reject", POST=control.reject),
    remote("card_error", POST=control.card_error),
    remote("consent", POST=control.consent),
    remote("bulk", POST=control.bulk),
    remote("clock", GET=control.read_clock, POST=control.push_clock),
    remote("deliver", POST=control.deliver),
    remote("faults", GET=control.list_faults, POST=control.set_fault, DELETE=control.clear_faults),
    remote("ledger", GET=control.read_ledger),
    remote("calls", GET=control.calls),
    remote("callbacks", GET=control.list_callbacks),
    remote("merchant", POST=control.merchant),
]

"""The invoice API's paths, as documented, and with them all that lies below this provider."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from providers.sandbox.mobilepay import (
    batches,
    extra_urls,
    invoices,
    issuers,
    oidc_urls,
    problems,
    reading,
)
from providers.sandbox.mobilepay.endpoint import View

API = "invoice-restapi/api/v1"
MERCHANT = f"{API}/merchants/<str:merchant_id>"
INVOICE = f"{MERCHANT}/invoices/<str:invoice_id>"


def call(route: str, **views: View) -> URLPattern:
    """Mount a call, one view per HTTP method; the gateway knows no other resource."""

    @csrf_exempt
    def dispatch(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        view = views.get(request.method or "")
        if view is None:
            return problems.answer(problems.gateway(404, "No resources match requested URI"), "")
        return view(request, **arguments)

    return path(route, login_not_required(dispatch))


urlpatterns = [
    call(f"{API}/merchants/me", GET=issuers.me),
    call(f"{API}/invoiceissuers/<uuid:issuer_id>/logo", GET=issuers.logo),
    call(f"{MERCHANT}/invoiceissuers", GET=issuers.issuers),
    call(f"{MERCHANT}/invoices", POST=invoices.create),
    call(f"{MERCHANT}/invoices/batch", POST=batches.create_batch),
    call(f"{MERCHANT}/invoices/link", POST=invoices.create_link),
    call(f"{MERCHANT}/invoices/link/batch", POST=batches.create_link_batch),
    call(f"{INVOICE}/cancel", PUT=reading.cancel),
    call(f"{INVOICE}/status", GET=reading.status),
    call(INVOICE, GET=reading.details),
    *oidc_urls.urlpatterns,
    *extra_urls.urlpatterns,
]

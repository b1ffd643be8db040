"""The provider's paths, as documented, below one base address."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from providers.sandbox.vipps import auth, order_management, payments, problems, userinfo, webhooks
from providers.sandbox.vipps.endpoint import View

PAYMENT = "epayment/v1/payments/<str:reference>"
ORDER = "order-management/v2/<str:payment_type>"


def methods(**views: View) -> View:
    """Choose a view by HTTP method; the gateway knows no other resource."""

    @csrf_exempt
    def dispatch(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        view = views.get(request.method or "")
        if view is None:
            body = {"statusCode": 404, "message": "Resource not found"}
            return problems.answer(404, body)
        return view(request, **arguments)

    return dispatch


urlpatterns = [
    path("accesstoken/get", auth.access_token),
    path("epayment/v1/payments", methods(POST=payments.create)),
    path(PAYMENT, methods(GET=payments.get)),
    path(f"{PAYMENT}/events", methods(GET=payments.events)),
    path(f"{PAYMENT}/capture", methods(POST=payments.capture)),
    path(f"{PAYMENT}/refund", methods(POST=payments.refund)),
    path(f"{PAYMENT}/cancel", methods(POST=payments.cancel)),
    path(
        "epayment/v1/test/payments/<str:reference>/approve",
        methods(POST=payments.force_approve),
    ),
    path("webhooks/v1/webhooks", methods(GET=webhooks.listing, POST=webhooks.register)),
    path("webhooks/v1/webhooks/<uuid:public_id>", methods(DELETE=webhooks.delete)),
    path("vipps-userinfo-api/userinfo/<str:sub>", methods(GET=userinfo.userinfo)),
    path("order-management/v1/images", methods(POST=order_management.add_image)),
    path(
        "order-management/v3/categories",
        methods(GET=order_management.list_categories, POST=order_management.add_category),
    ),
    path(
        "order-management/v3/categories/<uuid:public_id>",
        methods(GET=order_management.get_category, DELETE=order_management.delete_category),
    ),
    path(f"{ORDER}/receipts/<str:order_id>", methods(POST=order_management.add_receipt)),
    path(f"{ORDER}/categories/<str:order_id>", methods(PUT=order_management.put_category)),
    path(f"{ORDER}/<str:order_id>", methods(GET=order_management.get_order)),
]

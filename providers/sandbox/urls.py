"""Everything below /sandbox/. Mounted only where SANDBOX is on; nobody signs in here."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, include, path

from providers.sandbox import control, pages, phone
from providers.sandbox.mobilepay import urls as mobilepay
from providers.sandbox.vipps import urls as vipps

app_name = "sandbox"


def page(route: str, view: Callable[..., Any], name: str) -> URLPattern:
    """Mount a page that is open to everyone."""
    return path(route, login_not_required(view), name=name)


def remote(route: str, **actions: control.Action) -> URLPattern:
    """Mount a part of the JSON control API."""
    return path(f"vipps/_control/{route}", login_not_required(control.control(**actions)))


urlpatterns = [
    page("", pages.index, "index"),
    page("clock/", pages.push_clock, "clock"),
    page("reset/", pages.reset, "reset"),
    page("faults/", pages.faults, "faults"),
    page("faults/<int:pk>/clear/", pages.clear_fault, "clear_fault"),
    page("ledger/", pages.ledger, "ledger"),
    page("ledger/deliver/", pages.deliver, "deliver"),
    page("mailbox/", pages.mailbox, "mailbox"),
    page("mailbox/<int:pk>/", pages.mailbox, "mail"),
    page("mailbox/<int:pk>/html/", pages.mail_html, "mail_html"),
    page("mailbox/<int:pk>/<int:number>/", pages.mail_attachment, "mail_attachment"),
    page("phone/", phone.home, "phone"),
    page("phone/pay/<str:token>/", phone.pay, "pay"),
    page("phone/details/<str:token>/", phone.details, "details"),
    page("landing/<str:token>/", phone.landing, "landing"),
    page("qr/<str:token>.svg", phone.qr, "qr"),
    remote("approve", POST=control.approve),
    remote("share", POST=control.share),
    remote("reject", POST=control.reject),
    remote("decline", POST=control.reject),
    remote("dismiss", POST=control.dismiss),
    remote("clock", GET=control.read_clock, POST=control.push_clock),
    remote("faults", GET=control.list_faults, POST=control.set_fault, DELETE=control.clear_faults),
    remote("pushes", GET=control.pushes),
    remote("calls", GET=control.calls),
    remote("ledger", GET=control.read_ledger),
    remote("webhooks", GET=control.webhooks),
    remote("deliver", POST=control.deliver),
    remote("reset", POST=control.reset),
    remote("sales-units", POST=control.sales_unit),
    path("vipps/", include(vipps.urlpatterns)),
    path("mobilepay/", include(mobilepay.urlpatterns)),
]

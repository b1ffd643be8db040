"""Addresses of the staff pages about invoices."""

from django.urls import path

from invoices.views import actions, correcting, dashboard, detail, links, listing

urlpatterns = [
    path("", dashboard.start, name="dashboard"),
    path("more/", dashboard.more, name="more"),
    path("invoices/", listing.invoice_list, name="invoice-list"),
    path("invoices/<int:pk>/", detail.invoice_detail, name="invoice-detail"),
    path("invoices/<int:pk>/live/", detail.live, name="invoice-live"),
    path("invoices/<int:pk>/pdf/", detail.invoice_pdf, name="invoice-pdf"),
    path("invoices/<int:pk>/send/", actions.send, name="invoice-send"),
    path("invoices/<int:pk>/drop/<int:operation>/", actions.drop, name="invoice-drop"),
    path("invoices/<int:pk>/cancel/", actions.cancel, name="invoice-cancel"),
    path("invoices/<int:pk>/uncollectible/", actions.uncollectible, name="invoice-uncollectible"),
    path(
        "invoices/<int:pk>/requests/<int:request_pk>/withdraw/",
        actions.withdraw,
        name="request-withdraw",
    ),
    path(
        "invoices/<int:pk>/requests/<int:request_pk>/capture/",
        actions.capture,
        name="request-capture",
    ),
    path(
        "invoices/<int:pk>/requests/<int:request_pk>/refund/",
        actions.refund,
        name="request-refund",
    ),
    path("invoices/<int:pk>/correct/", correcting.correct, name="invoice-correct"),
    path("invoices/<int:pk>/requests/<int:request_pk>/link/", links.link, name="request-link"),
    path("invoices/<int:pk>/requests/<int:request_pk>/name/", links.name, name="request-name"),
    path(
        "invoices/<int:pk>/requests/<int:request_pk>/absent/",
        links.absent,
        name="request-absent",
    ),
    path(
        "invoices/<int:pk>/requests/<int:request_pk>/consent/",
        links.ask_consent,
        name="request-consent",
    ),
    path("invoices/<int:pk>/alerts/<int:alert>/", actions.resolve, name="alert-resolve"),
]

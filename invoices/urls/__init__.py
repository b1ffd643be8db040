"""Addresses of invoicing, by who uses them."""

from django.urls import include, path

urlpatterns = [
    path("i/", include("invoices.urls.hosted")),
    path("m/<slug:merchant>/", include("invoices.urls.staff")),
    path("m/<slug:merchant>/", include("invoices.urls.dispatches")),
    path("m/<slug:merchant>/invoices/", include("invoices.urls.drafting")),
    path("m/<slug:merchant>/invoices/", include("invoices.urls.compare")),
    path("m/<slug:merchant>/moving/", include("invoices.urls.moving")),
    path("m/<slug:merchant>/articles/", include("invoices.urls.articles")),
]

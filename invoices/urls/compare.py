"""Addresses that show an invoice through a provider's eyes."""

from django.urls import path

from invoices.views import compare

urlpatterns = [
    path("<int:pk>/requests/<int:request_pk>/compare/", compare.compare, name="request-compare"),
    path(
        "<int:pk>/preview/<int:account_pk>/<slug:channel>/", compare.preview, name="invoice-preview"
    ),
]

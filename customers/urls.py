"""Addresses of the customer register."""

from django.urls import path

from customers import views

base = "m/<slug:merchant>/customers"
urlpatterns = [
    path(f"{base}/", views.customer_list, name="customer-list"),
    path(f"{base}/new/", views.customer_new, name="customer-new"),
    path(f"{base}/<int:pk>/", views.customer_detail, name="customer-detail"),
    path(f"{base}/<int:pk>/edit/", views.customer_edit, name="customer-edit"),
    path(f"{base}/<int:pk>/consent/", views.consent_new, name="customer-consent"),
    path(
        f"{base}/<int:pk>/consent/<int:consent>/withdraw/",
        views.consent_withdraw,
        name="customer-consent-withdraw",
    ),
    path(
        f"{base}/<int:pk>/phone/<int:proposal>/",
        views.phone_proposal,
        name="customer-phone-proposal",
    ),
]

"""Addresses of provider accounts and webhooks."""

from django.urls import path

from providers.views import webhooks

urlpatterns = [
    path("webhooks/<slug:provider>/<str:token>/", webhooks.webhook, name="webhook"),
]

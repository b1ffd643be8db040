"""Addresses of moving over from another system."""

from django.urls import path

from invoices.views import moving

urlpatterns = [
    path("", moving.start, name="moving"),
]

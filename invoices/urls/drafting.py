"""Addresses of the drafting pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

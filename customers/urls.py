"""Addresses of the customer register."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

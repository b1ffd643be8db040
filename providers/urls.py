"""Addresses of provider accounts and webhooks."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

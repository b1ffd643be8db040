"""Where staff land, and what owners set up about the merchant."""

from django.urls import path

from invoicing_site.merchants import views

urlpatterns = [
    path("", views.home, name="home"),
]

"""Addresses of the price list."""

from django.urls import path

from invoices.views import articles

urlpatterns = [
    path("", articles.article_list, name="article-list"),
    path("new/", articles.article_new, name="article-new"),
    path("<int:pk>/", articles.article_edit, name="article-edit"),
]

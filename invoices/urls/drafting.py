"""Addresses of the draft editor."""

from django.urls import path

from invoices.views import drafting, pickers

urlpatterns = [
    path("new/", drafting.new, name="invoice-new"),
    path("<int:pk>/edit/", drafting.edit, name="invoice-edit"),
    path("<int:pk>/save/", drafting.save, name="invoice-save"),
    path("<int:pk>/issue/", drafting.issue, name="invoice-issue"),
    path("<int:pk>/delete/", drafting.delete, name="invoice-delete-draft"),
    path("<int:pk>/copy/", drafting.copy, name="invoice-copy"),
    path("pick/customers/", pickers.customers, name="draft-customers"),
    path("pick/customers/new/", pickers.new_customer, name="draft-customer-new"),
    path("pick/articles/", pickers.articles, name="draft-articles"),
]

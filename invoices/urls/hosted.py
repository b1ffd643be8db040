"""Addresses of the customer's page."""

from django.urls import path

from invoices.views import hosted, hosted_pay

urlpatterns = [
    path("<str:token>/", hosted.show, name="hosted"),
    path("<str:token>/pdf", hosted.as_pdf, name="hosted-pdf"),
    path("<str:token>/pay/<str:road_key>/", hosted_pay.pay, name="hosted-pay"),
    path("<str:token>/return/", hosted_pay.returned, name="hosted-return"),
]

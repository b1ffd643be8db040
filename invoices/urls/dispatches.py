"""Addresses of sending many invoices at once."""

from django.urls import path

from invoices.views import dispatch_progress, dispatches

urlpatterns = [
    path("send/", dispatches.send, name="dispatch-send"),
    path("dispatches/", dispatch_progress.dispatch_list, name="dispatch-list"),
    path("dispatches/<int:pk>/", dispatch_progress.dispatch_detail, name="dispatch-detail"),
    path("dispatches/<int:pk>/live/", dispatch_progress.live, name="dispatch-live"),
    path("dispatches/<int:pk>/resend/", dispatch_progress.resend, name="dispatch-resend"),
    path("dispatches/<int:pk>/links.csv", dispatch_progress.links_csv, name="dispatch-links"),
]

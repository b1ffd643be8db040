"""All addresses, by who uses them."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from invoicing_site import health

urlpatterns = [
    path("", include("invoicing_site.merchants.urls")),
    path("", include("invoices.urls")),
    path("", include("customers.urls")),
    path("", include("providers.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
]
if settings.SANDBOX:
    urlpatterns.append(path("sandbox/", include("providers.sandbox.urls")))

"""The site's addresses, and beside them the bare views that we are compared with."""

from django.urls import path

from bench import bare
from invoicing_site.urls import urlpatterns as site

urlpatterns = [
    path("bench/insert/<int:account>/", bare.insert),
    path("bench/read/<str:token>/", bare.read),
    *site,
]

"""The site's settings, with the bare views that we are compared with."""

from invoicing_site.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

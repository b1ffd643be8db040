"""The Celery application; tasks live beside what they call."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invoicing_site.settings")

app = Celery("invoicing_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

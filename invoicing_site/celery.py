"""The Celery application; tasks live beside what they call."""

import os

from celery import Celery

from invoicing_site import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invoicing_site.settings")

broker.use()
app = Celery("invoicing_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

"""The roof: settings, urls, celery and health. Decides nothing about invoices."""

from invoicing_site.celery import app as celery_app

__all__ = ["celery_app"]

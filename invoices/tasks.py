"""What workers are woken for: the retry policy and one call each."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from invoices import bulk, dispatching, outbox, reconcile
from invoices.models import DocumentVersion
from invoices.rendering import pdf
from providers.tasks import wake

SWEEP_BATCH = 50
__all__ = ["drain_outbox", "wake"]


@shared_task
def drain_outbox(**_later: Any) -> None:
    """Do what is due."""
    outbox.drain()


@shared_task
def sweep_outbox(**_later: Any) -> None:
    """Do what is due although its wake-up was lost, its lease ran out or its hour has come."""
    outbox.drain()


@shared_task
def work_dispatch(*, dispatch_id: int, **_later: Any) -> None:
    """Queue or refuse each invoice of a dispatch."""
    bulk.queue(dispatch_id, now=timezone.now())


@shared_task
def sweep_dispatches(**_later: Any) -> None:
    """Take up dispatches whose wake-up was lost."""
    dispatching.sweep(timezone.now())


@shared_task
def reconcile_open(**_later: Any) -> None:
    """Ask about open requests whose time has come; collect reservations about to lapse."""
    now = timezone.now()
    if reconcile.collect_before_lapse(now):
        outbox.drain()
    reconcile.ask_due(now, threads=settings.OUTBOX_THREADS)


@shared_task
def list_contact_consents(**_later: Any) -> None:
    """Take in permissions to be billed directly that nobody heard of."""
    reconcile.list_contact_consents(timezone.now())


@shared_task
def render_document(*, version_id: int, **_later: Any) -> None:
    """Render a document version. Runs in the prefork worker only."""
    pdf.render_and_store(version_id)


@shared_task
def sweep_rendering(**_later: Any) -> None:
    """Wake the renderer for documents whose wake-up was lost."""
    missing = DocumentVersion.objects.filter(pdf=None).order_by("-pk")
    for version_id in missing.values_list("pk", flat=True)[:SWEEP_BATCH]:
        wake(render_document, version_id=version_id)

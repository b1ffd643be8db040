"""What workers are woken for."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from providers import inbox, registrations

logger = logging.getLogger(__name__)


def wake(task: Task[Any, Any], **kwargs: Any) -> None:
    """Send a wake-up to a worker, and go on without it when the broker is away."""
    try:
        task.apply_async(kwargs=kwargs, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.warning("The broker took no wake-up for %s: %s", task.name, error)


@shared_task
def drain_inbox(**_later: Any) -> None:
    """Process what was delivered."""
    inbox.drain()


@shared_task
def sweep_inbox(**_later: Any) -> None:
    """Process deliveries whose wake-up was lost or whose time to try again has come."""
    inbox.drain()


@shared_task
def check_registrations(**_later: Any) -> None:
    """Register again where a provider has silently dropped our webhook."""
    registrations.check_all(now=timezone.now())

from typing import Any

from celery import shared_task

from providers.sandbox import outbox
from providers.sandbox.vipps import lifecycle


@shared_task(name="providers.sandbox.deliver")
def deliver(**_later: Any) -> int:
    """Expire what has run out, gather callbacks, post what is due; returns how many were taken."""
    lifecycle.tick()
    return outbox.deliver_due()

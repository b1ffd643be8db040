from typing import Any

from celery import shared_task

from providers.sandbox import outbox
from providers.sandbox.vipps import lifecycle


@shared_task(name="providers.sandbox.deliver")
def deliver(**_later: Any) -> int:
    """Expire what has run out, then post due webhooks. Returns how many were accepted."""
    lifecycle.tick()
    return outbox.deliver_due()

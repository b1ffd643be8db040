"""The sandbox's own time: the world's, plus an offset that can only be pushed forward."""

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from providers.sandbox.models import Clock


def now() -> datetime:
    """Tell the sandbox's time, aware, in UTC."""
    return timezone.now() + offset()


def offset() -> timedelta:
    """Tell how far the sandbox is ahead of the world."""
    seconds = Clock.objects.filter(pk=1).values_list("offset_seconds", flat=True).first()
    return timedelta(seconds=seconds or 0)


def push(by: timedelta) -> timedelta:
    """Move the clock forward and return the new offset.

    Raises ValueError for a negative step: expiries that have happened cannot be undone.
    """
    if by < timedelta(0):
        raise ValueError(f"The clock cannot go back by {by}. Reset the sandbox instead.")
    Clock.objects.get_or_create(pk=1)
    step = round(by.total_seconds())
    Clock.objects.filter(pk=1).update(offset_seconds=F("offset_seconds") + step)
    return offset()


def push_to(moment: datetime) -> timedelta:
    """Move the clock forward to an aware moment and return the new offset.

    Raises ValueError when that moment has passed.
    """
    return push(moment - now())


def reset() -> None:
    """Go back to the world's time."""
    Clock.objects.all().delete()

"""What the pages list and count."""

from datetime import datetime

from django.db.models import Min

from invoices.enums import OperationState
from invoices.models import Operation


def oldest_due() -> datetime | None:
    """Return when the longest-waiting operation fell due, or None when nothing waits."""
    waiting = Operation.objects.filter(state=OperationState.DUE)
    oldest: datetime | None = waiting.aggregate(oldest=Min("due_at"))["oldest"]
    return oldest

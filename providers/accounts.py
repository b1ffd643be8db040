"""Holding an account back, and letting it go on."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from providers.models import ProviderAccount


def pause(account: ProviderAccount, *, reason: str, now: datetime) -> bool:
    """Hold everything queued to an account. Returns False when it was held already."""
    return bool(
        ProviderAccount.objects.filter(pk=account.pk, paused_at__isnull=True).update(
            paused_at=now, paused_reason=reason[:300]
        )
    )


def resume(*, account_id: int) -> None:
    """Let an account's queue go on: what was held is due at once."""
    with transaction.atomic(durable=True):
        ProviderAccount.objects.filter(pk=account_id).update(paused_at=None, paused_reason="")

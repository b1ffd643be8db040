"""Keeping an account's settings; holding it back, and letting it go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from invoicing_site.merchants.models import Issuer
from providers.models import ProviderAccount


def store(
    account: ProviderAccount,
    *,
    credentials: Mapping[str, str],
    settings: Mapping[str, Any],
    issuers: Iterable[Issuer],
) -> ProviderAccount:
    """Keep an account, new or changed, with its keys, settings and the issuers it serves."""
    with transaction.atomic(durable=True):
        if account.pk:
            # A pause that came while the form was open stays.
            held = ProviderAccount.objects.select_for_update().get(pk=account.pk)
            account.paused_at, account.paused_reason = held.paused_at, held.paused_reason
        account.credentials = dict(credentials)
        account.settings = dict(settings)
        account.save()
        account.issuers.set(issuers)
    return account


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

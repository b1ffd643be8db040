"""Our webhook registrations at providers: made, checked daily, made again when dropped."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from providers import registry
from providers.contract import OutcomeUnknown, Provider, ProviderError
from providers.models import ProviderAccount, WebhookRegistration

logger = logging.getLogger(__name__)

# Longer than any set-up takes, with the token renewal and the questions on its way.
LONGEST = timedelta(minutes=10)


def webhook_url(account: ProviderAccount) -> str:
    """Return the address that the provider is given for an account."""
    path = reverse("webhook", kwargs={"provider": account.provider, "token": account.webhook_token})
    return f"{settings.PUBLIC_URL}{path}"


def register(account: ProviderAccount, *, now: datetime) -> WebhookRegistration:
    """Register our address and keep the secret that signs what comes to it.

    Raises the provider error family.
    """
    provider = registry.of(account)
    if not provider.lists_webhooks:
        return _set(account, provider, now=now)
    url = webhook_url(account)
    provider_id, secret = provider.register_webhook(url)
    with transaction.atomic(durable=True):
        return WebhookRegistration.objects.create(
            account=account, provider_id=provider_id, url=url, secret=secret, last_seen_at=now
        )


def _set(account: ProviderAccount, provider: Provider, *, now: datetime) -> WebhookRegistration:
    """Choose a secret and give it to a provider that replaces what was set before.

    Our row comes first: whatever becomes of the call, what they then send is understood. The
    older ones end only when the new one is known to hold.
    """
    url = webhook_url(account)
    provider_id, secret = provider.new_webhook_secret()
    with _locked(account):
        made = WebhookRegistration.objects.create(
            account=account, provider_id=provider_id, url=url, secret=secret
        )
    try:
        provider.set_webhook(url, provider_id, secret)
    except OutcomeUnknown:
        raise
    except ProviderError:
        made.delete()
        raise
    with _locked(account):
        _replaced(made).update(removed_at=now)
        # Not `now`, which was read before the call: it must tell whose call was over when.
        made.last_seen_at = timezone.now()
        made.save(update_fields=["last_seen_at"])
    return made


def _replaced(made: WebhookRegistration) -> QuerySet[WebhookRegistration]:
    """Return the older registrations whose call was over before that of `made` began.

    Of two presses at once, only the provider knows which it heard last: both stay.
    """
    over = Q(last_seen_at__lt=made.created_at)
    over |= Q(last_seen_at=None, created_at__lt=made.created_at - LONGEST)
    return made.account.registrations.filter(over, removed_at=None, pk__lt=made.pk)


@contextmanager
def _locked(account: ProviderAccount) -> Iterator[None]:
    with transaction.atomic(durable=True):
        ProviderAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        yield


def remove(registration: WebhookRegistration, *, now: datetime) -> None:
    """Delete a registration at the provider, then forget its secret's validity."""
    registry.of(registration.account).delete_webhook(registration.provider_id)
    WebhookRegistration.objects.filter(pk=registration.pk).update(removed_at=now)


def secrets(account: ProviderAccount) -> list[str]:
    """Return all live secrets: during a rotation two registrations overlap."""
    live = account.registrations.filter(removed_at=None).values_list("secret", flat=True)
    return [str(secret) for secret in live if secret]


def check_all(*, now: datetime) -> None:
    """Check every account that has a registration; one failing account stops no other."""
    usable = ProviderAccount.objects.filter(
        active=True, paused_at=None, provider__in=registry.classes()
    )
    live = WebhookRegistration.objects.filter(removed_at=None)
    _warn_of_deaf(usable.exclude(pk__in=live.values("account")))
    for account in usable.filter(pk__in=live.values("account")):
        try:
            check(account, now=now)
        except ProviderError as error:
            logger.warning("Could not check webhooks of account %s: %s", account.pk, error)


def _warn_of_deaf(silent: QuerySet[ProviderAccount]) -> None:
    """Name accounts that were set up and understand nothing now: nobody there would tell us."""
    remembered = [slug for slug, kind in registry.classes().items() if not kind.lists_webhooks]
    were = WebhookRegistration.objects.filter(account__provider__in=remembered).values("account")
    for account in silent.filter(pk__in=were):
        logger.warning(
            "Account %s has no live webhook secret: set it up anew on its page.", account.pk
        )


def check(account: ProviderAccount, *, now: datetime) -> None:
    """Compare what the provider lists with what we made; make a dropped one again."""
    if not registry.of(account).lists_webhooks:
        return
    listed = {each.id for each in registry.of(account).list_webhooks()}
    ours = list(account.registrations.filter(removed_at=None))
    seen = [each.pk for each in ours if each.provider_id in listed]
    WebhookRegistration.objects.filter(pk__in=seen).update(last_seen_at=now)
    gone = [each.pk for each in ours if each.provider_id not in listed]
    WebhookRegistration.objects.filter(pk__in=gone).update(removed_at=now)
    if gone and not seen:
        logger.warning("Account %s lost its webhook registration; registering again", account.pk)
        register(account, now=now)

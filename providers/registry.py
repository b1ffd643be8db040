"""Which providers there are: slug -> Provider class, read from settings.INVOICING_PROVIDERS."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings

from providers.contract import Provider

if TYPE_CHECKING:
    from providers.models import ProviderAccount


@lru_cache(maxsize=1)
def classes() -> dict[str, type[Provider]]:
    """Return the installed providers by slug, in the order of the setting."""
    found = (import_module(f"{path}.adapter").provider for path in settings.INVOICING_PROVIDERS)
    return {provider.slug: provider for provider in found}


def of(account: ProviderAccount) -> Provider:
    """Return the adapter that speaks for an account. Raises KeyError for one not installed."""
    return classes()[account.provider](account)

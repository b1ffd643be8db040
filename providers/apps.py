"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProvidersConfig(AppConfig):
    """See docs/architecture.md for what belongs here."""

    name = "providers"
    verbose_name = _("Providers")

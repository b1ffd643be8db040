"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicesConfig(AppConfig):
    """See docs/architecture.md for what belongs here."""

    name = "invoices"
    verbose_name = _("Invoices")

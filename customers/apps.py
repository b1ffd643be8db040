"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    """See docs/architecture.md for what belongs here."""

    name = "customers"
    verbose_name = _("Customers")

"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicesConfig(AppConfig):
    """Drafting, issuing, sending, the timeline, the customer's page."""

    name = "invoices"
    verbose_name = _("Invoices")

    def ready(self) -> None:
        """Connect the one receiver of facts."""
        from invoices import receivers  # noqa: F401, PLC0415 -- models must be loaded first

"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MerchantsConfig(AppConfig):
    """Merchants, issuers and staff: the ground floor."""

    name = "invoicing_site.merchants"
    label = "merchants"
    verbose_name = _("Merchants")

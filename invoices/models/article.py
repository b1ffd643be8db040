"""A small price list."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants.models import Currency, Merchant
from providers.contract import VatCategory


class Article(models.Model):
    """Something that is sold often: number, text, unit, price and VAT."""

    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="articles")
    number = models.CharField(_("number"), max_length=40, blank=True)
    description = models.CharField(_("description"), max_length=300)
    unit = models.CharField(_("unit"), max_length=3, default="C62")
    price = models.DecimalField(_("price without VAT"), max_digits=16, decimal_places=6)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency.choices)
    vat_category = models.CharField(
        _("VAT category"), max_length=2, choices=VatCategory.choices, default=VatCategory.STANDARD
    )
    vat_rate = models.DecimalField(_("VAT rate"), max_digits=6, decimal_places=3)
    search = models.TextField(editable=False, default="")
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["description", "pk"]

    def __str__(self) -> str:
        return self.description

    def save(self, *args: object, **kwargs: object) -> None:
        """Keep the search column in step."""
        self.search = f"{self.number} {self.description}".casefold()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

"""Gap-free numbers, one series per issuer and kind of document."""

from django.db import models

from invoicing_site.merchants.models import Issuer


class NumberSeries(models.Model):
    """The next number of an issuer's series. Taken under a row lock, in the issuing transaction."""

    issuer = models.ForeignKey(Issuer, models.PROTECT, related_name="series")
    kind = models.CharField(max_length=12, default="invoice")
    prefix = models.CharField(max_length=12, blank=True)
    next_value = models.PositiveBigIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "kind"], name="one_series_per_issuer_and_kind"
            )
        ]
        verbose_name_plural = "number series"

    def __str__(self) -> str:
        return f"{self.issuer} {self.kind}: {self.prefix}{self.next_value}"

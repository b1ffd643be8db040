"""Many invoices sent by one decision, and what became of each."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants.models import Merchant, User


class Dispatch(models.Model):
    """One decision to send many invoices by one road.

    A worker takes the waiting items and queues each; what becomes of them afterwards is read off
    their payment requests, so there is no counter here that could drift.
    """

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="dispatches")
    road_key = models.CharField(max_length=60)
    road_label = models.CharField(max_length=100)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    queued_at = models.DateTimeField("all items looked at", null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = _("dispatches")

    def __str__(self) -> str:
        return f"{self.road_label} {self.created_at:%Y-%m-%d %H:%M}"


class DispatchItem(models.Model):
    """One invoice of a dispatch: waiting to be looked at, queued, or refused with the reasons.

    `problems` is a list of `{"field", "rule", "remedy", "code"}` in plain words. `request` is what
    was queued, empty for roads without a provider (email, paper).
    """

    class State(models.TextChoices):
        """What we did with it; the provider's part is the request's state."""

        WAITING = "waiting", _("Waiting")
        QUEUED = "queued", _("Queued")
        REFUSED = "refused", _("Not sent")

    dispatch = models.ForeignKey(Dispatch, models.CASCADE, related_name="items")
    invoice = models.ForeignKey("invoices.Invoice", models.PROTECT, related_name="dispatch_items")
    request = models.ForeignKey(
        "invoices.PaymentRequest", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    problems: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["dispatch", "invoice"], name="one_item_per_invoice_and_dispatch"
            )
        ]
        indexes = [models.Index(fields=["dispatch", "state"], name="dispatch_item_state")]

    def __str__(self) -> str:
        return f"{self.invoice_id} {self.state}"

"""The record: append-only facts, chained per invoice, and what needs a person."""

from __future__ import annotations

from typing import Any

from django.db import models

from invoices.enums import EventKind
from invoices.models.payment_request import PaymentRequest
from invoicing_site.merchants.models import User
from providers.contract import Source


class TimelineEvent(models.Model):
    """One fact. `hash` covers this row and `previous`, so a change or a missing row shows.

    `what` names the words to show (see `timeline.WORDS`), `data` fills them. `superseded` marks
    a fact that lost to a stronger one. `event_id` is unique per invoice: a repeat adds nothing.
    """

    invoice = models.ForeignKey("invoices.Invoice", models.PROTECT, related_name="timeline")
    request = models.ForeignKey(
        PaymentRequest, models.PROTECT, related_name="timeline", null=True, blank=True
    )
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=EventKind.choices)
    what = models.CharField(max_length=60)
    data: models.JSONField[Any, Any] = models.JSONField(default=dict)
    source = models.CharField(max_length=10, choices=Source.choices)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=200, blank=True)
    event_id = models.CharField(max_length=200)
    provider_word = models.CharField(max_length=60, blank=True)
    payload: models.JSONField[Any, Any] = models.JSONField(default=dict)
    superseded = models.BooleanField(default=False)
    occurred_at = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField()
    previous = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="one_fact_per_position"),
            models.UniqueConstraint(fields=["invoice", "event_id"], name="one_row_per_fact"),
        ]

    def __str__(self) -> str:
        return self.what

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write once."""
        if self.pk is not None:
            raise RuntimeError("A timeline entry is never edited. Add another.")
        super().save(*args, **kwargs)


class Alert(models.Model):
    """Something a person must resolve, with what to do about it."""

    invoice = models.ForeignKey("invoices.Invoice", models.PROTECT, related_name="alerts")
    request = models.ForeignKey(
        PaymentRequest, models.PROTECT, related_name="alerts", null=True, blank=True
    )
    what = models.CharField(max_length=60)
    data: models.JSONField[Any, Any] = models.JSONField(default=dict)
    raised_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    resolution = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "request", "what"],
                condition=models.Q(resolved_at=None),
                name="one_open_alert_per_request",
            ),
            models.UniqueConstraint(
                fields=["invoice", "what"],
                condition=models.Q(resolved_at=None, request=None),
                name="one_open_alert_per_matter",
            ),
        ]

    def __str__(self) -> str:
        return self.what

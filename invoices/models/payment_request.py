"""The life of an invoice at a provider, the outbox, and the money that moved."""

from __future__ import annotations

from typing import Any

from django.db import models

from invoices.enums import OperationKind, OperationState
from invoicing_site.merchants.models import Currency, User
from providers.contract import MovementKind, RequestState, Source
from providers.models import ProviderAccount


class PaymentRequest(models.Model):
    """One request for payment of one invoice at one provider account.

    `reference` is made before the first try and never reused. `facts` keeps what the provider
    told that we act on later (for instance `capture_before`); `problem` our plain words on why
    it is invalid. `redirect_url` is a secret with a short life, encrypted by the sender.
    """

    # Encrypted texts, which a rotation of keys rewrites.
    SEALED = ("redirect_url",)

    invoice = models.ForeignKey("invoices.Invoice", models.PROTECT, related_name="requests")
    document = models.ForeignKey(
        "invoices.DocumentVersion", models.PROTECT, related_name="requests"
    )
    account = models.ForeignKey(ProviderAccount, models.PROTECT, related_name="requests")
    channel = models.CharField(max_length=30)
    state = models.CharField(
        max_length=20, choices=RequestState.choices, default=RequestState.QUEUED
    )
    attempt = models.PositiveSmallIntegerField()
    reference = models.CharField(max_length=64)
    provider_id = models.CharField(max_length=100, blank=True, db_index=True)
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3, choices=Currency.choices)
    phone = models.CharField(max_length=16, blank=True)
    share_phone = models.BooleanField(default=False)
    redirect_url = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    provider_word = models.CharField(max_length=60, blank=True)
    state_at = models.DateTimeField(null=True, blank=True)
    facts: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    problem: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    capture_before = models.DateTimeField(null=True, blank=True, db_index=True)
    ask_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    dispatch = models.ForeignKey(
        "invoices.Dispatch", models.SET_NULL, null=True, blank=True, related_name="requests"
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "reference"], name="one_request_per_reference"
            ),
            models.UniqueConstraint(fields=["invoice", "attempt"], name="one_request_per_attempt"),
        ]
        indexes = [
            models.Index(
                fields=["ask_at"],
                name="request_ask",
                condition=models.Q(ask_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.reference


class Operation(models.Model):
    """One thing to do outside, decided in a transaction and done by a worker: the outbox.

    `key` is the idempotency key, made with the row and the same for every try. `fence` counts
    claims: only the claim that is still current may write back. `due_at` says when; a lease
    that ran out makes the row due again. `body` is what the provider is sent, where every try
    must send the same bytes. `counted_on` is the day whose limits a request counts against.
    """

    invoice = models.ForeignKey("invoices.Invoice", models.PROTECT, related_name="operations")
    request = models.ForeignKey(
        PaymentRequest, models.PROTECT, related_name="operations", null=True, blank=True
    )
    kind = models.CharField(max_length=12, choices=OperationKind.choices)
    state = models.CharField(
        max_length=10, choices=OperationState.choices, default=OperationState.DUE
    )
    key = models.CharField(max_length=50, unique=True)
    amount = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    options: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    misses = models.PositiveSmallIntegerField("tries that count", default=0)
    body = models.TextField(blank=True)
    counted_on = models.DateField(null=True, blank=True)
    problem: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="operation_due",
                condition=models.Q(state__in=["due", "leased", "unknown"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Movement(models.Model):
    """Money that moved, one row per fact. Sums of rows decide; nothing is a running total."""

    invoice = models.ForeignKey("invoices.Invoice", models.PROTECT, related_name="movements")
    request = models.ForeignKey(
        PaymentRequest, models.PROTECT, related_name="movements", null=True, blank=True
    )
    account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="movements", null=True, blank=True
    )
    kind = models.CharField(max_length=12, choices=MovementKind.choices)
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3, choices=Currency.choices)
    provider_ref = models.CharField(max_length=120)
    source = models.CharField(max_length=10, choices=Source.choices)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["occurred_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "provider_ref"], name="one_movement_per_provider_reference"
            ),
            models.UniqueConstraint(
                fields=["invoice", "provider_ref"],
                condition=models.Q(account=None),
                name="one_movement_per_outside_reference",
            ),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="movements_are_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.currency}"

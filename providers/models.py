"""Accounts at providers, what they send us, and what we asked of them."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants.fields import EncryptedJSONField
from invoicing_site.merchants.models import Issuer, Merchant


def new_token() -> str:
    """Return 128 random bits for an address that must not be guessed."""
    return secrets.token_urlsafe(24)


class ProviderAccount(models.Model):
    """A merchant's account at one provider.

    `credentials` is encrypted; `settings` is what the provider's form keeps and may be shown.
    `base_url` overrides the provider's table and is only used for environment "sandbox".
    """

    class Environment(models.TextChoices):
        """Keys of one environment never travel to another."""

        SANDBOX = "sandbox", _("Sandbox")
        TEST = "test", _("Provider's test environment")
        PRODUCTION = "production", _("Production")

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="provider_accounts")
    issuers = models.ManyToManyField(Issuer, related_name="provider_accounts", blank=True)
    provider = models.CharField(_("provider"), max_length=40)
    name = models.CharField(_("name"), max_length=100)
    environment = models.CharField(_("environment"), max_length=12, choices=Environment.choices)
    base_url = models.URLField(_("base address"), blank=True)
    credentials = EncryptedJSONField(default=dict, editable=False)
    settings: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    webhook_token = models.CharField(max_length=40, unique=True, default=new_token, editable=False)
    active = models.BooleanField(_("active"), default=True)
    paused_reason = models.CharField(max_length=300, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class WebhookRegistration(models.Model):
    """A registration we made at a provider, with the secret it gave us once."""

    account = models.ForeignKey(ProviderAccount, models.CASCADE, related_name="registrations")
    provider_id = models.CharField(max_length=100)
    url = models.URLField(max_length=500)
    secret = EncryptedJSONField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.provider_id


class WebhookDelivery(models.Model):
    """The inbox: a verified delivery, kept raw, and what became of it."""

    account = models.ForeignKey(ProviderAccount, models.CASCADE, related_name="deliveries")
    delivery_id = models.CharField(max_length=200)
    body = models.BinaryField()
    headers: models.JSONField[Any, Any] = models.JSONField(default=dict)
    received_at = models.DateTimeField(db_index=True)
    repeats = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-received_at", "-pk"]
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["account", "delivery_id"], name="one_row_per_delivery")
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="delivery_due",
                condition=models.Q(processed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.delivery_id


class RejectedDelivery(models.Model):
    """How many deliveries an account refused, by day and reason: nothing of the forgery is kept."""

    account = models.ForeignKey(ProviderAccount, models.CASCADE, related_name="rejections")
    day = models.DateField()
    reason = models.CharField(max_length=60)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "reason"], name="one_counter_per_day_and_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.reason}: {self.count}"


class ProviderCall(models.Model):
    """One call to a provider, without secrets or bodies."""

    account = models.ForeignKey(ProviderAccount, models.CASCADE, related_name="calls")
    reference = models.CharField(max_length=64, blank=True, db_index=True)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=300)
    status = models.PositiveSmallIntegerField(null=True)
    outcome = models.CharField(max_length=60, blank=True)
    milliseconds = models.PositiveIntegerField()
    correlation_id = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status or self.outcome}"

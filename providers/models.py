"""Accounts at providers, what they send us, and what we asked of them."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants.fields import EncryptedJSONField
from invoicing_site.merchants.models import Issuer, Merchant, User


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


class MerchantConsent(models.Model):
    """A merchant's consent, by OpenID Connect, that we act for it at a provider.

    `tokens` holds `access` and `refresh`; `answer` is a token answer as it came, kept before
    anything is done with it, so that a crash loses no rotated token. `lease` is the one worker
    that refreshes now. `generation` counts stored token pairs.
    """

    class State(models.TextChoices):
        """Where the consent stands."""

        GRANTED = "granted", _("Granted")
        DENIED = "denied", _("Not granted")
        NEEDED = "needed", _("New consent needed")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    account = models.OneToOneField(ProviderAccount, models.CASCADE, related_name="consent")
    state = models.CharField(max_length=10, choices=State.choices)
    scopes = models.CharField(max_length=300, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    remote_merchant = models.CharField(max_length=100, blank=True)
    tokens = EncryptedJSONField(default=dict, editable=False)
    answer = EncryptedJSONField(null=True, editable=False)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    refresh_expires_at = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)
    lease = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    granted_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    refreshed_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.account}: {self.state}"


class ConsentAttempt(models.Model):
    """One way to the provider's consent screen and back: single use, bound to one browser.

    `secrets` holds `nonce` and `code_verifier`; `browser_hash` that of the cookie.
    """

    account = models.ForeignKey(ProviderAccount, models.CASCADE, related_name="consent_attempts")
    state_hash = models.CharField(max_length=64, unique=True)
    browser_hash = models.CharField(max_length=64)
    secrets = EncryptedJSONField(editable=False)
    redirect_uri = models.URLField(max_length=500)
    started_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    started_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.account} {self.started_at:%Y-%m-%d %H:%M}"


class ProviderIssuer(models.Model):
    """A sender that a provider knows, and which of our issuers it stands for.

    Synced from the provider or, where it gives no list, entered by hand.
    """

    account = models.ForeignKey(ProviderAccount, models.CASCADE, related_name="remote_issuers")
    issuer = models.ForeignKey(
        Issuer, models.SET_NULL, null=True, blank=True, related_name="remote_issuers"
    )
    external_id = models.CharField(max_length=100)
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=30, blank=True)
    usable = models.BooleanField(default=True)
    address = models.CharField(max_length=200, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    by_hand = models.BooleanField(default=False)
    seen_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "external_id"], name="one_row_per_remote_issuer"
            ),
            models.UniqueConstraint(
                fields=["account", "issuer"],
                condition=models.Q(issuer__isnull=False),
                name="one_remote_issuer_per_issuer",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class QuotaUse(models.Model):
    """How much of a daily limit is used: one counter per account, civil day and scope.

    `label` and `limit` are what was known of the limit when the day's counter was begun.
    """

    account = models.ForeignKey(ProviderAccount, models.CASCADE, related_name="quota_uses")
    day = models.DateField()
    scope = models.CharField(max_length=100)
    label = models.CharField(max_length=200, blank=True)
    limit = models.PositiveIntegerField(default=0)
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "scope"], name="one_counter_per_day_and_scope"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.scope}: {self.used}"


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

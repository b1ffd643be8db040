"""Operators' pages about providers. Keys, tokens and secrets are shown nowhere here."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from invoicing_site.merchants.admin_base import History, Kept, shown
from providers import masking
from providers.models import (
    ConsentAttempt,
    MerchantConsent,
    ProviderAccount,
    ProviderCall,
    ProviderIssuer,
    QuotaUse,
    RejectedDelivery,
    WebhookDelivery,
    WebhookRegistration,
)


@admin.register(ProviderAccount)
class ProviderAccountAdmin(Kept):
    """Accounts. Owners type keys on their own page; an address is never changed under kept keys."""

    list_display = ("name", "merchant", "provider", "environment", "active", "paused_at")
    list_filter = ("provider", "environment", "active", ("paused_at", admin.EmptyFieldListFilter))
    list_select_related = ("merchant",)
    search_fields = ("name", "merchant__name", "merchant__slug")
    fields = (
        "merchant", "provider", "name", "environment", "base_url", "shown_settings", "active",
        "paused_reason", "paused_at", "created_at", "updated_at",
    )  # fmt: skip
    shown_settings = staticmethod(shown("settings", masking.payload))
    readonly_fields = (
        "merchant", "provider", "environment", "base_url", "shown_settings", "paused_reason",
        "paused_at", "created_at", "updated_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave it to owners, who have the keys."""
        return False


@admin.register(WebhookRegistration)
class WebhookRegistrationAdmin(History):
    """Registrations, without their secret and with the address' token hidden."""

    list_display = ("provider_id", "account", "created_at", "last_seen_at", "removed_at")
    list_filter = (("removed_at", admin.EmptyFieldListFilter), "account__provider")
    list_select_related = ("account",)
    search_fields = ("provider_id", "account__name")
    fields = (
        "account", "provider_id", "shown_url", "created_at", "last_seen_at", "removed_at",
    )  # fmt: skip
    shown_url = staticmethod(shown("url", masking.text, "address"))
    readonly_fields = ("shown_url",)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(History):
    """Deliveries. They are replayed from the account's page."""

    list_display = (
        "delivery_id", "account", "received_at", "repeats", "attempts", "processed_at", "problem",
    )  # fmt: skip
    list_filter = (
        ("processed_at", admin.EmptyFieldListFilter),
        "account__provider",
        "received_at",
    )
    list_select_related = ("account",)
    search_fields = ("delivery_id", "problem", "account__name")
    fields = (
        "account", "delivery_id", "shown_headers", "received_at", "repeats", "attempts", "due_at",
        "processed_at", "problem",
    )  # fmt: skip
    shown_headers = staticmethod(shown("headers", masking.payload))
    readonly_fields = ("shown_headers",)


@admin.register(RejectedDelivery)
class RejectedDeliveryAdmin(History):
    """Counts of what was refused."""

    list_display = ("day", "account", "reason", "count")
    list_filter = ("reason", "day")
    list_select_related = ("account",)
    search_fields = ("reason", "account__name")
    fields = ("account", "day", "reason", "count")
    ordering = ("-day",)


@admin.register(ProviderCall)
class ProviderCallAdmin(History):
    """Calls we made."""

    list_display = (
        "at", "account", "method", "path", "status", "outcome", "milliseconds", "reference",
    )  # fmt: skip
    list_filter = ("account__provider", "method", "status", "at")
    list_select_related = ("account",)
    search_fields = ("reference", "correlation_id", "path", "outcome")
    fields = (
        "account", "reference", "method", "path", "status", "outcome", "milliseconds",
        "correlation_id", "at",
    )  # fmt: skip


@admin.register(MerchantConsent)
class MerchantConsentAdmin(History):
    """Consents, without their tokens. Owners give and withdraw them on the account's page."""

    list_display = (
        "account", "state", "remote_merchant", "granted_at", "refreshed_at", "refresh_expires_at",
        "failed_at",
    )  # fmt: skip
    list_filter = ("state", "account__provider", "granted_at")
    list_select_related = ("account",)
    search_fields = ("account__name", "remote_merchant", "failure")
    fields = (
        "account", "state", "scopes", "remote_merchant", "granted_at", "granted_by",
        "access_expires_at", "refresh_expires_at", "generation", "refreshed_at", "lease_until",
        "failure", "failed_at", "ended_at",
    )  # fmt: skip


@admin.register(ConsentAttempt)
class ConsentAttemptAdmin(History):
    """Ways to the consent screen and back, without what proves them."""

    list_display = ("started_at", "account", "started_by", "used_at", "outcome")
    list_filter = (("used_at", admin.EmptyFieldListFilter), "account__provider", "started_at")
    list_select_related = ("account", "started_by")
    search_fields = ("account__name", "outcome")
    fields = ("account", "started_by", "started_at", "redirect_uri", "used_at", "outcome")


@admin.register(ProviderIssuer)
class ProviderIssuerAdmin(History):
    """Senders at providers. Owners map them on the account's page."""

    list_display = ("name", "account", "issuer", "external_id", "status", "usable", "gone_at")
    list_filter = ("usable", "by_hand", ("gone_at", admin.EmptyFieldListFilter), "status")
    list_select_related = ("account", "issuer")
    search_fields = ("name", "external_id", "account__name")
    fields = (
        "account", "issuer", "external_id", "name", "status", "usable", "address", "postcode",
        "city", "by_hand", "seen_at", "gone_at",
    )  # fmt: skip


@admin.register(QuotaUse)
class QuotaUseAdmin(History):
    """How much of the daily limits is used. A scope names a payer, so its phone is masked."""

    list_display = ("day", "account", "shown_scope", "used")
    list_filter = ("account__provider", "day")
    list_select_related = ("account",)
    search_fields = ("account__name",)
    fields = ("account", "day", "shown_scope", "used")
    shown_scope = staticmethod(shown("scope", masking.text))
    readonly_fields = ("shown_scope",)
    ordering = ("-day",)

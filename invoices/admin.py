"""Operators' pages about invoices: to look at, not to change. Addresses with tokens stay out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from invoices.models import (
    Alert,
    Article,
    DocumentVersion,
    Invoice,
    InvoiceLine,
    Movement,
    NumberSeries,
    Operation,
    PaymentRequest,
    RenderedPdf,
    TimelineEvent,
)
from invoicing_site.merchants.admin_base import History, HistoryInline, Kept, shown
from providers import masking


class LineInline(HistoryInline):
    """Lines as they could be read."""

    model = InvoiceLine
    show_change_link = False
    fields = (
        "position", "article_number", "description", "quantity", "unit", "unit_price",
        "discount_kind", "discount_value", "vat_category", "vat_rate",
    )  # fmt: skip
    readonly_fields = fields


class RequestInline(HistoryInline):
    """Requests for payment."""

    model = PaymentRequest
    fields = ("reference", "account", "channel", "state", "provider_word", "amount", "currency")
    readonly_fields = fields


class MovementInline(HistoryInline):
    """Money that moved."""

    model = Movement
    fields = ("kind", "amount", "currency", "provider_ref", "source", "occurred_at")
    readonly_fields = fields


@admin.register(Invoice)
class InvoiceAdmin(History):
    """Invoices. A draft is edited in the editor, an issued one never."""

    list_display = (
        "__str__", "merchant", "customer_name", "status", "issue_date", "due_date", "total",
        "residual", "currency", "needs_person",
    )  # fmt: skip
    list_filter = ("status", "needs_person", "currency", "issue_date", "due_date")
    list_select_related = ("merchant",)
    search_fields = ("number", "customer_name", "kid", "payment_reference", "requests__reference")
    ordering = ("-pk",)
    fields = (
        "merchant", "issuer", "customer", "customer_name", "status", "number", "language",
        "currency", "prices_include_vat", "discount_kind", "discount_value", "issue_date",
        "due_date", "order_date", "delivery_date", "subject", "comment", "buyer_reference",
        "payment_reference", "kid", "total", "total_vat", "residual", "needs_person",
        "link_channel", "created_by", "created_at", "issued_by", "issued_at", "paid_at",
        "opened_at", "revoked_at",
    )  # fmt: skip
    inlines = (LineInline, RequestInline, MovementInline)


@admin.register(DocumentVersion)
class DocumentVersionAdmin(History):
    """Frozen documents by their hash."""

    list_display = ("invoice", "version", "reason", "sha256", "made_by", "made_at")
    list_filter = ("made_at",)
    list_select_related = ("invoice", "made_by")
    search_fields = ("invoice__number", "sha256", "reason")
    fields = ("invoice", "version", "sha256", "reason", "made_by", "made_at")
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the document itself in the database."""
        return super().get_queryset(request).defer("body")


@admin.register(RenderedPdf)
class RenderedPdfAdmin(History):
    """PDFs by their hash."""

    list_display = ("document", "sha256", "rendered_at", "milliseconds")
    list_filter = ("rendered_at",)
    list_select_related = ("document__invoice",)
    search_fields = ("document__invoice__number", "sha256")
    fields = ("document", "sha256", "rendered_at", "milliseconds")
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the bytes in the database."""
        return super().get_queryset(request).defer("content", "document__body")


@admin.register(PaymentRequest)
class PaymentRequestAdmin(History):
    """Requests, without the address that pays one."""

    list_display = (
        "reference", "invoice", "account", "channel", "state", "provider_word", "amount",
        "currency", "expires_at", "ask_at",
    )  # fmt: skip
    list_filter = ("state", "channel", "account__provider", "currency")
    list_select_related = ("invoice", "account")
    search_fields = ("reference", "provider_id", "invoice__number", "phone")
    fields = (
        "invoice", "document", "account", "channel", "state", "attempt", "reference",
        "provider_id", "amount", "currency", "phone", "share_phone", "expires_at",
        "provider_word", "state_at", "shown_facts", "shown_problem", "capture_before", "ask_at",
        "asked_at", "created_by", "created_at", "updated_at",
    )  # fmt: skip
    shown_facts = staticmethod(shown("facts", masking.payload))
    shown_problem = staticmethod(shown("problem", masking.payload))
    readonly_fields = ("shown_facts", "shown_problem")
    ordering = ("-pk",)


@admin.register(Operation)
class OperationAdmin(History):
    """The outbox."""

    list_display = (
        "__str__", "invoice", "request", "state", "due_at", "tries", "lease_until", "finished_at",
    )  # fmt: skip
    list_filter = ("state", "kind", "due_at")
    list_select_related = ("invoice", "request")
    search_fields = ("key", "invoice__number", "request__reference")
    fields = (
        "invoice", "request", "kind", "state", "key", "amount", "reason", "shown_options",
        "due_at", "lease_until", "fence", "tries", "shown_problem", "created_by", "created_at",
        "finished_at",
    )  # fmt: skip
    shown_options = staticmethod(shown("options", masking.payload))
    shown_problem = staticmethod(shown("problem", masking.payload))
    readonly_fields = ("shown_options", "shown_problem")
    ordering = ("-pk",)


@admin.register(Movement)
class MovementAdmin(History):
    """Money that moved."""

    list_display = (
        "occurred_at", "invoice", "kind", "amount", "currency", "account", "provider_ref", "source",
    )  # fmt: skip
    list_filter = ("kind", "source", "currency", "occurred_at")
    list_select_related = ("invoice", "account")
    search_fields = ("provider_ref", "invoice__number", "request__reference")
    fields = (
        "invoice", "request", "account", "kind", "amount", "currency", "provider_ref", "source",
        "occurred_at", "recorded_at",
    )  # fmt: skip
    ordering = ("-pk",)


@admin.register(TimelineEvent)
class TimelineEventAdmin(History):
    """The record."""

    list_display = (
        "invoice", "position", "what", "kind", "source", "actor_name", "provider_word",
        "superseded", "occurred_at", "recorded_at",
    )  # fmt: skip
    list_filter = ("kind", "source", "superseded", "recorded_at")
    list_select_related = ("invoice",)
    search_fields = ("invoice__number", "event_id", "request__reference", "what")
    fields = (
        "invoice", "request", "position", "kind", "what", "shown_data", "source", "actor",
        "actor_name", "event_id", "provider_word", "shown_payload", "superseded", "occurred_at",
        "recorded_at", "previous", "hash",
    )  # fmt: skip
    shown_data = staticmethod(shown("data", masking.payload))
    shown_payload = staticmethod(shown("payload", masking.payload))
    readonly_fields = ("shown_data", "shown_payload")
    ordering = ("-pk",)


@admin.register(Alert)
class AlertAdmin(History):
    """What needs a person. Staff resolve it, so that it is on the timeline."""

    list_display = ("what", "invoice", "request", "raised_at", "resolved_at", "resolved_by")
    list_filter = (("resolved_at", admin.EmptyFieldListFilter), "what", "raised_at")
    list_select_related = ("invoice", "request", "resolved_by")
    search_fields = ("what", "invoice__number", "request__reference")
    fields = (
        "invoice", "request", "what", "shown_data", "raised_at", "resolved_at", "resolved_by",
        "resolution",
    )  # fmt: skip
    shown_data = staticmethod(shown("data", masking.payload))
    readonly_fields = ("shown_data",)


@admin.register(NumberSeries)
class NumberSeriesAdmin(History):
    """Series, which only issuing moves."""

    list_display = ("issuer", "kind", "prefix", "next_value")
    list_filter = ("kind",)
    list_select_related = ("issuer",)
    search_fields = ("issuer__name", "prefix")
    fields = ("issuer", "kind", "prefix", "next_value")
    ordering = ("issuer__name", "kind")


@admin.register(Article)
class ArticleAdmin(Kept):
    """The price list."""

    list_display = (
        "description", "number", "merchant", "unit", "price", "currency", "vat_rate", "active",
    )  # fmt: skip
    list_filter = ("active", "currency", "vat_category", "vat_rate")
    list_select_related = ("merchant",)
    search_fields = ("search", "number", "merchant__name")
    fields = (
        "merchant", "number", "description", "unit", "price", "currency", "vat_category",
        "vat_rate", "active",
    )  # fmt: skip
    readonly_fields = ("merchant", "currency", "vat_category", "vat_rate")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave it to the price list's page, which knows the country's rates."""
        return False

"""Statuses of our books, importable from anywhere in this app."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class InvoiceStatus(models.TextChoices):
    """What the books say. Overdue is derived from the due date, never stored."""

    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    PAID = "paid", _("Paid")
    PARTIALLY_REFUNDED = "partially_refunded", _("Partly refunded")
    REFUNDED = "refunded", _("Refunded")
    CANCELLED = "cancelled", _("Cancelled")
    UNCOLLECTIBLE = "uncollectible", _("Uncollectible")


# Something is still owed: it may be sent, collected and paid.
PAYABLE = frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE})


class OperationKind(models.TextChoices):
    """What the outbox does for us."""

    CREATE = "create", _("send")
    CANCEL = "cancel", _("withdraw")
    CAPTURE = "capture", _("collect")
    REFUND = "refund", _("refund")
    EMAIL = "email", _("email")
    AFTER_PAID = "after_paid", _("attach receipt")
    ASK_CONSENT = "consent", _("ask for permission")


class OperationState(models.TextChoices):
    """Where an operation is: due, held by a worker, or over."""

    DUE = "due", _("waiting")
    LEASED = "leased", _("under way")
    UNKNOWN = "unknown", _("no answer, checking")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    DROPPED = "dropped", _("cancelled before it was sent")


class EventKind(models.TextChoices):
    """What a timeline entry is about; the words are made when it is shown."""

    ISSUED = "issued", _("Issued")
    REQUEST = "request", _("Payment request")
    OPERATION = "operation", _("Operation")
    MONEY = "money", _("Money")
    EMAILED = "emailed", _("Emailed")
    PRINTED = "printed", _("Printed")
    OPENED = "opened", _("Opened by the customer")
    STATUS = "status", _("Status")
    PHONE = "phone", _("Phone number")
    NOTE = "note", _("Note")


class Discount(models.TextChoices):
    """How a discount was typed."""

    AMOUNT = "amount", _("amount")
    PERCENT = "percent", "%"

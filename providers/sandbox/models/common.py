"""What every simulated provider shares: clock, faults, webhooks on their way out, call log, mail."""

import uuid

from django.db import models
from django.db.models import F, Q


class Clock(models.Model):
    """One row: how far the sandbox's clock is ahead of the world's."""

    offset_seconds = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.offset_seconds} s ahead"


class Fault(models.Model):
    """Something that goes wrong on purpose. See ``providers.sandbox.faults``."""

    class Kind(models.TextChoices):
        LATENCY = "latency", "Slow answer"
        REFUSE = "refuse", "4xx with a code"
        ERROR_BEFORE = "error_before", "5xx, nothing happened"
        ERROR_AFTER = "error_after", "5xx, although it happened"
        TIMEOUT_BEFORE = "timeout_before", "Hangs, nothing happened"
        TIMEOUT_AFTER = "timeout_after", "Hangs, although it happened"
        DROP_BEFORE = "drop_before", "Connection closed, nothing happened"
        DROP_AFTER = "drop_after", "Connection closed, although it happened"
        CUT_AFTER = "cut_after", "Answer cut in the middle, although it happened"
        RATE_LIMITED = "rate_limited", "429"
        HTML = "html", "An HTML page with status 200, nothing happened"
        TRUNCATED_JSON = "truncated_json", "Half a JSON body with status 2xx, it happened"
        WEBHOOK_DUPLICATE = "webhook_duplicate", "Webhook delivered twice"
        WEBHOOK_LATE = "webhook_late", "Webhook held back for some seconds"
        WEBHOOK_REORDERED = "webhook_reordered", "Webhook delivered after its successor"
        WEBHOOK_FORGED = "webhook_forged", "A forged twin with a wrong signature"
        WEBHOOK_DROPPED = "webhook_dropped", "Webhook never sent"

    class RetryAfter(models.TextChoices):
        ABSENT = "absent", "absent"
        SECONDS = "seconds", "seconds"
        DATE = "date", "HTTP date"

    provider = models.CharField(max_length=30)
    account = models.CharField("account, empty for all", max_length=60, blank=True)
    endpoint = models.CharField("endpoint or event, * for all", max_length=60, default="*")
    kind = models.CharField(max_length=30, choices=Kind)
    seconds = models.FloatField(default=0)
    status = models.PositiveSmallIntegerField(default=0)
    code = models.CharField("provider's error code", max_length=60, blank=True)
    retry_after = models.CharField(
        max_length=10, choices=RetryAfter, default=RetryAfter.ABSENT, blank=True
    )
    remaining = models.PositiveIntegerField("times left, empty for ever", null=True, blank=True)
    fired = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["provider", "account"], name="sandbox_fault_lookup")]

    def __str__(self) -> str:
        return f"{self.kind} on {self.provider} {self.endpoint}"


class Call(models.Model):
    """One request the provider received: the evidence when a test asks how often we called."""

    provider = models.CharField(max_length=30)
    account = models.CharField(max_length=60)
    endpoint = models.CharField(max_length=60)
    reference = models.CharField(max_length=80, blank=True)
    key = models.CharField("idempotency key", max_length=60, blank=True)
    status = models.PositiveSmallIntegerField()
    body = models.TextField("body as received", blank=True)
    at = models.DateTimeField("received, by the sandbox's clock")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["account", "reference", "at"], name="sandbox_call_rate"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.reference} -> {self.status}"


class Subscription(models.Model):
    """A registered webhook address."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(max_length=30)
    account = models.CharField(max_length=60)
    url = models.TextField()
    secret = models.CharField(max_length=200)
    events = models.JSONField(default=list)
    created_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["provider", "account"],
                condition=Q(deleted_at=None),
                name="sandbox_subscription_live",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.account} -> {self.url}"


class Delivery(models.Model):
    """One webhook on its way to one address. Settled means delivered or given up."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="deliveries"
    )
    stream = models.CharField("what is kept in order, e.g. a payment", max_length=80)
    event = models.CharField(max_length=60)
    body = models.TextField()
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    out_of_line = models.BooleanField("neither waits nor blocks", default=False)
    after_next = models.BooleanField("goes right after its successor", default=False)
    forged = models.BooleanField(default=False)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(settled_at=None), name="sandbox_delivery_due"
            ),
            models.Index(fields=["subscription", "stream"], name="sandbox_delivery_stream"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(delivered_at=None) | Q(settled_at__gte=F("delivered_at")),
                name="sandbox_delivered_is_settled",
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.stream} -> {self.subscription_id}"


class Mail(models.Model):
    """An email that would have left the house."""

    sender = models.CharField(max_length=320)
    recipients = models.JSONField(default=list)
    subject = models.CharField(max_length=998, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    source = models.BinaryField("the message as it would be sent")
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.subject

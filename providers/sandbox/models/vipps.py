"""What Vipps MobilePay holds: sales units, users, payments, their events, receipts and links.

All amounts are integers in minor units, as the provider counts them.
"""

import secrets
import uuid

from django.db import models
from django.db.models import F, Q


def new_token() -> str:
    return secrets.token_urlsafe(24)


class SalesUnit(models.Model):
    """A merchant's sales unit, with its keys and with what it has been approved for."""

    class Market(models.TextChoices):
        NO = "NO", "Norway"
        DK = "DK", "Denmark"
        FI = "FI", "Finland"

    class Ungranted(models.TextChoices):
        OMIT = "omit", "left out"
        NULL = "null", "null"
        EMPTY = "empty", "empty string"

    msn = models.CharField("merchant serial number", max_length=10, unique=True)
    name = models.CharField(max_length=200)
    market = models.CharField(max_length=2, choices=Market)
    currency = models.CharField(max_length=3)
    client_id = models.CharField(max_length=60, unique=True)
    client_secret = models.CharField(max_length=100)
    key_primary = models.CharField("primary subscription key", max_length=60)
    key_secondary = models.CharField("secondary subscription key", max_length=60)

    push_allowed = models.BooleanField(default=False)
    long_living_allowed = models.BooleanField(default=False)
    long_living_ceiling = models.PositiveIntegerField("seconds", default=60 * 24 * 3600)
    partial_capture_allowed = models.BooleanField(default=True)
    nin_allowed = models.BooleanField(default=False)
    can_create = models.BooleanField("open for payments (else 5070)", default=True)
    accepts_receipt_info = models.BooleanField("takes the 2023 receiptInfo", default=False)
    order_management = models.BooleanField("has Order Management", default=True)
    rate_limits = models.BooleanField(default=True)
    local_urls = models.BooleanField("takes http addresses of this machine", default=True)
    conflict_on_replayed_create = models.BooleanField(
        "a replayed create is refused with 4020 instead of answered again", default=False
    )
    ungranted = models.CharField(
        "user details outside the scope", max_length=5, choices=Ungranted, default=Ungranted.OMIT
    )
    token_seconds = models.PositiveIntegerField("life of an access token", default=3600)
    tokens_from = models.DateTimeField("older tokens are refused", null=True, blank=True)
    sub_delay = models.FloatField("seconds until sub shows up after approval", default=1)

    def __str__(self) -> str:
        return f"{self.name} ({self.msn})"


class PhoneUser(models.Model):
    """The person behind a number. Numbers without a row belong to plain, willing users."""

    msisdn = models.CharField(max_length=15, unique=True)
    given_name = models.CharField(max_length=100)
    family_name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    birth_date = models.DateField(null=True, blank=True)
    street = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=10, blank=True)
    city = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True)
    has_app = models.BooleanField(default=True)
    may_pay_businesses = models.BooleanField(default=True)
    has_card = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.given_name} {self.family_name}"


class Payment(models.Model):
    class State(models.TextChoices):
        CREATED = "CREATED"
        AUTHORIZED = "AUTHORIZED"
        ABORTED = "ABORTED"
        EXPIRED = "EXPIRED"
        TERMINATED = "TERMINATED"

    unit = models.ForeignKey(SalesUnit, on_delete=models.CASCADE, related_name="payments")
    reference = models.CharField(max_length=64)
    psp_reference = models.UUIDField("id of the CREATED event", default=uuid.uuid4)
    token = models.CharField(max_length=40, unique=True, default=new_token)
    state = models.CharField(max_length=10, choices=State, default=State.CREATED)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    authorized = models.BigIntegerField(default=0)
    captured = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)

    user_flow = models.CharField(max_length=20)
    method = models.CharField(max_length=20, default="WALLET")
    description = models.CharField(max_length=100, blank=True)
    return_url = models.TextField(blank=True)
    redirect_url = models.TextField(blank=True)
    scope = models.CharField(max_length=100, blank=True)
    minimum_age = models.PositiveSmallIntegerField(null=True, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    receipt = models.JSONField(null=True, blank=True)
    receipt_url = models.TextField(blank=True)

    msisdn = models.CharField("asked, or opened by", max_length=15, blank=True)
    dismissed_at = models.DateTimeField("put off on the phone", null=True, blank=True)
    shared_at = models.DateTimeField("consent to the scope", null=True, blank=True)
    sub = models.CharField(max_length=36, blank=True)
    sub_visible_at = models.DateTimeField(null=True, blank=True)
    confirm_needed = models.BooleanField("bank asks once more", default=False)
    processing_until = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    authorized_at = models.DateTimeField(null=True, blank=True)
    guaranteed_until = models.DateTimeField(null=True, blank=True)
    capture_deadline = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["unit", "reference"], name="sandbox_payment_reference"),
            models.CheckConstraint(
                condition=Q(captured__gte=0, refunded__gte=0, cancelled__gte=0)
                & Q(refunded__lte=F("captured"), captured__lte=F("authorized")),
                name="sandbox_payment_arithmetic",
            ),
        ]
        indexes = [
            models.Index(fields=["msisdn", "-id"], name="sandbox_payment_phone"),
            models.Index(fields=["unit", "sub"], name="sandbox_payment_sub"),
            models.Index(
                fields=["expires_at"], condition=Q(state="CREATED"), name="sandbox_payment_expiry"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def remainder(self) -> int:
        """Reserved money that is neither captured nor given back, in minor units."""
        return self.authorized - self.captured - self.cancelled


class PaymentEvent(models.Model):
    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="events")
    psp_reference = models.UUIDField(default=uuid.uuid4, unique=True)
    name = models.CharField(max_length=12)
    amount = models.BigIntegerField()
    success = models.BooleanField(default=True)
    key = models.CharField("idempotency key", max_length=50, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Replay(models.Model):
    """What was answered under an idempotency key: the same request gets the same answer."""

    unit = models.ForeignKey(SalesUnit, on_delete=models.CASCADE, related_name="replays")
    key = models.CharField(max_length=50)
    operation = models.CharField(max_length=20)
    reference = models.CharField(max_length=64)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "key"], name="sandbox_replay_key"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class Receipt(models.Model):
    """Order lines held by Order Management, which does not ask whether the payment exists."""

    unit = models.ForeignKey(SalesUnit, on_delete=models.CASCADE, related_name="receipts")
    payment_type = models.CharField(max_length=20)
    order_id = models.CharField(max_length=100)
    public_id = models.UUIDField(default=uuid.uuid4)
    content = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "payment_type", "order_id"], name="sandbox_receipt_once"
            ),
        ]

    def __str__(self) -> str:
        return self.order_id


class Link(models.Model):
    """A link button on the transaction ("category"); only the latest of an order shows."""

    unit = models.ForeignKey(SalesUnit, on_delete=models.CASCADE, related_name="links")
    payment_type = models.CharField(max_length=20)
    order_id = models.CharField(max_length=100)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True)
    category = models.CharField(max_length=30)
    url = models.TextField()
    image_id = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["unit", "order_id"], name="sandbox_link_order")]

    def __str__(self) -> str:
        return self.url


class Image(models.Model):
    unit = models.ForeignKey(SalesUnit, on_delete=models.CASCADE, related_name="images")
    image_id = models.CharField(max_length=128)
    size = models.PositiveIntegerField("bytes")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "image_id"], name="sandbox_image_id"),
        ]

    def __str__(self) -> str:
        return self.image_id

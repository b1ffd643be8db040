"""What the simulated MobilePay Invoice holds: merchants, their consents, invoices and callbacks.

Amounts are Decimals in major units, as this provider writes them.
"""

import uuid

from django.db import models
from django.db.models import Q


class PortalMerchant(models.Model):
    """A company in the merchant portal. `profile` says which documentation its rules follow."""

    class Profile(models.TextChoices):
        V1 = "v1", "first documentation, 2017"
        V14 = "1.4", "1.4"
        V15 = "1.5", "1.5"

    class Scheme(models.TextChoices):
        NONE = "", "none"
        BASIC = "basic", "Basic"
        API_KEY = "apikey", "ApiKey"

    merchant_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    country = models.CharField(max_length=2, choices=[("DK", "Denmark"), ("FI", "Finland")])
    vat_number = models.CharField("DK or FI and 8 digits", max_length=10, unique=True)
    profile = models.CharField(max_length=4, choices=Profile, default=Profile.V15)
    cap = models.DecimalField("most per invoice", max_digits=12, decimal_places=2)
    per_payer_daily = models.PositiveIntegerField(default=10)
    per_issuer_daily = models.PositiveIntegerField("empty for none", null=True, blank=True)
    issuer_list_available = models.BooleanField(default=True)
    validation_delay = models.PositiveIntegerField("seconds until a batch is validated", default=0)
    callback_scheme = models.CharField(
        max_length=6, choices=Scheme, default=Scheme.NONE, blank=True
    )
    callback_username = models.CharField(max_length=200, blank=True)
    callback_secret = models.CharField(max_length=500, blank=True)
    callback_url = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class PortalUser(models.Model):
    """Somebody who signs in at the merchant portal; may act for several merchants."""

    merchants = models.ManyToManyField(PortalMerchant, related_name="users")
    subject = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    email = models.EmailField(unique=True)
    password = models.CharField("in the clear: this is a toy portal", max_length=100)
    is_super_manager = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.email


class PortalApp(models.Model):
    """An integrator's application: the gateway's key pair and the OpenID Connect client."""

    name = models.CharField(max_length=100)
    gateway_id = models.CharField(max_length=60, unique=True)
    gateway_secret = models.CharField(max_length=100)
    client_id = models.CharField(max_length=100, unique=True)
    client_secret = models.CharField(max_length=100)
    redirect_uris = models.JSONField(default=list)
    has_invoice_product = models.BooleanField(default=True)
    requires_gateway_headers = models.BooleanField(default=True)
    # Documented as dead at once ([?] in practice): seconds in which an old refresh token still
    # works while its successor has not been used.
    refresh_grace = models.PositiveIntegerField(default=60)

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """A merchant's consent to an app."""

    app = models.ForeignKey(PortalApp, on_delete=models.CASCADE, related_name="grants")
    merchant = models.ForeignKey(PortalMerchant, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(PortalUser, on_delete=models.CASCADE, related_name="grants")
    scopes = models.CharField(max_length=300)
    granted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["app", "merchant"],
                condition=Q(revoked_at=None),
                name="sandbox_one_grant_per_app_and_merchant",
            )
        ]

    def __str__(self) -> str:
        return f"{self.app} for {self.merchant}"


class AuthorizationCode(models.Model):
    """A code on its way to the app: five minutes, once."""

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="codes")
    code_hash = models.CharField(max_length=64, unique=True)
    redirect_uri = models.TextField()
    nonce = models.CharField(max_length=200)
    code_challenge = models.CharField(max_length=128)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"code {self.pk}"


class IssuedToken(models.Model):
    """An access or refresh token, by its hash."""

    class Kind(models.TextChoices):
        ACCESS = "access", "access"
        REFRESH = "refresh", "refresh"

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=7, choices=Kind)
    token_hash = models.CharField(max_length=64, unique=True)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # The refresh token this one was issued for; its first use ends the predecessor's grace.
    predecessor = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="successors"
    )
    rotated_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} token {self.pk}"


class SeenNonce(models.Model):
    """A nonce that was used in an authorization request; the server refuses it a second time."""

    app = models.ForeignKey(PortalApp, on_delete=models.CASCADE, related_name="nonces")
    nonce = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["app", "nonce"], name="sandbox_nonce_once")]

    def __str__(self) -> str:
        return self.nonce


class SigningKey(models.Model):
    """An RSA key that signs id tokens; the newest signs, all are published."""

    kid = models.CharField(max_length=60, unique=True)
    private_pem = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.kid


class PortalIssuer(models.Model):
    """An invoice issuer: how the merchant looks to the payer."""

    class Status(models.TextChoices):
        PENDING = "pending", "awaiting approval"
        ENABLED = "enabled", "usable"
        DISABLED = "disabled", "switched off"

    merchant = models.ForeignKey(PortalMerchant, on_delete=models.CASCADE, related_name="issuers")
    issuer_id = models.UUIDField(default=uuid.uuid4, unique=True)
    name = models.CharField(max_length=100)
    status = models.CharField(max_length=8, choices=Status, default=Status.ENABLED)
    address = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    zip_code = models.CharField(max_length=20, blank=True)
    account_is_valid = models.BooleanField("bank account passes validation", default=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class AppInvoice(models.Model):
    """One invoice as the provider holds it. "pending" is inside the provider only."""

    class Status(models.TextChoices):
        PENDING = "pending", "being validated"
        CREATED = "created", "created"
        INVALID = "invalid", "invalid"
        ACCEPTED = "accepted", "accepted"
        PAID = "paid", "paid"
        REJECTED = "rejected", "rejected"
        EXPIRED = "expired", "expired"
        CANCELED = "canceled", "canceled"

    merchant = models.ForeignKey(PortalMerchant, on_delete=models.CASCADE, related_name="invoices")
    issuer = models.ForeignKey(PortalIssuer, on_delete=models.CASCADE, related_name="invoices")
    app = models.ForeignKey(PortalApp, on_delete=models.SET_NULL, null=True)
    invoice_id = models.UUIDField(default=uuid.uuid4, unique=True)
    is_link = models.BooleanField(default=False)
    from_batch = models.BooleanField(default=False)
    token = models.CharField("in the link and on the phone", max_length=60, unique=True)
    body = models.JSONField("as received")
    body_hash = models.CharField("of all its fields", max_length=64, db_index=True)
    number = models.CharField(max_length=100, blank=True)
    payment_reference = models.CharField(max_length=60, blank=True)
    alias = models.CharField(
        "E.164, who was asked or who opened the link", max_length=20, blank=True
    )
    total = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    due_date = models.DateField()
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    sequence = models.PositiveIntegerField(default=0)
    validate_at = models.DateTimeField(null=True, blank=True)
    late_error = models.PositiveIntegerField(
        "refused by the later validation", null=True, blank=True
    )
    payment_date = models.DateField(null=True, blank=True)
    transaction_id = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["merchant", "alias"], name="sandbox_app_invoice_alias"),
            models.Index(
                fields=["validate_at"],
                condition=Q(status="pending"),
                name="sandbox_app_invoice_pending",
            ),
            models.Index(fields=["status", "due_date"], name="sandbox_app_invoice_due"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.status}"


class AppEvent(models.Model):
    """A status change on its way into a callback. `payload` is one item of the callback's array."""

    invoice = models.ForeignKey(AppInvoice, on_delete=models.CASCADE, related_name="events")
    sequence = models.PositiveIntegerField()
    status = models.CharField(max_length=8)
    at = models.DateTimeField()
    payload = models.JSONField()
    queued_at = models.DateTimeField("put into a callback", null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(queued_at=None), name="sandbox_app_event_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.sequence}"


class DirectConsent(models.Model):
    """A payer's answer to being billed directly by an issuer."""

    class State(models.TextChoices):
        PENDING = "Pending", "pending"
        GRANTED = "Granted", "granted"
        DENIED = "Denied", "denied"

    consent_id = models.UUIDField(default=uuid.uuid4, unique=True)
    invoice = models.OneToOneField(
        AppInvoice, on_delete=models.CASCADE, related_name="direct_consent"
    )
    phone = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    granted_on = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.state} {self.consent_id}"

"""Merchants, issuers and who may act for them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants import validators

COLOUR = RegexValidator(r"^#[0-9a-fA-F]{6}$", _("Give a colour as # and six hexadecimal digits."))


class Country(models.TextChoices):
    """Where merchants are at home."""

    NORWAY = "NO", _("Norway")
    DENMARK = "DK", _("Denmark")
    SWEDEN = "SE", _("Sweden")
    FINLAND = "FI", _("Finland")


class Currency(models.TextChoices):
    """ISO 4217 codes that Nordic invoices are written in."""

    NOK = "NOK", "NOK"
    DKK = "DKK", "DKK"
    SEK = "SEK", "SEK"
    EUR = "EUR", "EUR"


HOME_CURRENCY = {"NO": "NOK", "DK": "DKK", "SE": "SEK", "FI": "EUR"}
TIME_ZONES = {
    "NO": "Europe/Oslo",
    "DK": "Europe/Copenhagen",
    "SE": "Europe/Stockholm",
    "FI": "Europe/Helsinki",
}


class UserManager(BaseUserManager["User"]):
    """Makes users that sign in by email."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        """Create a staff member."""
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        """Create an operator, who may use /admin/."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractUser):
    """A person who signs in with an email address."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("email address"), unique=True)
    language = models.CharField(_("language"), max_length=5, default="en")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class Merchant(models.Model):
    """A legal entity that sells and invoices."""

    slug = models.SlugField(_("address name"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    country = models.CharField(_("country"), max_length=2, choices=Country.choices)
    org_number = models.CharField(_("organisation number"), max_length=20)
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Hold the numbers to the country's check digits."""
        self.org_number = validators.org_number(self.org_number, self.country)
        self.vat_number = validators.vat_number(self.vat_number, self.country)

    @property
    def time_zone(self) -> str:
        """IANA name of the zone whose calendar decides due dates."""
        return TIME_ZONES[self.country]


class Issuer(models.Model):
    """A department or branch that issues invoices: its look, its series, its terms."""

    class KidAlgorithm(models.TextChoices):
        """How the bank agreement checks a KID."""

        NONE = "", _("No KID")
        MOD10 = "mod10", "MOD10"
        MOD11 = "mod11", "MOD11"

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="issuers")
    name = models.CharField(_("name"), max_length=200)
    legal_note = models.CharField(
        _("legal note"),
        max_length=100,
        blank=True,
        help_text=_("Printed by the organisation number, for instance Foretaksregisteret."),
    )
    street = models.CharField(_("street"), max_length=200)
    postcode = models.CharField(_("postcode"), max_length=12)
    city = models.CharField(_("city"), max_length=100)
    country = models.CharField(_("country"), max_length=2, choices=Country.choices)
    email = models.EmailField(_("email"), blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    website = models.URLField(_("website"), blank=True)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency.choices)
    bank_account = models.CharField(_("bank account"), max_length=20, blank=True)
    iban = models.CharField("IBAN", max_length=34, blank=True)
    bic = models.CharField("BIC", max_length=11, blank=True)
    colour = models.CharField(_("colour"), max_length=7, default="#0b5b70", validators=[COLOUR])
    logo = models.BinaryField(_("logo"), blank=True, default=b"", editable=False)
    number_prefix = models.CharField(_("number prefix"), max_length=12, blank=True)
    first_number = models.PositiveIntegerField(_("first number"), default=1)
    kid_algorithm = models.CharField(
        _("KID algorithm"), max_length=5, choices=KidAlgorithm.choices, blank=True
    )
    terms_days = models.PositiveSmallIntegerField(_("days to pay"), default=14)
    terms = models.TextField(_("terms"), blank=True)
    prices_include_vat = models.BooleanField(_("prices include VAT"), default=False)
    round_to_whole = models.BooleanField(_("round the total to whole units"), default=False)
    capture_automatically = models.BooleanField(
        _("collect approved payments at once"),
        default=True,
        help_text=_("Off: a person collects. Reservations are still collected before they lapse."),
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do: viewers read, billers invoice, owners also set up."""

    OWNER = "owner", _("Owner")
    BILLER = "biller", _("Biller")
    VIEWER = "viewer", _("Viewer")


class Membership(models.Model):
    """A person's role at a merchant."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "merchant"], name="one_role_per_merchant")
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.merchant}"

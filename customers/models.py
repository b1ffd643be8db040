"""The people and companies that are billed, and what they agreed to."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants.fields import EncryptedJSONField
from invoicing_site.merchants.models import Merchant, User


class Customer(models.Model):
    """Who is billed: a private person or a company, of one merchant."""

    class Kind(models.TextChoices):
        """Private customers have no organisation number, companies have one."""

        PRIVATE = "private", _("Private person")
        CORPORATE = "corporate", _("Company")

    class PhoneSource(models.TextChoices):
        """Whether somebody typed the number or a provider vouched for it."""

        TYPED = "typed", _("typed")
        SHARED = "shared", _("shared by the customer")

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="customers")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=200)
    org_number = models.CharField(_("organisation number"), max_length=20, blank=True)
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True)
    personal_number = EncryptedJSONField(_("personal number"), null=True, blank=True)
    contact = models.CharField(_("contact person"), max_length=200, blank=True)
    email = models.EmailField(_("email"), blank=True)
    phone = models.CharField(_("phone"), max_length=16, blank=True, help_text=_("E.164"))
    phone_source = models.CharField(
        max_length=10, choices=PhoneSource.choices, default=PhoneSource.TYPED
    )
    phone_source_detail = models.CharField(max_length=100, blank=True)
    phone_verified_at = models.DateTimeField(null=True, blank=True)
    street = models.CharField(_("street"), max_length=200, blank=True)
    street2 = models.CharField(_("street, second line"), max_length=200, blank=True)
    postcode = models.CharField(_("postcode"), max_length=12, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    country = models.CharField(_("country"), max_length=2, default="NO")
    language = models.CharField(_("language"), max_length=5, default="en")
    buyer_reference = models.CharField(_("their reference"), max_length=100, blank=True)
    search = models.TextField(editable=False, default="")
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "pk"]
        indexes = [models.Index(fields=["merchant", "name"])]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        """Keep the search column in step with what it is made of."""
        parts = (self.name, self.org_number, self.email, self.phone, self.city, self.contact)
        self.search = " ".join(part for part in parts if part).casefold()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def phone_is_verified(self) -> bool:
        """Whether a provider vouched for the number."""
        return self.phone_source == self.PhoneSource.SHARED


class ContactConsent(models.Model):
    """That a customer agreed to be sent payment requests to a number, and the evidence."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="consents")
    phone = models.CharField(_("phone"), max_length=16)
    how = models.CharField(_("how"), max_length=300)
    evidence = models.JSONField(default=dict, blank=True)
    given_at = models.DateTimeField(_("given"))
    recorded_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    withdrawn_how = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-given_at"]

    def __str__(self) -> str:
        return f"{self.customer}: {self.phone}"


class PhoneProposal(models.Model):
    """A number a customer shared that differs from the one on file: staff choose."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="phone_proposals")
    phone = models.CharField(max_length=16)
    source_detail = models.CharField(max_length=100)
    proposed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    taken = models.BooleanField(null=True)

    def __str__(self) -> str:
        return f"{self.customer}: {self.phone}"

"""Operators' pages about customers. A personal number is shown nowhere here."""

from django.contrib import admin
from django.http import HttpRequest

from customers.models import ContactConsent, Customer, PhoneProposal
from invoicing_site.merchants.admin_base import History, HistoryInline, Kept


class ConsentInline(HistoryInline):
    """What a customer agreed to."""

    model = ContactConsent
    fk_name = "customer"
    fields = ("phone", "how", "given_at", "withdrawn_at")
    readonly_fields = fields


@admin.register(Customer)
class CustomerAdmin(Kept):
    """Who is billed. Numbers are changed in the register, where they are checked."""

    list_display = ("name", "merchant", "kind", "org_number", "email", "city", "archived_at")
    list_filter = ("kind", "country", "language", ("archived_at", admin.EmptyFieldListFilter))
    list_select_related = ("merchant",)
    search_fields = ("search", "org_number", "merchant__name")
    fields = (
        "merchant", "kind", "name", "org_number", "vat_number", "contact", "email", "phone",
        "phone_source", "phone_source_detail", "phone_verified_at", "street", "street2",
        "postcode", "city", "country", "language", "buyer_reference", "archived_at",
        "created_at", "updated_at",
    )  # fmt: skip
    readonly_fields = (
        "merchant", "kind", "org_number", "vat_number", "phone", "phone_source",
        "phone_source_detail", "phone_verified_at", "country", "archived_at", "created_at",
        "updated_at",
    )  # fmt: skip
    inlines = (ConsentInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave it to the register."""
        return False


@admin.register(ContactConsent)
class ContactConsentAdmin(History):
    """Consents are evidence."""

    list_display = ("customer", "phone", "how", "given_at", "withdrawn_at")
    list_filter = (("withdrawn_at", admin.EmptyFieldListFilter), "given_at")
    list_select_related = ("customer",)
    search_fields = ("phone", "customer__name", "how")
    fields = (
        "customer", "phone", "how", "given_at", "recorded_by", "withdrawn_at", "withdrawn_how",
    )  # fmt: skip


@admin.register(PhoneProposal)
class PhoneProposalAdmin(History):
    """Numbers that customers shared."""

    list_display = ("customer", "phone", "source_detail", "proposed_at", "decided_at", "taken")
    list_filter = ("taken", ("decided_at", admin.EmptyFieldListFilter))
    list_select_related = ("customer",)
    search_fields = ("phone", "customer__name")
    fields = (
        "customer", "phone", "source_detail", "proposed_at", "decided_at", "decided_by", "taken",
    )  # fmt: skip

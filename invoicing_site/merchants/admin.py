"""Operators' pages about merchants and staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account.decorators import secure_admin_login
from allauth.mfa import admin as mfa_admin
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants import members
from invoicing_site.merchants.admin_base import History, Kept, Quick
from invoicing_site.merchants.models import Issuer, Membership, Merchant, Role, User

if TYPE_CHECKING:
    UserBase = DjangoUserAdmin[User]
    NewUserBase = BaseUserCreationForm[User]
    KnownUserBase = UserChangeForm[User]
    MembershipBase = forms.ModelForm[Membership]
else:
    UserBase, NewUserBase = DjangoUserAdmin, BaseUserCreationForm
    KnownUserBase, MembershipBase = UserChangeForm, forms.ModelForm


# Operators sign in where everybody does: rate limits and the second factor hold there.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Its own page would show the seeds of second factors.
Authenticator = mfa_admin.Authenticator
admin.site.unregister(Authenticator)


class NewUserForm(NewUserBase):
    """A person by email and password."""

    class Meta:
        model = User
        fields = ("email",)
        field_classes: ClassVar[dict[str, Any]] = {}


class KnownUserForm(KnownUserBase):
    """A person, whose password is only replaced."""

    class Meta:
        model = User
        fields = ("email", "password")
        field_classes: ClassVar[dict[str, Any]] = {}


@admin.register(User)
class UserAdmin(UserBase):
    """People. They are closed, not deleted: timelines name them."""

    form = KnownUserForm
    add_form = NewUserForm
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "language")
    search_fields = ("email", "first_name", "last_name")
    show_full_result_count = False
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name", "language")}),
        (_("May"), {"fields": ("is_active", "is_staff", "is_superuser", "user_permissions")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "password1", "password2")}),)
    filter_horizontal = ("user_permissions",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


@admin.register(Merchant)
class MerchantAdmin(Kept):
    """Legal entities. The country decides VAT and calendar, so it stays."""

    list_display = ("name", "slug", "country", "org_number", "vat_number", "created_at")
    list_filter = ("country",)
    search_fields = ("name", "slug", "org_number", "vat_number")
    fields = ("slug", "name", "country", "org_number", "vat_number", "created_at")
    ordering = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Fix what addresses and documents hang on, once it is made."""
        return ("created_at", "slug", "country") if obj else ("created_at",)


@admin.register(Issuer)
class IssuerAdmin(Kept):
    """Departments. Owners change money and numbers on their own page, where they are checked."""

    list_display = ("name", "merchant", "country", "currency", "number_prefix", "active")
    list_filter = ("active", "country", "currency")
    list_select_related = ("merchant",)
    search_fields = ("name", "merchant__name", "bank_account", "iban")
    fields = (
        "merchant", "name", "legal_note", "street", "postcode", "city", "country", "email",
        "phone", "website", "currency", "bank_account", "iban", "bic", "kid_algorithm",
        "number_prefix", "first_number", "terms_days", "terms", "prices_include_vat",
        "round_to_whole", "capture_automatically", "active",
    )  # fmt: skip
    readonly_fields = (
        "merchant", "country", "currency", "bank_account", "iban", "bic", "kid_algorithm",
        "number_prefix", "first_number", "prices_include_vat", "round_to_whole", "active",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave it to owners: the prefix has to be checked under the merchant's lock."""
        return False


class MembershipForm(MembershipBase):
    """A role; the last owner keeps theirs here too."""

    class Meta:
        model = Membership
        fields = ("user", "merchant", "role")

    def clean_role(self) -> str:
        """Count the owners under the lock: the page runs in a transaction."""
        role: str = self.cleaned_data["role"]
        if self.instance.pk and role != Role.OWNER:
            members.keep_an_owner(members.locked(self.instance.pk))
        return role


@admin.register(Authenticator)
class AuthenticatorAdmin(History):
    """Second factors, without their seeds. Deleting one lets a person who lost it sign in."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever was granted it."""
        return request.user.has_perm("mfa.delete_authenticator")


@admin.register(Membership)
class MembershipAdmin(Quick):
    """Who may act for whom."""

    form = MembershipForm
    list_display = ("user", "merchant", "role")
    list_filter = ("role",)
    list_select_related = ("user", "merchant")
    search_fields = ("user__email", "user__first_name", "user__last_name", "merchant__name")
    autocomplete_fields = ("user", "merchant")
    fields = ("user", "merchant", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Change the role only; another person is another membership."""
        return ("user", "merchant") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leave removing to owners; a closed account is out everywhere."""
        return False

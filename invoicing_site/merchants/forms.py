"""What owners set up: the merchant's profile, its issuers and its members."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants import bank, issuers, validators
from invoicing_site.merchants.kept_logo import KeptLogo
from invoicing_site.merchants.models import Issuer, Merchant, Role

if TYPE_CHECKING:
    IssuerBase = forms.ModelForm[Issuer]
    MerchantBase = forms.ModelForm[Merchant]
else:
    IssuerBase = MerchantBase = forms.ModelForm

# Short numbers (02800) and written-out ones are both printed as typed.
PHONE = re.compile(r"\+?[\d ()/-]{3,20}")
PREFIX = re.compile(r"[\w/.-]*")


class MerchantForm(MerchantBase):
    """The legal entity, as it is printed on every invoice. Its country is not changed."""

    class Meta:
        model = Merchant
        fields = ("name", "org_number", "vat_number")
        help_texts = {
            "vat_number": _("Leave it empty while the merchant is not in the VAT register."),
        }

    def clean_org_number(self) -> str:
        """Hold it to the country's check digits."""
        return validators.org_number(self.cleaned_data["org_number"], self.instance.country)

    def clean_vat_number(self) -> str:
        """Hold it to the country's check digits."""
        return validators.vat_number(self.cleaned_data["vat_number"], self.instance.country)


class IssuerForm(KeptLogo, IssuerBase):
    """A department or branch. Numbering is offered only until the first number is taken."""

    class Meta:
        model = Issuer
        fields = (
            "name", "legal_note", "street", "postcode", "city", "country", "email", "phone",
            "website", "currency", "bank_account", "iban", "bic", "colour", "kid_algorithm",
            "number_prefix", "first_number", "terms_days", "terms", "prices_include_vat",
            "round_to_whole", "capture_automatically", "active",
        )  # fmt: skip
        widgets = {
            "colour": forms.TextInput(attrs={"type": "color"}),
            "terms": forms.Textarea(attrs={"rows": 3}),
        }
        labels = {
            "kid_algorithm": _("KID"),
            "prices_include_vat": _("Prices are typed with VAT"),
        }
        help_texts = {
            "colour": _("For headings and lines of the invoice."),
            "kid_algorithm": _("As in the agreement with the bank. Norwegian accounts only."),
            "number_prefix": _("Put before each number, like OSL-. Empty for bare numbers."),
            "terms": _("Printed at the foot of each invoice."),
            "terms_days": _("Proposed as the due date of new drafts."),
            "active": _("No new drafts are made by an issuer that is not active."),
        }

    def __init__(self, *args: Any, merchant: Merchant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merchant = merchant
        self.series_in_use = issuers.has_issued(self.instance)
        if self.series_in_use:
            for name in issuers.NUMBERING:
                del self.fields[name]
        else:
            self.fields["first_number"].widget.attrs["min"] = 1

    def clean_phone(self) -> str:
        """Take what can be dialled."""
        phone: str = self.cleaned_data["phone"].strip()
        if phone and not PHONE.fullmatch(phone):
            raise ValidationError(
                _("“%(value)s” is not a phone number. Write digits, like +47 22 00 00 00."),
                params={"value": phone},
            )
        return phone

    def clean_number_prefix(self) -> str:
        """Take letters, digits and what parts them."""
        prefix: str = self.cleaned_data["number_prefix"].strip()
        if not PREFIX.fullmatch(prefix):
            raise ValidationError(
                _("“%(value)s” has a sign that may not be in a number. Use letters, digits, - . /"),
                params={"value": prefix},
            )
        return prefix

    def clean_first_number(self) -> int:
        """Start at 1 or above."""
        number: int = self.cleaned_data["first_number"]
        if number < 1:
            raise ValidationError(
                _("“%(value)s” is too low. Write 1 or a higher number."), params={"value": number}
            )
        return number

    def clean_iban(self) -> str:
        """Hold it to its check digits."""
        return bank.iban(self.cleaned_data["iban"])

    def clean_bic(self) -> str:
        """Hold it to its form."""
        return bank.bic(self.cleaned_data["bic"])

    def clean(self) -> dict[str, Any]:
        """Hold the account to the country, and KID to there being one."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "bank_account" in data:
            try:
                data["bank_account"] = bank.bank_account(
                    data["bank_account"], data.get("country", "")
                )
            except ValidationError as error:
                self.add_error("bank_account", error)
        if data.get("kid_algorithm") and not data.get("bank_account", "-"):
            self.add_error(
                "kid_algorithm",
                _("A KID needs a bank account. Fill it in, or choose “No KID”."),
            )
        return data

    def store(self) -> Issuer | None:
        """Keep the issuer, or say at the field what clashes and return None."""
        if (logo := self.chosen_logo()) is not None:
            self.instance.logo = logo
        try:
            return issuers.store(self.instance, merchant=self.merchant)
        except ValidationError as error:
            for name, problems in error.message_dict.items():
                self.add_error(name if name in self.fields else None, problems)
            return None


ROLES = [
    (Role.VIEWER, _("Viewer: reads everything")),
    (Role.BILLER, _("Biller: also drafts, issues, sends and refunds")),
    (Role.OWNER, _("Owner: also sets up issuers, members and providers")),
]


class MemberForm(forms.Form):
    """Somebody new."""

    email = forms.EmailField(label=_("Email"), help_text=_("They sign in with it."))
    name = forms.CharField(
        label=_("Name"),
        max_length=200,
        help_text=_("Shown to colleagues. Somebody who signs in here already keeps their name."),
    )
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, widget=forms.RadioSelect)

    def clean_email(self) -> str:
        """Addresses are kept in small letters."""
        return str(self.cleaned_data["email"]).lower()


class RoleForm(forms.Form):
    """What a member may do."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLES, widget=forms.RadioSelect)

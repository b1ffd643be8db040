"""Customers as staff type them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers import validators as customer_validators
from customers.models import Customer
from invoicing_site.merchants import validators
from invoicing_site.merchants.models import Merchant

if TYPE_CHECKING:
    Base = forms.ModelForm[Customer]
else:
    Base = forms.ModelForm

LANGUAGE_OF = {"NO": "nb", "DK": "da", "SE": "sv", "FI": "fi"}


class CustomerForm(Base):
    """A customer's register card; used in place in the draft editor too."""

    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("en", _("English")), ("nb", _("Norwegian")), ("da", _("Danish")),
                 ("sv", _("Swedish")), ("fi", _("Finnish"))],
    )  # fmt: skip

    class Meta:
        model = Customer
        fields = [
            "kind", "name", "org_number", "vat_number", "contact", "email", "phone",
            "street", "street2", "postcode", "city", "country", "language", "buyer_reference",
        ]  # fmt: skip

    def __init__(self, *args: Any, merchant: Merchant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merchant = merchant
        if self.instance.pk is None:
            self.initial.setdefault("country", merchant.country)
            self.initial.setdefault("language", LANGUAGE_OF[merchant.country])
        self.fields["country"].max_length = 2  # type: ignore[attr-defined]

    def clean_country(self) -> str:
        """Take the code in any case."""
        country = str(self.cleaned_data["country"]).strip().upper()
        if len(country) != 2 or not country.isalpha():
            raise ValidationError(
                _("“%(value)s” is not a country code. Write two letters, like NO."),
                params={"value": country},
            )
        return country

    def clean(self) -> dict[str, Any]:
        """Hold numbers to the customer's country, and a company to having one."""
        data = super().clean() or self.cleaned_data
        country = data.get("country") or self.merchant.country
        self._hold(data, "phone", lambda text: customer_validators.phone(text, country))
        self._hold(data, "org_number", lambda text: validators.org_number(text, country))
        self._hold(data, "vat_number", lambda text: validators.vat_number(text, country))
        return data

    def _hold(self, data: dict[str, Any], name: str, check: Any) -> None:
        try:
            data[name] = check(data.get(name) or "")
        except ValidationError as problem:
            self.add_error(name, problem)

    def save(self, commit: bool = True) -> Customer:
        """Save for the merchant. A number typed over a shared one is typed, not vouched for."""
        customer = super().save(commit=False)
        customer.merchant = self.merchant
        if "phone" in self.changed_data:
            customer.phone_source = Customer.PhoneSource.TYPED
            customer.phone_source_detail = ""
            customer.phone_verified_at = None
        if commit:
            customer.save()
        return customer


class ConsentForm(forms.Form):
    """How and when a customer agreed to be sent payment requests."""

    phone = forms.CharField(label=_("Phone"), max_length=40)
    how = forms.CharField(
        label=_("How the customer agreed"),
        max_length=300,
        help_text=_("For instance: ticked the box on the order form, order 4711."),
    )
    given_at = forms.DateTimeField(
        label=_("When"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.customer = customer
        self.initial.setdefault("phone", customer.phone)
        self.initial.setdefault("given_at", timezone.localtime())

    def clean_phone(self) -> str:
        """Take the number in any notation."""
        return customer_validators.phone(self.cleaned_data["phone"], self.customer.country)

    def clean_given_at(self) -> datetime:
        """A consent is given before it is recorded."""
        given: datetime = self.cleaned_data["given_at"]
        if given > timezone.now():
            raise ValidationError(
                _("%(value)s is in the future. Give the time the customer agreed."),
                params={"value": given.strftime("%Y-%m-%d %H:%M")},
            )
        return given


class WithdrawalForm(forms.Form):
    """How a customer took a consent back."""

    how = forms.CharField(
        label=_("How the customer withdrew"),
        max_length=250,
        help_text=_("For instance: by phone on Monday."),
    )

"""The account's settings: keys, and what the sales unit has been approved for."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from providers.vipps_mobilepay.terms import Market, ReceiptMode

MAX_HOURS = 60 * 24
NORWAY_HOURS = 24


def _secret(label: Any, **more: Any) -> forms.CharField:
    # Never written back into a page: an empty field keeps what is stored.
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, max_length=300, required=False, widget=widget, **more)


class VippsMobilePayForm(forms.Form):
    """Keys and approvals of a sales unit.

    Give stored credentials and settings together as `initial`; `credentials()` and
    `kept_settings()` return what to store after `is_valid()`.
    """

    credential_names: ClassVar[tuple[str, ...]] = (
        "client_id",
        "client_secret",
        "subscription_key",
        "subscription_key_2",
        "msn",
    )
    secret_names: ClassVar[tuple[str, ...]] = credential_names[:-1]
    optional_names: ClassVar[tuple[str, ...]] = ("subscription_key_2",)

    msn = forms.RegexField(
        r"^[0-9]{4,10}$",
        label=_("Sales unit number (MSN)"),
        help_text=_("Four to ten digits, from the business portal."),
        error_messages={"invalid": _("The sales unit number has four to ten digits.")},
    )
    client_id = _secret(_("Client id"))
    client_secret = _secret(_("Client secret"))
    subscription_key = _secret(_("Subscription key"))
    subscription_key_2 = _secret(
        _("Second subscription key"),
        help_text=_("Used when the first is refused, while keys are being changed."),
    )
    market = forms.ChoiceField(label=_("Country of the sales unit"), choices=Market.choices)
    push_approved = forms.BooleanField(
        label=_("Approved to send requests to phones"),
        required=False,
        help_text=_("Vipps MobilePay approves this per sales unit. Without it, send links."),
    )
    long_living_approved = forms.BooleanField(
        label=_("Approved for long-living requests"),
        required=False,
        help_text=_("Without it a request ends after ten minutes, so nothing can be pushed."),
    )
    ceiling_hours = forms.IntegerField(
        label=_("Longest life of a request, in hours"),
        min_value=1,
        max_value=MAX_HOURS,
        initial=NORWAY_HOURS,
        help_text=_("At most 24 in Norway, 1440 (60 days) elsewhere."),
    )
    receipt_mode = forms.ChoiceField(
        label=_("What the app shows"), choices=ReceiptMode.choices, initial=ReceiptMode.LINES
    )
    partial_capture = forms.BooleanField(
        label=_("May collect a part of what is reserved"), required=False, initial=True
    )
    order_management = forms.BooleanField(
        label=_("Put a button to the invoice on the paid transaction"),
        required=False,
        initial=True,
        help_text=_("Order Management. Not there in the provider's test environment."),
    )
    installation = forms.CharField(
        label=_("Prefix of payment references"),
        max_length=12,
        required=False,
        help_text=_("Makes references of two systems on one sales unit differ."),
    )

    def clean(self) -> dict[str, Any]:
        """Keep stored secrets where nothing was typed, and hold the ceiling to the country's."""
        cleaned = super().clean() or self.cleaned_data
        for name in self.secret_names:
            cleaned[name] = (cleaned.get(name) or "").strip() or self.initial.get(name) or ""
            if not cleaned[name] and name not in self.optional_names:
                self.add_error(name, _("Fill in the key from the business portal."))
            elif not re.fullmatch(r"[\x21-\x7e]*", cleaned[name]):
                self.add_error(
                    name, _("The key has blanks or letters that no key has. Copy it again.")
                )
        hours = cleaned.get("ceiling_hours")
        if cleaned.get("market") == Market.NO and hours and hours > NORWAY_HOURS:
            self.add_error(
                "ceiling_hours",
                _("%(hours)s hours is more than the 24 that Norway allows. Enter 24 or less.")
                % {"hours": hours},
            )
        return cleaned

    def clean_installation(self) -> str:
        """Hold the prefix to what a reference may consist of."""
        prefix: str = self.cleaned_data["installation"]
        if prefix and not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9-]*", prefix):
            raise forms.ValidationError(
                _("“%(prefix)s” must begin with a letter; then letters, digits and hyphens."),
                params={"prefix": prefix},
            )
        return prefix

    def credentials(self) -> dict[str, str]:
        """Return what belongs into the encrypted credentials."""
        return {name: self.cleaned_data[name] for name in self.credential_names}

    def kept_settings(self) -> dict[str, Any]:
        """Return what belongs into the open settings."""
        names = set(self.fields) - set(self.credential_names)
        return {name: self.cleaned_data[name] for name in sorted(names)}

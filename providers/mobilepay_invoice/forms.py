"""The account's settings: two pairs of keys, which documentation it follows, and its limits."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.mobilepay_invoice.terms import Country, Profile

DIGITS = 8


class CallbackScheme(models.TextChoices):
    """How their callbacks prove who sends them; both secrets are chosen by us."""

    BASIC = "basic", _("User name and password (Basic)")
    API_KEY = "apikey", _("A key (ApiKey)")


def _key(label: Any, **more: Any) -> forms.CharField:
    # Never written back into a page: an empty field keeps what is stored.
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, max_length=300, required=False, widget=widget, **more)


class MobilePayInvoiceForm(forms.Form):
    """Keys of the app, and what holds for the merchant.

    Give stored credentials and settings together as `initial`; `credentials()` and
    `kept_settings()` return what to store after `is_valid()`.
    """

    credential_names: ClassVar[tuple[str, ...]] = (
        "client_id",
        "client_secret",
        "gateway_id",
        "gateway_secret",
    )
    secret_names: ClassVar[tuple[str, ...]] = credential_names
    required_names: ClassVar[tuple[str, ...]] = ("client_id", "client_secret")

    country = forms.ChoiceField(
        label=_("Country of the merchant"),
        choices=Country.choices,
        help_text=_("Decides currency, limits and when a new day begins."),
    )
    vat_number = forms.CharField(
        label=_("VAT number of the merchant"),
        max_length=20,
        required=False,
        help_text=_(
            "DK or FI and eight digits. Picks the merchant on the consent screen where the "
            "portal user may act for several."
        ),
    )
    client_id = _key(_("Client id (OpenID Connect)"), help_text=_("MobilePay's support sends it."))
    client_secret = _key(_("Client secret (OpenID Connect)"))
    gateway_id = _key(
        _("Client id of the app (x-ibm-client-id)"),
        help_text=_(
            "From the developer portal; another pair than the one above. Sent with every call."
        ),
    )
    gateway_secret = _key(_("Client secret of the app (x-ibm-client-secret)"))
    profile = forms.ChoiceField(
        label=_("Documentation that the account follows"),
        choices=Profile.choices,
        initial=Profile.V1_5,
        help_text=_("1.5 unless MobilePay told you otherwise."),
    )
    cap = forms.DecimalField(
        label=_("Largest invoice"),
        min_value=0,
        max_digits=12,
        decimal_places=2,
        required=False,
        help_text=_(
            "Empty or 0: 15 000 DKK (10 000 until 18 September 2018) or 2 000 EUR (500 until "
            "15 January 2020). From 6 November 2023 they allowed 300 000 DKK."
        ),
    )
    per_payer_daily = forms.IntegerField(
        label=_("Most requests to one customer a day"),
        min_value=0,
        max_value=100_000,
        required=False,
        help_text=_("Empty: 10, or 3 in version 1.4 (until 16 February 2020). 0: no limit."),
    )
    per_issuer_daily = forms.IntegerField(
        label=_("Most requests from one sender a day"),
        min_value=0,
        max_value=10_000_000,
        required=False,
        help_text=_(
            "Empty: 5 000 in version 1.4 (until 16 February 2020), else none. 0: no limit."
        ),
    )
    callback_scheme = forms.ChoiceField(
        label=_("How callbacks prove their sender"),
        choices=CallbackScheme.choices,
        initial=CallbackScheme.BASIC,
        help_text=_("A change holds from the next time that callbacks are set up."),
    )

    def clean(self) -> dict[str, Any]:
        """Keep stored keys where nothing was typed; want both halves of a pair."""
        cleaned = super().clean() or self.cleaned_data
        for name in self.credential_names:
            cleaned[name] = (cleaned.get(name) or "").strip() or self.initial.get(name) or ""
            if not cleaned[name] and name in self.required_names:
                self.add_error(name, _("Fill in the key that MobilePay sent you."))
            elif not re.fullmatch(r"[\x21-\x7e]*", cleaned[name]):
                self.add_error(
                    name, _("The key has blanks or letters that no key has. Copy it again.")
                )
        self._want_both(cleaned, "gateway_id", "gateway_secret")
        self._fit_country(cleaned)
        return cleaned

    def _want_both(self, cleaned: dict[str, Any], *pair: str) -> None:
        empty = [name for name in pair if not cleaned.get(name)]
        if len(empty) == 1:
            self.add_error(
                empty[0], _("Only one half of the app's keys is there. Fill in this one too.")
            )

    def _fit_country(self, cleaned: dict[str, Any]) -> None:
        country, number = cleaned.get("country"), cleaned.get("vat_number")
        if country and number and not number.startswith(country):
            self.add_error(
                "vat_number",
                _("%(number)s does not belong to the country %(country)s. Correct one of them.")
                % {"number": number, "country": country},
            )

    def clean_vat_number(self) -> str:
        """Hold the number to what the consent screen takes."""
        typed: str = self.cleaned_data["vat_number"]
        number = re.sub(r"[\s.-]", "", typed).upper()
        if number and not re.fullmatch(rf"(DK|FI)[0-9]{{{DIGITS}}}", number):
            raise forms.ValidationError(
                _("“%(number)s” is not DK or FI and eight digits, as in DK31415926."),
                params={"number": typed},
            )
        return number

    def credentials(self) -> dict[str, str]:
        """Return what belongs into the encrypted credentials."""
        return {name: self.cleaned_data[name] for name in self.credential_names}

    def kept_settings(self) -> dict[str, Any]:
        """Return what belongs into the open settings, fit for JSON."""
        names = sorted(set(self.fields) - set(self.credential_names))
        kept = {name: self.cleaned_data[name] for name in names}
        for name in ("cap", "per_payer_daily", "per_issuer_daily"):
            kept[name] = "" if kept[name] is None else str(kept[name])
        return kept

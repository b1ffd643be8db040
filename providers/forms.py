"""What an owner sets up about an account, around the provider's own settings form."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants.models import Merchant
from providers import registry
from providers.models import ProviderAccount


class SettingsForm(Protocol):
    """What every provider's `settings_form` offers beside the fields themselves."""

    credential_names: ClassVar[tuple[str, ...]]
    secret_names: ClassVar[tuple[str, ...]]
    fields: dict[str, forms.Field]
    errors: Any

    def is_valid(self) -> bool: ...
    def credentials(self) -> dict[str, str]: ...
    def kept_settings(self) -> dict[str, Any]: ...


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name, issuers and environment of an account.

    The environment is chosen once: keys of one environment never travel to another.
    """

    class Meta:
        model = ProviderAccount
        fields = ("name", "issuers", "environment", "base_url", "active")
        widgets = {"issuers": forms.CheckboxSelectMultiple}
        labels = {"issuers": _("Issuers that send through it")}
        help_texts = {
            "name": _("How staff tell this account from others, for instance Vipps Oslo."),
            "base_url": _("Only for the sandbox. Elsewhere the provider's own address is used."),
            "active": _("An account that is not active takes no new requests."),
        }

    def __init__(self, *args: Any, merchant: Merchant, **kwargs: Any) -> None:
        """Offer the merchant's issuers, and the environments this site may reach."""
        super().__init__(*args, **kwargs)
        self.merchant = merchant
        self.fields["issuers"].queryset = merchant.issuers.all()  # type: ignore[attr-defined]
        if self.instance.pk:
            del self.fields["environment"]
            if self.instance.environment != ProviderAccount.Environment.SANDBOX:
                del self.fields["base_url"]
        else:
            self._offer_environments()

    def _offer_environments(self) -> None:
        """Leave the sandbox out where this site plays none."""
        offered = [
            choice
            for choice in ProviderAccount.Environment.choices
            if settings.SANDBOX or choice[0] != ProviderAccount.Environment.SANDBOX
        ]
        self.fields["environment"].choices = offered  # type: ignore[attr-defined]
        self.fields["environment"].help_text = _(
            "Cannot be changed later: make another account for another environment."
        )
        if not settings.SANDBOX:
            del self.fields["base_url"]

    def clean_name(self) -> str:
        """Keep names apart within the merchant."""
        name: str = self.cleaned_data["name"]
        twins = self.merchant.provider_accounts.filter(name__iexact=name).exclude(
            pk=self.instance.pk
        )
        if twins.exists():
            raise forms.ValidationError(
                _("There is an account called “%(name)s”. Choose another name."),
                params={"name": name},
            )
        return name

    def clean(self) -> dict[str, Any]:
        """Ask for the sandbox's address, and for none elsewhere."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        environment = cleaned.get("environment") or self.instance.environment
        if environment != ProviderAccount.Environment.SANDBOX:
            cleaned["base_url"] = ""
        elif "base_url" not in self.errors and not cleaned.get("base_url"):
            self.add_error(
                "base_url",
                _("Fill in the sandbox's address, for instance %(example)s.")
                % {"example": f"{settings.PUBLIC_URL}/sandbox/"},
            )
        return cleaned


class PauseForm(forms.Form):
    """Why an account is held."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=300,
        help_text=_("Colleagues read it beside what waits."),
    )


def settings_form(
    account: ProviderAccount, data: Any = None, *, keep_keys: bool = True
) -> SettingsForm:
    """Return the provider's form with what is stored; `keep_keys=False` asks for keys anew."""
    kind: Any = registry.classes()[account.provider].settings_form
    names = (
        kind.credential_names if keep_keys else set(kind.credential_names) - set(kind.secret_names)
    )
    stored = {name: account.credentials.get(name, "") for name in names}
    initial = (stored | account.settings) if account.pk else {}
    form: SettingsForm = kind(data, initial=initial)
    return form

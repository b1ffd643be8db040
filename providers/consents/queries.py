"""What the pages show of consents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants.models import Merchant
from providers import http, registry
from providers.contract import ConsentTerms, ProviderError
from providers.models import MerchantConsent, ProviderAccount

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

State = MerchantConsent.State
_LOOKS: dict[str, tuple[str, str]] = {
    State.GRANTED: ("good", "check"),
    State.DENIED: ("warn", "no-symbol"),
    State.NEEDED: ("bad", "exclamation-triangle"),
    State.WITHDRAWN: ("", "minus"),
    "": ("", "minus"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One account's consent as the pages draw it. `consent` is None before the first answer."""

    account: ProviderAccount
    kind: Any
    consent: MerchantConsent | None
    label: _StrOrPromise
    tone: str
    icon: str
    scopes: list[str]
    wanted: tuple[str, ...]
    merchant: str
    holds: bool
    expired: bool
    portal: str

    @property
    def runs_out(self) -> datetime | None:
        """Say until when it holds if it is not used; using it moves this."""
        return self.consent.refresh_expires_at if self.consent and self.holds else None


def card(account: ProviderAccount) -> Card | None:
    """Return what the account's page shows; None where the provider asks for no consent."""
    terms = registry.of(account).consent_terms()
    if terms is None:
        return None
    consent = MerchantConsent.objects.select_related("granted_by").filter(account=account).first()
    return _card(account, terms, consent)


def cards(merchant: Merchant) -> list[Card]:
    """Return all consents of a merchant side by side, those that need somebody first."""
    accounts = merchant.provider_accounts.filter(provider__in=registry.classes()).select_related(
        "consent__granted_by"
    )
    found = [
        _card(account, terms, getattr(account, "consent", None))
        for account in accounts
        if (terms := registry.of(account).consent_terms())
    ]
    return sorted(found, key=lambda each: each.holds and not each.expired)


def holds(account: ProviderAccount) -> bool:
    """Say whether requests may be queued to an account. One query where consent is asked for."""
    if registry.of(account).consent_terms() is None:
        return True
    return MerchantConsent.objects.filter(account=account, state=State.GRANTED).exists()


def _card(account: ProviderAccount, terms: ConsentTerms, consent: MerchantConsent | None) -> Card:
    state = consent.state if consent else ""
    tone, icon = _LOOKS[state]
    return Card(
        account=account,
        kind=registry.classes()[account.provider],
        consent=consent,
        label=consent.get_state_display() if consent else _("No consent yet"),
        tone=tone,
        icon=icon,
        scopes=consent.scopes.split() if consent else [],
        wanted=terms.scopes,
        merchant=_merchant(consent) if consent else "",
        holds=state == State.GRANTED,
        expired=_expired(consent),
        portal=portal(account, terms),
    )


def portal(account: ProviderAccount, terms: ConsentTerms) -> str:
    """Return the provider's own page, where a consent is removed; "" without an address."""
    try:
        base = http.base_url(account, terms.portals)
    except ProviderError:
        return ""
    return f"{base}{terms.discovery_path.partition('.well-known')[0]}"


def _merchant(consent: MerchantConsent) -> str:
    return consent.remote_merchant or str(consent.tokens.get("merchant", ""))


def _expired(consent: MerchantConsent | None) -> bool:
    runs_out = consent.refresh_expires_at if consent else None
    return bool(runs_out and runs_out <= timezone.now())

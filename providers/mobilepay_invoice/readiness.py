"""What stands between a merchant and its first invoice: each step with what proves it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from providers.contract import Evidence, NotAuthorised, ProviderError, Refused
from providers.models import MerchantConsent

if TYPE_CHECKING:
    from providers.mobilepay_invoice.client import Client
    from providers.models import ProviderAccount, ProviderCall

KEYS = {"client_id": "client id", "client_secret": "client secret"}
APP_KEYS = ("gateway_id", "gateway_secret")
State = MerchantConsent.State


def checklist(account: ProviderAccount) -> list[Evidence]:
    """List the steps in the order they are taken. Reads the database, makes no call."""
    consent = _consent_of(account)
    return [
        _enrolled(account, consent),
        _keys(account),
        _product(account),
        _consent(consent),
        _issuers(account),
        _callbacks(account),
        _first_invoice(account),
    ]


def probe(client: Client) -> Evidence:
    """Prove keys, product and consent: ask whom we act for. Never raises for their answer."""
    label = _("Keys and consent work")
    try:
        merchant, known = client.me(), client.merchant
    except (NotAuthorised, Refused) as error:
        return Evidence(label=label, ok=False, proof=_words(error))
    except ProviderError as error:
        return Evidence(label=label, ok=None, proof=_words(error))
    if merchant != known:
        proof = _("They answered for merchant %(found)s, but we send for %(known)s.")
        return Evidence(label=label, ok=False, proof=proof % {"found": merchant, "known": known})
    proof = _("They answered for merchant %(merchant)s.") % {"merchant": merchant}
    return Evidence(label=label, ok=True, proof=proof)


def _consent_of(account: ProviderAccount) -> MerchantConsent | None:
    if account.pk is None:
        return None
    return MerchantConsent.objects.filter(account=account).first()


def _enrolled(account: ProviderAccount, consent: MerchantConsent | None) -> Evidence:
    label = _("The merchant has ordered Invoice in MobilePay's portal")
    if consent and consent.remote_merchant:
        proof = _("MobilePay knows it as %(id)s.") % {"id": consent.remote_merchant}
        return Evidence(label=label, ok=True, proof=proof)
    number = (account.settings or {}).get("vat_number")
    proof = (
        _("VAT number %s is not confirmed yet; the consent shows it.") % number if number else ""
    )
    return Evidence(label=label, ok=None, proof=proof or _("Not known before the consent."))


def _keys(account: ProviderAccount) -> Evidence:
    kept = account.credentials or {}
    label = _("Keys of our app are filled in")
    missing = [word for name, word in KEYS.items() if not kept.get(name)]
    if missing:
        return Evidence(label=label, ok=False, proof=_("Missing: %s.") % ", ".join(missing))
    if not all(kept.get(name) for name in APP_KEYS):
        proof = _("The app's own pair is not there; the gateway wanted it until 2022.")
        return Evidence(label=label, ok=True, proof=proof)
    return Evidence(label=label, ok=True, proof=_("Both pairs are there."))


def _product(account: ProviderAccount) -> Evidence:
    label = _("The app is subscribed to the product Invoice")
    last = _last_call(account, status__in=[200, 201, 202, 204, 403])
    if last is None:
        return Evidence(label=label, ok=None, proof=_("Not asked yet."))
    if last.status == 403:
        proof = _("Refused on %(when)s: subscribe the app in the developer portal.")
        return Evidence(label=label, ok=False, proof=proof % {"when": _when(last.at)})
    proof = _("Their gateway last let us in on %(when)s.") % {"when": _when(last.at)}
    return Evidence(label=label, ok=True, proof=proof)


def _consent(consent: MerchantConsent | None) -> Evidence:
    label = _("The merchant has consented that we act for it")
    if consent is None:
        return Evidence(label=label, ok=False, proof=_("Nobody has given it yet."))
    if consent.state != State.GRANTED:
        proof = consent.failure or str(State(consent.state).label)
        return Evidence(label=label, ok=False, proof=proof)
    proof = _("Granted.")
    if consent.granted_at:
        proof = _("Granted on %(when)s.") % {"when": _when(consent.granted_at)}
    return Evidence(label=label, ok=True, proof=proof)


def _issuers(account: ProviderAccount) -> Evidence:
    label = _("Each of our issuers has its sender at MobilePay")
    if account.pk is None:
        return Evidence(label=label, ok=False, proof=_("No issuer is chosen yet."))
    mapped = set(
        account.remote_issuers.filter(issuer__isnull=False, usable=True, gone_at=None).values_list(
            "issuer_id", flat=True
        )
    )
    ours = list(account.issuers.order_by("pk"))
    missing = [issuer.name for issuer in ours if issuer.pk not in mapped]
    if missing or not ours:
        proof = _("Without a sender: %s.") % ", ".join(missing) if missing else ""
        return Evidence(label=label, ok=False, proof=proof or _("No issuer is chosen yet."))
    return Evidence(label=label, ok=True, proof=_("%s mapped.") % len(ours))


def _callbacks(account: ProviderAccount) -> Evidence:
    label = _("They tell us what happens (callbacks)")
    live = None
    if account.pk is not None:
        live = account.registrations.filter(removed_at=None).order_by("-pk").first()
    if live is None:
        proof = _("Not set up. States are fetched daily instead, and links of batches get lost.")
        return Evidence(label=label, ok=False, proof=proof)
    heard = account.deliveries.order_by("-received_at").first()
    if heard is None:
        return Evidence(label=label, ok=True, proof=_("Set up; nothing has come yet."))
    proof = _("Last heard on %(when)s.") % {"when": _when(heard.received_at)}
    return Evidence(label=label, ok=True, proof=proof)


def _first_invoice(account: ProviderAccount) -> Evidence:
    label = _("A first invoice was taken")
    made = _last_call(account, method="POST", path__contains="/invoices", status__lt=300)
    if made is None:
        return Evidence(label=label, ok=None, proof=_("None has been handed over yet."))
    proof = _("Last on %(when)s.") % {"when": _when(made.at)}
    return Evidence(label=label, ok=True, proof=proof)


def _last_call(account: ProviderAccount, **wanted: object) -> ProviderCall | None:
    if account.pk is None:
        return None
    calls = account.calls.filter(path__contains="/invoice-restapi/").filter(**wanted)
    return calls.order_by("-at").first()


def _when(at: datetime) -> str:
    return date_format(localtime(at), "j M Y H:i")


def _words(error: ProviderError) -> str:
    return " ".join(str(part) for part in (error.meaning or error, error.remedy) if part)

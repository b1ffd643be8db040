"""What stands between an account and its first request, and the proof that its keys are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from providers.contract import Evidence, NotAuthorised, ProviderError, Refused
from providers.vipps_mobilepay.terms import Terms

if TYPE_CHECKING:
    from providers.models import ProviderAccount
    from providers.vipps_mobilepay.client import Client

NEEDED = {
    "client_id": "client id",
    "client_secret": "client secret",
    "subscription_key": "subscription key",
    "msn": "sales unit number",
}


def checklist(account: ProviderAccount, terms: Terms) -> list[Evidence]:
    """List the steps in the order they are taken. Reads the database, makes no call."""
    return [
        _keys(account),
        _proven(account),
        Evidence(
            label=_("Requests to the app are approved"),
            ok=terms.push or None,
            proof=_("Ticked in the settings.")
            if terms.push
            else _("Not approved. Only links can be sent."),
        ),
        Evidence(
            label=_("Requests may live longer than ten minutes"),
            ok=terms.long_living or None,
            proof=_("At most %(hours)s hours.") % {"hours": _hours(terms)}
            if terms.long_living
            else _("Not approved. Only links can be sent."),
        ),
        _webhook(account),
    ]


def probe(client: Client) -> Evidence:
    """Prove keys and sales unit by two harmless calls. Never raises for what they answer."""
    label = _("The keys work")
    try:
        client.new_token()
        count = len(client.registrations())
    except (NotAuthorised, Refused) as error:
        return Evidence(label=label, ok=False, proof=_words(error))
    except ProviderError as error:
        return Evidence(label=label, ok=None, proof=_words(error))
    proof = _("Sales unit %(msn)s answered and has %(count)s webhook addresses.")
    return Evidence(label=label, ok=True, proof=proof % {"msn": client.msn, "count": count})


def _keys(account: ProviderAccount) -> Evidence:
    missing = [word for name, word in NEEDED.items() if not (account.credentials or {}).get(name)]
    proof = _("All four are there.") if not missing else _("Missing: %s.") % ", ".join(missing)
    return Evidence(label=_("Keys are filled in"), ok=not missing, proof=proof)


def _proven(account: ProviderAccount) -> Evidence:
    label = _("The provider has answered")
    if account.pk is None:
        return Evidence(label=label, ok=None, proof=_("Not asked yet."))
    last = account.calls.filter(status__lt=300).order_by("-at").first()
    if last is None:
        return Evidence(label=label, ok=None, proof=_("Not asked yet."))
    when = date_format(localtime(last.at), "j M Y H:i")
    return Evidence(label=label, ok=True, proof=_("Last on %(when)s") % {"when": when})


def _webhook(account: ProviderAccount) -> Evidence:
    label = _("They tell us what happens (webhook)")
    live = None
    if account.pk is not None:
        live = account.registrations.filter(removed_at=None).order_by("-last_seen_at").first()
    if live is None:
        proof = _("Not registered. States are fetched instead, which is slower.")
        return Evidence(label=label, ok=False, proof=proof)
    if live.last_seen_at is None:
        return Evidence(label=label, ok=True, proof=_("Registered; nothing has come yet."))
    when = date_format(localtime(live.last_seen_at), "j M Y H:i")
    return Evidence(label=label, ok=True, proof=_("Last heard on %(when)s.") % {"when": when})


def _hours(terms: Terms) -> int:
    return int(terms.ceiling.total_seconds() // 3600)


def _words(error: ProviderError) -> str:
    return " ".join(str(part) for part in (error.meaning or error, error.remedy) if part)

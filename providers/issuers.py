"""The senders that a provider knows, and which of our issuers each stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing_site.merchants.models import Issuer
from providers import registry
from providers.consents import queries
from providers.contract import Difference, RemoteIssuer
from providers.models import ProviderAccount, ProviderIssuer

NAME_LENGTH = 200


class CannotEnter(Exception):
    """What was typed names no sender. `problems` maps the fields to words."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


class CannotMap(Exception):
    """The sender cannot stand for that issuer. Nothing was changed."""


# ------------------------------------------------------------------------------------- sending
def usable_id(account: ProviderAccount, issuer: Issuer) -> str:
    """Return what the provider calls an issuer of ours, or "" when nothing usable is mapped."""
    return usable_ids([account.pk]).get((account.pk, issuer.pk), "")


def usable_ids(account_ids: Iterable[int]) -> dict[tuple[int, int], str]:
    """Return the provider's ids by (account, issuer), usable ones only. One query."""
    rows = ProviderIssuer.objects.filter(
        account_id__in=list(account_ids), issuer__isnull=False, usable=True, gone_at=None
    )
    return {
        (account, issuer): external
        for account, issuer, external in rows.values_list("account_id", "issuer_id", "external_id")
        if issuer is not None
    }


# ------------------------------------------------------------------------------------- the list
def ours(account: ProviderAccount) -> QuerySet[Issuer]:
    """Return the issuers that an account serves, as chosen in its settings."""
    return account.issuers.all()


def differences(remote: ProviderIssuer, issuer: Issuer) -> list[Difference]:
    """Lay what the payer sees of a sender beside our issuer. `theirs` None: they do not tell."""
    pairs = (
        ("name", gettext_lazy("Name"), issuer.name, remote.name),
        ("address", gettext_lazy("Address"), issuer.street, remote.address),
        ("postcode", gettext_lazy("Postcode"), issuer.postcode, remote.postcode),
        ("city", gettext_lazy("City"), issuer.city, remote.city),
    )
    return [
        Difference(
            field=field,
            label=label,
            ours=own,
            theirs=theirs or None,
            same=not theirs or _plain(own) == _plain(theirs),
        )
        for field, label, own, theirs in pairs
    ]


def last_synced(account: ProviderAccount) -> datetime | None:
    """Return when the provider last listed its senders."""
    found: datetime | None = account.remote_issuers.aggregate(at=Max("seen_at"))["at"]
    return found


def portal(account: ProviderAccount) -> str:
    """Return the address of the provider's own portal for merchants, or ""."""
    terms = registry.of(account).consent_terms()
    return queries.portal(account, terms) if terms else ""


def sync(account: ProviderAccount, *, now: datetime) -> int:
    """Ask the provider for its senders, keep what it says and map where the names agree.

    Returns how many it listed. Raises the provider's error family; then nothing was changed.
    """
    listed = registry.of(account).list_issuers()
    with transaction.atomic(durable=True):
        ProviderAccount.objects.select_for_update().get(pk=account.pk)
        for remote in listed:
            _keep(account, remote, now)
        _mark_gone(account, listed, now)
        _map_by_name(account)
    return len(listed)


def _keep(account: ProviderAccount, remote: RemoteIssuer, now: datetime) -> None:
    """Store a listed sender. One that was entered by hand is the provider's word from now on."""
    said = {
        "name": remote.name[:NAME_LENGTH],
        "status": remote.status[:30],
        "usable": remote.usable,
        "address": remote.address[:200],
        "postcode": remote.postcode[:20],
        "city": remote.city[:100],
        "by_hand": False,
        "seen_at": now,
        "gone_at": None,
    }
    ProviderIssuer.objects.update_or_create(
        account=account, external_id=_same(remote.id), defaults=said
    )


def _mark_gone(account: ProviderAccount, listed: Sequence[RemoteIssuer], now: datetime) -> None:
    """Note what is listed no more; a mapping stays, so that it works again if they return."""
    account.remote_issuers.filter(by_hand=False, gone_at=None).exclude(
        external_id__in=[_same(remote.id) for remote in listed]
    ).update(gone_at=now)


def _map_by_name(account: ProviderAccount) -> None:
    mapped = set(account.remote_issuers.values_list("issuer_id", flat=True)) - {None}
    free = [issuer for issuer in ours(account) if issuer.pk not in mapped]
    waiting = list(account.remote_issuers.filter(issuer=None, gone_at=None))
    for remote in waiting:
        wanted = _plain(remote.name)
        rivals = [each for each in waiting if _plain(each.name) == wanted]
        same = [issuer for issuer in free if _plain(issuer.name) == wanted]
        if len(same) == 1 and len(rivals) == 1:
            remote.issuer = same[0]
            remote.save(update_fields=["issuer"])


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _same(external_id: str) -> str:
    """Write a GUID in its one form, so that the same sender is one row; others stay as they are."""
    try:
        return str(UUID(external_id))
    except ValueError:
        return external_id[:100]


# -------------------------------------------------------------------------------------- by hand
def enter_by_hand(
    account: ProviderAccount, *, external_id: str, name: str, issuer: Issuer | None = None
) -> ProviderIssuer:
    """Keep a sender that a person copied from the provider's portal.

    Raises CannotEnter for an id that is no GUID, an empty name or a sender we know, and CannotMap
    as `map_` does; then nothing is kept.
    """
    given, problems = name.strip(), {}
    found = _guid(external_id)
    if found is None:
        problems["external_id"] = (
            _(
                'The id "%s" is not a GUID. Copy it from the portal: 32 digits and letters a to f, '
                "like 0f6d9c3a-51b7-4e0e-9c42-8a7be1d2f530."
            )
            % external_id.strip()
        )
    if not given or len(given) > NAME_LENGTH:
        problems["name"] = _("Give the name that the payer sees, at most %d characters.") % (
            NAME_LENGTH
        )
    if problems or found is None:
        raise CannotEnter(problems)
    with transaction.atomic(durable=True):
        ProviderAccount.objects.select_for_update().get(pk=account.pk)
        known = account.remote_issuers.filter(external_id=str(found)).first()
        if known is not None and known.gone_at is None:
            words = _("The id %(id)s is in the list already, as %(name)s. Map it there.")
            raise CannotEnter({"external_id": words % {"id": found, "name": known.name}})
        made, _new = ProviderIssuer.objects.update_or_create(
            account=account,
            external_id=str(found),
            defaults={"name": given, "usable": True, "by_hand": True, "gone_at": None},
        )
        _map(made, issuer)
    return made


def _guid(typed: str) -> UUID | None:
    """Read a GUID as portals show it: hyphens, braces and case are free."""
    try:
        found = UUID(typed.strip())
    except ValueError:
        return None
    return found if found.int else None


def map_(remote: ProviderIssuer, issuer: Issuer | None) -> None:
    """Let a sender stand for one of our issuers, or for none.

    Raises CannotMap when the account does not serve the issuer, or when another sender stands
    for it.
    """
    with transaction.atomic(durable=True):
        ProviderAccount.objects.select_for_update().get(pk=remote.account_id)
        _map(remote, issuer)


def _map(remote: ProviderIssuer, issuer: Issuer | None) -> None:
    if issuer is not None:
        if issuer not in ours(remote.account):
            words = _("%(account)s does not serve %(issuer)s. Choose it in the account's settings.")
            raise CannotMap(words % {"account": remote.account, "issuer": issuer})
        other = issuer.remote_issuers.filter(account=remote.account).exclude(pk=remote.pk).first()
        if other is not None:
            words = _("%(issuer)s is mapped to %(other)s already. Take that mapping away first.")
            raise CannotMap(words % {"issuer": issuer, "other": other.name})
    remote.issuer = issuer
    remote.save(update_fields=["issuer"])

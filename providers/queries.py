"""What the account pages show. Every query starts from one account or one merchant."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _

from invoicing_site.merchants.models import Merchant
from providers import masking, registry
from providers.contract import Evidence, MalformedDelivery, ProviderError
from providers.forms import settings_form
from providers.models import ProviderAccount, QuotaUse, RejectedDelivery, WebhookDelivery

SHOWN = 25
KEPT_DAYS = timedelta(days=30)
TONES = {True: ("good", "check"), False: ("bad", "x-mark"), None: ("", "minus")}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist with its look."""

    label: Any
    proof: Any
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A webhook registration at the provider. `pk` is ours, or None for a stranger's."""

    id: str
    url: str
    events: tuple[str, ...]
    pk: int | None


def accounts_of(merchant: Merchant) -> QuerySet[ProviderAccount]:
    """Return a merchant's accounts with what waits at each. One query."""
    waiting = Q(deliveries__processed_at=None, deliveries__isnull=False)
    return (
        merchant.provider_accounts.filter(provider__in=registry.classes())
        .annotate(
            waiting=Count("deliveries", filter=waiting), last_heard=Max("deliveries__received_at")
        )
        .prefetch_related("issuers")
    )


def steps(evidence: list[Evidence]) -> list[Step]:
    """Give each piece of evidence its tone and icon."""
    return [Step(each.label, each.proof, *TONES[each.ok]) for each in evidence]


def readiness(account: ProviderAccount) -> tuple[int, int]:
    """Return how many steps of the checklist are done, and how many there are."""
    found = registry.of(account).checklist()
    return sum(1 for each in found if each.ok), len(found)


def shown_settings(account: ProviderAccount) -> list[tuple[Any, str]]:
    """Return label and value of each open setting, in the words of the provider's form."""
    form = settings_form(account)
    return [
        (field.label, _in_words(field, account.settings.get(name)))
        for name, field in form.fields.items()
        if name not in form.credential_names
    ]


def shown_credentials(account: ProviderAccount) -> list[tuple[Any, str, bool]]:
    """Return label, value and whether it is secret, of each credential."""
    form = settings_form(account)
    return [
        (form.fields[name].label, account.credentials.get(name, ""), name in form.secret_names)
        for name in form.credential_names
    ]


def _in_words(field: forms.Field, value: Any) -> str:
    if isinstance(field, forms.BooleanField):
        return _("yes") if value else _("no")
    if isinstance(field, forms.ChoiceField):
        choices: dict[Any, Any] = dict(field.choices)  # type: ignore[arg-type]
        return str(choices.get(value, value or "-"))
    return "-" if value in (None, "") else str(value)


def listed_webhooks(account: ProviderAccount) -> list[Listed]:
    """Ask the provider for its registrations and mark ours. Raises the provider error family."""
    ours = dict(account.registrations.filter(removed_at=None).values_list("provider_id", "pk"))
    return [
        # A stranger's address may carry a stranger's token.
        Listed(each.id, masking.text(each.url), each.events, ours.get(each.id))
        for each in registry.of(account).list_webhooks()
    ]


def kept_webhooks(account: ProviderAccount) -> list[Listed]:
    """Return what we registered, as we remember it, for when the provider is not asked."""
    return [
        Listed(each.provider_id, masking.text(each.url), (), each.pk)
        for each in account.registrations.filter(removed_at=None).order_by("pk")
    ]


def limits(account: ProviderAccount, today: date) -> list[QuotaUse]:
    """Return the daily limits in use since yesterday, the fullest first: midnight is the
    provider's, not ours."""
    recent = account.quota_uses.filter(day__gte=today - timedelta(days=1), used__gt=0)
    return list(recent.order_by("-day", "-used", "scope")[:10])


def deliveries(account: ProviderAccount) -> list[WebhookDelivery]:
    """Return the last deliveries, those that wait first."""
    found = account.deliveries.defer("body")
    waiting = list(found.filter(processed_at=None)[:SHOWN])
    return waiting + list(found.exclude(processed_at=None)[: max(SHOWN - len(waiting), 5)])


def rejections(account: ProviderAccount, today: date) -> list[RejectedDelivery]:
    """Return the counters of refused deliveries of the last thirty days, newest first."""
    recent = account.rejections.filter(day__gte=today - KEPT_DAYS)
    return list(recent.order_by("-day", "reason")[:SHOWN])


def masked_body(delivery: WebhookDelivery) -> str:
    """Return a delivery's body as indented JSON, secrets and phone numbers masked."""
    body = bytes(delivery.body)
    try:
        return json.dumps(masking.payload(json.loads(body)), indent=2, ensure_ascii=False)
    except ValueError:
        return masking.text(body.decode("utf-8", "replace"))


def told(delivery: WebhookDelivery) -> list[Any]:
    """Return the facts that the adapter reads from a delivery; none when it cannot."""
    try:
        return list(registry.of(delivery.account).parse(bytes(delivery.body)))
    except MalformedDelivery:
        return []


def problem_words(error: ProviderError) -> str:
    """Put a provider's failure in our words, with what to do."""
    return " ".join(str(part) for part in (error.meaning or _plain(error), error.remedy) if part)


def _plain(error: ProviderError) -> str:
    return masking.text(str(error))

"""What becomes of a merchant's consent: given, renewed, declined, lost, withdrawn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import translation

from providers import accounts
from providers.consents import telling, words
from providers.contract import NotAuthorised
from providers.models import MerchantConsent, ProviderAccount

if TYPE_CHECKING:
    from invoicing_site.merchants.models import User
    from providers.consents.exchange import Tokens

State = MerchantConsent.State
_ENDED: dict[str, Any] = {
    "answer": None,
    "access_expires_at": None,
    "refresh_expires_at": None,
    "lease": "",
    "lease_until": None,
}


def give(
    account: ProviderAccount,
    tokens: Tokens,
    *,
    subject: str,
    scopes: Iterable[str],
    by: User,
    home: str,
    lifetime: timedelta,
    now: datetime,
) -> MerchantConsent:
    """Store a new grant in place of whatever was there.

    The merchant it is for is asked for anew, and compared with the one of the grant before.
    """
    with transaction.atomic(durable=True):
        consent, _new = MerchantConsent.objects.select_for_update().get_or_create(
            account=account, defaults={"state": State.GRANTED}
        )
        consent.state, consent.subject, consent.scopes = State.GRANTED, subject, " ".join(scopes)
        consent.tokens = _kept(consent) | {
            "access": tokens.access, "refresh": tokens.refresh, "home": home,
        }  # fmt: skip
        consent.remote_merchant, consent.answer = "", None
        consent.access_expires_at = now + timedelta(seconds=tokens.lifetime)
        consent.refresh_expires_at = now + lifetime
        consent.generation += 1
        consent.lease, consent.lease_until = "", None
        consent.granted_at, consent.granted_by = now, by
        consent.refreshed_at = consent.ended_at = None
        consent.save()
    return consent


def let_go_on(account: ProviderAccount, consent: MerchantConsent) -> bool:
    """Resume an account that was held for want of this consent. Others' pauses stay."""
    held = ProviderAccount.objects.filter(
        pk=account.pk,
        paused_at__isnull=False,
        paused_reason__in=[each for each in (consent.failure, *_healed()) if each],
    )
    if not held.exists():
        return False
    accounts.resume(account_id=account.pk)
    return True


def _healed() -> list[str]:
    """Return what an account is held for and a new consent puts right, in every language.

    Most are held by workers, but some by who waits on a page.
    """
    found = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            found += [str(each)[:300] for each in words.HEALED]
    return found


def renew(
    consent: MerchantConsent, tokens: Tokens, *, lifetime: timedelta, received_at: datetime
) -> bool:
    """Put a renewed pair in place of the one that `consent` was read with.

    Returns False when another grant or a withdrawal came first.
    """
    pair = {"access": tokens.access, "refresh": tokens.refresh or consent.tokens["refresh"]}
    return _update(
        consent,
        state=State.GRANTED,
        tokens=consent.tokens | pair,
        answer=None,
        access_expires_at=received_at + timedelta(seconds=tokens.lifetime),
        refresh_expires_at=received_at + lifetime,
        generation=consent.generation + 1,
        lease="",
        lease_until=None,
        refreshed_at=received_at,
    )


def lose(consent: MerchantConsent, why: str, *, now: datetime, keep_answer: bool = False) -> bool:
    """Note that a new consent is needed, hold what is queued to the account, tell the owners.

    Returns False, and does nothing, when another grant came first, or with `keep_answer` when
    an answer waits that was not seen before.
    """
    rows = MerchantConsent.objects.filter(answer__isnull=True) if keep_answer else None
    done = _update(
        consent,
        rows=rows,
        state=State.NEEDED,
        tokens=_kept(consent),
        generation=consent.generation + 1,
        failure=why[:300],
        failed_at=now,
        ended_at=now,
        **_ENDED,
    )
    if done:
        accounts.pause(consent.account, reason=why, now=now)
        transaction.on_commit(partial(telling.consent_needed, consent.account, why))
    return done


def decline(account: ProviderAccount, *, now: datetime) -> None:
    """Note that the merchant said no. A consent that still holds is left alone."""
    consent, new = MerchantConsent.objects.get_or_create(
        account=account, defaults={"state": State.DENIED, "ended_at": now}
    )
    if not new and consent.state != State.GRANTED:
        _update(consent, state=State.DENIED, ended_at=now)


def withdraw(consent: MerchantConsent, *, now: datetime) -> None:
    """Forget the tokens, and hold the account until there are others.

    The provider's own page removes the consent there.
    """
    with transaction.atomic(durable=True):
        MerchantConsent.objects.filter(pk=consent.pk).update(
            state=State.WITHDRAWN,
            tokens=_kept(consent),
            generation=consent.generation + 1,
            ended_at=now,
            **_ENDED,
        )
        with translation.override(settings.LANGUAGE_CODE):
            accounts.pause(consent.account, reason=str(words.NO_CONSENT), now=now)


def note_failure(consent: MerchantConsent, why: str, *, now: datetime) -> None:
    """Remember why a renewal failed; the consent itself stands."""
    MerchantConsent.objects.filter(pk=consent.pk, state=State.GRANTED).update(
        failure=why[:300], failed_at=now
    )


def merchant_of(consent: MerchantConsent) -> str:
    """Return the merchant that the account is or was for; "" when it was never told."""
    return consent.remote_merchant or str(consent.tokens.get("merchant", ""))


def other_merchant(*, found: str, known: str) -> NotAuthorised:
    """Return the error for a consent that is another merchant's than the account."""
    names = {"found": found, "known": known}
    why = str(words.OTHER_MERCHANT) % names
    remedy = str(words.OTHER_MERCHANT_REMEDY) % names
    return NotAuthorised(why, code="other merchant", meaning=why, remedy=remedy)


def _kept(consent: MerchantConsent) -> dict[str, str]:
    """Return what outlives the tokens: which merchant the account was for."""
    known = merchant_of(consent)
    return {"merchant": known} if known else {}


def _update(consent: MerchantConsent, *, rows: Any = None, **values: Any) -> bool:
    """Write only over the generation that was read, in one statement."""
    found = (MerchantConsent.objects if rows is None else rows).filter(
        pk=consent.pk, generation=consent.generation
    )
    return bool(found.exclude(state=State.WITHDRAWN).update(**values))

"""Renewing a token pair: one worker at a time, and no answer lost.

A refresh token works once. So the worker that renews holds a lease, writes the answer down as it
came before it looks at it, and whoever comes after a crash takes that answer up.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from providers.consents import discovery, exchange, grants, idtokens, words
from providers.contract import (
    NotAuthorised,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
)
from providers.models import MerchantConsent

LEAST_LEASE = timedelta(seconds=30)
# Between the end of a call and the answer's row.
_WRITING = timedelta(seconds=5)


def attempt(consent: MerchantConsent) -> str:
    """Renew the pair where nobody else is at it. Returns "" when another is.

    Raises Unavailable when it may be tried again, NotAuthorised when it takes a person.
    """
    if consent.lease_until and consent.lease_until >= timezone.now():
        return ""
    # Before the lease: it must not run out while this is fetched.
    where = _where(consent)
    lease = take_lease(consent)
    return renew(consent, lease, where) if lease else ""


def _where(consent: MerchantConsent) -> str:
    if consent.answer is not None:
        return ""
    try:
        return discovery.endpoints(consent.account).token
    except ProviderError as error:
        grants.note_failure(consent, _said(error), now=timezone.now())
        raise


def take_lease(consent: MerchantConsent) -> str:
    """Become the one worker that renews this generation. Returns "" when another is at it."""
    lease, now = secrets.token_hex(16), timezone.now()
    free = Q(lease="") | Q(lease_until__lt=now)
    taken = MerchantConsent.objects.filter(
        free, pk=consent.pk, generation=consent.generation, state=MerchantConsent.State.GRANTED
    ).update(lease=lease, lease_until=_until(now))
    return lease if taken else ""


def renew(consent: MerchantConsent, lease: str, where: str) -> str:
    """Renew the pair, or finish what a crashed worker began. Returns the new access token."""
    try:
        _reread(consent, lease)
        if consent.answer is None:
            _fetch(consent, lease, where)
        return _take_up(consent)
    except Unavailable as error:
        grants.note_failure(consent, _said(error), now=timezone.now())
        raise
    finally:
        MerchantConsent.objects.filter(pk=consent.pk, lease=lease).update(
            lease="", lease_until=None
        )


def _reread(consent: MerchantConsent, lease: str) -> None:
    account = consent.account
    consent.refresh_from_db()
    consent.account = account
    if consent.lease != lease:
        raise _overtaken()


def _fetch(consent: MerchantConsent, lease: str, where: str) -> None:
    """Get an answer and write it down before anything is made of it."""
    body = _ask(consent, lease, where)
    consent.answer = {"received_at": timezone.now().isoformat(), "body": dict(body)}
    stored = MerchantConsent.objects.filter(
        pk=consent.pk, generation=consent.generation, state=MerchantConsent.State.GRANTED
    ).update(answer=consent.answer)
    if not stored:
        raise _overtaken()


def _ask(consent: MerchantConsent, lease: str, where: str) -> Mapping[str, Any]:
    try:
        return _ask_twice(consent, lease, where)
    except Refused as error:
        if error.code != "invalid_grant":
            raise _needs_a_person(consent, error) from error
        why = str(words.REVOKED)
        if not grants.lose(consent, why, now=timezone.now(), keep_answer=True):
            raise _overtaken() from error
        raise not_authorised(why) from error
    except NotAuthorised as error:
        grants.note_failure(consent, _said(error), now=timezone.now())
        raise


def _ask_twice(consent: MerchantConsent, lease: str, where: str) -> Mapping[str, Any]:
    """Ask, and once more with the same token where the answer was lost."""
    try:
        return _ask_once(consent, lease, where)
    except OutcomeUnknown:
        pass
    try:
        return _ask_once(consent, lease, where)
    except OutcomeUnknown as error:
        raise Unavailable(str(error), code=error.code or "lost", meaning=words.LOST) from error


def _ask_once(consent: MerchantConsent, lease: str, where: str) -> Mapping[str, Any]:
    """Ask for as long as a fresh lease lasts: the token leaves only while it is ours to use."""
    if not _extend(consent, lease):
        raise _overtaken()
    grant = {"grant_type": "refresh_token", "refresh_token": str(consent.tokens["refresh"])}
    return exchange.ask(consent.account, grant, where=where)


def _take_up(consent: MerchantConsent) -> str:
    """Check the answer that is written down, and put its pair in place."""
    received_at = datetime.fromisoformat(consent.answer["received_at"])
    try:
        tokens = exchange.read(consent.answer["body"])
        _check_id_token(consent, tokens, received_at)
    except (Refused, idtokens.Refused) as error:
        # The old refresh token is used up and the new one is not to be trusted.
        why = _why(error)
        grants.lose(consent, why, now=timezone.now())
        raise not_authorised(why) from error
    lifetime = discovery.terms_of(consent.account).refresh_lifetime
    if not grants.renew(consent, tokens, lifetime=lifetime, received_at=received_at):
        raise _overtaken()
    return tokens.access


def _check_id_token(
    consent: MerchantConsent, tokens: exchange.Tokens, received_at: datetime
) -> None:
    """OpenID lets a refresh answer come without an id token; one that comes must be right."""
    if not tokens.id_token:
        return
    # Judged as of when it came: a crash may lie between.
    wanted = idtokens.expected(consent.account, now=received_at, subject=consent.subject)
    idtokens.back_channel(consent.account, tokens.id_token, wanted, access_token=tokens.access)


def _extend(consent: MerchantConsent, lease: str) -> bool:
    return bool(
        MerchantConsent.objects.filter(pk=consent.pk, lease=lease).update(
            lease_until=_until(timezone.now())
        )
    )


def _until(now: datetime) -> datetime:
    """A lease outlives the longest call: two workers with one refresh token would burn it."""
    return now + max(LEAST_LEASE, timedelta(seconds=settings.PROVIDER_DEADLINE) + _WRITING)


def not_authorised(why: str) -> NotAuthorised:
    """Return the error for an account whose consent does not hold."""
    return NotAuthorised(why, code="consent", meaning=why, remedy=words.ASK_AGAIN)


def _needs_a_person(consent: MerchantConsent, error: Refused) -> NotAuthorised:
    why = _("The provider refuses to renew the token: %(code)s.") % {"code": error.code}
    grants.note_failure(consent, why, now=timezone.now())
    return NotAuthorised(str(error), code=error.code, meaning=why, status=error.status)


def _why(error: Refused | idtokens.Refused) -> str:
    if isinstance(error, idtokens.Refused):
        return words.id_token_refused(error.reason)
    return str(words.BAD_ANSWER)


def _said(error: ProviderError) -> str:
    return str(error.meaning or error)


def _overtaken() -> Unavailable:
    return Unavailable("The consent changed meanwhile.", retry_after=1, meaning=words.CHANGED)

"""Telling a merchant's owners that a consent is needed anew."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from invoicing_site.merchants.models import Role, User

if TYPE_CHECKING:
    from providers.models import ProviderAccount

logger = logging.getLogger(__name__)


def consent_needed(account: ProviderAccount, why: str) -> int:
    """Write to every owner, in their language. Returns how many mails the server took."""
    owners = User.objects.filter(
        memberships__merchant=account.merchant_id, memberships__role=Role.OWNER, is_active=True
    )
    return sum(_tell(owner, account, why) for owner in owners)


def _tell(owner: User, account: ProviderAccount, why: str) -> bool:
    path = reverse("consent-start", args=[account.merchant.slug, account.pk])
    try:
        with translation.override(owner.language):
            subject = _("%(account)s: a new consent is needed") % {"account": account.name}
            body = _(
                "%(why)s\n\n"
                "What is queued to this account waits, and none of it is lost. It goes on when "
                "you give the consent again:\n%(url)s\n"
            ) % {"why": why, "url": f"{settings.PUBLIC_URL}{path}"}
            return bool(send_mail(subject, body, None, [owner.email]))
    except (OSError, SMTPException):
        # The account's page says it as well.
        logger.exception("Owner %s was not told about account %s.", owner.pk, account.pk)
        return False

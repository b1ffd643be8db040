"""The email that lets a new member set a password, by the token of password resets."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.http import HttpRequest
from django.utils import translation

from invoicing_site.merchants.models import Membership

log = logging.getLogger(__name__)


def send(request: HttpRequest, membership: Membership) -> bool:
    """Send the link in the person's language. Returns whether the mail server took it.

    The token dies when a password is set, and after PASSWORD_RESET_TIMEOUT.
    """
    user, adapter = membership.user, get_adapter(request)
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    context = {
        "user": user,
        "merchant": membership.merchant,
        "by": request.user,
        "password_reset_url": adapter.get_reset_password_from_key_url(key),
    }
    try:
        with translation.override(user.language):
            adapter.send_mail("account/email/invitation", user.email, context)
    except (OSError, SMTPException):
        log.exception("The invitation of membership %s was not sent.", membership.pk)
        return False
    return True

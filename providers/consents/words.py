"""What people are told about a consent: why it was refused, why it is needed anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

ASK_AGAIN = _("An owner gives it on the account's page, under Consent.")
NO_CONSENT = _("The merchant has not consented that we send for it.")
DENIED = _("Not granted: the consent was declined at the provider.")
REVOKED = _("The provider ended the consent: it was removed there, or has run out.")
REFUSED_TOKEN = _("The provider refuses a token that it has just given: the consent is gone there.")
MOVED = _("The consent was given for another address or environment of this account.")
NO_TERMS = _("This provider asks for no consent.")
BUSY = _("Another worker is renewing the provider's token and has not finished.")
KEYS_REFUSED = _("The provider refuses the client id or the client secret.")
CHECK_KEYS = _("Compare them with the provider's letter under Settings and keys.")
NOT_ALLOWED = _("The provider knows this client but does not let it ask for tokens.")
ASK_SUPPORT = _("Ask the provider's support whether product and way back are set up for it.")
NO_KEYS = _("The client id or the client secret is missing.")
LOST = _("The provider gave no answer when the token was to be renewed. It is tried again.")
CHANGED = _("The consent was changed while the token was being renewed.")
BAD_ANSWER = _("The provider's answer about tokens cannot be read.")
OTHER_MERCHANT = _(
    "The consent is merchant %(found)s's, but this account sends for merchant %(known)s."
)
OTHER_MERCHANT_REMEDY = _(
    "Ask an administrator of merchant %(known)s to consent, or add an account for %(found)s."
)

# What a new consent puts right: it also proves keys and address.
HEALED = (NO_CONSENT, MOVED, KEYS_REFUSED, NOT_ALLOWED, NO_KEYS)

# Why an id token was refused, by the reason that `idtokens.Refused` carries.
ID_TOKEN: dict[str, _StrOrPromise] = {
    "unreadable": _("it cannot be read"),
    "signature": _("its signature is not the provider's"),
    "key": _("it is signed with a key that the provider does not publish"),
    "algorithm": _("it is not signed with RS256"),
    "iss": _("another issuer made it"),
    "aud": _("it is meant for another client"),
    "azp": _("it is meant for another client"),
    "exp": _("it has run out"),
    "nbf": _("it is not valid yet"),
    "iat": _("it is dated in the future"),
    "nonce": _("it does not belong to this attempt (nonce)"),
    "c_hash": _("it does not belong to the code (c_hash)"),
    "at_hash": _("it does not belong to the access token (at_hash)"),
    "sub": _("it names another user than before"),
    "missing": _("a required statement is missing"),
}

# Why a way back from the consent screen was refused.
RETURN: dict[str, _StrOrPromise] = {
    "state": _("It belongs to no attempt of ours. Start again on the account's page."),
    "used": _("It was used already. Start again on the account's page."),
    "late": _("More than ten minutes have passed. Start again on the account's page."),
    "browser": _("It came from another browser. Start again there where you are signed in."),
    "code": _("The provider sent no code. Start again on the account's page."),
    "redeemed": _("The provider does not take its code any more. Start again."),
    "no answer": _("The provider gave no answer to its code. Start again."),
    "scopes": _("The provider granted less than we need: %(missing)s is missing."),
    "failed": _("The provider reports an error: %(error)s."),
    "owner": _("The person who started it may not set up this account any more."),
    "moved": _("The account's address was changed meanwhile. Start again."),
}


def id_token_refused(reason: str) -> str:
    """Say why an id token was refused."""
    why = ID_TOKEN.get(reason, ID_TOKEN["unreadable"])
    return _("The provider's id token was refused: %(why)s.") % {"why": why}

"""Where money is paid to: account numbers, compacted and held to their check digits."""

from __future__ import annotations

import stdnum.bic
import stdnum.iban
import stdnum.no.kontonr
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum.exceptions import ValidationError as NumberError


def bank_account(value: str, country: str) -> str:
    """Return the compact account number; Norwegian ones have a check digit, others pass.

    Raises ValidationError naming the value and an example of the right form.
    """
    value = value.strip()
    if not value or country != "NO":
        return value
    try:
        return str(stdnum.no.kontonr.validate(value))
    except NumberError as error:
        raise ValidationError(
            _(
                "“%(value)s” is not a Norwegian account number: its check digit or length is "
                "wrong. Copy the eleven digits from the bank, like 8601 11 17947."
            ),
            params={"value": value},
            code="bank_account",
        ) from error


def iban(value: str) -> str:
    """Return the compact IBAN; blank passes.

    Raises ValidationError naming the value and what to do.
    """
    value = value.strip()
    if not value:
        return value
    try:
        return str(stdnum.iban.validate(value))
    except NumberError as error:
        raise ValidationError(
            _(
                "“%(value)s” is not an IBAN: its check digits or length are wrong. "
                "Copy it from the bank, like NO93 8601 1117 947."
            ),
            params={"value": value},
            code="iban",
        ) from error


def bic(value: str) -> str:
    """Return the BIC in capitals; blank passes.

    Raises ValidationError naming the value and an example of the right form.
    """
    value = value.strip()
    if not value:
        return value
    try:
        return str(stdnum.bic.validate(value))
    except NumberError as error:
        raise ValidationError(
            _("“%(value)s” is not a BIC. It has eight or eleven characters, like DNBANOKK."),
            params={"value": value},
            code="bic",
        ) from error

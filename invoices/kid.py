"""KID, the Norwegian payment reference: digits whose last is a check digit.

Our own are fixed in width: five digits of the issuer, one filler, nine digits of the invoice's
number in the series, and the check digit. So two issuers that share a bank account never clash.
"""

from __future__ import annotations

import re

import stdnum.luhn
from django.utils.translation import gettext as _

from invoicing_site.merchants.models import Issuer
from providers.contract import Problem

MOD10 = Issuer.KidAlgorithm.MOD10
MOD11 = Issuer.KidAlgorithm.MOD11
SHORTEST, LONGEST = 2, 25
_FORM = re.compile(r"[0-9]+-?", re.ASCII)


def make(*, algorithm: str, issuer_id: int, value: int) -> str:
    """Return the KID of the invoice with this number in the issuer's series.

    Banks' forms reject the "-" that MOD11 may end in, so the filler steps until it does not.
    """
    for filler in range(10):
        payload = f"{issuer_id:05d}{filler}{value:09d}"
        digit = check_digit(payload, algorithm)
        if digit != "-":
            return payload + digit
    raise AssertionError("Neighbouring fillers cannot all give the same remainder.")


def check_digit(payload: str, algorithm: str) -> str:
    """Return the digit that ends a KID with this payload; MOD11 may give "-"."""
    if algorithm == MOD10:
        return str(stdnum.luhn.calc_check_digit(payload))
    weighted = sum(int(digit) * (2 + i % 6) for i, digit in enumerate(reversed(payload)))
    digit = (11 - weighted % 11) % 11
    return "-" if digit == 10 else str(digit)


def compact(kid: str) -> str:
    """Return a typed KID without blanks."""
    return "".join(kid.split())


def check(kid: str, algorithm: str, *, field: str = "kid") -> Problem | None:
    """Return None for a right KID, else what is wrong with it.

    `algorithm` is the issuer's agreement; where there is none, either check digit will do.
    """
    kid = compact(kid)
    if not _FORM.fullmatch(kid) or not SHORTEST <= len(kid) <= LONGEST:
        return Problem(
            field=field,
            code="kid",
            rule=_("“%(kid)s” is not a KID: it is %(shortest)s to %(longest)s digits.")
            % {"kid": kid[:60], "shortest": SHORTEST, "longest": LONGEST},
            remedy=_("Correct the digits, or leave the field empty."),
        )
    wanted = {name: check_digit(kid[:-1], name) for name in _algorithms(algorithm)}
    if kid[-1] in wanted.values():
        return None
    return Problem(
        field=field,
        code="kid",
        rule=_("The check digit of KID %(kid)s is wrong: it should end in %(digits)s.")
        % {"kid": kid, "digits": _named(wanted)},
        remedy=_("Compare it with the source, or leave the field empty."),
    )


def _algorithms(algorithm: str) -> tuple[str, ...]:
    return (algorithm,) if algorithm else (MOD10, MOD11)


def _named(wanted: dict[str, str]) -> str:
    return ", ".join(f"{digit} ({name.upper()})" for name, digit in wanted.items())

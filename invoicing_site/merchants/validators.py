"""Identifiers of the four countries, compacted and held to their check digits."""

from __future__ import annotations

from types import ModuleType

import stdnum.dk.cvr
import stdnum.eu.vat
import stdnum.fi.alv
import stdnum.fi.ytunnus
import stdnum.no.kontonr
import stdnum.no.mva
import stdnum.no.orgnr
import stdnum.se.orgnr
import stdnum.se.vat
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum.exceptions import ValidationError as NumberError

_ORG: dict[str, tuple[ModuleType, str]] = {
    "NO": (stdnum.no.orgnr, "923 609 016"),
    "DK": (stdnum.dk.cvr, "13748136"),
    "FI": (stdnum.fi.ytunnus, "2077474-0"),
    "SE": (stdnum.se.orgnr, "556036-0793"),
}
_VAT: dict[str, tuple[ModuleType, str]] = {
    "NO": (stdnum.no.mva, "NO 923 609 016 MVA"),
    "DK": (stdnum.dk.cvr, "DK 13748136"),
    "FI": (stdnum.fi.alv, "FI 20774740"),
    "SE": (stdnum.se.vat, "SE 556036079301"),
}


def org_number(value: str, country: str) -> str:
    """Return the compact organisation number; blank and unknown countries pass as they are.

    Raises ValidationError naming the value and an example of the right form.
    """
    value = value.strip()
    if not value or country not in _ORG:
        return value
    module, example = _ORG[country]
    try:
        return str(module.validate(value))
    except NumberError as error:
        raise ValidationError(
            _(
                "“%(value)s” is not an organisation number in %(country)s: its check digit or "
                "length is wrong. Write it like %(example)s."
            ),
            params={"value": value, "country": country, "example": example},
            code="org_number",
        ) from error


def vat_number(value: str, country: str) -> str:
    """Return the compact VAT number with its country prefix; blank passes.

    Raises ValidationError naming the value and an example of the right form.
    """
    value = value.strip().upper()
    if not value:
        return value
    try:
        if country in _VAT:
            return _with_prefix(str(_VAT[country][0].validate(value)), country)
        return str(stdnum.eu.vat.validate(value))
    except NumberError as error:
        raise ValidationError(
            _(
                "“%(value)s” is not a VAT number in %(country)s: its check digit or length is "
                "wrong. Write it like %(example)s."
            ),
            params={
                "value": value,
                "country": country,
                "example": _VAT.get(country, (None, "DE 136695976"))[1],
            },
            code="vat_number",
        ) from error


def _with_prefix(compact: str, country: str) -> str:
    prefixed = compact if compact.startswith(country) else country + compact
    # stdnum compacts the Norwegian suffix away or keeps it, by version; print it always.
    return prefixed if country != "NO" or prefixed.endswith("MVA") else prefixed + "MVA"

"""Figures, dates and codes as a reader of one language writes them.

Figures are written by `invoices.numbers`, as everywhere; Babel knows dates and countries, and is
asked once for each.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import phonenumbers
from babel import Locale
from babel.dates import format_date
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from invoices.numbers import format_amount, format_percent, format_quantity
from providers.contract import VatCategory

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise, _StrPromise

LANGUAGES = ("en", "nb", "da", "sv", "fi")
_SAME_LANGUAGE = {"no": "nb", "nn": "nb"}
# British dates: "21 November 2026" cannot be misread as a Nordic day and month.
_LOCALES = {"en": "en_GB", "nb": "nb_NO", "da": "da_DK", "sv": "sv_SE", "fi": "fi_FI"}

# UN/ECE Recommendation 20, the ones that small sellers use; other codes are shown as they are.
UNITS: dict[str, _StrOrPromise] = {
    "C62": pgettext_lazy("unit", "pcs"),
    "H87": pgettext_lazy("unit", "pcs"),
    "EA": pgettext_lazy("unit", "pcs"),
    "SET": pgettext_lazy("unit", "set"),
    "PR": pgettext_lazy("unit", "pair"),
    "XPK": pgettext_lazy("unit", "pack"),
    "XBX": pgettext_lazy("unit", "box"),
    "LS": pgettext_lazy("unit", "lump sum"),
    "MIN": "min",
    "HUR": pgettext_lazy("unit", "hours"),
    "DAY": pgettext_lazy("unit", "days"),
    "WEE": pgettext_lazy("unit", "weeks"),
    "MON": pgettext_lazy("unit", "months"),
    "ANN": pgettext_lazy("unit", "years"),
    "GRM": "g",
    "KGM": "kg",
    "TNE": "t",
    "MLT": "ml",
    "LTR": "l",
    "MMT": "mm",
    "CMT": "cm",
    "MTR": "m",
    "KMT": "km",
    "MTK": "m²",
    "MTQ": "m³",
    "KWH": "kWh",
    "P1": "%",
}

VAT_WORDS: dict[str, _StrPromise] = {
    VatCategory.STANDARD: _("VAT"),
    VatCategory.ZERO: _("Zero rated"),
    VatCategory.EXEMPT: _("Exempt from VAT"),
    VatCategory.REVERSE_CHARGE: _("Reverse charge"),
    VatCategory.EXPORT: _("Export, no VAT"),
    VatCategory.INTRA_COMMUNITY: _("Intra-community supply, no VAT"),
    VatCategory.OUTSIDE: _("Outside VAT"),
}

# What a country's registry calls its own numbers; names, so never translated.
ORG_NUMBER_NAMES = {"NO": "Org.nr.", "DK": "CVR-nr.", "SE": "Org.nr", "FI": "Y-tunnus"}


def language(code: str) -> str:
    """Return the nearest language we speak: `no` is `nb`, `sv-FI` is `sv`, others are `en`."""
    base = code.replace("_", "-").split("-")[0].lower()
    base = _SAME_LANGUAGE.get(base, base)
    return base if base in LANGUAGES else "en"


@lru_cache(maxsize=32)
def locale(code: str) -> Locale:
    return Locale.parse(_LOCALES[language(code)])


def amount(value: Decimal, code: str) -> str:
    """Write money or a unit price: at least two decimals, never rounded: `1 234,50`."""
    return format_amount(value, code)


def number(value: Decimal, code: str) -> str:
    """Write a quantity without trailing zeros: `1,5`."""
    return format_quantity(value, code)


def percent(value: Decimal, code: str) -> str:
    """Write a rate: `25 %`; English writes it close: `25%`."""
    return format_percent(value, code)


@lru_cache(maxsize=4096)
def day(value: date, code: str) -> str:
    """Format a date with the month in words: `21. november 2026`."""
    text: str = format_date(value, format="long", locale=locale(code))
    return text


def moment(value: datetime, code: str) -> str:
    """Format an instant as its date on the clock it is given in."""
    return day(value.date(), code)


@lru_cache(maxsize=1024)
def country(iso: str, code: str) -> str:
    """Return a country's name, or the code itself when nobody knows it."""
    name: str = locale(code).territories.get(iso.upper(), iso)
    return name


def unit(code: str) -> str:
    """Return a unit's name in the active language, or the code itself."""
    return str(UNITS.get(code, code))


def in_groups(digits: str, size: int) -> str:
    """Part a number for reading: `NO93 8601 1117 947`."""
    return " ".join(digits[start : start + size] for start in range(0, len(digits), size))


def bank_account(account: str) -> str:
    """Write a Norwegian account as its bank does: `8601.11.17947`; others as given."""
    compact = account.replace(".", "").replace(" ", "")
    if len(compact) == 11 and compact.isdigit():
        return f"{compact[:4]}.{compact[4:6]}.{compact[6:]}"
    return account


def org_number(digits: str, iso: str) -> str:
    """Part an organisation number as its registry writes it."""
    if iso == "NO" and len(digits) == 9:
        return in_groups(digits, 3)
    if iso == "SE" and len(digits) == 10:
        return f"{digits[:6]}-{digits[6:]}"
    return digits


@lru_cache(maxsize=1024)
def phone(e164: str) -> str:
    """Part a phone number as it is read aloud: `+47 22 00 00 00`; as given when it is none."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    international: str = phonenumbers.format_number(
        number, phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    return international

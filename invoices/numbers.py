"""Numbers as people write them: read in their own notation, and written back in it.

What is a separator is told by the text where the text tells: the last of two kinds is the
decimal sign, a kind that comes twice groups, three digits after a single sign may be either.
Only that last case asks for the language: "1.234" is 1234 in Norwegian and Danish, 1.234 in
English; Swedish and Finnish group by blanks only, so there it is refused with both readings.
"""

from __future__ import annotations

import re
from decimal import Decimal

from django.utils.translation import gettext as _

# What groups thousands and what begins decimals when written.
_WRITTEN = {
    "en": (",", "."),
    "nb": ("\u202f", ","),
    "da": (".", ","),
    "sv": ("\u202f", ","),
    "fi": ("\u202f", ","),
}
# What a single sign before three digits means when read.
_GROUPS_BY = {"en": ",", "nb": ".", "da": "."}
_DECIMAL = {language: decimal for language, (_group, decimal) in _WRITTEN.items()}
_BLANKS = " \u00a0\u202f\u2009'\u2019"
_MINUS = "\u2212"
_LONGEST = 40
_DECORATION = re.compile(
    r"^(?:kr\.?|nok|dkk|sek|eur|€)(?=[^a-z])|(?<=[^a-z])(?:kr\.?|nok|dkk|sek|eur|€|%)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]+(?:[., ][0-9]+)*|[.,][0-9]+", re.ASCII)


class UnreadableNumber(ValueError):
    """What was typed is not a number, or may be two. The message says what to write."""


def parse_decimal(text: str, *, language: str) -> Decimal:
    """Return the number typed by somebody who writes `language`.

    Raises UnreadableNumber when it is none, or may be two different numbers.
    """
    readings = _readings(text)
    if not readings:
        raise UnreadableNumber(
            _("“%(text)s” is not a number. Write it like %(example)s.")
            % {"text": text[:_LONGEST], "example": format_amount(Decimal("1234.50"), language)}
        )
    if len(readings) == 1:
        return next(iter(readings.values()))
    chosen = _by_language(readings, language)
    if chosen is None:
        raise UnreadableNumber(_two_readings(text, readings, language))
    return chosen


def candidates(text: str) -> list[Decimal]:
    """Return every number the text may be, in any notation; for search. Empty when it is none."""
    return list(_readings(text).values())


def format_amount(amount: Decimal, language: str) -> str:
    """Write with two decimals, or as many more as the amount has; never rounds."""
    return _written(amount, language, least=2)


def format_quantity(quantity: Decimal, language: str) -> str:
    """Write without trailing zeros."""
    return _written(quantity, language, least=0)


def format_percent(percent: Decimal, language: str) -> str:
    """Write without trailing zeros and with the sign: "25.5%", "25,5 %"."""
    space = "" if _base(language) == "en" else "\u00a0"
    return f"{_written(percent, language, least=0)}{space}%"


def _base(language: str) -> str:
    short = language.replace("_", "-").split("-")[0].lower()
    short = "nb" if short in {"no", "nn"} else short
    return short if short in _WRITTEN else "en"


def _written(number: Decimal, language: str, *, least: int) -> str:
    group, decimal = _WRITTEN[_base(language)]
    whole, _point, digits = f"{abs(number):f}".partition(".")
    digits = digits.rstrip("0").ljust(least, "0")
    text = f"{int(whole):,}".replace(",", group) + (decimal + digits if digits else "")
    return f"{_MINUS}{text}" if number < 0 else text


def _readings(text: str) -> dict[str, Decimal]:
    """The numbers the text may be, by the sign taken as decimal ("" where it has no decimals)."""
    bare = _bare(text)
    if bare is None:
        return {}
    sign, digits = bare
    found = {}
    for decimal in ("", ".", ","):
        plain = _read(digits, decimal)
        if plain is not None:
            found[decimal] = Decimal(sign + plain)
    return found


def _bare(text: str) -> tuple[str, str] | None:
    """Return the sign and the digits with blanks as one kind; None when it is no number."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    text = text.replace(_MINUS, "-").replace("\u2013", "-")
    text = _DECORATION.sub("", text.removesuffix(",-").removesuffix(".-").strip()).strip()
    sign = "-" if text.startswith("-") else ""
    text = text.removeprefix("-" if sign else "+").strip()
    return (sign, text) if _NUMBER.fullmatch(text) else None


def _read(digits: str, decimal: str) -> str | None:
    """Return the plain number with `decimal` as its sign, or None when it cannot be that."""
    if not decimal:
        return _ungrouped(digits)
    if digits.count(decimal) != 1:
        return None
    whole, part = digits.split(decimal)
    if not part.isdigit():
        return None
    plain = _ungrouped(whole) if whole else "0"
    return None if plain is None else f"{plain}.{part}"


def _ungrouped(digits: str) -> str | None:
    """Return whole digits without their grouping, or None when the groups are not of three."""
    signs = {char for char in digits if not char.isdigit()}
    if not signs:
        return digits
    if len(signs) > 1:
        return None
    first, *rest = digits.split(signs.pop())
    well_formed = 1 <= len(first) <= 3 and not first.startswith("0")
    return first + "".join(rest) if well_formed and all(len(r) == 3 for r in rest) else None


def _by_language(readings: dict[str, Decimal], language: str) -> Decimal | None:
    """Only a single sign before three digits gets here: grouping or decimals."""
    short = _base(language)
    sign = "." if "." in readings else ","
    if sign == _DECIMAL[short]:
        return readings[sign]
    return readings[""] if _GROUPS_BY.get(short) == sign else None


def _two_readings(text: str, readings: dict[str, Decimal], language: str) -> str:
    one, other = readings.values()
    return _("“%(text)s” may be %(one)s or %(other)s. Write one of these.") % {
        "text": text,
        "one": format_quantity(one, language),
        "other": format_amount(other, language),
    }

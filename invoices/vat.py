"""VAT rates of the four countries with the days they are in force, and what each category needs.

The day of delivery chooses the rate, not the day of the invoice. A new rate is a new row here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from invoices import numbers
from providers.contract import Problem, VatCategory

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True, slots=True, kw_only=True)
class VatRate:
    """A rate in force from `valid_from` to `valid_to`, both inclusive; None is until further."""

    country: str
    category: VatCategory
    percent: Decimal
    label: _StrOrPromise
    valid_from: date
    valid_to: date | None = None

    def is_in_force(self, on: date) -> bool:
        """Whether a delivery on that day takes this rate."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


# Five years of bookkeeping and a margin. Earlier deliveries are refused, not guessed.
EARLIEST = date(2018, 1, 1)
_STANDARD = pgettext_lazy("VAT rate", "Standard")
_NO_LOW = gettext_lazy("Passenger transport, rooms, culture")
_NO_FOOD = gettext_lazy("Food")
_FI_REDUCED = gettext_lazy("Food, restaurants, transport, medicines, culture")
_SE_MIDDLE = gettext_lazy("Food, restaurants, rooms")
_SE_LOW = gettext_lazy("Books, passenger transport, culture")

# country, percent, label, first day, last day. Sources: Skatteetaten, SKAT, Skatteverket
# (bill 2025/26:55 for food), Vero.
_TAXED: tuple[tuple[str, str, _StrOrPromise, date, date | None], ...] = (
    ("NO", "25", _STANDARD, EARLIEST, None),
    ("NO", "15", _NO_FOOD, EARLIEST, date(2025, 4, 30)),
    ("NO", "15", gettext_lazy("Food, water and sewage"), date(2025, 5, 1), None),
    ("NO", "12", _NO_LOW, EARLIEST, date(2020, 3, 31)),
    ("NO", "6", _NO_LOW, date(2020, 4, 1), date(2021, 9, 30)),
    ("NO", "12", _NO_LOW, date(2021, 10, 1), None),
    ("NO", "11.11", gettext_lazy("Raw fish through sales bodies"), EARLIEST, None),
    ("DK", "25", _STANDARD, EARLIEST, None),
    ("SE", "25", _STANDARD, EARLIEST, None),
    ("SE", "12", _SE_MIDDLE, EARLIEST, date(2026, 3, 31)),
    ("SE", "12", gettext_lazy("Restaurants, rooms"), date(2026, 4, 1), date(2027, 12, 31)),
    ("SE", "12", _SE_MIDDLE, date(2028, 1, 1), None),
    ("SE", "6", _SE_LOW, EARLIEST, date(2026, 3, 31)),
    (
        "SE",
        "6",
        gettext_lazy("Food, books, passenger transport, culture"),
        date(2026, 4, 1),
        date(2027, 12, 31),
    ),
    ("SE", "6", _SE_LOW, date(2028, 1, 1), None),
    ("FI", "24", _STANDARD, EARLIEST, date(2024, 8, 31)),
    ("FI", "25.5", _STANDARD, date(2024, 9, 1), None),
    ("FI", "14", _FI_REDUCED, EARLIEST, date(2025, 12, 31)),
    ("FI", "13.5", _FI_REDUCED, date(2026, 1, 1), None),
    ("FI", "10", gettext_lazy("Newspapers, magazines, public broadcasting"), EARLIEST, None),
)
COUNTRIES = ("NO", "DK", "SE", "FI")
_EU = ("DK", "SE", "FI")
_UNTAXED = (
    VatCategory.ZERO,
    VatCategory.EXEMPT,
    VatCategory.REVERSE_CHARGE,
    VatCategory.EXPORT,
    VatCategory.INTRA_COMMUNITY,
    VatCategory.OUTSIDE,
)


def _table() -> tuple[VatRate, ...]:
    taxed = [
        VatRate(
            country=country,
            category=VatCategory.STANDARD,
            percent=Decimal(percent),
            label=label,
            valid_from=first,
            valid_to=last,
        )
        for country, percent, label, first, last in _TAXED
    ]
    untaxed = [
        VatRate(
            country=country,
            category=category,
            percent=Decimal(0),
            label=category.label,
            valid_from=EARLIEST,
        )
        for country in COUNTRIES
        for category in _UNTAXED
        if category != VatCategory.INTRA_COMMUNITY or country in _EU
    ]
    return (*taxed, *untaxed)


TABLE = _table()


def rates(country: str, on: date) -> tuple[VatRate, ...]:
    """Return what may be charged for a delivery in `country` that day: highest first, then 0 %.

    Unknown countries and days before EARLIEST give an empty tuple.
    """
    found = [rate for rate in TABLE if rate.country == country and rate.is_in_force(on)]
    return tuple(sorted(found, key=lambda rate: -rate.percent))


def check(
    country: str, category: str, rate: Decimal, on: date, *, field: str = "vat_rate"
) -> Problem | None:
    """Return None when the rate may be charged that day, else what is wrong and what may."""
    in_force = rates(country, on)
    if any(known.category == category and known.percent == rate for known in in_force):
        return None
    language = translation.get_language() or "en"
    return Problem(
        field=field,
        code="vat_rate",
        rule=_("VAT of %(rate)s (%(category)s) is not charged in %(country)s on %(day)s.")
        % {
            "rate": numbers.format_percent(rate, language),
            "category": _category_label(category),
            "country": country,
            "day": on.isoformat(),
        },
        remedy=_remedy(in_force, country, language),
    )


def check_together(
    categories: Collection[str], *, seller_vat_number: str, buyer_number: str
) -> list[Problem]:
    """Return what is wrong with the categories of one document taken together.

    `buyer_number` is the buyer's VAT or organisation number. Rules: EN 16931 BR-O-11, BR-S-02,
    BR-AE-02, BR-IC-02.
    """
    return [
        *_outside_alone(categories),
        *_seller_registered(categories, seller_vat_number),
        *_buyer_known(categories, buyer_number),
    ]


def reason(category: str, *, seller_country: str, buyer_country: str, language: str) -> str:
    """Return why no VAT is charged, in `language`, as it must stand on the document.

    Taxed and zero-rated groups have none (BR-S-10, BR-Z-10). Norway prescribes the words for
    domestic reverse charge (bokføringsforskriften § 5-1-1), so they stand in any language.
    """
    text = _REASONS.get(VatCategory(category))
    if text is None:
        return ""
    with translation.override(language):
        words = str(text)
    domestic = (seller_country, buyer_country) == ("NO", "NO")
    if category != VatCategory.REVERSE_CHARGE or not domestic:
        return words
    return NORWEGIAN_REVERSE_CHARGE if language == "nb" else f"{NORWEGIAN_REVERSE_CHARGE} ({words})"


NORWEGIAN_REVERSE_CHARGE = "Omvendt avgiftsplikt - Merverdiavgift ikke beregnet"
_REASONS: dict[VatCategory, _StrOrPromise] = {
    VatCategory.EXEMPT: gettext_lazy("Exempt from VAT"),
    VatCategory.REVERSE_CHARGE: gettext_lazy("Reverse charge: the buyer accounts for the VAT"),
    VatCategory.EXPORT: gettext_lazy("Export: no VAT is charged"),
    VatCategory.INTRA_COMMUNITY: gettext_lazy("Intra-community supply: no VAT is charged"),
    VatCategory.OUTSIDE: gettext_lazy("Outside the scope of VAT"),
}


def _category_label(category: str) -> str:
    return str(VatCategory(category).label) if category in VatCategory.values else category


def _remedy(in_force: Iterable[VatRate], country: str, language: str) -> str:
    known = ", ".join(
        f"{numbers.format_percent(rate.percent, language)} ({rate.label})" for rate in in_force
    )
    if known:
        return _("In force that day: %(rates)s. Choose one of these.") % {"rates": known}
    if country in COUNTRIES:
        return _("Rates are known from %(day)s on. Give a later delivery date.") % {
            "day": EARLIEST.isoformat()
        }
    return _("Rates are known for %(countries)s. Give the issuer one of these countries.") % {
        "countries": ", ".join(COUNTRIES)
    }


def _outside_alone(categories: Collection[str]) -> list[Problem]:
    if VatCategory.OUTSIDE not in categories or len(set(categories)) == 1:
        return []
    return [
        Problem(
            field="lines",
            code="BR-O-11",
            rule=_("Lines outside VAT cannot stand beside lines of another VAT category."),
            remedy=_("Use one category for all lines, or make two invoices."),
        )
    ]


def _seller_registered(categories: Collection[str], seller_vat_number: str) -> list[Problem]:
    if VatCategory.STANDARD not in categories or seller_vat_number:
        return []
    return [
        Problem(
            field="merchant.vat_number",
            code="BR-S-02",
            rule=_("VAT is charged, but the merchant has no VAT number."),
            remedy=_("Add the VAT number in the merchant's settings, or choose Outside VAT."),
        )
    ]


def _buyer_known(categories: Collection[str], buyer_number: str) -> list[Problem]:
    needs = {VatCategory.REVERSE_CHARGE, VatCategory.INTRA_COMMUNITY} & set(categories)
    if not needs or buyer_number:
        return []
    return [
        Problem(
            field="customer.vat_number",
            code="BR-AE-02",
            rule=_("%(category)s needs the customer's VAT or organisation number.")
            % {"category": _category_label(min(needs))},
            remedy=_("Add the number to the customer, or choose another VAT category."),
        )
    ]

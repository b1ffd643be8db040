"""VAT rates in force on the day of delivery, and what categories need."""

from datetime import date
from decimal import Decimal

import pytest

from invoices import vat
from invoices.vat import check, rates
from providers.contract import VatCategory

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("country", "on", "percents"),
    [
        ("NO", TODAY, ["25", "15", "12", "11.11"]),
        ("NO", date(2020, 3, 31), ["25", "15", "12", "11.11"]),
        ("NO", date(2020, 4, 1), ["25", "15", "11.11", "6"]),
        ("NO", date(2021, 9, 30), ["25", "15", "11.11", "6"]),
        ("NO", date(2021, 10, 1), ["25", "15", "12", "11.11"]),
        ("DK", TODAY, ["25"]),
        ("SE", TODAY, ["25", "12", "6"]),
        ("FI", date(2024, 8, 31), ["24", "14", "10"]),
        ("FI", date(2024, 9, 1), ["25.5", "14", "10"]),
        ("FI", date(2025, 12, 31), ["25.5", "14", "10"]),
        ("FI", date(2026, 1, 1), ["25.5", "13.5", "10"]),
        ("NO", date(2017, 12, 31), []),
        ("DE", TODAY, []),
    ],
)
def test_rates_change_on_their_day(country, on, percents):
    taxed = [rate.percent for rate in rates(country, on) if rate.category == VatCategory.STANDARD]

    assert taxed == [Decimal(percent) for percent in percents]


@pytest.mark.parametrize(
    ("on", "percent"),
    [
        (date(2026, 3, 31), "12"),
        (date(2026, 4, 1), "6"),
        (date(2027, 12, 31), "6"),
        (date(2028, 1, 1), "12"),
    ],
)
def test_swedish_food_is_6_for_21_months(on, percent):
    food = [rate.percent for rate in rates("SE", on) if "ood" in str(rate.label)]

    assert food == [Decimal(percent)]


def test_no_two_rates_of_a_country_look_the_same_on_one_day():
    days = {rate.valid_from for rate in vat.TABLE} | {TODAY}
    for country in vat.COUNTRIES:
        for day in days:
            keys = [(rate.category, rate.percent) for rate in rates(country, day)]
            assert len(keys) == len(set(keys))


def test_norway_is_outside_the_union_and_has_no_intra_community_supply():
    assert check("NO", "K", Decimal(0), TODAY) is not None
    assert check("SE", "K", Decimal(0), TODAY) is None


@pytest.mark.parametrize("country", vat.COUNTRIES)
@pytest.mark.parametrize("category", ["Z", "E", "AE", "G", "O"])
def test_untaxed_categories_take_nought_percent_only(country, category):
    assert check(country, category, Decimal("0.000"), TODAY) is None
    assert check(country, category, Decimal(25), TODAY) is not None


def test_wrong_rate_is_named_with_the_day_and_what_is_in_force():
    problem = check("FI", "S", Decimal("14.000"), date(2026, 1, 1), field="lines.1.vat_rate")

    assert problem is not None
    assert problem.field == "lines.1.vat_rate"
    assert problem.rule == "VAT of 14% (Standard) is not charged in FI on 2026-01-01."
    assert problem.remedy.startswith("In force that day: 25.5% (Standard), 13.5% (Food,")
    assert check("FI", "S", Decimal(14), date(2025, 12, 31)) is None


@pytest.mark.parametrize(
    ("country", "on", "remedy"),
    [
        ("NO", date(2017, 1, 1), "Rates are known from 2018-01-01 on. Give a later delivery date."),
        ("DE", TODAY, "Rates are known for NO, DK, SE, FI. "
                      "Give the issuer one of these countries."),
    ],
)  # fmt: skip
def test_where_no_rate_is_known_the_problem_says_so(country, on, remedy):
    problem = check(country, "S", Decimal(25), on)

    assert problem is not None
    assert problem.remedy == remedy


def codes(categories, seller="NO923609016MVA", buyer=""):
    found = vat.check_together(categories, seller_vat_number=seller, buyer_number=buyer)
    return [problem.code for problem in found]


def test_outside_vat_stands_alone():
    """BR-O-11."""
    assert codes(["O", "O"]) == []
    assert codes(["O", "S"]) == ["BR-O-11"]


def test_who_charges_vat_has_a_vat_number():
    """BR-S-02."""
    assert codes(["S"], seller="") == ["BR-S-02"]
    assert codes(["O"], seller="") == []


def test_reverse_charge_needs_the_buyers_number():
    """BR-AE-02."""
    assert codes(["AE"]) == ["BR-AE-02"]
    assert codes(["K"]) == ["BR-AE-02"]
    assert codes(["AE"], buyer="988077917") == []


def words(category, seller="NO", buyer="NO", language="en"):
    return vat.reason(category, seller_country=seller, buyer_country=buyer, language=language)


def test_taxed_and_zero_rated_groups_have_no_reason():
    """BR-S-10, BR-Z-10."""
    assert words("S") == ""
    assert words("Z") == ""


@pytest.mark.parametrize("category", ["E", "AE", "G", "K", "O"])
def test_untaxed_groups_have_a_reason(category):
    """BR-E-10, BR-AE-10, BR-G-10, BR-IC-10, BR-O-10."""
    assert words(category, buyer="SE")


def test_norwegian_reverse_charge_has_the_prescribed_words():
    """Bokføringsforskriften § 5-1-1."""
    prescribed = "Omvendt avgiftsplikt - Merverdiavgift ikke beregnet"

    assert words("AE", language="nb") == prescribed
    assert words("AE", language="en").startswith(f"{prescribed} (")
    assert prescribed not in words("AE", buyer="SE")

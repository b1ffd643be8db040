"""Numbers in the writer's own notation (M1-57)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices import numbers

LANGUAGES = ["en", "nb", "da", "sv", "fi"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234", "1234"),
        ("1234,5", "1234.5"),
        ("1234.50", "1234.50"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1\u202f234\u202f567,50", "1234567.50"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("12'345.60", "12345.60"),
        ("\u22121 234,50", "-1234.50"),
        ("-7", "-7"),
        ("+7", "7"),
        ("0,125", "0.125"),
        ("0.125", "0.125"),
        ("1234.567", "1234.567"),
        ("1 234,567", "1234.567"),
        ("12,000000", "12.000000"),
        (",5", "0.5"),
        ("  42  ", "42"),
        ("250,-", "250"),
        ("kr 1 234,50", "1234.50"),
        ("1 234,50 NOK", "1234.50"),
        ("25 %", "25"),
    ],
)
def test_number_is_read_in_every_notation(text, value, language):
    assert numbers.parse_decimal(text, language=language) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("1.234", "nb", "1234"),
        ("1.234", "da", "1234"),
        ("1.234", "en", "1.234"),
        ("1,234", "en", "1234"),
        ("1,234", "nb", "1.234"),
        ("1,234", "da", "1.234"),
        ("1,234", "sv", "1.234"),
        ("1,234", "fi", "1.234"),
        ("1.234", "nb-no", "1234"),
        ("1.234", "de", "1.234"),
    ],
)
def test_single_sign_before_three_digits_is_read_by_language(text, language, value):
    assert numbers.parse_decimal(text, language=language) == Decimal(value)


@pytest.mark.parametrize("language", ["sv", "fi"])
def test_point_before_three_digits_is_refused_where_blanks_group(language):
    with pytest.raises(numbers.UnreadableNumber) as refusal:
        numbers.parse_decimal("1.234", language=language)

    assert str(refusal.value) == "“1.234” may be 1\u202f234 or 1,234. Write one of these."


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "abc", "12a", "1,23,4", "12 34", "1.2.3", "1,2.3,4", "1 234.567,8", "--1",
     "1e5", "NaN", "Infinity", "0x10", "١٢", "1/2", "9" * 41, "1 234 56", "0,123,456", "kr"],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_an_example(text):
    with pytest.raises(numbers.UnreadableNumber) as refusal:
        numbers.parse_decimal(text, language="nb")

    assert str(refusal.value) == (f"“{text[:40]}” is not a number. Write it like 1\u202f234,50.")
    assert numbers.candidates(text) == []


@pytest.mark.parametrize("language", LANGUAGES)
@given(number=st.decimals(min_value=-(10**10), max_value=10**10, places=2))
def test_written_amount_reads_back(number, language):
    written = numbers.format_amount(number, language)

    assert numbers.parse_decimal(written, language=language) == number


@pytest.mark.parametrize("language", LANGUAGES)
@given(number=st.decimals(min_value=-(10**10), max_value=10**10, places=6))
def test_written_quantity_reads_back(number, language):
    written = numbers.format_quantity(number, language)

    assert numbers.parse_decimal(written, language=language) == number


@given(text=st.text(max_size=60), language=st.sampled_from(LANGUAGES))
def test_any_text_is_read_or_refused(text, language):
    try:
        number = numbers.parse_decimal(text, language=language)
    except numbers.UnreadableNumber:
        return
    assert number in numbers.candidates(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1.234", ["1234", "1.234"]),
        ("1 234,50", ["1234.50"]),
        ("1,234.50", ["1234.50"]),
        ("99", ["99"]),
        ("Kari", []),
    ],
)
def test_candidates_are_every_reading(text, values):
    assert numbers.candidates(text) == [Decimal(value) for value in values]


@pytest.mark.parametrize(
    ("language", "amount", "negative", "quantity", "percent"),
    [
        ("en", "1,234.50", "\u22120.05", "1,234.5", "25.5%"),
        ("nb", "1\u202f234,50", "\u22120,05", "1\u202f234,5", "25,5\u00a0%"),
        ("da", "1.234,50", "\u22120,05", "1.234,5", "25,5\u00a0%"),
        ("sv", "1\u202f234,50", "\u22120,05", "1\u202f234,5", "25,5\u00a0%"),
        ("fi", "1\u202f234,50", "\u22120,05", "1\u202f234,5", "25,5\u00a0%"),
    ],
)
def test_numbers_are_written_as_the_language_does(language, amount, negative, quantity, percent):
    assert numbers.format_amount(Decimal("1234.5"), language) == amount
    assert numbers.format_amount(Decimal("-0.05"), language) == negative
    assert numbers.format_quantity(Decimal("1234.500000"), language) == quantity
    assert numbers.format_percent(Decimal("25.500"), language) == percent


def test_writing_never_rounds_and_never_shows_minus_nought():
    assert numbers.format_amount(Decimal("1.23456"), "en") == "1.23456"
    assert numbers.format_amount(Decimal("-0.00"), "en") == "0.00"
    assert numbers.format_amount(Decimal("1E+3"), "en") == "1,000.00"

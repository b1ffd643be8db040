"""Amounts, phone numbers and times, there and back."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.vipps_mobilepay import wire
from tests.providers import samples


@pytest.mark.parametrize(
    ("amount", "minor"), [("0.01", 1), ("2000.00", 200000), ("20", 2000), ("1E+2", 10000)]
)
def test_amount_becomes_minor_units(amount, minor):
    """V-10."""
    assert wire.minor(Decimal(amount)) == minor


@pytest.mark.parametrize("amount", ["0.001", "1.999", "NaN", "Infinity"])
def test_amount_with_a_third_decimal_is_refused(amount):
    """V-10."""
    with pytest.raises(ValueError, match=amount):
        wire.minor(Decimal(amount))


@given(st.integers(0, 10**11))
def test_minor_units_come_back_unchanged(minor):
    assert wire.minor(wire.major(minor)) == minor


@pytest.mark.parametrize(
    "phone", ["+47 912 34 567", "004791234567", "912 34 567", "+4791234567", "(+47) 91 23 45 67"]
)
def test_phone_is_written_as_digits_with_country_code(phone):
    """V-11."""
    assert wire.msisdn(phone, "NO") == "4791234567"


def test_local_number_belongs_to_the_market():
    assert wire.msisdn("20 12 34 56", "DK") == "4520123456"
    assert wire.msisdn("040 123 4567", "FI") == "358401234567"


@pytest.mark.parametrize("phone", ["", "12", "abc", "+47 912 34 567 x5", "9" * 20, "+"])
def test_phone_that_cannot_be_one_is_refused(phone):
    with pytest.raises(ValueError, match="phone number"):
        wire.msisdn(phone, "NO")


@pytest.mark.parametrize(
    ("shared", "phone"),
    [
        ("4791234567", "+4791234567"),
        ("+4791234567", "+4791234567"),
        (4791234567, "+4791234567"),
        ("4520123456", "+4520123456"),
        ("[Expired]", ""),
        ("", ""),
        (None, ""),
        (True, ""),
        ({}, ""),
    ],
)
def test_shared_number_is_read_or_nothing(shared, phone):
    assert wire.e164(shared) == phone


def test_moment_is_utc_with_seconds():
    """V-19."""
    at = datetime(2023, 9, 15, 2, 0, 0, 987, tzinfo=timezone(timedelta(hours=2)))

    assert wire.moment(at) == "2023-09-15T00:00:00Z"


def test_moment_without_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        wire.moment(datetime(2023, 9, 15))  # noqa: DTZ001 -- naive on purpose


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T11:00:00.1234567Z",
        "2026-11-21T11:00:00.123456Z",
        "2026-11-21T12:00:00.123456+01:00",
    ],
)
def test_time_is_read_with_any_fraction_and_offset(text):
    assert wire.time(text) == datetime(2026, 11, 21, 11, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-21T11:00:00", 7, None, "9999-99-99"])
def test_time_that_cannot_be_read_is_unreadable(text):
    with pytest.raises(wire.Unreadable):
        wire.time(text)


@pytest.mark.parametrize("value", [1.5, "100", True, None, -1, 10**13])
def test_amount_that_is_no_whole_number_is_unreadable(value):
    with pytest.raises(wire.Unreadable):
        wire.amount({"currency": "NOK", "value": value})


def test_payment_is_read_with_what_may_be_missing():
    found = wire.payment(samples.payment() | {"profile": None, "userDetails": None})

    assert (found.state, found.sub, found.phone, found.redirect_url) == ("CREATED", "", "", "")


@pytest.mark.parametrize("name", ["reference", "pspReference", "state", "amount", "aggregate"])
def test_payment_without_what_must_be_there_is_unreadable(name):
    body = samples.payment()
    del body[name]

    with pytest.raises(wire.Unreadable, match=r"reference|pspReference|state|amount|aggregate"):
        wire.payment(body)

"""KID check digits, with the vectors of our notes on Norwegian identifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices import kid


@pytest.mark.parametrize(
    ("payload", "digit"),
    [("60224", "3"), ("1234567", "4"), ("2026000001", "1")],
)
def test_mod10_is_luhn(payload, digit):
    assert kid.check_digit(payload, kid.MOD10) == digit


@pytest.mark.parametrize(
    ("payload", "digit"),
    [("036532", "7"), ("1234567", "4"), ("12345678", "5"), ("1009", "-")],
)
def test_mod11_weighs_2_to_7_from_the_right(payload, digit):
    assert kid.check_digit(payload, kid.MOD11) == digit


@given(
    algorithm=st.sampled_from([kid.MOD10, kid.MOD11]),
    issuer=st.integers(1, 99_999),
    value=st.integers(1, 999_999_999),
)
def test_made_kid_checks_and_never_ends_in_a_dash(algorithm, issuer, value):
    made = kid.make(algorithm=algorithm, issuer_id=issuer, value=value)

    assert len(made) == 16
    assert made.isdigit()
    assert kid.check(made, algorithm) is None


@given(
    algorithm=st.sampled_from([kid.MOD10, kid.MOD11]),
    one=st.tuples(st.integers(1, 99_999), st.integers(1, 999_999_999)),
    other=st.tuples(st.integers(1, 99_999), st.integers(1, 999_999_999)),
)
def test_two_invoices_never_share_a_kid(algorithm, one, other):
    made = [kid.make(algorithm=algorithm, issuer_id=i, value=v) for i, v in (one, other)]

    assert (made[0] == made[1]) == (one == other)


@given(value=st.integers(1, 999_999_999), place=st.integers(0, 15), step=st.integers(1, 9))
def test_one_wrong_digit_is_found(value, place, step):
    made = kid.make(algorithm=kid.MOD10, issuer_id=1, value=value)
    wrong = f"{made[:place]}{(int(made[place]) + step) % 10}{made[place + 1 :]}"

    assert kid.check(wrong, kid.MOD10) is not None


def test_blanks_in_a_typed_kid_do_not_matter():
    assert kid.check("60 22 43", kid.MOD10) is None
    assert kid.compact(" 60 22\u00a043 ") == "602243"


def test_wrong_check_digit_is_named_with_the_right_one():
    problem = kid.check("602244", kid.MOD10)

    assert problem is not None
    assert problem.rule == ("The check digit of KID 602244 is wrong: it should end in 3 (MOD10).")


def test_without_an_agreement_either_check_digit_will_do():
    assert kid.check("602243", "") is None
    assert kid.check("0365327", "") is None
    assert kid.check("0365327", kid.MOD10) is not None


@pytest.mark.parametrize("typed", ["", "1", "12345a", "1" * 26, "-", "12-3", "\uff11\uff12\uff13"])
def test_what_is_no_kid_is_refused(typed):
    problem = kid.check(typed, kid.MOD10)

    assert problem is not None
    assert problem.rule == f"“{typed}” is not a KID: it is 2 to 25 digits."

"""What follows from which facts, as pure functions."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.enums import InvoiceStatus
from invoices.lifecycle import (
    Fact,
    Sums,
    excess_of,
    residual_of,
    resolve,
    status_of,
    sums,
)
from providers.contract import MovementKind, RequestState

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HUNDRED = Decimal("100.00")
NO_MONEY = Sums()


def fact(state, minutes, *, asked=False):
    return Fact(RequestState(state), NOON + timedelta(minutes=minutes), asked)


def test_no_fact_says_nothing():
    assert resolve([], NO_MONEY, HUNDRED) is None


def test_later_word_beats_earlier():
    facts = [fact("accepted", 5), fact("created", 0)]

    assert resolve(facts, NO_MONEY, HUNDRED) == RequestState.ACCEPTED


def test_terminal_word_beats_a_later_ordinary_one():
    """V-26: a late "created" does not reopen what has run out."""
    facts = [fact("expired", 5), fact("created", 9)]

    assert resolve(facts, NO_MONEY, HUNDRED) == RequestState.EXPIRED


def test_asked_word_beats_a_terminal_one_told_before():
    facts = [fact("expired", 5), fact("accepted", 6, asked=True)]

    assert resolve(facts, NO_MONEY, HUNDRED) == RequestState.ACCEPTED


def test_word_told_after_asking_beats_the_answer():
    facts = [fact("created", 5, asked=True), fact("rejected", 6)]

    assert resolve(facts, NO_MONEY, HUNDRED) == RequestState.REJECTED


@pytest.mark.parametrize(
    ("captured", "refunded", "state"),
    [
        ("100.00", "0.00", "paid"),
        ("100.00", "0.01", "partially_refunded"),
        ("100.00", "100.00", "refunded"),
    ],
)
def test_money_beats_every_word(captured, refunded, state):
    money = Sums(authorised=HUNDRED, captured=Decimal(captured), refunded=Decimal(refunded))
    facts = [fact("rejected", 9), fact("expired", 9, asked=True)]

    assert resolve(facts, money, HUNDRED) == RequestState(state)


def test_part_collected_with_the_rest_reserved_is_still_approved():
    money = Sums(authorised=HUNDRED, captured=Decimal("40.00"))

    assert resolve([fact("accepted", 1)], money, HUNDRED) == RequestState.ACCEPTED


def test_part_collected_with_the_rest_released_is_paid_as_far_as_it_goes():
    money = Sums(authorised=HUNDRED, captured=Decimal("40.00"), released=Decimal("60.00"))

    assert resolve([fact("accepted", 1)], money, HUNDRED) == RequestState.PAID


FACTS = st.builds(
    fact,
    st.sampled_from(["created", "accepted", "rejected", "expired", "cancelled"]),
    st.integers(0, 50),
    asked=st.booleans(),
)


@given(facts=st.lists(FACTS, max_size=8), shuffle=st.randoms())
def test_order_of_arrival_changes_nothing(facts, shuffle):
    shuffled = list(facts)
    shuffle.shuffle(shuffled)

    assert resolve(shuffled, NO_MONEY, HUNDRED) == resolve(facts, NO_MONEY, HUNDRED)


@given(facts=st.lists(FACTS, max_size=8))
def test_repetition_changes_nothing(facts):
    assert resolve(facts + facts, NO_MONEY, HUNDRED) == resolve(facts, NO_MONEY, HUNDRED)


@pytest.mark.parametrize(
    ("status", "captured", "refunded", "expected", "residual", "excess"),
    [
        ("open", "0", "0", "open", "100.00", "0.00"),
        ("open", "40", "0", "open", "60.00", "0.00"),
        ("open", "100", "0", "paid", "0.00", "0.00"),
        ("open", "200", "0", "paid", "0.00", "100.00"),
        ("open", "200", "100", "paid", "0.00", "0.00"),
        ("paid", "100", "30", "partially_refunded", "0.00", "0.00"),
        ("paid", "100", "100", "refunded", "0.00", "0.00"),
        ("cancelled", "100", "0", "cancelled", "0.00", "100.00"),
        ("cancelled", "100", "100", "cancelled", "0.00", "0.00"),
        ("uncollectible", "0", "0", "uncollectible", "100.00", "0.00"),
        ("uncollectible", "100", "0", "paid", "0.00", "0.00"),
    ],
)
def test_status_is_what_is_left(status, captured, refunded, expected, residual, excess):
    money = Sums(captured=Decimal(captured), refunded=Decimal(refunded))

    after = status_of(status, HUNDRED, money)

    assert after == InvoiceStatus(expected)
    assert residual_of(after, HUNDRED, money) == Decimal(residual)
    assert excess_of(after, HUNDRED, money) == Decimal(excess)


def test_nothing_owed_is_paid():
    assert status_of("open", Decimal("0.00"), NO_MONEY) == InvoiceStatus.PAID


AMOUNTS = st.decimals("0.01", "500", places=2)
MOVES = st.lists(st.tuples(st.sampled_from(["captured", "refunded"]), AMOUNTS), max_size=10)


@given(moves=MOVES)
def test_every_krone_is_either_owed_kept_or_too_much(moves):
    money = sums((MovementKind(kind), amount) for kind, amount in moves)
    status = status_of("open", HUNDRED, money)

    left, excess = residual_of(status, HUNDRED, money), excess_of(status, HUNDRED, money)

    assert not (left and excess)
    if status == InvoiceStatus.OPEN:
        assert left == HUNDRED - money.kept or money.kept > HUNDRED
    if status == InvoiceStatus.PAID:
        assert money.kept == HUNDRED + excess

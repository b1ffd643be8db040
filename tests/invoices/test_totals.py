"""Sums that are exact, whatever is typed (EN 16931 BR-CO-10 to 17, BR-S-08; M4-36)."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.totals import LineInput, allot, compute, round2

CENT = Decimal("0.01")
RATES = ["25", "24", "25.5", "15", "14", "13.5", "12", "11.11", "10", "6"]
KEYS = [("S", Decimal(rate)) for rate in RATES] + [
    (category, Decimal(0)) for category in ("Z", "E", "AE", "G", "K", "O")
]


def number(low: int, high: int, places: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low * 10**places, high * 10**places).map(
        lambda scaled: Decimal(scaled).scaleb(-places)
    )


def discounts() -> st.SearchStrategy[dict[str, object]]:
    return st.one_of(
        st.just({}),
        st.builds(
            lambda value: {"discount_kind": "percent", "discount_value": value}, number(0, 100, 3)
        ),
        st.builds(
            lambda value: {"discount_kind": "amount", "discount_value": value}, number(0, 200, 2)
        ),
    )


def lines(low: int = -50) -> st.SearchStrategy[list[LineInput]]:
    one = st.builds(
        lambda quantity, price, discount, key: LineInput(
            quantity=quantity,
            unit_price=price,
            vat_category=key[0],
            vat_rate=key[1],
            **discount,
        ),
        st.one_of(number(low, 50, 6), st.just(Decimal(1)), st.just(CENT)),
        st.one_of(number(0, 3000, 6), st.just(CENT)),
        discounts(),
        st.sampled_from(KEYS),
    )
    return st.lists(one, max_size=12)


def half_up(exact: Fraction) -> Decimal:
    """Round an exact fraction by integer arithmetic, sharing nothing with the code under test."""
    cents, rest = divmod(abs(exact) * 100, 1)
    whole = Decimal(int(cents) + (rest >= Fraction(1, 2))) / 100
    return -whole if exact < 0 else whole


def typed_amount(line: LineInput) -> Decimal:
    extended = half_up(Fraction(line.quantity) * Fraction(line.unit_price))
    if line.discount_kind == "percent":
        return extended - half_up(Fraction(extended) * Fraction(line.discount_value) / 100)
    return extended - (line.discount_value if extended >= 0 else -line.discount_value)


@given(given_lines=lines(), discount=discounts(), with_vat=st.booleans(), whole=st.booleans())
def test_everything_adds_up_exactly(given_lines, discount, with_vat, whole):
    computed = compute(given_lines, prices_include_vat=with_vat, round_to_whole=whole, **discount)
    totals = computed.totals

    for line in computed.lines:
        assert line.net + line.vat == line.gross
    assert sum(line.net for line in computed.lines) == totals.lines_net  # BR-CO-10
    assert totals.lines_net - totals.discount_net == totals.net  # BR-CO-13
    assert sum(group.vat for group in computed.vat_totals) == totals.vat  # BR-CO-14
    assert totals.net + totals.vat == totals.gross  # BR-CO-15
    assert totals.gross + totals.rounding == totals.payable  # BR-CO-16
    assert sum(line.due_net for line in computed.lines) == totals.net
    assert sum(line.due_vat for line in computed.lines) == totals.vat
    assert sum(group.base for group in computed.vat_totals) == totals.net


@given(given_lines=lines(), discount=discounts(), with_vat=st.booleans())
def test_every_group_is_the_sum_of_its_lines(given_lines, discount, with_vat):
    """BR-S-08 and its like, exactly; and one group per category and rate."""
    computed = compute(given_lines, prices_include_vat=with_vat, **discount)
    sums: dict[tuple[str, Decimal], list[Decimal]] = {}
    for typed, line in zip(given_lines, computed.lines, strict=True):
        entry = sums.setdefault((typed.vat_category, typed.vat_rate), [Decimal(0), Decimal(0)])
        entry[0] += line.due_net
        entry[1] += line.due_vat

    found = {(group.category, group.rate): [group.base, group.vat] for group in computed.vat_totals}

    assert found == sums
    assert len(found) == len(computed.vat_totals)


@given(given_lines=lines(), discount=discounts())
def test_vat_of_a_group_is_rounded_once_from_its_base(given_lines, discount):
    """BR-CO-17 without its tolerance, for prices without VAT."""
    computed = compute(given_lines, prices_include_vat=False, **discount)

    for group in computed.vat_totals:
        assert group.vat == half_up(Fraction(group.base) * Fraction(group.rate) / 100)


@given(given_lines=lines(), discount=discounts())
def test_vat_is_taken_out_of_a_groups_gross_sum(given_lines, discount):
    computed = compute(given_lines, prices_include_vat=True, **discount)

    for group in computed.vat_totals:
        gross, rate = Fraction(group.base + group.vat), Fraction(group.rate)
        assert group.vat == half_up(gross * rate / (100 + rate))
        # BR-CO-17 with its tolerance of one cent, which leaving the gross sum alone costs.
        assert abs(Fraction(group.base) * rate / 100 - Fraction(group.vat)) <= Fraction(1, 100)


@given(given_lines=lines(), discount=discounts())
def test_prices_with_vat_cost_exactly_what_was_typed(given_lines, discount):
    computed = compute(given_lines, prices_include_vat=True, **discount)
    promised = sum((typed_amount(line) for line in given_lines), Decimal(0))

    assert computed.totals.gross == promised - computed.discount
    for line, amounts in zip(given_lines, computed.lines, strict=True):
        assert amounts.gross == typed_amount(line)


@given(given_lines=lines())
def test_prices_without_vat_keep_each_lines_net(given_lines):
    computed = compute(given_lines, prices_include_vat=False)

    assert [line.net for line in computed.lines] == [typed_amount(line) for line in given_lines]
    assert [line.due_net for line in computed.lines] == [line.net for line in computed.lines]
    assert [line.due_vat for line in computed.lines] == [line.vat for line in computed.lines]


@given(given_lines=lines(low=0), percent=number(0, 100, 3), with_vat=st.booleans())
def test_percent_discount_reaches_every_line_and_group_evenly(given_lines, percent, with_vat):
    computed = compute(
        given_lines,
        prices_include_vat=with_vat,
        discount_kind="percent",
        discount_value=percent,
    )
    typed = [typed_amount(line) for line in given_lines]

    assert computed.discount == half_up(Fraction(sum(typed, Decimal(0))) * Fraction(percent) / 100)
    for amount, line in zip(typed, computed.lines, strict=True):
        left = line.due_net + line.due_vat if with_vat else line.due_net
        exact = Fraction(amount) * (100 - Fraction(percent)) / 100
        assert abs(Fraction(left) - exact) < Fraction(2, 100)


@given(given_lines=lines(), discount=discounts(), with_vat=st.booleans())
def test_return_mirrors_its_sale(given_lines, discount, with_vat):
    sale = compute(given_lines, prices_include_vat=with_vat, **discount)
    returned = compute(
        [
            LineInput(
                quantity=-line.quantity,
                unit_price=line.unit_price,
                discount_kind=line.discount_kind,
                discount_value=line.discount_value,
                vat_category=line.vat_category,
                vat_rate=line.vat_rate,
            )
            for line in given_lines
        ],
        prices_include_vat=with_vat,
        **discount,
    )

    # What rounds to nought has no sign to mirror.
    extended = [half_up(Fraction(row.quantity) * Fraction(row.unit_price)) for row in given_lines]
    if sum((typed_amount(line) for line in given_lines), Decimal(0)) and all(extended):
        assert returned.totals.payable == -sale.totals.payable
        assert [-line.due_vat for line in returned.lines] == [line.due_vat for line in sale.lines]


@given(given_lines=lines(), with_vat=st.booleans())
def test_rounding_to_whole_is_an_amount_of_its_own(given_lines, with_vat):
    plain = compute(given_lines, prices_include_vat=with_vat).totals
    rounded = compute(given_lines, prices_include_vat=with_vat, round_to_whole=True).totals

    assert (rounded.net, rounded.vat, rounded.gross) == (plain.net, plain.vat, plain.gross)
    assert rounded.payable == plain.gross.quantize(Decimal(1), ROUND_HALF_UP)
    assert abs(rounded.rounding) <= Decimal("0.50")


@given(
    ideals=st.lists(number(-100, 100, 7), min_size=1, max_size=20),
    target=number(-3000, 3000, 2),
)
def test_allotted_shares_add_up_to_any_target(ideals, target):
    assert sum(allot(target, ideals)) == target


@given(ideals=st.lists(number(-100, 100, 7), min_size=1, max_size=20))
def test_allotted_shares_are_within_a_cent_of_exact(ideals):
    shares = allot(round2(sum(ideals, Decimal(0))), ideals)

    assert all(abs(share - ideal) < CENT for share, ideal in zip(shares, ideals, strict=True))


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("1.005", "1.01"), ("-1.005", "-1.01"), ("0.004", "0.00"), ("2.675", "2.68"), ("0.005", "0.01")],
)  # fmt: skip
def test_halves_go_away_from_zero(amount, rounded):
    assert round2(Decimal(amount)) == Decimal(rounded)


def test_nought_is_never_negative():
    assert str(round2(Decimal("-0.001"))) == "0.00"


def one(quantity="1", price="100", rate="25", **more):
    return LineInput(
        quantity=Decimal(quantity), unit_price=Decimal(price), vat_rate=Decimal(rate), **more
    )


def test_seed_sample_of_288_comes_to_360():
    """M4-32."""
    totals = compute([one(price="288")], prices_include_vat=False).totals

    assert (totals.net, totals.vat, totals.payable) == (
        Decimal("288.00"), Decimal("72.00"), Decimal("360.00"),
    )  # fmt: skip


def test_three_cents_of_vat_over_three_lines_are_one_each_when_due():
    """Per line 0.0125 rounds to 0.01; the group's 0.0375 is 0.04, and one line carries the rest."""
    computed = compute([one(price="0.05")] * 3, prices_include_vat=False)

    assert [line.vat for line in computed.lines] == [
        Decimal("0.02"), Decimal("0.01"), Decimal("0.01"),
    ]  # fmt: skip
    assert computed.totals.vat == Decimal("0.04")


def test_one_cent_with_vat_stays_one_cent():
    totals = compute([one(price="0.01")], prices_include_vat=True).totals

    assert (totals.net, totals.vat, totals.gross) == (CENT, Decimal("0.00"), CENT)


def test_discount_of_a_cent_goes_to_the_first_of_equals():
    computed = compute(
        [one(price="10"), one(price="10")],
        prices_include_vat=False,
        discount_kind="amount",
        discount_value=CENT,
    )

    assert [line.due_net for line in computed.lines] == [Decimal("9.99"), Decimal("10.00")]


def test_amount_discount_is_spread_over_what_is_sold_not_over_returns():
    computed = compute(
        [one(price="100"), one(quantity="-1", price="99")],
        prices_include_vat=False,
        discount_kind="amount",
        discount_value=Decimal(10),
    )

    assert [line.due_net for line in computed.lines] == [Decimal("90.00"), Decimal("-99.00")]
    assert computed.totals.gross == Decimal("-11.25")


def test_more_digits_than_a_usual_decimal_holds_are_not_lost():
    """9999999999.999999 twice is 32 digits; the usual context keeps 28."""
    biggest = "9999999999.999999"

    totals = compute(
        [one(biggest, biggest, "0", vat_category="Z")], prices_include_vat=False
    ).totals

    assert totals.net == half_up(Fraction(biggest) ** 2)


def test_rates_that_differ_in_writing_only_are_one_group():
    computed = compute([one(rate="25"), one(rate="25.000")], prices_include_vat=False)

    assert len(computed.vat_totals) == 1


def test_nothing_comes_to_nothing():
    computed = compute(
        [], prices_include_vat=False, discount_kind="amount", discount_value=Decimal(10)
    )

    assert computed.totals.payable == Decimal("0.00")
    assert computed.vat_totals == ()
    assert computed.discount == Decimal("0.00")


def test_discount_over_nothing_but_nought_is_still_given():
    computed = compute(
        [one(price="0"), one(price="0")],
        prices_include_vat=False,
        discount_kind="amount",
        discount_value=Decimal(10),
    )

    assert computed.totals.net == Decimal("-10.00")

"""Money: lines, discounts, VAT per group, rounding. The only module that rounds.

Everything is `Decimal`, half up (away from zero, so that a credit mirrors its invoice). VAT is
computed once per (category, rate) group, as EN 16931 does, and allotted to lines by largest
remainder, so that lines always add up to groups and groups to totals.

Prices with VAT are the other way round: the sum the customer was promised stands, and VAT is
taken out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

from invoices.enums import Discount
from providers.contract import Totals, VatCategory, VatTotal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
_HUNDRED = Decimal(100)
# Quantity and price have 16 digits each: their product must not be cut at the usual 28.
_WIDE = Context(prec=80)

GroupKey = tuple[VatCategory, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineInput:
    """A line as typed. Prices and discount amounts are with VAT when the document's are."""

    quantity: Decimal
    unit_price: Decimal
    discount_kind: str = Discount.PERCENT
    discount_value: Decimal = ZERO
    vat_category: VatCategory = VatCategory.STANDARD
    vat_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAmounts:
    """What a line comes to; see `providers.contract.Line` for what each amount means."""

    discount: Decimal
    discount_percent: Decimal | None
    net: Decimal
    vat: Decimal
    gross: Decimal
    due_net: Decimal
    due_vat: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A document's amounts. `discount` is on the footing that prices were typed on."""

    lines: tuple[LineAmounts, ...]
    vat_totals: tuple[VatTotal, ...]
    totals: Totals
    discount: Decimal
    discount_percent: Decimal | None


def round2(amount: Decimal) -> Decimal:
    """Round to two decimals, half away from zero. Never returns a negative zero."""
    return amount.quantize(CENT, ROUND_HALF_UP, context=_WIDE) + ZERO


def compute(
    lines: Iterable[LineInput],
    *,
    prices_include_vat: bool,
    discount_kind: str = Discount.PERCENT,
    discount_value: Decimal = ZERO,
    round_to_whole: bool = False,
) -> Computed:
    """Return every amount of a document with these lines and this document discount.

    Totals below zero (more returned than sold) come back as they are: whether that may be issued
    is not arithmetic.
    """
    given = tuple(lines)
    groups = _groups(given)
    discounts = [_line_discount(line) for line in given]
    typed = [_extended(line) - off for line, off in zip(given, discounts, strict=True)]
    off_each, off_all = _spread_discount(typed, groups, discount_kind, discount_value)
    due = [amount - off for amount, off in zip(typed, off_each, strict=True)]
    before = _split(typed, groups, prices_include_vat)
    after = _split(due, groups, prices_include_vat)
    return Computed(
        lines=tuple(
            LineAmounts(
                discount=off,
                discount_percent=_percent(line.discount_kind, line.discount_value),
                net=net,
                vat=vat,
                gross=net + vat,
                due_net=due_net,
                due_vat=due_vat,
            )
            for line, off, (net, vat), (due_net, due_vat) in zip(
                given, discounts, before, after, strict=True
            )
        ),
        vat_totals=_vat_totals(groups, after),
        totals=_totals(before, after, round_to_whole),
        discount=off_all,
        discount_percent=_percent(discount_kind, discount_value),
    )


def allot(target: Decimal, ideals: Sequence[Decimal]) -> list[Decimal]:
    """Round `ideals` to two decimals so that they add up to `target`, by largest remainder.

    `ideals` are the exact shares; their sum may be off `target` by its rounding. The mirror image
    of the input gives the mirror image of the answer. Empty `ideals` give an empty list.
    """
    if not ideals:
        return []
    if target < 0 or (target == 0 and next((share for share in ideals if share), ZERO) < 0):
        return [-share + ZERO for share in allot(-target, [-share for share in ideals])]
    floors = [share.quantize(CENT, ROUND_FLOOR, context=_WIDE) for share in ideals]
    left = int((target - sum(floors, ZERO)) / CENT)
    by_remainder = sorted(range(len(ideals)), key=lambda i: floors[i] - ideals[i])
    each, more = divmod(left, len(ideals))
    for rank, index in enumerate(by_remainder):
        floors[index] += CENT * (each + (rank < more))
    return [share + ZERO for share in floors]


def _extended(line: LineInput) -> Decimal:
    return round2(_WIDE.multiply(line.quantity, line.unit_price))


def _line_discount(line: LineInput) -> Decimal:
    return _discount(_extended(line), line.discount_kind, line.discount_value)


def _discount(amount: Decimal, kind: str, value: Decimal) -> Decimal:
    """A typed discount amount takes the sign of what it reduces: a return mirrors its sale."""
    if kind == Discount.PERCENT:
        return round2(_part(amount, value, _HUNDRED))
    return round2(value if amount >= 0 else -value)


def _percent(kind: str, value: Decimal) -> Decimal | None:
    return value if kind == Discount.PERCENT and value else None


def _groups(lines: Sequence[LineInput]) -> dict[GroupKey, list[int]]:
    """Positions of the lines of each (category, rate), highest rate first."""
    found: dict[GroupKey, list[int]] = {}
    for index, line in enumerate(lines):
        found.setdefault((VatCategory(line.vat_category), line.vat_rate), []).append(index)
    return dict(sorted(found.items(), key=lambda item: (-item[0][1], item[0][0])))


def _spread_discount(
    typed: Sequence[Decimal], groups: dict[GroupKey, list[int]], kind: str, value: Decimal
) -> tuple[list[Decimal], Decimal]:
    """Return the document discount's share of each line, and the whole of it.

    Spread over groups first, then over the lines of each, so that a group is never more than a
    cent off its exact share, however many lines it has.
    """
    whole = _discount(sum(typed, ZERO), kind, value)
    ideals = _ideal_shares(typed, whole, kind, value)
    of_groups = allot(whole, [sum((ideals[i] for i in rows), ZERO) for rows in groups.values()])
    shares = [ZERO] * len(typed)
    for rows, share in zip(groups.values(), of_groups, strict=True):
        for index, part in zip(rows, allot(share, [ideals[i] for i in rows]), strict=True):
            shares[index] = part
    return shares, whole if typed else ZERO


def _ideal_shares(
    typed: Sequence[Decimal], whole: Decimal, kind: str, value: Decimal
) -> list[Decimal]:
    """A percentage is of each line; an amount is spread over what is sold, not what is returned."""
    if kind == Discount.PERCENT:
        return [_part(amount, value, _HUNDRED) for amount in typed]
    sign = -1 if sum(typed, ZERO) < 0 else 1
    weights = [max(amount * sign, ZERO) for amount in typed]
    if not any(weights):
        weights = [Decimal(1)] * len(typed)
    total = sum(weights, ZERO)
    return [_part(whole, weight, total) for weight in weights]


def _split(
    amounts: Sequence[Decimal], groups: dict[GroupKey, list[int]], with_vat: bool
) -> list[tuple[Decimal, Decimal]]:
    """Return (net, vat) per line; the VAT of each group is rounded once and allotted."""
    split = [(ZERO, ZERO)] * len(amounts)
    for (_, rate), rows in groups.items():
        ideals = [_vat_of(amounts[i], rate, with_vat) for i in rows]
        group_vat = round2(_vat_of(sum((amounts[i] for i in rows), ZERO), rate, with_vat))
        for index, vat in zip(rows, allot(group_vat, ideals), strict=True):
            split[index] = (amounts[index] - (vat if with_vat else ZERO), vat)
    return split


def _vat_of(amount: Decimal, rate: Decimal, with_vat: bool) -> Decimal:
    return _part(amount, rate, _HUNDRED + rate if with_vat else _HUNDRED)


def _part(amount: Decimal, share: Decimal, whole: Decimal) -> Decimal:
    return _WIDE.divide(_WIDE.multiply(amount, share), whole)


def _vat_totals(
    groups: dict[GroupKey, list[int]], split: Sequence[tuple[Decimal, Decimal]]
) -> tuple[VatTotal, ...]:
    return tuple(
        VatTotal(
            category=category,
            rate=rate,
            base=sum((split[i][0] for i in rows), ZERO),
            vat=sum((split[i][1] for i in rows), ZERO),
        )
        for (category, rate), rows in groups.items()
    )


def _totals(
    before: Sequence[tuple[Decimal, Decimal]],
    after: Sequence[tuple[Decimal, Decimal]],
    round_to_whole: bool,
) -> Totals:
    lines_net = sum((net for net, _ in before), ZERO)
    net = sum((net for net, _ in after), ZERO)
    vat = sum((vat for _, vat in after), ZERO)
    gross = net + vat
    payable = gross.quantize(Decimal(1), ROUND_HALF_UP) + ZERO if round_to_whole else gross
    return Totals(
        lines_net=lines_net,
        discount_net=lines_net - net,
        net=net,
        vat=vat,
        gross=gross,
        rounding=payable - gross,
        payable=payable,
    )

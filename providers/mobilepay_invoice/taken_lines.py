"""The lines of a body that somebody kept: what they leave out is worked out where it can be.

Their own documentation has prices without VAT, and the examples of its last description have
prices with it. Which one a body means is told by its sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from providers.contract import TakenLine
from providers.mobilepay_invoice import articles
from providers.mobilepay_invoice.articles import CENT, HUNDRED, PRICE_STEP, WIDE, ZERO, round2
from providers.mobilepay_invoice.taken_values import Fields, Unreadable

# What sellers wrote beside what we write ourselves, folded, without a full stop.
MORE_UNITS = {
    "": "C62", "1": "C62", "pcs": "C62", "pc": "C62", "piece": "C62", "stk": "C62",
    "styk": "C62", "kpl": "C62", "st": "C62", "ea": "C62", "coli": "XPK", "kolli": "XPK",
    "pakke": "XPK", "pack": "XPK", "hour": "HUR", "hours": "HUR", "hrs": "HUR", "time": "HUR",
    "timer": "HUR", "tim": "HUR", "tunti": "HUR", "t": "HUR", "day": "DAY", "dag": "DAY",
    "month": "MON", "måned": "MON", "m2": "MTK", "m3": "MTQ", "liter": "LTR", "litre": "LTR",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """A line half read: `with_vat` says on which footing its price fits its sums, if it tells."""

    line: TakenLine
    with_vat: bool | None


def read(
    bodies: Sequence[Fields], rates: Sequence[Decimal], country: str
) -> tuple[list[TakenLine], bool, list[str]]:
    """Return the lines, whether their prices include VAT, and remarks.

    `rates` are those that a line without its own rate may have. Raises Unreadable.
    """
    remarks: list[str] = []
    drafts = [_line(fields, rates, remarks) for fields in bodies]
    told = {draft.with_vat for draft in drafts} - {None}
    with_vat = told == {True}
    if len(told) == 2:
        remarks.append(_("Some prices fit without VAT and some with it. All are read as without."))
    return [draft.line for draft in drafts], with_vat, remarks


def _line(fields: Fields, rates: Sequence[Decimal], remarks: list[str]) -> Draft:
    quantity = _rounded(fields, "Quantity", remarks)
    price = _rounded(fields, "PricePerUnit", remarks)
    off = (fields.number("PriceReduction") or ZERO) + (fields.number("PriceDiscount") or ZERO)
    gross, vat = fields.number("TotalPriceIncludingVat"), fields.number("TotalVATAmount")
    quantity = Decimal(1) if quantity is None else quantity
    rate = _rate(fields, rates, _less(quantity, price, off), gross, vat)
    if price is None:
        price = _price(fields, quantity, off, rate, gross, vat)
    line = TakenLine(
        description=_description(fields),
        article_number=fields.text("ArticleNumber", limit=40),
        quantity=quantity,
        unit=_unit(fields, remarks),
        unit_price=price,
        discount=off,
        vat_rate=rate,
        vat=vat,
        gross=gross,
    )
    remarks += _bonus(fields)
    if names := fields.left_over():
        words = _("%(field)s: not known here, so left out: %(names)s.")
        remarks.append(words % {"field": fields.path, "names": ", ".join(names)[:200]})
    return Draft(line, _footing(line))


def _description(fields: Fields) -> str:
    found = fields.text("ArticleDescription", limit=1000) or fields.text("ArticleNumber", limit=40)
    if not found:
        name = fields.named("ArticleDescription")
        raise Unreadable(name, None, _("Say what the line is for."))
    return found


def _rounded(fields: Fields, name: str, remarks: list[str]) -> Decimal | None:
    """Read a number that may have more decimals than we keep."""
    found = fields.number(name)
    if found is None or found == found.quantize(PRICE_STEP, context=WIDE):
        return found
    words = _("%(field)s %(value)s is rounded to six decimals.")
    remarks.append(words % {"field": fields.named(name), "value": f"{found:f}"})
    return found.quantize(PRICE_STEP, context=WIDE)


def _less(quantity: Decimal, price: Decimal | None, off: Decimal) -> Decimal | None:
    return None if price is None else round2(WIDE.multiply(quantity, price)) - off


# ----------------------------------------------------------------------------------------- VAT
def _rate(
    fields: Fields,
    rates: Sequence[Decimal],
    net: Decimal | None,
    gross: Decimal | None,
    vat: Decimal | None,
) -> Decimal:
    """Return the line's own rate, or the one that its sums or the invoice leave possible."""
    found = fields.number("VATRate")
    if found is not None:
        if not 0 <= found <= HUNDRED:
            remedy = _("Give the VAT rate in per cent, from 0 to 100.")
            raise Unreadable(fields.named("VATRate"), found, remedy)
        return found
    if len(rates) == 1:
        return rates[0]
    fitting = [rate for rate in rates if _fits(rate, net, gross, vat)]
    if len(fitting) == 1:
        return fitting[0]
    if vat == 0 or (gross is not None and net == gross and not rates):
        return Decimal(0)
    remedy = _("Give the line's VAT rate in per cent: its sums do not tell it.")
    raise Unreadable(fields.named("VATRate"), None, remedy)


def _fits(rate: Decimal, net: Decimal | None, gross: Decimal | None, vat: Decimal | None) -> bool:
    if net is not None and gross is not None:
        return _near(net + _vat_of(net, rate), gross)
    return vat is not None and gross is not None and _near(_vat_of(gross - vat, rate), vat)


def _vat_of(net: Decimal, rate: Decimal) -> Decimal:
    return round2(WIDE.divide(WIDE.multiply(net, rate), HUNDRED))


def _near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= CENT


# --------------------------------------------------------------------------------------- prices
def _price(
    fields: Fields,
    quantity: Decimal,
    off: Decimal,
    rate: Decimal,
    gross: Decimal | None,
    vat: Decimal | None,
) -> Decimal:
    """Work out a price that was left out from the line's sum."""
    if gross is None or not quantity:
        remedy = _("Give PricePerUnit, or TotalPriceIncludingVat and a quantity that is not 0.")
        raise Unreadable(fields.named("PricePerUnit"), None, remedy)
    net = round2(WIDE.divide(WIDE.multiply(gross, HUNDRED), HUNDRED + rate))
    net = gross - vat if vat is not None else net
    return WIDE.divide(net + off, quantity).quantize(PRICE_STEP, context=WIDE)


def _footing(line: TakenLine) -> bool | None:
    """Tell whether the line's price includes VAT, by its own sum; None where it does not tell."""
    less = _less(line.quantity, line.unit_price, line.discount)
    if line.gross is None or less is None or not line.vat_rate:
        return None
    vat = _vat_of(less, line.vat_rate) if line.vat is None else line.vat
    if _near(less + vat, line.gross):
        return False
    return True if _near(less, line.gross) else None


# ------------------------------------------------------------------------------------ small words
def _unit(fields: Fields, remarks: list[str]) -> str:
    typed = fields.text("Unit", limit=60)
    folded = typed.casefold().rstrip(".")
    code = MORE_UNITS.get(folded) or UNITS.get(folded)
    if code is None:
        words = _("%(field)s “%(value)s” is not known here; read as pieces.")
        remarks.append(words % {"field": fields.named("Unit"), "value": typed})
    return code or "C62"


def _units() -> dict[str, str]:
    """Return the codes by every word that we write ourselves, and by the codes themselves."""
    found = {word.casefold(): code for code, word in articles.SYMBOLS.items()}
    for code, words in articles.UNITS.items():
        for word in words.values():
            found.setdefault(word.casefold(), code)
    return found | {code.casefold(): code for code in (*articles.UNITS, *articles.SYMBOLS)}


UNITS = _units()


def _bonus(fields: Fields) -> list[str]:
    bonus = fields.number("Bonus")
    if not bonus:
        return []
    words = _("%(field)s %(value)s was for information and changes no sum; it is left out.")
    return [words % {"field": fields.named("Bonus"), "value": f"{bonus:f}"}]

"""The invoice's lines as they want them: sums that agree to the last cent, and nothing negative.

Each line obeys: quantity x price - reduction - discount, rounded, is its net (prices are without
VAT on the wire); net + VAT is its price including VAT; the lines add up to the invoice exactly.
`Bonus` is informational and changes nothing, so it is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

from providers.contract import InvoiceDocument, Line

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
HUNDRED = Decimal(100)
# Ours: they publish no length.
TEXT_LIMIT = 200
PRICE_STEP = Decimal("0.000001")
# Quantity and price have up to 16 digits each: their product must not be cut at the usual 28.
WIDE = Context(prec=80, rounding=ROUND_HALF_UP)
# What a line is called that we add, in the document's language. Here and not in the translation
# catalogue, because every try must send the same bytes, whoever presses the button.
ROUNDING = {
    "en": "Rounding",
    "nb": "Avrunding",
    "da": "Afrunding",
    "sv": "Avrundning",
    "fi": "Pyöristys",
}
REMAINDER = {
    "en": "Remainder of invoice {number}",
    "nb": "Rest av faktura {number}",
    "da": "Rest af faktura {number}",
    "sv": "Återstod av faktura {number}",
    "fi": "Laskun {number} loppuosa",
}
# UN/ECE Rec. 20 codes as people write them. What is missing here goes as it is.
PIECE = {"en": "pcs", "nb": "stk", "da": "stk", "sv": "st", "fi": "kpl"}
UNITS = {
    "C62": PIECE,
    "H87": PIECE,
    "EA": PIECE,
    "PCE": PIECE,
    "HUR": {"en": "h", "nb": "t", "da": "t", "sv": "h", "fi": "h"},
    "DAY": {"en": "days", "nb": "dager", "da": "dage", "sv": "dagar", "fi": "pv"},
    "MON": {"en": "mo", "nb": "mnd", "da": "md", "sv": "mån", "fi": "kk"},
    "PR": {"en": "pairs", "nb": "par", "da": "par", "sv": "par", "fi": "paria"},
    "XPK": {"en": "pk", "nb": "pk", "da": "pk", "sv": "pkt", "fi": "pkt"},
}
SYMBOLS = {
    "KGM": "kg",
    "GRM": "g",
    "TNE": "t",
    "MTR": "m",
    "CMT": "cm",
    "KMT": "km",
    "MTK": "m²",
    "MTQ": "m³",
    "LTR": "l",
    "KWH": "kWh",
    "MIN": "min",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A line as it goes out. `price`, `reduction` and `discount` are without VAT."""

    number: str
    description: str
    unit: str
    quantity: Decimal
    price: Decimal
    reduction: Decimal = ZERO
    discount: Decimal = ZERO
    rate: Decimal
    net: Decimal
    vat: Decimal

    @property
    def gross(self) -> Decimal:
        """Return the price including VAT."""
        return self.net + self.vat


def round2(amount: Decimal) -> Decimal:
    """Round to two decimals, half away from zero, never to a negative zero."""
    return amount.quantize(CENT, ROUND_HALF_UP, context=WIDE) + ZERO


def of(document: InvoiceDocument, amount: Decimal) -> tuple[Article, ...]:
    """Return the lines that add up to an amount: the invoice's, or those of its remainder."""
    if is_remainder(document, amount):
        return _remainder(document, amount)
    articles = tuple(_article(line, document) for line in document.lines)
    return _with_rounding(articles, document)


def is_remainder(document: InvoiceDocument, amount: Decimal) -> bool:
    """Tell whether something else is asked for than the whole invoice."""
    return amount != document.totals.payable


def _article(line: Line, document: InvoiceDocument) -> Article:
    price, reduction, discount = _price(line, document)
    return Article(
        number=line.article_number or line.id,
        description=shortened(line.description, TEXT_LIMIT) or line.article_number or line.id,
        unit=unit(line.unit or "C62", document.language),
        quantity=line.quantity,
        price=price,
        reduction=reduction,
        discount=discount,
        rate=line.vat_rate,
        net=line.due_net,
        vat=line.due_vat,
    )


def shortened(text: str, limit: int) -> str:
    """Cut a text that is too long, and show that it was cut."""
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def unit(code: str, language: str) -> str:
    """Write a unit as people of the language do: `stk`, `h`, `m²`; an unknown code as it is."""
    words = UNITS.get(code)
    return words.get(language, words["en"]) if words else SYMBOLS.get(code, code)


# ------------------------------------------------------------------------------ price and discount
def _price(line: Line, document: InvoiceDocument) -> tuple[Decimal, Decimal, Decimal]:
    """Return price, reduction (of the document) and discount (of the line), all without VAT.

    A price typed with VAT seldom has an exact one without: then the discounts take up what is
    over, and where there are none the price gets as many decimals as it takes.
    """
    price = _without_vat(line, document)
    off = round2(WIDE.multiply(line.quantity, price)) - line.due_net
    if off == 0:
        return price, ZERO, ZERO
    off_document = line.net - line.due_net
    if off < 0 or not (line.discount or off_document):
        return _fitting(line), ZERO, ZERO
    reduction = min(max(off_document, ZERO), off) if line.discount else off
    return price, reduction, off - reduction


def _without_vat(line: Line, document: InvoiceDocument) -> Decimal:
    if not document.prices_include_vat:
        return line.unit_price
    exact = WIDE.divide(WIDE.multiply(line.unit_price, HUNDRED), HUNDRED + line.vat_rate)
    return exact.quantize(PRICE_STEP, ROUND_HALF_UP, context=WIDE)


def _fitting(line: Line) -> Decimal:
    """Return the shortest price that quantity times it, rounded, is the line's net."""
    if not line.quantity:
        return line.unit_price
    exact = WIDE.divide(line.due_net, line.quantity)
    for decimals in range(2, 20):
        price = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, context=WIDE)
        if round2(WIDE.multiply(line.quantity, price)) == line.due_net:
            return price
    return exact


# -------------------------------------------------------------------------------------- rounding
def _with_rounding(articles: tuple[Article, ...], document: InvoiceDocument) -> tuple[Article, ...]:
    """Add a rounding line, or where the total was rounded down take it off a line.

    They have no negative lines. What is taken off shows as a reduction, and the VAT stays what
    the invoice says: rounding is of the payment, not of the price.
    """
    rounding = document.totals.rounding
    if rounding > 0:
        name = ROUNDING.get(document.language, ROUNDING["en"])
        return (*articles, _single("rounding", name, document, ZERO, rounding, ZERO))
    if rounding < 0 and articles:
        return _reduced(articles, -rounding)
    return articles


def can_be_taken_off(document: InvoiceDocument, off: Decimal) -> bool:
    """Tell whether the lines without VAT can bear a reduction: only there the sums still agree.

    On a line with VAT its VAT would no longer be that of its net.
    """
    bearing = [line.due_net for line in document.lines if not line.vat_rate]
    return sum((net for net in bearing if net > 0), ZERO) >= off


def _reduced(articles: tuple[Article, ...], off: Decimal) -> tuple[Article, ...]:
    """Take an amount off the lines without VAT first: what they cannot bear the rules refuse."""
    found = list(articles)
    order = sorted(range(len(found)), key=lambda at: (found[at].rate != 0, -found[at].net))
    for at in order:
        part = min(max(found[at].net, ZERO), off)
        taken = found[at]
        found[at] = replace(taken, reduction=taken.reduction + part, net=taken.net - part)
        off -= part
    return tuple(found)


# ------------------------------------------------------------------------------------- remainder
def _remainder(document: InvoiceDocument, amount: Decimal) -> tuple[Article, ...]:
    """Return one line per VAT rate over what is left, in the proportions of the invoice."""
    name = REMAINDER.get(document.language, REMAINDER["en"]).format(number=document.number)
    shares = _gross_by_rate(document)
    total = sum(shares.values(), ZERO)
    if total <= 0:
        return (_single("remainder", name, document, ZERO, amount, ZERO),)
    ideals = [WIDE.divide(WIDE.multiply(amount, share), total) for share in shares.values()]
    parts = zip(shares, _allot(amount, ideals), strict=True)
    return tuple(_share(name, document, rate, gross) for rate, gross in parts if gross)


def _gross_by_rate(document: InvoiceDocument) -> dict[Decimal, Decimal]:
    shares: dict[Decimal, Decimal] = {}
    for line in document.lines:
        shares[line.vat_rate] = shares.get(line.vat_rate, ZERO) + line.due_net + line.due_vat
    return {rate: gross for rate, gross in shares.items() if gross > 0}


def _share(name: str, document: InvoiceDocument, rate: Decimal, gross: Decimal) -> Article:
    vat = round2(WIDE.divide(WIDE.multiply(gross, rate), HUNDRED + rate))
    return _single("remainder", name, document, rate, gross - vat, vat)


def _allot(target: Decimal, ideals: Sequence[Decimal]) -> list[Decimal]:
    """Round shares down and give the cents that are left to the largest remainders."""
    parts = [share.quantize(CENT, ROUND_FLOOR, context=WIDE) for share in ideals]
    left = int((target - sum(parts, ZERO)) / CENT)
    by_remainder = sorted(range(len(parts)), key=lambda i: parts[i] - ideals[i])
    for index in by_remainder[:left]:
        parts[index] += CENT
    return parts


def _single(
    number: str, name: str, document: InvoiceDocument, rate: Decimal, net: Decimal, vat: Decimal
) -> Article:
    return Article(
        number=number,
        description=name,
        unit=unit("C62", document.language),
        quantity=Decimal(1),
        price=net,
        rate=rate,
        net=net,
        vat=vat,
    )

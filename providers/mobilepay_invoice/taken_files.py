"""From bytes to bodies: a JSON object, an array of them, or CSV with a row per line of an invoice.

CSV has the same names in its first row. Names that an invoice and its lines share (the sum of
VAT) are the invoice's, unless `InvoiceArticles.` stands before them; a payer's number may be
called `ConsumerAlias`, `ConsumerAlias.Alias` or `Alias`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from providers.mobilepay_invoice.taken_values import NotTaken

LINE_NAMES = frozenset(
    {
        "articlenumber", "articledescription", "vatrate", "totalpriceincludingvat", "unit",
        "quantity", "priceperunit", "pricereduction", "pricediscount", "bonus",
    }
)  # fmt: skip
LINE_PREFIXES = ("invoicearticles.", "invoicelineitem.")
HALF = gettext_noop("It has half a character, like \\ud83d alone. Export it again as UTF-8.")
ALIASES = frozenset({"consumeralias", "consumeralias.alias", "alias"})


@dataclass(frozen=True, slots=True)
class Row:
    """One invoice's body, and where it stood."""

    where: str
    body: Mapping[str, Any]


def rows(content: bytes) -> list[Row | NotTaken]:
    """Part a file into bodies. What cannot be parted comes back as one NotTaken."""
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        remedy = _("This is not UTF-8 from byte %d on. Save the file as UTF-8 and try again.")
        return [NotTaken(row="", remedy=remedy % (error.start + 1))]
    if not text:
        return [
            NotTaken(row="", remedy=_("Nothing was given. Paste JSON or CSV, or choose a file."))
        ]
    return _of_json(text) if text[0] in "[{" else _of_csv(text)


# ----------------------------------------------------------------------------------------- JSON
def _of_json(text: str) -> list[Row | NotTaken]:
    try:
        found = json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        remedy = _("This is not JSON: line %(line)d, column %(column)d. Correct it there.")
        words = remedy % {"line": error.lineno, "column": error.colno}
        return [NotTaken(row="", value=text[max(error.pos - 20, 0) : error.pos + 20], remedy=words)]
    except (ValueError, ArithmeticError, RecursionError):
        return [NotTaken(row="", remedy=_("This is not JSON that can be read. Export it again."))]
    bodies = found if isinstance(found, list) else [found]
    return [_checked(str(at), body) for at, body in enumerate(bodies, 1)]


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _is_text(body: Mapping[str, Any]) -> bool:
    """Say whether it can be stored and shown: JSON may escape half a character."""
    try:
        json.dumps(body, ensure_ascii=False, default=str).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _checked(where: str, body: Any) -> Row | NotTaken:
    if isinstance(body, Mapping):
        return Row(where, body) if _is_text(body) else NotTaken(row=where, remedy=_(HALF))
    remedy = _("This is not an invoice. Give an object with InvoiceNumber, DueDate and the like.")
    return NotTaken(row=where, value=str(body)[:80], remedy=remedy)


# ------------------------------------------------------------------------------------------ CSV
def _of_csv(text: str) -> list[Row | NotTaken]:
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = [name.strip() for name in next(reader)]
        cells = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        remedy = _("This is neither JSON nor CSV that can be read (%s). Export it again.")
        return [NotTaken(row="", remedy=remedy % error)]
    known = {name.casefold() for name in header}
    if not known & {"invoicenumber", "paymentreference"}:
        remedy = _(
            "The first row must name the columns, InvoiceNumber or PaymentReference among them."
        )
        return [NotTaken(row="1", value=first[:80], remedy=remedy)]
    return list(_grouped(header, cells))


def _grouped(header: list[str], cells: list[tuple[int, list[str]]]) -> Iterator[Row | NotTaken]:
    """Put the rows of one invoice together, in the order of their first."""
    groups: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for line, row in cells:
        named = dict(zip(header, (cell.strip() for cell in row), strict=False))
        folded = {name.casefold(): value for name, value in named.items()}
        key = folded.get("invoicenumber") or folded.get("paymentreference") or f"\x00{line}"
        groups.setdefault(key, []).append((line, named))
    for key, members in groups.items():
        yield _body("" if key.startswith("\x00") else key, members)


def _body(key: str, members: list[tuple[int, dict[str, str]]]) -> Row | NotTaken:
    where = "-".join(dict.fromkeys(str(members[at][0]) for at in (0, -1)))
    head: dict[str, Any] = {}
    lines = []
    for number, cells in members:
        line: dict[str, str] = {}
        for name, value in cells.items():
            into, plain = _place(name)
            if into == "line":
                line[plain] = value
            elif value and head.setdefault(plain, value) != value:
                return _differs(str(number), key, name, value, head[plain])
        if any(line.values()):
            lines.append(line)
    alias = next((head.pop(name) for name in list(head) if name.casefold() in ALIASES), "")
    if alias:
        head["ConsumerAlias"] = {"Alias": alias}
    return Row(where, head | {"InvoiceArticles": lines})


def _place(name: str) -> tuple[str, str]:
    """Say whether a column is the invoice's or a line's, and its name without a prefix."""
    folded = name.casefold()
    for prefix in LINE_PREFIXES:
        if folded.startswith(prefix):
            return "line", name[len(prefix) :]
    return ("line" if folded in LINE_NAMES else "head"), name


def _differs(row: str, number: str, name: str, value: str, before: str) -> NotTaken:
    remedy = _("An earlier row of this invoice says “%s”. Give every row of it the same.")
    return NotTaken(
        row=row, number=number, field=name, value=value[:80], remedy=remedy % before[:80]
    )

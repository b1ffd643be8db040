"""What an invoice request is made of: names, kinds and who needs what, per documentation.

Names are read whatever their case; members nobody documented are read past.
"""

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from providers.sandbox.mobilepay import kinds
from providers.sandbox.mobilepay.kinds import REQUIRED, Wrong
from providers.sandbox.mobilepay.problems import Refusal, invalid
from providers.sandbox.models import PortalMerchant

Profile = PortalMerchant.Profile
CURRENCY = {"DK": "DKK", "FI": "EUR"}
# R required, o optional, x read past, - unknown: first documentation, 1.4 direct and link,
# 1.5 direct and link. The first documentation knew no links; there they follow its one column.
BODY = """
InvoiceIssuer        guid      R R R R R
ConsumerAlias        alias     R R o R o
ConsumerName         text      R R o o o
TotalAmount          amount    R R R R R
TotalVatAmount       vat       R R R o o
CountryCode          country   R R R x x
CurrencyCode         currency  R R R x x
ConsumerAddressLines lines     R R R o o
DeliveryAddressLines lines     o o o o o
InvoiceNumber        number_of R R R o o
IssueDate            date      R R R o o
DueDate              date      R R R R R
OrderDate            date      R R R o o
DeliveryDate         date      - R R o o
Comment              text      o o o o o
MerchantContactName  text      o o o o o
MerchantOrderNumber  text      o o o o o
BuyerOrderNumber     text      o o o o o
PaymentReference     ref       o o o o o
InvoiceUrl           https     - o o o o
RedirectUrl          text      - - - - o
InvoiceLineItem      articles  R - - - -
InvoiceArticles      articles  - R R R R
"""
# One line of the invoice: first documentation, 1.4, 1.5.
ARTICLE = """
ArticleNumber          text   o R o
ArticleDescription     text   o R R
VATRate                number o R o
TotalVATAmount         vat    o R o
TotalPriceIncludingVat number o R o
Unit                   text   o R o
Quantity               number o R o
PricePerUnit           number o R o
PriceReduction         number o R o
PriceDiscount          number o R o
Bonus                  number o R o
"""
ALIAS = """
Alias     phone R R R
AliasType type  R R R
"""
COLUMN = {
    (Profile.V1, False): 0,
    (Profile.V1, True): 0,
    (Profile.V14, False): 1,
    (Profile.V14, True): 2,
    (Profile.V15, False): 3,
    (Profile.V15, True): 4,
}


@dataclass(frozen=True)
class Member:
    name: str
    key: str
    kind: str
    required: bool


@dataclass(frozen=True)
class Wanted:
    """An invoice request whose every field is of its kind. Amounts in major units."""

    body: dict[str, Any]
    """what was documented and sent, in the documented spelling, ready for JSON"""
    hash: str
    issuer: uuid.UUID
    alias: str
    total: Decimal
    country: str
    currency: str
    due_date: date
    issue_date: date | None
    is_link: bool

    @property
    def number(self) -> str:
        """The invoice number, empty where only a payment reference was given."""
        return str(self.body.get("InvoiceNumber", ""))


def _table(text: str, column: int) -> list[Member]:
    rows = [line.split() for line in text.strip().splitlines()]
    return [
        Member(row[0], row[0].lower(), row[1], row[2 + column] == "R")
        for row in rows
        if row[2 + column] in {"R", "o"}
    ]


BODIES = {key: _table(BODY, column) for key, column in COLUMN.items()}
NESTED = {
    (kind, profile): _table(text, column)
    for kind, text in (("articles", ARTICLE), ("alias", ALIAS))
    for column, profile in enumerate(Profile)
}


@dataclass
class Reader:
    """Reads objects by their tables and collects what is wrong instead of stopping."""

    profile: Profile
    problems: list[tuple[str, str]] = field(default_factory=list)

    def take(self, given: Any, table: list[Member], prefix: str = "") -> dict[str, Any]:
        """Give the documented members of an object, each checked."""
        if not isinstance(given, dict):
            raise Wrong
        by_name = {name.lower(): value for name, value in given.items()}
        taken: dict[str, Any] = {}
        for member in table:
            try:
                value = self._value(by_name.get(member.key), member, f"{prefix}{member.name}")
            except Wrong as wrong:
                self.problems.append((f"{prefix}{member.name}", wrong.why))
            else:
                if value is not None:
                    taken[member.name] = value
        return taken

    def _value(self, value: Any, member: Member, name: str) -> Any:
        if value is None or value in ("", []):
            if member.required:
                raise Wrong(REQUIRED)
            return None
        if member.kind == "alias":
            return self.take(value, NESTED["alias", self.profile], f"{name}.")
        if member.kind == "articles":
            return self._articles(value, name)
        return kinds.KINDS[member.kind](self.profile, value)

    def _articles(self, value: Any, name: str) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise Wrong
        table = NESTED["articles", self.profile]
        return [self.take(line, table, f"{name}[{n}].") for n, line in enumerate(value)]


def read(item: Any, merchant: PortalMerchant, *, is_link: bool) -> Wanted:
    """Check one request's names and kinds. Raises a Refusal that names every faulty field."""
    profile = Profile(merchant.profile)
    reader = Reader(profile)
    try:
        taken = reader.take(item, BODIES[profile, is_link])
    except Wrong as wrong:
        raise invalid("body", wrong.why) from None
    if not (taken.keys() & {"InvoiceNumber", "PaymentReference"} or reader.problems):
        reader.problems.append(("InvoiceNumber", "Required unless PaymentReference is given"))
    if reader.problems:
        raise _refused(reader.problems)
    return _wanted(taken, merchant, is_link=is_link)


def _refused(found: list[tuple[str, str]]) -> Refusal:
    refusal = invalid(*found[0])
    refusal.description = "".join(invalid(*one).description for one in found)
    return refusal


def _wanted(taken: dict[str, Any], merchant: PortalMerchant, *, is_link: bool) -> Wanted:
    issued = taken.get("IssueDate")
    return Wanted(
        body=_plain(taken),
        hash=_fingerprint(taken, is_link=is_link),
        issuer=uuid.UUID(taken["InvoiceIssuer"]),
        alias=kinds.e164(taken.get("ConsumerAlias", {}).get("Alias", "")),
        total=taken["TotalAmount"],
        country=taken.get("CountryCode", merchant.country),
        currency=taken.get("CurrencyCode", CURRENCY[merchant.country]),
        due_date=date.fromisoformat(taken["DueDate"]),
        issue_date=date.fromisoformat(issued) if issued else None,
        is_link=is_link,
    )


def _plain(value: Any) -> Any:
    """Make a body fit for JSON; the amounts that matter have columns of their own."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return float(value) if isinstance(value, Decimal) else value


def _fingerprint(taken: dict[str, Any], *, is_link: bool) -> str:
    # 990 and 990.00 are the same field; a link and a direct invoice are not the same invoice.
    text = json.dumps(
        [is_link, taken], sort_keys=True, default=lambda number: str(number.normalize())
    )
    return hashlib.sha256(text.encode()).hexdigest()

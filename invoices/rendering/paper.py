"""A document put into words: every figure, date and label as its reader will see it.

The PDF, the hosted page and the email draw the same `Paper`, so they cannot say different things.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import override, pgettext

from invoices.rendering import words
from providers.contract import Address, InvoiceDocument, Line, Party, VatCategory, VatTotal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label and what stands beside it."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyWords:
    """A seller or buyer: the lines of an address, registered numbers, how to reach them."""

    name: str
    lines: tuple[str, ...]
    numbers: tuple[str, ...]
    contact: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWords:
    """One row of the table."""

    description: str
    article_number: str
    quantity: str
    unit: str
    price: str
    discount: str
    vat: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VatWords:
    """One row of the VAT summary."""

    label: str
    base: str
    vat: str
    total: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """All that is on the document, in one language."""

    language: str
    kind: str
    title: str
    number: str
    currency: str
    seller: PartyWords
    buyer: PartyWords
    delivery: tuple[str, ...]
    facts: tuple[Fact, ...]
    lines: tuple[LineWords, ...]
    has_discounts: bool
    prices_note: str
    sums: tuple[Fact, ...]
    vat: tuple[VatWords, ...]
    payable: str
    issue_date: str
    due_date: str
    payment: tuple[Fact, ...]
    subject: str
    comment: str
    terms: str
    colour: str
    logo: str


def put_into_words(document: InvoiceDocument, language: str = "") -> Paper:
    """Return the document's words, in its own language unless another is asked for."""
    code = words.language(language or document.language)
    with override(code):
        return _paper(document, code)


def _paper(document: InvoiceDocument, code: str) -> Paper:
    kind = _credit_or_invoice(document)
    has_discounts = any(line.discount for line in document.lines)
    return Paper(
        language=code,
        kind=kind,
        title=f"{kind} {document.number}".strip(),
        number=document.number,
        currency=document.currency,
        seller=_seller(document, code),
        buyer=_buyer(document, code),
        delivery=_delivery(document, code),
        facts=tuple(_facts(document, code)),
        lines=tuple(_line(line, document.prices_include_vat, code) for line in document.lines),
        has_discounts=has_discounts,
        prices_note=_prices_note(document),
        sums=tuple(_sums(document, code)),
        vat=tuple(_vat(group, code) for group in document.vat_totals),
        payable=words.amount(document.totals.payable, code),
        issue_date=words.day(document.issue_date, code),
        due_date=words.day(document.due_date, code),
        payment=tuple(_payment(document, code)),
        subject=document.subject,
        comment=document.comment,
        terms=document.terms,
        colour=document.look.colour,
        logo=document.look.logo,
    )


def _credit_or_invoice(document: InvoiceDocument) -> str:
    if document.kind == "credit_note":
        return _("Credit note")
    return _("Invoice") if document.number else _("Draft invoice")


def _prices_note(document: InvoiceDocument) -> str:
    if document.prices_include_vat:
        return _("Amounts in %(currency)s with VAT") % {"currency": document.currency}
    return _("Amounts in %(currency)s without VAT") % {"currency": document.currency}


# ------------------------------------------------------------------------------------- the parties
def _address(address: Address, home: str, code: str) -> tuple[str, ...]:
    """Write an address; the country is named only when it is not the seller's."""
    town = " ".join(part for part in (address.postcode, address.city) if part)
    abroad = address.country and address.country != home
    nation = words.country(address.country, code) if abroad else ""
    return tuple(line for line in (*address.lines, town, nation) if line)


def _seller(document: InvoiceDocument, code: str) -> PartyWords:
    party = document.issuer
    home = document.customer.address.country or party.address.country
    website = party.website.removeprefix("https://").removeprefix("http://").rstrip("/")
    numbers = _numbers(party)
    if party.legal_note:
        numbers = [", ".join([*numbers[:1], party.legal_note]), *numbers[1:]]
    return PartyWords(
        name=party.name,
        lines=tuple(filter(None, (party.legal_name, *_address(party.address, home, code)))),
        numbers=tuple(numbers),
        contact=tuple(filter(None, (party.email, words.phone(party.phone), website))),
    )


def _buyer(document: InvoiceDocument, code: str) -> PartyWords:
    party = document.customer
    lines = _address(party.address, document.issuer.address.country, code)
    if party.contact:
        lines = (_("Att. %(name)s") % {"name": party.contact}, *lines)
    return PartyWords(name=party.name, lines=lines, numbers=tuple(_numbers(party)))


def _numbers(party: Party) -> list[str]:
    """Name a company's numbers; in Norway the VAT number is the other with MVA behind."""
    country, found = party.address.country, []
    if party.org_number:
        label = words.ORG_NUMBER_NAMES.get(country, _("Company no."))
        suffix = " MVA" if country == "NO" and party.vat_number else ""
        found.append(f"{label} {words.org_number(party.org_number, country)}{suffix}")
    if party.vat_number and not (country == "NO" and party.org_number):
        found.append(f"{_('VAT no.')} {party.vat_number}")
    return found


def _delivery(document: InvoiceDocument, code: str) -> tuple[str, ...]:
    if document.delivery_address is None:
        return ()
    return _address(document.delivery_address, document.issuer.address.country, code)


# --------------------------------------------------------------------------------------- the facts
def _facts(document: InvoiceDocument, code: str) -> list[Fact]:
    """List the dates and references that are given; the number stands in the title."""
    given = (
        (_("Issue date"), words.day(document.issue_date, code)),
        (_("Due date"), words.day(document.due_date, code)),
        (_("Order date"), words.day(document.order_date, code) if document.order_date else ""),
        (
            _("Delivery date"),
            words.day(document.delivery_date, code) if document.delivery_date else "",
        ),
        (_("Your reference"), document.buyer_reference),
        (_("Your order number"), document.buyer_order_number),
        (_("Our order number"), document.merchant_order_number),
        (_("Our contact"), document.merchant_contact),
        (_("Version"), str(document.version) if document.version > 1 else ""),
    )
    return [Fact(label=label, text=text) for label, text in given if text]


def _payment(document: InvoiceDocument, code: str) -> list[Fact]:
    """List what somebody needs who pays through a bank."""
    bank = document.bank
    given = (
        (_("Account"), words.bank_account(bank.account)),
        ("IBAN", words.in_groups(bank.iban, 4)),
        ("BIC", bank.bic),
        ("KID", document.kid),
        (_("Payment reference"), document.payment_reference),
    )
    facts = [Fact(label=label, text=text) for label, text in given if text]
    if not (bank.account or bank.iban):
        return [fact for fact in facts if fact.label == _("Payment reference")]
    if not document.kid and not document.payment_reference and document.number:
        facts.append(Fact(label=_("Mark the payment"), text=document.number))
    return facts


# --------------------------------------------------------------------------------------- the money
def _line(line: Line, with_vat: bool, code: str) -> LineWords:
    return LineWords(
        description=line.description,
        article_number=line.article_number,
        quantity=words.number(line.quantity, code),
        unit=words.unit(line.unit),
        price=words.amount(line.unit_price, code),
        discount=_line_discount(line, code),
        vat=_rate(line.vat_category, line.vat_rate, code),
        amount=words.amount(line.gross if with_vat else line.net, code),
    )


def _line_discount(line: Line, code: str) -> str:
    if not line.discount:
        return ""
    if line.discount_percent is not None:
        return words.percent(line.discount_percent, code)
    return words.amount(-line.discount, code)


def _rate(category: str, rate: Decimal, code: str) -> str:
    """Write the rate; where none applies there is none, and the summary says why."""
    has_rate = category in (VatCategory.STANDARD, VatCategory.ZERO)
    return words.percent(rate, code) if has_rate else ""


def _sums(document: InvoiceDocument, code: str) -> list[Fact]:
    """List the steps from the lines to what is to be paid, leaving out the empty ones."""
    totals = document.totals
    rows: list[tuple[str, Decimal]] = []
    if totals.discount_net:
        rows.append((_("Lines without VAT"), totals.lines_net))
        rows.append((_discount_label(document, code), -totals.discount_net))
    rows.append((_("Total without VAT"), totals.net))
    rows.append((_("VAT"), totals.vat))
    if totals.rounding:
        rows.append((_("Total with VAT"), totals.gross))
        rows.append((_("Rounding"), totals.rounding))
    return [Fact(label=label, text=words.amount(value, code)) for label, value in rows]


def _discount_label(document: InvoiceDocument, code: str) -> str:
    if document.discount_percent is None:
        return _("Discount")
    percent = words.percent(document.discount_percent, code)
    return _("Discount %(percent)s") % {"percent": percent}


def _vat(group: VatTotal, code: str) -> VatWords:
    label = str(words.VAT_WORDS[group.category])
    if group.category == VatCategory.STANDARD:
        label = pgettext("rate of VAT", "VAT %(percent)s") % {
            "percent": words.percent(group.rate, code)
        }
    return VatWords(
        label=label,
        base=words.amount(group.base, code),
        vat=words.amount(group.vat, code),
        total=words.amount(group.base + group.vat, code),
        reason=group.reason,
    )

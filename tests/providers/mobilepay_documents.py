"""Danish invoices, options and terms as values: no database."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from invoices.totals import LineInput, compute
from providers.contract import Address, InvoiceDocument, Line, Party, SendOptions
from providers.mobilepay_invoice.terms import CURRENCY, DEFAULTS, ZONES, Terms

PAYLOADS = Path(__file__).parent.parent / "payloads" / "mobilepay_invoice"
NOW = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
ISSUER = "0f6d9c3a-51b7-4e0e-9c42-8a7be1d2f530"
PHONE = "+4511223344"
HOME = Address(lines=("Prøvevej 7, 2. tv",), postcode="2100", city="København Ø", country="DK")


def payload(name: str) -> Any:
    """Read a recorded body, numbers exactly as written."""
    text = (PAYLOADS / f"{name}.json").read_text()
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def wire_payload(name: str) -> Any:
    """Read a recorded body as our HTTP does."""
    return json.loads((PAYLOADS / f"{name}.json").read_text(), parse_float=Decimal)


def terms(profile: str = "1.5", country: str = "DK", **changes: Any) -> Terms:
    """The defaults of a documentation and country."""
    limits = DEFAULTS[country, profile]
    values: dict[str, Any] = {
        "profile": profile,
        "country": country,
        "zone": ZONES[country],
        "currency": CURRENCY[country],
        "cap": limits.cap,
        "per_payer_daily": limits.per_payer_daily,
        "per_issuer_daily": limits.per_issuer_daily,
        "is_sandbox": False,
    }
    return Terms(**(values | changes))


def typed(price: str, quantity: str = "1", rate: str = "25", **more: Any) -> LineInput:
    """A line as staff type it."""
    return LineInput(
        quantity=Decimal(quantity), unit_price=Decimal(price), vat_rate=Decimal(rate), **more
    )


def document(
    *given: LineInput,
    texts: tuple[dict[str, Any], ...] = (),
    with_vat: bool = False,
    discount_kind: str = "percent",
    discount: str = "0",
    round_to_whole: bool = False,
    **changes: Any,
) -> InvoiceDocument:
    """An invoice over these lines, or over DKK 990.00 for one bicycle service."""
    rows = given or (typed("792"),)
    computed = compute(
        rows,
        prices_include_vat=with_vat,
        discount_kind=discount_kind,
        discount_value=Decimal(discount),
        round_to_whole=round_to_whole,
    )
    words = texts or ({"description": "Cykelservice", "article_number": "SRV-1"},) * len(rows)
    lines = tuple(
        _line(str(place), row, amounts, said)
        for place, (row, amounts, said) in enumerate(
            zip(rows, computed.lines, words, strict=True), 1
        )
    )
    values: dict[str, Any] = {
        "number": "2026-000417",
        "currency": "DKK",
        "language": "da",
        "issue_date": date(2026, 11, 20),
        "due_date": date(2026, 12, 4),
        "issuer": Party(name="Nørrebro Cykler"),
        "customer": Party(name="Asta Eksempel", is_company=False, address=HOME),
        "prices_include_vat": with_vat,
        "lines": lines,
        "discount": computed.discount,
        "vat_totals": computed.vat_totals,
        "totals": computed.totals,
    }
    return InvoiceDocument(**(values | changes))


def _line(place: str, row: LineInput, amounts: Any, said: dict[str, Any]) -> Line:
    return Line(
        id=place,
        quantity=row.quantity,
        unit_price=row.unit_price,
        vat_rate=row.vat_rate,
        discount=amounts.discount,
        net=amounts.net,
        vat=amounts.vat,
        gross=amounts.gross,
        due_net=amounts.due_net,
        due_vat=amounts.due_vat,
        **said,
    )


def options(
    invoice: InvoiceDocument | None = None, channel: str = "direct", **changes: Any
) -> SendOptions:
    """All that a request for the whole of an invoice needs."""
    values: dict[str, Any] = {
        "channel": channel,
        "amount": (invoice or document()).totals.payable,
        "phone": PHONE if channel == "direct" else "",
        "has_contact_consent": channel == "direct",
        "now": NOW,
        "issuer_id": ISSUER,
    }
    return SendOptions(**(values | changes))

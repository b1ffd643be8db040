"""Documents to render, with amounts that `totals` computed."""

import base64
import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from PIL import Image, ImageDraw

from invoices import totals
from providers.contract import (
    Address,
    BankAccount,
    InvoiceDocument,
    Line,
    Look,
    Party,
    VatCategory,
)

HOSTED = "https://invoices.example/i/0123456789abcdefghijklmnopqrstuv/"
SELLER = Party(
    name="Fjord og Fjell AS",
    org_number="923609016",
    vat_number="NO923609016MVA",
    legal_note="Foretaksregisteret",
    address=Address(lines=("Karl Johans gate 1",), postcode="0154", city="Oslo", country="NO"),
    email="faktura@fjord.example",
    phone="+47 22 00 00 00",
    website="https://fjord.example/",
)
BUYER = Party(
    name="Bølgen Bakeri AS",
    org_number="988077917",
    vat_number="NO988077917MVA",
    address=Address(lines=("Storgata 1",), postcode="0155", city="Oslo", country="NO"),
    contact="Åse Bølge",
    language="nb",
)
GOODS = (
    ("Konsulenttime, prosjekt «Ærlig økonomi»", "HUR", "7.5", "1250", "25", "10"),
    ("Kaffe, brent i Ålesund", "KGM", "3", "219.90", "15", "0"),
    ("Flybuss Oslo lufthavn", "C62", "2", "259", "12", "0"),
    ("Skruer M6\u00d740, forsinket", "C62", "1200", "0.0375", "25", "0"),
)


def logo() -> str:
    """Return a small PNG as a data: address."""
    picture = Image.new("RGBA", (360, 96), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 96), (70, 10), (110, 60), (140, 30), (200, 96)], fill=(11, 91, 112, 255))
    stored = io.BytesIO()
    picture.save(stored, "PNG")
    return "data:image/png;base64," + base64.b64encode(stored.getvalue()).decode()


def lines_of(count: int) -> list[totals.LineInput]:
    """Return `count` lines that repeat GOODS."""
    return [
        totals.LineInput(
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            discount_value=Decimal(off),
            vat_category=VatCategory.STANDARD,
            vat_rate=Decimal(rate),
        )
        for _text, _unit, quantity, price, rate, off in (
            GOODS[at % len(GOODS)] for at in range(count)
        )
    ]


def document(
    count: int = 4,
    *,
    given: list[totals.LineInput] | None = None,
    texts: list[str] | None = None,
    prices_include_vat: bool = False,
    discount: str = "0",
    **values: Any,
) -> InvoiceDocument:
    """Return a Norwegian document of `count` lines; `values` replace any field."""
    inputs = given or lines_of(count)
    computed = totals.compute(
        inputs, prices_include_vat=prices_include_vat, discount_value=Decimal(discount)
    )
    lines = tuple(
        Line(
            id=str(at + 1),
            description=texts[at % len(texts)] if texts else GOODS[at % len(GOODS)][0],
            article_number=f"A-{100 + at}",
            quantity=line.quantity,
            unit=GOODS[at % len(GOODS)][1],
            unit_price=line.unit_price,
            discount=amounts.discount,
            discount_percent=amounts.discount_percent if amounts.discount else None,
            vat_category=line.vat_category,
            vat_rate=line.vat_rate,
            net=amounts.net,
            vat=amounts.vat,
            gross=amounts.gross,
            due_net=amounts.due_net,
            due_vat=amounts.due_vat,
        )
        for at, (line, amounts) in enumerate(zip(inputs, computed.lines, strict=True))
    )
    base = InvoiceDocument(
        number="1042",
        currency="NOK",
        language="nb",
        issue_date=date(2026, 11, 21),
        due_date=date(2026, 12, 5),
        delivery_date=date(2026, 11, 19),
        issuer=SELLER,
        customer=BUYER,
        look=Look(colour="#0b5b70", logo=logo()),
        bank=BankAccount(account="86011117947", iban="NO9386011117947", bic="DNBANOKKXXX"),
        subject="Rådgivning i november",
        comment="Takk for samarbeidet.",
        terms="Ved forsinket betaling beregnes forsinkelsesrente etter forsinkelsesrenteloven.",
        merchant_contact="Kari Nordmann",
        merchant_order_number="S-77",
        buyer_order_number="PO-4711",
        buyer_reference="Prosjekt 12",
        kid="1234567897",
        prices_include_vat=prices_include_vat,
        discount=computed.discount,
        discount_percent=computed.discount_percent if computed.discount else None,
        lines=lines,
        vat_totals=computed.vat_totals,
        totals=computed.totals,
    )
    return replace(base, **values)

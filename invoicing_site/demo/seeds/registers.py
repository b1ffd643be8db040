"""The sample customers, their consents, and the price list."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from customers.models import ContactConsent, Customer
from invoices.models import Article
from invoicing_site.merchants.models import Merchant, User
from providers.contract import VatCategory

PRIVATE, CORPORATE = Customer.Kind.PRIVATE, Customer.Kind.CORPORATE


class Sample(NamedTuple):
    """A customer in short. `consents`: agreed to be sent payment requests by phone."""

    name: str
    kind: str
    language: str
    country: str
    street: str
    postcode: str
    city: str
    phone: str = ""
    email: str = ""
    consents: bool = False
    more: dict[str, Any] = {}


# Numbers that end in 7010, 7011, 7012 and 7050 make the sandbox answer in special ways. At
# MobilePay Invoice, 810103 is nobody's and 9999 belongs to somebody whose card is refused.
CUSTOMERS = (
    Sample("Kari Nordmann", PRIVATE, "nb", "NO", "Toftes gate 12", "0556", "Oslo",
           "+4791234567", "kari@example.com", True),
    Sample("Ola Amundsen", PRIVATE, "nb", "NO", "Vogts gate 3", "0474", "Oslo",
           "+4792345678", "ola@example.com", True),
    Sample("Silje Bråten Ødegård", PRIVATE, "nb", "NO", "Kirkegata 9", "5003", "Bergen",
           "+4793456789", "silje@example.com", False),
    Sample("Astrid Myhre", PRIVATE, "nb", "NO", "Storgata 1", "9008", "Tromsø",
           "", "astrid@example.com", False),
    Sample("Emil Sand", PRIVATE, "nb", "NO", "Skippergata 20", "0154", "Oslo",
           "+4799997010", "emil@example.com", True),
    Sample("Fjellbud AS", CORPORATE, "nb", "NO", "Industriveien 8", "7030", "Trondheim",
           "+4740506070", "regnskap@fjellbud.example", True,
           {"org_number": "314159268", "contact": "Nils Berg", "buyer_reference": "NB-77"}),
    Sample("Jens Østergaard", PRIVATE, "da", "DK", "Vesterbrogade 41", "1620", "København V",
           "+4521223344", "jens@example.com", True),
    Sample("Mette Kjær", PRIVATE, "da", "DK", "Jægergårdsgade 7", "8000", "Aarhus C",
           "+4531323334", "mette@example.com", True),
    Sample("Cykelhuset Amager ApS", CORPORATE, "da", "DK", "Amagerbrogade 120", "2300",
           "København S", "+4540414243", "bogholderi@cykelhuset.example", True,
           {"org_number": "99000112", "vat_number": "DK99000112", "contact": "Lone Friis"}),
    Sample("Freja Holm", PRIVATE, "da", "DK", "Istedgade 88", "1650", "København V",
           "+4520810103", "freja@example.com", True),
    Sample("Oskar Bech", PRIVATE, "da", "DK", "Sønder Boulevard 5", "1720", "København V",
           "+4526409999", "oskar@example.com", True),
    Sample("Åsa Lindström", PRIVATE, "sv", "SE", "Götgatan 56", "118 26", "Stockholm",
           "+46701234567", "asa@example.com", False),
    Sample("Aino Virtanen", PRIVATE, "fi", "FI", "Mannerheimintie 20", "00100", "Helsinki",
           "+358401234567", "aino@example.com", False),
    Sample("Fjord Cargo Ltd", CORPORATE, "en", "GB", "4 Harbour Row", "AB11 5QT", "Aberdeen",
           "", "accounts@fjordcargo.example", False, {"contact": "Moira Keith"}),
    Sample("Noor Haddad", PRIVATE, "en", "NO", "Grønland 14", "0188", "Oslo",
           "+4798765432", "noor@example.com", True),
)  # fmt: skip

ARTICLES = (
    ("SYK-100", "Bysykkel «Polaris», 8 gir", "C62", "7192", "NOK", "25"),
    ("SYK-200", "Elsykkel «Aurora»", "C62", "23992", "NOK", "25"),
    ("REP-010", "Verkstedtime", "HUR", "760", "NOK", "25"),
    ("REP-020", "Vinterdekk med pigger, par", "PR", "719.20", "NOK", "25"),
    ("UTL-001", "Utleie av sykkel, dag", "DAY", "320", "NOK", "25"),
    ("KRS-001", "Kurs i sykkelreparasjon (unntatt mva.)", "C62", "450", "NOK", "0"),
    ("DK-100", "Bycykel »Polaris«, 8 gear", "C62", "4999", "DKK", "25"),
    ("DK-010", "Værkstedstime", "HUR", "495", "DKK", "25"),
    ("DK-020", "Serviceaftale, et kvartal", "C62", "349", "DKK", "25"),
    ("FI-010", "Pyörähuolto", "C62", "89", "EUR", "25.5"),
)


def make(*, now: datetime) -> None:
    """Make the customers with their consents, and the price list of the first merchant."""
    merchant = Merchant.objects.get(slug="nordlys")
    owner = User.objects.get(memberships__merchant=merchant, memberships__role="owner")
    for sample in CUSTOMERS:
        _customer(merchant, sample, by=owner, now=now)
    for number, text, unit, price, currency, rate in ARTICLES:
        category = VatCategory.EXEMPT if rate == "0" else VatCategory.STANDARD
        fields = {
            "description": text,
            "unit": unit,
            "price": Decimal(price),
            "currency": currency,
            "vat_category": category,
            "vat_rate": Decimal(rate),
        }
        Article.objects.get_or_create(merchant=merchant, number=number, defaults=fields)
    other = Merchant.objects.get(slug="havblikk")
    stranger = Sample("Runa Strand", PRIVATE, "nb", "NO", "Havnegata 2", "8001", "Bodø")
    _customer(other, stranger, by=owner, now=now)


def _customer(merchant: Merchant, sample: Sample, *, by: User, now: datetime) -> None:
    fields = sample._asdict()
    consents, more = fields.pop("consents"), fields.pop("more")
    customer, is_new = Customer.objects.get_or_create(
        merchant=merchant, name=fields.pop("name"), defaults=fields | more
    )
    if is_new and consents:
        ContactConsent.objects.create(
            customer=customer,
            phone=sample.phone,
            how="Signed form in the shop",
            given_at=now - timedelta(days=40),
            recorded_by=by,
        )

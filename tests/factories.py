"""Plain valid rows. Give only what a test is about.

draft()                      a draft of three lines for a private customer in Norway
draft(customer=None)         ... without a customer
issued(lines=[line()])       an issued invoice of one line
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import factory
from factory.django import DjangoModelFactory

from customers.models import ContactConsent, Customer
from invoices.models import Article, Invoice, InvoiceLine
from invoicing_site.merchants.models import Issuer, Membership, Merchant, Role, User
from providers.models import ProviderAccount

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


class UserFactory(DjangoModelFactory[User]):
    """A staff member who can sign in with PASSWORD."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"kari{n}@fjord.example")
    first_name = "Kari"
    last_name = "Nordmann"

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        password = kwargs.pop("password", PASSWORD)
        return User.objects.create_user(kwargs.pop("email"), password, **kwargs)


class MerchantFactory(DjangoModelFactory[Merchant]):
    """A Norwegian merchant in the VAT register."""

    class Meta:
        model = Merchant

    slug = factory.Sequence(lambda n: f"fjord-{n}")
    name = "Fjord og Fjell AS"
    country = "NO"
    org_number = "923609016"
    vat_number = "NO923609016MVA"


class DanishMerchantFactory(MerchantFactory):
    """A Danish merchant."""

    slug = factory.Sequence(lambda n: f"strand-{n}")
    name = "Strand og Skov ApS"
    country = "DK"
    org_number = "13748136"
    vat_number = "DK13748136"


class IssuerFactory(DjangoModelFactory[Issuer]):
    """A Norwegian department with a bank account, without KID."""

    class Meta:
        model = Issuer

    merchant = factory.SubFactory(MerchantFactory)
    name = "Fjord og Fjell Oslo"
    legal_note = "Foretaksregisteret"
    street = "Karl Johans gate 1"
    postcode = "0154"
    city = "Oslo"
    country = "NO"
    email = "faktura@fjord.example"
    phone = "+4722000000"
    currency = "NOK"
    bank_account = "86011117947"
    iban = "NO9386011117947"
    bic = "DNBANOKKXXX"


class DanishIssuerFactory(IssuerFactory):
    """A Danish department."""

    merchant = factory.SubFactory(DanishMerchantFactory)
    name = "Strand og Skov København"
    legal_note = ""
    street = "Nyhavn 1"
    postcode = "1051"
    city = "København"
    country = "DK"
    email = "faktura@strand.example"
    phone = "+4533000000"
    currency = "DKK"
    bank_account = ""
    iban = "DK5000400440116243"
    bic = "DABADKKK"


class MembershipFactory(DjangoModelFactory[Membership]):
    """An owner of a merchant; `role=Role.VIEWER` for others."""

    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    merchant = factory.SubFactory(MerchantFactory)
    role = Role.OWNER


class CustomerFactory(DjangoModelFactory[Customer]):
    """A private person in Norway with phone and email, without consents."""

    class Meta:
        model = Customer

    merchant = factory.SubFactory(MerchantFactory)
    kind = Customer.Kind.PRIVATE
    name = "Ola Nordmann"
    email = "ola@example.com"
    phone = "+4791234567"
    street = "Storgata 1"
    postcode = "0155"
    city = "Oslo"
    country = "NO"
    language = "nb"


class CompanyFactory(CustomerFactory):
    """A Norwegian company with a real check digit."""

    kind = Customer.Kind.CORPORATE
    name = "Bølgen Bakeri AS"
    org_number = "988077917"
    vat_number = "NO988077917MVA"
    contact = "Åse Bølge"
    email = "post@bolgen.example"


class ContactConsentFactory(DjangoModelFactory[ContactConsent]):
    """A standing consent to be sent payment requests."""

    class Meta:
        model = ContactConsent

    customer = factory.SubFactory(CustomerFactory)
    phone = factory.SelfAttribute("customer.phone")
    how = "Ticked the box in the shop"
    given_at = NOW


class ArticleFactory(DjangoModelFactory[Article]):
    """An hour of work at 25 %."""

    class Meta:
        model = Article

    merchant = factory.SubFactory(MerchantFactory)
    number = factory.Sequence(lambda n: f"A-{n}")
    description = "Hour of work"
    unit = "HUR"
    price = Decimal(900)
    currency = "NOK"
    vat_rate = Decimal(25)


class ProviderAccountFactory(DjangoModelFactory[ProviderAccount]):
    """A Vipps MobilePay account that points at the sandbox, open to all issuers."""

    class Meta:
        model = ProviderAccount

    merchant = factory.SubFactory(MerchantFactory)
    provider = "vipps_mobilepay"
    name = "Vipps"
    environment = ProviderAccount.Environment.SANDBOX
    base_url = "http://127.0.0.1:8000/sandbox/vipps"
    credentials = factory.LazyFunction(
        lambda: {
            "client_id": "11111111-1111-4111-8111-111111111111",
            "client_secret": "sandbox-client-secret",
            "subscription_key": "sandbox-subscription-key",
            "msn": "123456",
        }
    )
    settings = factory.LazyFunction(
        lambda: {
            "market": "NO",
            "push_approved": True,
            "long_living_approved": True,
            "ceiling_hours": 24,
            "receipt_mode": "lines",
        }
    )


class InvoiceFactory(DjangoModelFactory[Invoice]):
    """A draft without lines; most tests want `draft()`."""

    class Meta:
        model = Invoice

    issuer = factory.SubFactory(IssuerFactory)
    merchant = factory.SelfAttribute("issuer.merchant")
    customer = factory.SubFactory(
        CustomerFactory, merchant=factory.SelfAttribute("..issuer.merchant")
    )
    currency = factory.SelfAttribute("issuer.currency")
    language = "nb"
    prices_include_vat = factory.SelfAttribute("issuer.prices_include_vat")


def line(**values: Any) -> InvoiceLine:
    """Return an unsaved line: two hours at 900 with 25 % VAT."""
    given = {
        "description": "Hour of work",
        "quantity": Decimal(2),
        "unit": "HUR",
        "unit_price": Decimal(900),
        "vat_category": "S",
        "vat_rate": Decimal(25),
    }
    return InvoiceLine(**(given | values))


def three_lines() -> list[InvoiceLine]:
    """Return three unsaved lines with three rates: 1 800.00, 59.70 and 120.00 net."""
    return [
        line(),
        line(
            description="Coffee",
            quantity=Decimal(3),
            unit="KGM",
            unit_price=Decimal("19.90"),
            vat_rate=Decimal(15),
        ),
        line(
            description="Bus ride",
            quantity=Decimal(1),
            unit="C62",
            unit_price=Decimal(120),
            vat_rate=Decimal(12),
        ),
    ]


def draft(*, lines: list[InvoiceLine] | None = None, **values: Any) -> Invoice:
    """Return a stored draft with `lines` (default: `three_lines()`)."""
    invoice = InvoiceFactory(**values)
    given = three_lines() if lines is None else lines
    for position, row in enumerate(given, 1):
        row.pk, row.invoice, row.position = None, invoice, position
    InvoiceLine.objects.bulk_create(given)
    return invoice


def issued(
    *,
    by: User | None = None,
    today: date = TODAY,
    now: datetime = NOW,
    lines: list[InvoiceLine] | None = None,
    **values: Any,
) -> Invoice:
    """Return a draft that went through `issuing.issue`. Needs a test that may commit."""
    from invoices import issuing  # noqa: PLC0415 - most rows need none of it

    invoice = draft(lines=lines, **values)
    return issuing.issue(invoice_id=invoice.pk, by=by or UserFactory(), today=today, now=now)

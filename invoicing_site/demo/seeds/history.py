"""The sample invoices: who, what, how long ago, and what happened then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from customers.models import Customer
from invoices import drafting, issuing, typed
from invoices.models import Article, Invoice
from invoicing_site.demo.seeds import app_stories, stories
from invoicing_site.demo.seeds.stories import Story, Teller
from invoicing_site.merchants.models import Issuer, Merchant, User

OSLO, COPENHAGEN = "Nordlys Sykkel Oslo", "Nordlys Cykler København"
HELSINKI = "Nordlys Pyörät Helsinki"


@dataclass(frozen=True)
class Sample:
    """One invoice. `lines` are (article number, quantity); `days` since it was issued, None: never."""

    key: str
    customer: str
    lines: tuple[tuple[str, str], ...]
    days: int | None = 0
    story: Story | None = None
    issuer: str = OSLO
    subject: str = ""


SERVICE = (("REP-010", "1.5"), ("REP-020", "1"))
BIKE = (("SYK-100", "1"),)
RENT = (("UTL-001", "3"),)
DANISH = (("DK-010", "2"), ("DK-100", "1"))
REPAIR = (("DK-010", "1.5"),)
PLAN = (("DK-020", "1"), ("DK-010", "0.5"))
SAMPLES = (
    Sample("S01", "Kari Nordmann", SERVICE, 12, stories.paid, subject="Vinterklargjøring"),
    Sample("S02", "Ola Amundsen", BIKE, 9, stories.partly_refunded),
    Sample("S03", "Noor Haddad", RENT, 8, stories.refunded, subject="Bike rental, three days"),
    Sample("S04", "Silje Bråten Ødegård", SERVICE, 40, stories.emailed),
    Sample("S05", "Fjord Cargo Ltd", (("KRS-001", "6"),), 33, stories.uncollectible),
    Sample("S06", "Fjellbud AS", (("SYK-200", "2"), ("REP-010", "4")), 20, stories.emailed,
           subject="Transportsykler"),
    Sample("S07", "Astrid Myhre", RENT, 5, stories.paid_and_shared),
    Sample("S08", "Kari Nordmann", RENT, 3, stories.rejected),
    Sample("S09", "Ola Amundsen", SERVICE, 3, stories.expired),
    Sample("S10", "Kari Nordmann", BIKE, 2, stories.cancelled),
    Sample("S11", "Emil Sand", RENT, 1, stories.refused),
    Sample("S12", "Silje Bråten Ødegård", SERVICE, 1, stories.paid_by_link),
    Sample("S13", "Åsa Lindström", RENT, 1, stories.link_open, subject="Cykelhyra"),
    Sample("S14", "Noor Haddad", SERVICE, 0, stories.with_customer),
    Sample("S15", "Ola Amundsen", RENT, 0, stories.put_off),
    Sample("S16", "Kari Nordmann", SERVICE, 0, stories.later),
    Sample("S17", "Aino Virtanen", RENT, 0, None, subject="Polkupyörän vuokraus"),
    Sample("S18", "Jens Østergaard", DANISH, 6, stories.collected, COPENHAGEN),
    Sample("S19", "Mette Kjær", (("DK-010", "1"),), 1, stories.approved, COPENHAGEN),
    Sample("S20", "Cykelhuset Amager ApS", (("DK-100", "5"), ("DK-010", "7.5")), 25,
           stories.emailed, COPENHAGEN, "Flådeservice"),
    Sample("S21", "Kari Nordmann", (("SYK-200", "1"), ("REP-010", "0.5")), None),
    Sample("S22", "Cykelhuset Amager ApS", DANISH, None, None, COPENHAGEN),
    Sample("M01", "Jens Østergaard", REPAIR, 8, app_stories.paid, COPENHAGEN, "Reparation"),
    Sample("M02", "Mette Kjær", PLAN, 7, app_stories.declined, COPENHAGEN, "Serviceaftale"),
    Sample("M03", "Freja Holm", REPAIR, 5, app_stories.invalid, COPENHAGEN, "Reparation"),
    Sample("M04", "Cykelhuset Amager ApS", DANISH, 4, app_stories.link_paid, COPENHAGEN),
    Sample("M05", "Mette Kjær", DANISH, 3, app_stories.scheduled, COPENHAGEN, "Ny cykel"),
    Sample("M06", "Jens Østergaard", PLAN, 1, app_stories.with_customer, COPENHAGEN,
           "Serviceaftale"),
    Sample("M07", "Freja Holm", PLAN, 1, app_stories.link_open, COPENHAGEN, "Serviceaftale"),
    Sample("M08", "Oskar Bech", REPAIR, 0, app_stories.with_customer, COPENHAGEN, "Reparation"),
    Sample("M09", "Cykelhuset Amager ApS", PLAN, 0, app_stories.handed_over, COPENHAGEN),
    Sample("M10", "Aino Virtanen", (("FI-010", "1"),), 0, None, HELSINKI, "Polkupyörän huolto"),
)  # fmt: skip


def make(tell: Teller, say: Callable[[str], None], *, days: range) -> None:
    """Make what is missing of the sample invoices, oldest first, each with its story.

    `days` since they were issued; those never issued are taken as of today.
    """
    merchant = Merchant.objects.get(slug="nordlys")
    known = set(merchant.invoices.values_list("merchant_order_number", flat=True))
    for sample in sorted(SAMPLES, key=lambda each: -(each.days or 0)):
        if sample.key in known or (sample.days or 0) not in days:
            continue
        invoice = draft(merchant, sample, tell.by)
        if sample.days is None:
            continue
        invoice = issued(invoice, sample.days, tell.by)
        if sample.story is not None:
            sample.story(tell, invoice)
        say(f"{invoice.number}: {sample.story.__doc__ if sample.story else 'Issued, not sent.'}")


def issued(invoice: Invoice, days: int, by: User) -> Invoice:
    """Issue it as if on that day, in the morning by the merchant's clock."""
    zone = ZoneInfo(invoice.merchant.time_zone)
    day = timezone.localdate(timezone=zone) - timedelta(days=days)
    morning = datetime.combine(day, time(9, 12), tzinfo=zone)
    moment = min(morning, timezone.now())
    return issuing.issue(invoice_id=invoice.pk, by=by, today=day, now=moment)


def draft(merchant: Merchant, sample: Sample, by: User) -> Invoice:
    """Begin a draft and type it in, as the editor does."""
    issuer = Issuer.objects.get(merchant=merchant, name=sample.issuer)
    customer = Customer.objects.get(merchant=merchant, name=sample.customer)
    invoice = drafting.start(merchant=merchant, issuer=issuer, by=by, customer=customer)
    articles = {row.number: row for row in Article.objects.filter(merchant=merchant)}
    given = dict(invoice.typed) | {
        "subject": sample.subject,
        "merchant_order_number": sample.key,
        "buyer_reference": customer.buyer_reference,
        "lines": [_line(articles[number], quantity) for number, quantity in sample.lines],
    }
    saved = drafting.save(
        invoice_id=invoice.pk,
        merchant=merchant,
        given=given,
        revision=invoice.revision,
        by=by,
        today=timezone.localdate(),
        language="en",
    )
    if saved.errors:
        raise ValueError(f"Sample {sample.key} cannot be issued: {saved.errors}")
    return saved.invoice


def _line(article: Article, quantity: str) -> dict[str, str]:
    return {
        "article_number": article.number,
        "description": article.description,
        "quantity": quantity,
        "unit": article.unit,
        "unit_price": f"{article.price.normalize():f}",
        "vat": typed.vat_key(article.vat_category, article.vat_rate),
    }

"""A crowd of Danish customers with one small invoice each: what sending many is for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from customers.models import ContactConsent, Customer
from invoices import bulk, dispatching, reconcile
from invoices.models import Invoice
from invoicing_site.demo.phone import MobilePayPhone
from invoicing_site.demo.seeds import history, mobilepay
from invoicing_site.demo.seeds.stories import Teller
from invoicing_site.merchants.models import Merchant, User
from providers.models import ProviderAccount

FIRST = ("Ane", "Bo", "Clara", "Dines", "Esther", "Frode", "Gry", "Holger", "Ida", "Jeppe")
LAST = ("Krogh", "Lykke", "Mølgaard", "Nørby", "Overgaard")
MOST = len(FIRST) * len(LAST)
# In the demo's story: how many, and how many days ago.
TOLD, DAYS = 40, 2
STREET, ORDER = "Refshalevej", "AB-"
# Whom to leave out of asking, and whose number the simulator refuses, at once or afterwards.
NOT_ASKED = {11, 28}
REFUSED = {5: "+4524910102", 19: "+4524910103", 33: "+4524810103"}


def name(n: int) -> str:
    """Name the customer with this place in the crowd."""
    return f"{FIRST[n % len(FIRST)]} {LAST[n // len(FIRST)]}"


def phone(n: int) -> str:
    """Return a number that takes invoices."""
    return f"+45241{n:05d}"


def make(count: int, by: User, *, with_trouble: bool, days: int = 0) -> list[Invoice]:
    """Issue what is missing of the first `count` invoices, and return those made just now."""
    merchant = Merchant.objects.get(slug="nordlys")
    known = set(merchant.invoices.values_list("merchant_order_number", flat=True))
    missing = [n for n in range(count) if _key(n) not in known]
    if missing:
        _customers(merchant, count, by, with_trouble=with_trouble)
    return [history.issued(history.draft(merchant, _sample(n), by), days, by) for n in missing]


def tell(teller: Teller, say: Callable[[str], None]) -> None:
    """Tell the story of the crowd, once: issued, sent by one decision, answered by many."""
    invoices = make(TOLD, teller.by, with_trouble=True, days=DAYS)
    if invoices:
        send(invoices, teller)
        say(f"{invoices[0].number} to {invoices[-1].number}: sent by one decision.")


def send(invoices: list[Invoice], tell: Teller) -> None:
    """Send them by one decision, and let the customers act: some pay, some wait, some decline."""
    account = ProviderAccount.objects.get(
        merchant__slug="nordlys", provider=mobilepay.PROVIDER, name=mobilepay.DANISH
    )
    dispatch = dispatching.start(
        merchant=account.merchant,
        road_key=f"{account.pk}:direct",
        ids=[invoice.pk for invoice in invoices],
        by=tell.by,
        now=timezone.now(),
    )
    bulk.queue(dispatch.pk, now=timezone.now())
    tell.work()
    merchant_id = account.consent.remote_merchant
    _act(tell.app, merchant_id)
    tell.work()
    # So many callbacks at once are believed only when the provider says the same when asked.
    reconcile.ask_due(timezone.now() + timedelta(minutes=1))


def _act(app: MobilePayPhone, merchant_id: str) -> None:
    app.bulk(merchant_id, share_paid=0.5, share_accepted=0.12, share_rejected=0.08, seed=3)


def _customers(merchant: Merchant, count: int, by: User, *, with_trouble: bool) -> None:
    """Make those who are missing, with the agreement that a request on the phone needs."""
    known = set(merchant.customers.filter(street__startswith=STREET).values_list("name", flat=True))
    made = Customer.objects.bulk_create(
        _customer(merchant, n, REFUSED.get(n, "") if with_trouble else "")
        for n in range(count)
        if name(n) not in known
    )
    left_out = {name(n) for n in NOT_ASKED} if with_trouble else set()
    asked = [each for each in made if each.name not in left_out]
    ContactConsent.objects.bulk_create(_agreed(each, by, timezone.now()) for each in asked)


def _customer(merchant: Merchant, n: int, given: str) -> Customer:
    return Customer(
        merchant=merchant,
        kind=Customer.Kind.PRIVATE,
        name=name(n),
        language="da",
        country="DK",
        street=f"{STREET} {2 * n + 3}",
        postcode="1432",
        city="København K",
        phone=given or phone(n),
        email=f"{FIRST[n % len(FIRST)].lower()}{n}@example.com",
    )


def _agreed(customer: Customer, by: User, now: datetime) -> ContactConsent:
    return ContactConsent(
        customer=customer,
        phone=customer.phone,
        how="Agreed when signing up for the service plan",
        given_at=now - timedelta(days=60),
        recorded_by=by,
    )


def _sample(n: int) -> history.Sample:
    extra = (("DK-010", "0.5"),) if n % 7 == 3 else ()
    lines = (("DK-020", "1"), *extra)
    return history.Sample(
        _key(n), name(n), lines, issuer=history.COPENHAGEN, subject="Serviceaftale"
    )


def _key(n: int) -> str:
    return f"{ORDER}{n + 1:03d}"

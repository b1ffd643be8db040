"""Which invoices can be sent together, and by which roads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from invoices.enums import PAYABLE
from invoices.models import Invoice, PaymentRequest
from invoices.roads import EMAIL
from invoicing_site.merchants.models import Merchant
from providers import registry
from providers.contract import OPEN_STATES
from providers.models import ProviderAccount

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """A road that at least one of the chosen invoices may take; `count` do."""

    key: str
    label: _StrOrPromise
    how: _StrOrPromise
    speed: _StrOrPromise
    account: str
    count: int


def sendable(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Narrow to invoices with something left to pay and no request open with the customer."""
    standing = PaymentRequest.objects.filter(invoice=OuterRef("pk"), state__in=OPEN_STATES)
    return rows.filter(~Exists(standing), status__in=PAYABLE)


def looks_sendable(invoice: Invoice) -> bool:
    """Say the same of a row of the list, by its newest request and without a query."""
    request = invoice.latest_request
    standing = request is not None and request.state in OPEN_STATES
    return invoice.status in PAYABLE and not standing


def ways_out(merchant: Merchant, ids: Sequence[int]) -> list[WayOut]:
    """List the roads that an account of some chosen issuer offers, and email.

    Print is left out, and so is what waits for the customer's press: neither sends anything.
    """
    rows = Invoice.objects.filter(merchant=merchant, pk__in=ids)
    issuers = dict(rows.order_by().values_list("issuer").annotate(Count("pk")))
    found = [
        WayOut(
            key=f"{account.pk}:{channel.slug}",
            label=channel.label,
            how=channel.how,
            speed=channel.speed,
            account=account.name,
            count=sum(issuers.get(each.pk, 0) for each in account.issuers.all()),
        )
        for account in _accounts(merchant, issuers)
        for channel in registry.classes()[account.provider].channels
        if not channel.creates_on_press
    ]
    return [*found, _email(rows)]


def _accounts(merchant: Merchant, issuers: Iterable[int]) -> QuerySet[ProviderAccount]:
    return (
        ProviderAccount.objects.filter(
            merchant=merchant,
            active=True,
            provider__in=registry.classes(),
            issuers__in=list(issuers),
        )
        .distinct()
        .order_by("pk")
        .prefetch_related("issuers")
    )


def _email(rows: QuerySet[Invoice]) -> WayOut:
    return WayOut(
        key=EMAIL,
        label=_("Email"),
        how=_("Each customer gets the link and the PDF."),
        speed=_("minutes"),
        account="",
        count=rows.exclude(customer=None).exclude(customer__email="").count(),
    )

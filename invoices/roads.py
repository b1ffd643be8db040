"""The ways to the customer: which are open for an invoice, which are closed, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from invoices import documents, options, posting
from invoices.enums import PAYABLE, InvoiceStatus
from invoices.models import DocumentVersion, Invoice, PaymentRequest
from providers import registry
from providers.consents import queries as consents
from providers.contract import (
    OPEN_STATES,
    Channel,
    InvoiceDocument,
    Problem,
    Provider,
    Quota,
    SendOptions,
)
from providers.models import ProviderAccount

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

EMAIL, PRINT = "email", "print"
# What a provider checks that an invoice has only once it is issued.
NUMBERED = frozenset({"number", "reference"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """One way to the customer, open or closed, with the reasons."""

    key: str
    label: _StrOrPromise
    how: _StrOrPromise
    icon: str
    speed: _StrOrPromise = ""
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()
    is_default: bool = False
    account: ProviderAccount | None = None
    channel: Channel | None = None

    @property
    def is_open(self) -> bool:
        """Whether the invoice can go this way now."""
        return not self.problems


def accounts_of(invoice: Invoice) -> QuerySet[ProviderAccount]:
    """Return the active accounts that serve the invoice's issuer.

    An account of a provider that was taken out of the settings is left alone.
    """
    return ProviderAccount.objects.filter(
        merchant_id=invoice.merchant_id,
        issuers=invoice.issuer_id,
        active=True,
        provider__in=registry.classes(),
    )


def roads(invoice: Invoice, *, now: datetime) -> list[Road]:
    """List every way to the customer, the one we would take marked, closed ones with reasons."""
    accounts = list(accounts_of(invoice).select_related("merchant"))
    survey = Survey([invoice], accounts, now)
    found = [
        survey.road(invoice, account, channel)
        for account in accounts
        for channel in survey.provider(account).channels
    ]
    found += [posting.email_road(invoice), posting.print_road(invoice)]
    first = next((road.key for road in found if road.is_open), None)
    return [replace(road, is_default=road.key == first) for road in found]


class Survey:
    """What deciding on roads takes, read at once for any number of invoices."""

    def __init__(
        self, invoices: Sequence[Invoice], accounts: Iterable[ProviderAccount], now: datetime
    ) -> None:
        """Read it. Invoices come with issuer, merchant and customer loaded."""
        accounts = list(accounts)
        self.now = now
        self.versions = _versions([row for row in invoices if not row.is_draft])
        self.documents = {row.pk: self._document(row) for row in invoices}
        self._standing = _standing(invoices)
        self._known = options.known_of(invoices, accounts)
        self._providers: dict[int, Provider] = {}
        self._without_consent = {row.pk for row in accounts if not consents.holds(row)}

    def provider(self, account: ProviderAccount) -> Provider:
        """Return the adapter of an account, one for all invoices."""
        if account.pk not in self._providers:
            self._providers[account.pk] = registry.of(account)
        return self._providers[account.pk]

    def road(self, invoice: Invoice, account: ProviderAccount, channel: Channel) -> Road:
        """Say whether an invoice can go through an account's channel now, and why not."""
        problems = self._standing_problems(invoice, account, channel)
        document = self.documents[invoice.pk]
        if document is not None:
            problems += self._foreseen(invoice, account, channel, document)
        return Road(
            key=f"{account.pk}:{channel.slug}",
            label=channel.label,
            how=channel.how,
            icon=channel.icon,
            speed=channel.speed,
            problems=tuple(p for p in problems if p.blocking),
            remarks=tuple(p for p in problems if not p.blocking),
            account=account,
            channel=channel,
        )

    def asked(self, invoice: Invoice, account: ProviderAccount, channel: Channel) -> SendOptions:
        """Return the options that a channel is checked with."""
        document = self.documents[invoice.pk]
        draft = invoice.is_draft and document is not None
        amount = document.totals.payable if draft and document else invoice.residual
        return options.offered(
            invoice, channel.slug, amount=amount, now=self.now, account=account, known=self._known
        )

    def quotas(
        self, invoice: Invoice, account: ProviderAccount, channel: Channel
    ) -> Sequence[Quota]:
        """Return the daily limits that sending would count against."""
        document = self.documents[invoice.pk]
        if document is None:
            return ()
        return self.provider(account).quotas(document, self.asked(invoice, account, channel))

    def _document(self, invoice: Invoice) -> InvoiceDocument | None:
        """Return what would be sent; None for a draft that cannot be read as a document yet."""
        if not invoice.is_draft:
            return documents.of(self.versions[invoice.pk])
        today = self.now.astimezone(ZoneInfo(invoice.merchant.time_zone)).date()
        try:
            return documents.preview(invoice, today=today)
        except (ValueError, ArithmeticError):
            return None

    def _foreseen(
        self,
        invoice: Invoice,
        account: ProviderAccount,
        channel: Channel,
        document: InvoiceDocument,
    ) -> list[Problem]:
        """Return what the provider would refuse. A draft is not blamed for having no number."""
        asked = self.asked(invoice, account, channel)
        found = self.provider(account).check(document, asked)
        return [p for p in found if not (invoice.is_draft and p.field in NUMBERED)]

    def _standing_problems(
        self, invoice: Invoice, account: ProviderAccount, channel: Channel
    ) -> list[Problem]:
        problems = status_problems(invoice)
        if account.paused_at:
            problems.append(
                Problem(
                    field="account",
                    rule=account.paused_reason or gettext_lazy("The account is paused."),
                    remedy=gettext_lazy("An owner resumes it on the provider's page."),
                    code="paused",
                )
            )
        if account.pk in self._without_consent:
            problems.append(
                Problem(
                    field="consent",
                    rule=gettext_lazy("The merchant has not consented at the provider."),
                    remedy=gettext_lazy("An owner asks for it on the provider's page."),
                    code="consent",
                )
            )
        if not channel.creates_on_press and invoice.pk in self._standing:
            problems.append(
                Problem(
                    field="request",
                    rule=gettext_lazy("Another request is open with the customer."),
                    remedy=gettext_lazy("Withdraw it first, so that nobody can pay twice."),
                    code=self._standing[invoice.pk],
                )
            )
        return problems


def status_problems(invoice: Invoice) -> list[Problem]:
    """Say why an invoice of this status is not sent anywhere, if so."""
    if invoice.is_draft or invoice.status in PAYABLE:
        return []
    return [
        Problem(
            field="status",
            rule=InvoiceStatus(invoice.status).label,
            remedy=gettext_lazy("There is nothing left to pay, so there is nothing to send."),
            code="settled",
        )
    ]


def _versions(invoices: Sequence[Invoice]) -> dict[int, DocumentVersion]:
    """Return the newest version of each issued invoice."""
    rows = DocumentVersion.objects.filter(invoice__in=invoices).order_by("version")
    return {row.invoice_id: row for row in rows}


def _standing(invoices: Sequence[Invoice]) -> dict[int, str]:
    """Return the reference of the request that is open, for invoices that have one."""
    issued = [row for row in invoices if not row.is_draft]
    rows = PaymentRequest.objects.filter(invoice__in=issued, state__in=OPEN_STATES)
    return dict(rows.order_by("pk").values_list("invoice_id", "reference"))

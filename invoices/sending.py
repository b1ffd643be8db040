"""What staff do with an issued invoice: choose a road, send, withdraw, collect, refund, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from invoices import documents, lifecycle, operations, options, posting, timeline
from invoices.enums import EventKind, InvoiceStatus, OperationKind
from invoices.models import Invoice, PaymentRequest
from providers import registry
from providers.contract import (
    OPEN_STATES,
    Channel,
    InvoiceDocument,
    Problem,
    Provider,
    RequestState,
    Source,
)
from providers.models import ProviderAccount

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from invoicing_site.merchants.models import User

EMAIL, PRINT = "email", "print"
# What a provider checks that an invoice has only once it is issued.
NUMBERED = frozenset({"number", "reference"})


class CannotSend(Exception):
    """The invoice cannot go by that road; `problems` say which field, which rule, what to do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.rule}" for p in problems))
        self.problems = tuple(problems)


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
    """List every road of the issuer, open ones first by preference; the first open is default.

    Works for drafts too (what would be, if issued now), without any HTTP.
    """
    found = [
        _provider_road(invoice, account, provider, channel, now)
        for account in accounts_of(invoice).select_related("merchant")
        for provider in [registry.of(account)]
        for channel in provider.channels
    ]
    found += [posting.email_road(invoice), posting.print_road(invoice)]
    first = next((road.key for road in found if road.is_open), None)
    return [_mark(road, road.key == first) for road in found]


def _mark(road: Road, is_default: bool) -> Road:
    if not is_default:
        return road
    return Road(**{name: getattr(road, name) for name in road.__slots__} | {"is_default": True})


def _provider_road(
    invoice: Invoice, account: ProviderAccount, provider: Provider, channel: Channel, now: datetime
) -> Road:
    problems = _standing_problems(invoice, account, channel)
    document = _document(invoice, now)
    if document is not None:
        problems += _foreseen(invoice, provider, channel, document, now)
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


def _foreseen(
    invoice: Invoice,
    provider: Provider,
    channel: Channel,
    document: InvoiceDocument,
    now: datetime,
) -> list[Problem]:
    """Return what the provider would refuse. A draft is not blamed for having no number yet."""
    amount = document.totals.payable if invoice.is_draft else invoice.residual
    asked = options.offered(invoice, channel.slug, amount=amount, now=now)
    found = provider.check(document, asked)
    return [p for p in found if not (invoice.is_draft and p.field in NUMBERED)]


def _document(invoice: Invoice, now: datetime) -> InvoiceDocument | None:
    """Return what would be sent; None for a draft that cannot be read as a document yet."""
    if not invoice.is_draft:
        return documents.latest(invoice)
    today = now.astimezone(ZoneInfo(invoice.merchant.time_zone)).date()
    try:
        return documents.preview(invoice, today=today)
    except (ValueError, ArithmeticError):
        return None


def _standing_problems(
    invoice: Invoice, account: ProviderAccount, channel: Channel
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
    if not channel.creates_on_press and (standing := _open_request(invoice)):
        problems.append(
            Problem(
                field="request",
                rule=gettext_lazy("Another request is open with the customer."),
                remedy=gettext_lazy("Withdraw it first, so that nobody can pay twice."),
                code=standing.reference,
            )
        )
    return problems


def status_problems(invoice: Invoice) -> list[Problem]:
    """Say why an invoice of this status is not sent anywhere, if so."""
    if invoice.status in {InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}:
        return []
    return [
        Problem(
            field="status",
            rule=InvoiceStatus(invoice.status).label,
            remedy=gettext_lazy("There is nothing left to pay, so there is nothing to send."),
            code="settled",
        )
    ]


def _open_request(invoice: Invoice) -> PaymentRequest | None:
    if invoice.is_draft:
        return None
    return invoice.requests.filter(state__in=OPEN_STATES).order_by("-pk").first()


# -------------------------------------------------------------------------------------- sending
def send(
    *, invoice_id: int, road_key: str, by: User, now: datetime, at: datetime | None = None
) -> None:
    """Decide to send an invoice by a road, now or at a chosen time.

    Checks, the request and its operation are one transaction; a worker does the rest. Raises
    CannotSend with every problem when the road is closed or unknown.
    """
    with transaction.atomic(durable=True):
        invoice = lifecycle.locked(invoice_id)
        road = _chosen(invoice, road_key, now=at if at and at > now else now)
        if road.channel is None:
            posting.queue(invoice, road.key, by=by, now=now, at=at)
        elif road.channel.creates_on_press:
            _offer(invoice, road, by=by, now=now)
        else:
            request_payment(invoice, road, by=by, now=now, at=at)


def _chosen(invoice: Invoice, road_key: str, *, now: datetime) -> Road:
    if invoice.is_draft:
        raise CannotSend([_unknown_road(road_key, _("Issue the invoice first."))])
    found = {road.key: road for road in roads(invoice, now=now)}
    road = found.get(road_key)
    if road is None:
        raise CannotSend([_unknown_road(road_key, _("Choose one of the roads shown."))])
    if road.problems:
        raise CannotSend(road.problems)
    return road


def _unknown_road(road_key: str, remedy: str) -> Problem:
    return Problem(field="road", rule=_("“%s” is not open.") % road_key, remedy=remedy)


def _offer(invoice: Invoice, road: Road, *, by: User, now: datetime) -> None:
    """Open a link road: the payment itself is made when the customer presses pay."""
    invoice.link_channel = road.key
    invoice.save(update_fields=["link_channel", "updated_at"])
    timeline.add(
        invoice,
        kind=EventKind.OPERATION,
        what="link_offered",
        source=Source.STAFF,
        actor=by,
        event_id=f"offer:{road.key}:{now.isoformat()}",
        now=now,
        data={"road": plain(road.label)},
    )


def request_payment(
    invoice: Invoice,
    road: Road,
    *,
    now: datetime,
    by: User | None = None,
    at: datetime | None = None,
    share_phone: bool = False,
) -> PaymentRequest:
    """Write a payment request and its operation for a locked invoice.

    `at` in the future schedules it; otherwise a worker is woken after commit.
    """
    assert road.account is not None  # noqa: S101 -- provider roads have one
    assert road.channel is not None  # noqa: S101
    due_at = at if at and at > now else now
    request = _new_request(invoice, road, by=by, share_phone=share_phone)
    invoice.latest_request = request
    invoice.save(update_fields=["latest_request", "updated_at"])
    operations.queue(
        OperationKind.CREATE,
        invoice,
        request=request,
        by=by,
        now=now,
        due_at=due_at,
        options={"as_of": due_at.isoformat()},
    )
    timeline.add(
        invoice,
        kind=EventKind.OPERATION,
        what="scheduled" if due_at > now else "pressed" if by is None else "queued",
        source=Source.STAFF if by else Source.CUSTOMER,
        actor=by,
        event_id=f"{request.pk}:queued",
        now=now,
        request=request,
        data={"road": plain(road.label), "send_at": due_at.isoformat()},
    )
    return request


def _new_request(
    invoice: Invoice, road: Road, *, by: User | None, share_phone: bool
) -> PaymentRequest:
    assert road.account is not None  # noqa: S101
    assert road.channel is not None  # noqa: S101
    last = invoice.requests.order_by("-attempt").values_list("attempt", flat=True).first()
    attempt = (last or 0) + 1
    installation = str(road.account.settings.get("installation") or "")
    needs_phone = road.channel.needs_contact_consent and invoice.customer
    return PaymentRequest.objects.create(
        invoice=invoice,
        document=invoice.versions.order_by("-version")[0],
        account=road.account,
        channel=road.channel.slug,
        attempt=attempt,
        reference=options.new_reference(invoice, attempt, installation),
        amount=invoice.residual,
        currency=invoice.currency,
        phone=invoice.customer.phone if needs_phone and invoice.customer else "",
        share_phone=share_phone,
        created_by=by,
    )


def plain(label: _StrOrPromise) -> str:
    """Return a label in the source language, as the timeline keeps it."""
    with override("en"):
        return str(label)


def is_withdrawable(request: PaymentRequest) -> bool:
    """Say whether a request is still with the customer or on its way."""
    return RequestState(request.state) in OPEN_STATES

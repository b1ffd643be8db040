"""The words all providers share: what they are given, what they give back, how they fail.

A provider sees an `InvoiceDocument` and `SendOptions`, and answers with `Sent` and
`StatusChange`s. Amounts are `Decimal` in major units with a currency beside them; instants are
aware datetimes, civil dates are `date`. Nothing here touches the database.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django import forms
    from django.utils.functional import _StrOrPromise

    from providers.models import ProviderAccount


# --------------------------------------------------------------------------------- the document
class VatCategory(models.TextChoices):
    """UNCL5305 codes, as EN 16931 uses them."""

    STANDARD = "S", _("Standard")
    ZERO = "Z", _("Zero rated")
    EXEMPT = "E", _("Exempt")
    REVERSE_CHARGE = "AE", _("Reverse charge")
    EXPORT = "G", _("Export")
    INTRA_COMMUNITY = "K", _("Intra-community supply")
    OUTSIDE = "O", _("Outside VAT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address. `lines` are street lines, `country` is ISO 3166 alpha-2."""

    lines: tuple[str, ...] = ()
    postcode: str = ""
    city: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Where money may be paid by hand. `account` is the national number, `iban` without blanks."""

    account: str = ""
    iban: str = ""
    bic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A seller or buyer as frozen on a document.

    `phone` is E.164. `org_number` and `vat_number` are compact. Personal numbers never get here.
    `legal_name` is who stands behind `name` where the two differ: a department's merchant.
    """

    name: str
    legal_name: str = ""
    is_company: bool = True
    org_number: str = ""
    vat_number: str = ""
    legal_note: str = ""
    address: Address = Address()
    email: str = ""
    phone: str = ""
    website: str = ""
    contact: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the issuer wants documents to look. `logo` is a data: URI of a PNG, or empty."""

    colour: str = "#0b5b70"
    logo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One invoice line with its amounts already computed.

    `unit` is a UN/ECE Rec. 20 code. `unit_price` is as entered (with VAT when the document's
    `prices_include_vat`), up to 6 decimals. `discount` is an amount on the same footing as
    `unit_price`. `net`, `vat` and `gross` have two decimals, are after the line's discount and
    *before* any document discount, and `net + vat == gross`.
    `due_net` and `due_vat` are what is left after this line's share of document discounts:
    over all lines they add up to the document's totals exactly (before rounding).
    """

    id: str
    description: str
    article_number: str = ""
    quantity: Decimal
    unit: str = "C62"
    unit_price: Decimal
    discount: Decimal = Decimal("0.00")
    discount_percent: Decimal | None = None
    vat_category: VatCategory = VatCategory.STANDARD
    vat_rate: Decimal
    net: Decimal
    vat: Decimal
    gross: Decimal
    due_net: Decimal
    due_vat: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class VatTotal:
    """EN 16931 BG-23: one group per (category, rate). `base` and `vat` have two decimals."""

    category: VatCategory
    rate: Decimal
    base: Decimal
    vat: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The document's sums, two decimals each.

    `lines_net` - `discount_net` = `net`; `net` + `vat` = `gross`; `gross` + `rounding` = `payable`.
    """

    lines_net: Decimal
    discount_net: Decimal
    net: Decimal
    vat: Decimal
    gross: Decimal
    rounding: Decimal
    payable: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDocument:
    """One version of one invoice, frozen when issued: everything shown or sent comes from it."""

    schema: int = 1
    kind: str = "invoice"
    number: str
    version: int = 1
    currency: str
    language: str
    issue_date: date
    due_date: date
    order_date: date | None = None
    delivery_date: date | None = None
    issuer: Party
    look: Look = Look()
    bank: BankAccount = BankAccount()
    customer: Party
    delivery_address: Address | None = None
    subject: str = ""
    comment: str = ""
    terms: str = ""
    merchant_contact: str = ""
    merchant_order_number: str = ""
    buyer_order_number: str = ""
    buyer_reference: str = ""
    payment_reference: str = ""
    kid: str = ""
    prices_include_vat: bool = False
    discount: Decimal = Decimal("0.00")
    discount_percent: Decimal | None = None
    lines: tuple[Line, ...]
    vat_totals: tuple[VatTotal, ...]
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenLine:
    """A line as another system wrote it, not yet ours.

    `unit` is a UN/ECE Rec. 20 code. `unit_price` and `discount` (an amount) are with VAT when the
    invoice's `prices_include_vat`. `vat` and `gross` are its own sums, None where it has none.
    """

    description: str
    article_number: str = ""
    quantity: Decimal
    unit: str = "C62"
    unit_price: Decimal
    discount: Decimal = Decimal("0.00")
    vat_rate: Decimal
    vat: Decimal | None = None
    gross: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenInvoice:
    """An invoice as another system wrote it, read but not yet ours.

    `row` says where it stood, `number` is the other system's own. `country` and `currency` are
    empty where it did not say, `total` and `vat` None. `remarks` tell what was guessed or left
    out; `raw` is all that was read, as it was.
    """

    row: str
    number: str
    payment_reference: str = ""
    issuer_id: str = ""
    country: str = ""
    currency: str = ""
    prices_include_vat: bool = False
    phone: str = ""
    name: str = ""
    address: tuple[str, ...] = ()
    delivery_address: tuple[str, ...] = ()
    issue_date: date | None = None
    due_date: date | None = None
    order_date: date | None = None
    delivery_date: date | None = None
    comment: str = ""
    merchant_contact: str = ""
    merchant_order_number: str = ""
    buyer_order_number: str = ""
    total: Decimal | None = None
    vat: Decimal | None = None
    lines: tuple[TakenLine, ...]
    remarks: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


# ------------------------------------------------------------------------------ states and facts
class RequestState(models.TextChoices):
    """What a payment request is, in our words; the adapters translate theirs into these."""

    QUEUED = "queued", _("On its way")
    SUBMITTING = "submitting", _("Being handed over")
    SUBMITTED = "submitted", _("Handed over, being checked there")
    CREATED = "created", _("With the customer")
    ACCEPTED = "accepted", _("Approved, not yet collected")
    PAID = "paid", _("Paid")
    REJECTED = "rejected", _("Declined by the customer")
    EXPIRED = "expired", _("Ran out unanswered")
    CANCELLED = "cancelled", _("Withdrawn")
    INVALID = "invalid", _("Refused by the provider")
    UNKNOWN = "unknown", _("No answer, checking")
    PARTIALLY_REFUNDED = "partially_refunded", _("Partly refunded")
    REFUNDED = "refunded", _("Refunded")


OPEN_STATES = frozenset(
    {
        RequestState.QUEUED,
        RequestState.SUBMITTING,
        RequestState.SUBMITTED,
        RequestState.CREATED,
        RequestState.ACCEPTED,
        RequestState.UNKNOWN,
    }
)


class MovementKind(models.TextChoices):
    """What moved. Only captured and received money pays an invoice; refunds give it back."""

    AUTHORISED = "authorised", _("Reserved")
    RELEASED = "released", _("Reservation released")
    CAPTURED = "captured", _("Collected")
    REFUNDED = "refunded", _("Refunded")
    RECEIVED = "received", _("Received outside")


class Source(models.TextChoices):
    """Who told us a fact."""

    STAFF = "staff", _("staff")
    SYSTEM = "system", _("system")
    ANSWER = "answer", _("their answer to us")
    WEBHOOK = "webhook", _("webhook")
    POLL = "poll", _("we asked")
    CUSTOMER = "customer", _("customer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Money that moved at the provider. `provider_ref` is unique per movement and account."""

    kind: MovementKind
    amount: Decimal
    currency: str
    provider_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """One fact about one payment request, from whatever source.

    `event_id` is the same for the same fact by every road, so that a repeat adds nothing.
    `state` is None for a word that moves nothing. `authoritative` says the provider was asked
    and this is its present word, which a terminal state yields to. `profile` carries what a
    customer consented to share (`{"phone": "+47..."}`); `extra` what the request row keeps
    (for instance `{"capture_before": "2026-12-01T00:00:00+00:00"}`). `redirect_url` is a link to
    pay that came later than the answer. `sequence` is the provider's own count per request: where
    two facts have one, it decides which is later, and else `occurred_at` does. `problem` says in
    plain words why a request is invalid (`code`, `meaning`, `remedy`, `field`).

    `reference` is how the provider names the request: our own reference, or its id where the
    provider `speaks_own_ids`.
    """

    reference: str
    event_id: str
    state: RequestState | None
    provider_word: str
    occurred_at: datetime | None
    sequence: int | None = None
    authoritative: bool = False
    success: bool = True
    money: Money | None = None
    profile: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)
    redirect_url: str = field(default="", repr=False)
    problem: Mapping[str, Any] = field(default_factory=dict)


# ------------------------------------------------------------------------- channels and problems
@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One road to the customer that a provider offers, as data for the send panel.

    `slug` is unique within the provider. `creates_on_press` says that the payment is made when
    the customer presses pay on the hosted page, not when staff send. `shares_phone` says that it
    may ask the customer for the phone number. `needs_contact_consent`: the customer must have
    agreed to be sent requests. `hands_out_link`: the request is made when staff send, and gives
    a link that we hand on ourselves; it may come later than the answer.
    """

    slug: str
    label: _StrOrPromise
    how: _StrOrPromise
    icon: str = "paper-airplane"
    speed: _StrOrPromise = ""
    creates_on_press: bool = False
    shares_phone: bool = False
    needs_contact_consent: bool = False
    hands_out_link: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a document cannot go by a channel: which field, which rule, what to do.

    `blocking` False is a remark that staff are told before sending (a clamp, for instance).
    """

    field: str
    rule: _StrOrPromise
    remedy: _StrOrPromise
    code: str = ""
    blocking: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """All that a request needs beyond the document.

    `reference` and `idempotency_key` are made and stored before the first try. `hosted_url` is
    the customer's page of this document version, `return_url` where the app sends the customer
    back to. `phone` is E.164 or empty. `has_contact_consent`: the customer agreed to be sent
    requests. `share_phone`: the customer opted in on the hosted page. `amount` is what is left
    to pay (it differs from the document's total after part payments).

    `issuer_id` is what the provider calls our issuer, where it has issuers of its own.
    `pdf_url` is the document's PDF, open without signing in. `known_name` is the name under which
    this phone was billed before, or empty. `prepared` is the body that `Provider.prepare` made
    when the request was decided: every try sends these very bytes.
    """

    channel: str
    reference: str = ""
    idempotency_key: str = ""
    amount: Decimal
    hosted_url: str = ""
    return_url: str = ""
    phone: str = ""
    has_contact_consent: bool = False
    share_phone: bool = False
    now: datetime
    language: str = "en"
    issuer_id: str = ""
    pdf_url: str = ""
    known_name: str = ""
    prepared: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The provider took the request. `redirect_url` is a secret: never logged or emailed.

    `state` is SUBMITTED where "taken" is not yet "delivered": a fact will say so later.
    """

    reference: str
    provider_id: str = ""
    redirect_url: str = ""
    expires_at: datetime | None = None
    changes: tuple[StatusChange, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    state: RequestState = RequestState.CREATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request we ask about: its name at the provider, what is known of it and since when.

    `handle` is our reference, or the provider's id where it `speaks_own_ids`. `facts` is what
    the request row kept from earlier `extra`s.
    """

    handle: str
    state: RequestState
    created_at: datetime
    expires_at: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What tells which invoice a provider's id belongs to, from its own details."""

    handle: str
    number: str
    payment_reference: str
    amount: Decimal
    currency: str
    issuer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A limit that a request counts against: so many per civil day in `zone` (IANA name).

    `scope` tells counters apart within an account (`payer:+4511223344`); `label` says what is
    counted; `code` is what the provider would answer beyond it.
    """

    scope: str
    label: _StrOrPromise
    limit: int
    zone: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteIssuer:
    """A sender as the provider knows it. `usable` False: not offered (`status` says why)."""

    id: str
    name: str
    status: str = ""
    usable: bool = True
    address: str = ""
    postcode: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field of a document beside what the provider holds. `same` False is a difference;
    `theirs` None means that the provider does not tell."""

    field: str
    label: _StrOrPromise
    ours: str
    theirs: str | None
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How a request will look in the payer's app: what the app shows, in its order."""

    sender: str
    amount: Decimal
    currency: str
    due_date: date | None = None
    title: str = ""
    comment: str = ""
    rows: tuple[tuple[_StrOrPromise, str], ...] = ()
    lines: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTerms:
    """OpenID Connect at one provider: where, for what, and who is trusted to say so.

    `origins` are the API's and the token service's scheme and host per environment, `portals`
    those of the sign-in and consent screen; in the sandbox both are the account's own address.
    `issuer` is the pinned issuer of id tokens. Endpoints found by discovery must lie on one of
    these hosts.
    """

    discovery_path: str
    issuer: str
    scopes: tuple[str, ...]
    origins: Mapping[str, str]
    portals: Mapping[str, str]
    refresh_lifetime: timedelta
    merchant_hint: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWord:
    """A provider's word in ours: `{"AUTHORIZED": StatusWord(state=ACCEPTED, meaning=...)}`."""

    state: RequestState | None
    meaning: _StrOrPromise


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorWord:
    """A provider's error code in plain words, and whether trying again helps."""

    meaning: _StrOrPromise
    remedy: _StrOrPromise
    retry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """An incoming delivery before anybody trusts it. Header names are lower case.

    `url` is the address the provider was given, not what a reverse proxy passed on.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A webhook registration as the provider lists it."""

    id: str
    url: str
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One step of the account's checklist: done or not, and what proves it."""

    label: _StrOrPromise
    ok: bool | None
    proof: _StrOrPromise


# ------------------------------------------------------------------------------------- failures
class ProviderError(Exception):
    """Something went wrong at or on the way to a provider.

    `code` is the provider's own code, `meaning` and `remedy` our plain words, `status` the HTTP
    status or None, `correlation_id` what their support asks for.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        meaning: _StrOrPromise = "",
        remedy: _StrOrPromise = "",
        status: int | None = None,
        correlation_id: str = "",
        payload: Mapping[str, Any] | None = None,
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.meaning = meaning
        self.remedy = remedy
        self.status = status
        self.correlation_id = correlation_id
        self.payload = dict(payload or {})
        self.field = field


class Refused(ProviderError):
    """The provider said no; the same request will be refused again. Nothing happened there."""


class Unavailable(ProviderError):
    """Nothing happened there, and the same request may be tried later (`retry_after` seconds)."""

    def __init__(self, message: str, *, retry_after: float | None = None, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.retry_after = retry_after


class OutcomeUnknown(ProviderError):
    """The request left, and no answer that can be trusted came. Ask before doing anything else."""


class NotAuthorised(ProviderError):
    """Keys, token or product permission were refused: the account needs a person."""


class NotFound(Refused):
    """The provider does not know the reference."""


class InvalidSignature(Exception):
    """A delivery that the provider did not sign. `reason` is for our counters, never an answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedDelivery(Exception):
    """A rightly signed delivery that cannot be read."""


# ----------------------------------------------------------------------------------- the provider
LIVE_LINK = timedelta(minutes=12)


class Provider(ABC):
    """One account at one provider. Subclasses describe themselves as data and speak the wire.

    Instances are cheap, made per use, and never shared between threads. Every method that talks
    to the provider raises the error family above and nothing else.
    """

    slug: ClassVar[str]
    label: ClassVar[_StrOrPromise]
    about: ClassVar[_StrOrPromise] = ""
    channels: ClassVar[tuple[Channel, ...]]
    statuses: ClassVar[Mapping[str, StatusWord]]
    settings_form: ClassVar[type[forms.Form]]
    base_urls: ClassVar[Mapping[str, str]]
    has_webhook_registrations: ClassVar[bool] = False
    can_capture: ClassVar[bool] = False
    can_refund: ClassVar[bool] = False
    # Most requests in one call of `send_many`; 1 means that there is no such call.
    batch_size: ClassVar[int] = 1
    # The provider names requests by its own id, not by our reference.
    speaks_own_ids: ClassVar[bool] = False
    # The provider has senders of its own, to which our issuers are mapped.
    has_issuers: ClassVar[bool] = False
    # There is something to attach once a request is paid (`after_paid`).
    has_after_paid: ClassVar[bool] = True
    # It can ask a payer for permission to be billed directly (`ask_contact_consent`).
    can_ask_contact_consent: ClassVar[bool] = False
    # Where it lists our registrations; elsewhere we remember what we set, and setting replaces.
    lists_webhooks: ClassVar[bool] = True
    # Unanswered requests to an id that has run out are answered "not found".
    forgets_expired: ClassVar[bool] = False
    # Codes by which it says that it has this very request already.
    duplicate_codes: ClassVar[frozenset[str]] = frozenset()
    # Why nobody should start with it any more, or empty.
    closed: ClassVar[_StrOrPromise] = ""
    # Pages read a class's label and channels; a template would otherwise try to make an instance.
    do_not_call_in_templates: ClassVar[bool] = True

    def __init__(self, account: ProviderAccount) -> None:
        self.account = account

    @abstractmethod
    def check(self, document: InvoiceDocument, options: SendOptions) -> list[Problem]:
        """Return what the provider would refuse, before anything is sent. No HTTP."""

    @abstractmethod
    def send(self, document: InvoiceDocument, options: SendOptions) -> Sent:
        """Create the payment request.

        Raises Refused, Unavailable, OutcomeUnknown or NotAuthorised.
        """

    @abstractmethod
    def fetch(self, reference: str) -> list[StatusChange]:
        """Ask the provider for all it knows of a request, oldest first, the state last.

        Raises NotFound when the provider does not know the reference.
        """

    def consent_terms(self) -> ConsentTerms | None:
        """Say how a merchant consents, where the provider needs that."""
        return None

    def prepare(self, document: InvoiceDocument, options: SendOptions) -> str:
        """Return the body as it will be sent, where every try must send the same bytes.

        Called once, in the transaction that decides to send. No HTTP. Empty: nothing to keep.
        """
        return ""

    def send_many(
        self, items: Sequence[tuple[InvoiceDocument, SendOptions]]
    ) -> list[Sent | ProviderError]:
        """Create up to `batch_size` requests of one channel in one call, answers in order.

        Raises Unavailable, OutcomeUnknown or NotAuthorised when that holds for the whole call.
        """
        raise NotImplementedError(f"{self.slug} has no batches.")

    def ask(self, asked: Asked) -> list[StatusChange]:
        """Ask about one request of which we know more than its name."""
        return self.fetch(asked.handle)

    def when_to_ask(self, asked: Asked, now: datetime) -> datetime | None:
        """Say when to ask next if nothing is heard; None for never.

        A link that is being paid is asked about often, a long-living request every half hour and
        once just after it lapses, a reservation every few hours, a paid one for a month after.
        """
        state, age = asked.state, now - asked.created_at
        if state in {RequestState.SUBMITTED, RequestState.CREATED, RequestState.UNKNOWN}:
            soon = now + (timedelta(seconds=15) if age < LIVE_LINK else timedelta(minutes=30))
            lapse = asked.expires_at + timedelta(seconds=20) if asked.expires_at else None
            return min(soon, lapse) if lapse and lapse > now else soon
        if state == RequestState.ACCEPTED:
            return now + (timedelta(seconds=30) if age < LIVE_LINK else timedelta(hours=3))
        received = {RequestState.PAID, RequestState.PARTIALLY_REFUNDED}
        if state in received and age < timedelta(days=30):
            return now + timedelta(days=1)
        return None

    def identify(self, handle: str) -> Identity:
        """Ask which invoice an id belongs to that we have never seen. Raises NotFound."""
        raise NotFound(f"{self.slug} knows requests by our reference only.")

    def to_confirm(self, told: Sequence[StatusChange]) -> list[str]:
        """Return the references that a delivery's word is not enough for, in order."""
        return list(dict.fromkeys(change.reference for change in told))

    def quotas(self, document: InvoiceDocument, options: SendOptions) -> list[Quota]:
        """Return the daily limits that this request counts against. No HTTP."""
        return []

    def list_issuers(self) -> list[RemoteIssuer]:
        """Ask for the senders that the provider knows."""
        raise Refused(f"{self.slug} has no issuers.")

    def compare(self, document: InvoiceDocument, asked: Asked) -> list[Difference]:
        """Ask what the provider holds and lay it beside our document, field by field."""
        raise Refused(f"{self.slug} does not tell what it holds.")

    def preview(self, document: InvoiceDocument, options: SendOptions) -> Preview:
        """Say how the request will look in the payer's app. No HTTP."""
        return Preview(
            sender=document.issuer.name,
            amount=options.amount,
            currency=document.currency,
            due_date=document.due_date,
            title=document.subject or document.number,
            comment=document.comment,
        )

    def ask_contact_consent(self, asked: Asked) -> StatusChange:
        """Ask the payer of a request for permission to be billed directly.

        The answer comes with a later `ask`, as `profile`. Returns a fact whose `extra` remembers
        the question.
        """
        raise Refused(f"{self.slug} cannot ask for that.")

    def granted_contact_consents(self) -> list[StatusChange]:
        """List the permissions that payers gave, as facts about the requests they were asked on.

        Heals what asking one by one has missed; a repeat adds nothing.
        """
        return []

    @abstractmethod
    def cancel(self, reference: str, *, key: str, before_approval_only: bool) -> None:
        """Withdraw the request, or release what is reserved and not collected.

        `before_approval_only`: refuse (code kept) if the customer has approved meanwhile.
        """

    def capture(self, reference: str, *, amount: Decimal, currency: str, key: str) -> None:
        """Collect reserved money."""
        raise Refused(f"{self.slug} has no capture.")

    def refund(self, reference: str, *, amount: Decimal, currency: str, key: str) -> None:
        """Give collected money back."""
        raise Refused(f"{self.slug} has no refund.")

    @abstractmethod
    def after_paid(self, document: InvoiceDocument, reference: str, hosted_url: str) -> None:
        """Attach what the provider shows beside a paid request (best effort, repeatable)."""

    @abstractmethod
    def expires_at(self, document: InvoiceDocument, options: SendOptions) -> datetime | None:
        """Say until when the request would live, clamped to what the account allows."""

    @abstractmethod
    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> None:
        """Raise InvalidSignature unless one of the live secrets signed the raw bytes, recently."""

    @abstractmethod
    def delivery_id(self, request: WebhookRequest) -> str:
        """Name the delivery's content, the same for each repeat. Raises MalformedDelivery."""

    @abstractmethod
    def parse(self, body: bytes) -> list[StatusChange]:
        """Read a verified body. Raises MalformedDelivery."""

    def register_webhook(self, url: str) -> tuple[str, str]:
        """Register `url` for all events. Returns the provider's id and the signing secret."""
        raise Refused(f"{self.slug} registers no webhooks.")

    def list_webhooks(self) -> list[Registration]:
        """List registrations, ours and others'."""
        return []

    def delete_webhook(self, registration_id: str) -> None:
        """Delete a registration."""
        raise Refused(f"{self.slug} has no registrations.")

    def new_webhook_secret(self) -> tuple[str, str]:
        """Make an id and a secret, where it is we who choose them (`lists_webhooks` False)."""
        raise NotImplementedError(f"{self.slug} chooses its own secrets.")

    def set_webhook(self, url: str, registration_id: str, secret: str) -> None:
        """Give the provider our address and the secret we chose; this replaces what was set."""
        raise Refused(f"{self.slug} registers no webhooks.")

    def merchant_of(self, token: str) -> str:
        """Ask whom an access token speaks for that is not kept yet. "" where nobody tells."""
        return ""

    @abstractmethod
    def checklist(self) -> list[Evidence]:
        """Say what stands between this account and its first request. No HTTP."""

    @abstractmethod
    def probe(self) -> Evidence:
        """Prove the keys by one harmless call."""

    @classmethod
    @abstractmethod
    def error_word(cls, code: str) -> ErrorWord:
        """Put a provider's error code in plain words."""

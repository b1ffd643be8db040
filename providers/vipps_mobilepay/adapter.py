"""Our words <-> theirs: Vipps MobilePay ePayment as a `Provider`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.utils.functional import cached_property
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from providers.contract import (
    Channel,
    ErrorWord,
    Evidence,
    InvoiceDocument,
    NotFound,
    OutcomeUnknown,
    Problem,
    Provider,
    ProviderError,
    Refused,
    Registration,
    SendOptions,
    Sent,
    StatusChange,
    Unavailable,
    WebhookRequest,
)
from providers.vipps_mobilepay import (
    bodies,
    errors,
    facts,
    forms,
    readiness,
    rules,
    terms,
    webhooks,
    wire,
)
from providers.vipps_mobilepay.client import Client

logger = logging.getLogger(__name__)
T = TypeVar("T")

# The reference or the key has been seen before: the first try may have been ours.
SEEN_BEFORE = {"4020", "4150"}
# After these the goal may have been reached already; asking tells.
MAYBE_DONE = {"4010", "4020", "4150", "6050", "6170", "6180", "6190"}
ENDED = {"TERMINATED", "ABORTED", "EXPIRED"}


class VippsMobilePay(Provider):
    """One sales unit at Vipps MobilePay."""

    slug = "vipps_mobilepay"
    label = "Vipps MobilePay"
    about = _("Payment requests to the Vipps and MobilePay apps in Norway, Denmark and Finland.")
    channels: ClassVar[tuple[Channel, ...]] = (
        Channel(
            slug=bodies.PUSH,
            label=_("Request to the app"),
            how=_("The customer's phone shows the request at once; they approve, decline or wait."),
            icon="device-phone-mobile",
            speed=_("seconds"),
            needs_contact_consent=True,
        ),
        Channel(
            slug=bodies.LINK,
            label=_("Link to pay"),
            how=_("The customer opens the invoice's page and pays from there with the app."),
            icon="link",
            speed=_("when they open it"),
            creates_on_press=True,
        ),
        Channel(
            slug=bodies.LINK_PHONE,
            label=_("Link to pay, asking for the phone number"),
            how=_("As the link; the customer may share the number, for requests to the app later."),
            icon="identification",
            speed=_("when they open it"),
            creates_on_press=True,
            shares_phone=True,
        ),
    )
    statuses = facts.STATUSES
    settings_form = forms.VippsMobilePayForm
    base_urls = Client.base_urls
    has_webhook_registrations = True
    can_capture = True
    can_refund = True

    @cached_property
    def client(self) -> Client:
        """Their HTTP, for this account."""
        return Client(self.account)

    @cached_property
    def terms(self) -> terms.Terms:
        """What the sales unit is approved for."""
        return terms.of(self.account)

    # --------------------------------------------------------------------------------- sending
    def check(self, document: InvoiceDocument, options: SendOptions) -> list[Problem]:
        """Return what they would refuse, before anything is sent."""
        return rules.check(document, options, self.terms)

    def expires_at(self, document: InvoiceDocument, options: SendOptions) -> datetime | None:
        """Say until when the request would live."""
        if options.channel == bodies.PUSH:
            return terms.push_until(document, options, self.terms)
        return options.now + terms.SHORT_LIFE

    def send(self, document: InvoiceDocument, options: SendOptions) -> Sent:
        """Create the payment. A request that was made before is found, not made twice."""
        self._refuse_incomplete(document, options)
        until = self.expires_at(document, options)
        pushed_until = until if options.channel == bodies.PUSH else None
        body = bodies.create(document, options, self.terms, until=pushed_until)
        try:
            made = self.client.create(body, key=options.idempotency_key)
        except Refused as refusal:
            if refusal.code not in SEEN_BEFORE and refusal.status != 409:
                raise
            return self._found_again(options, document.currency, until, refusal)
        if made.get("reference") != options.reference:
            raise OutcomeUnknown("The answer is about another reference.", code="reference")
        url = made.get("redirectUrl")
        return Sent(
            reference=options.reference,
            redirect_url=url if isinstance(url, str) else "",
            expires_at=until,
        )

    def _refuse_incomplete(self, document: InvoiceDocument, options: SendOptions) -> None:
        for problem in rules.check_complete(document, options, self.terms):
            if problem.blocking:
                raise Refused(
                    str(problem.rule),
                    code=problem.code,
                    meaning=problem.rule,
                    remedy=problem.remedy,
                    field=problem.field,
                )

    def _found_again(
        self, options: SendOptions, currency: str, until: datetime | None, refusal: Refused
    ) -> Sent:
        """Tell whether the payment behind a taken reference is the one we wanted."""
        try:
            payment = self._payment(options.reference)
        except NotFound:
            # The key was used, the reference was not: by whom is past telling.
            raise refusal from None
        except Unavailable as error:
            raise OutcomeUnknown(
                "The reference is taken, and asking by whom failed.", code=refusal.code
            ) from error
        wanted = wire.Amount(wire.minor(options.amount), currency)
        if payment.amount != wanted:
            raise refusal
        return Sent(
            reference=payment.reference,
            provider_id=payment.psp_reference,
            redirect_url=payment.redirect_url,
            expires_at=until,
            changes=(facts.of_payment(payment, [], self.terms.market),),
        )

    # ------------------------------------------------------------------------------ afterwards
    def fetch(self, reference: str) -> list[StatusChange]:
        """Ask for all events and the present state. Raises NotFound."""
        # Events first: the state read after them is never older than they are.
        events = self._events(reference)
        payment = self._payment(reference)
        market, until = self.terms.market, payment.guaranteed_until
        changes = [facts.of_event(event, market, guaranteed_until=until) for event in events]
        approved = next((e.at for e in events if e.name == "AUTHORIZED" and e.success), None)
        changes += facts.of_phone(reference, self._shared_phone(payment), approved)
        return [*changes, facts.of_payment(payment, events, market)]

    def _shared_phone(self, payment: wire.Payment) -> str:
        """Return the number the customer agreed to share, as `+47...`, or nothing."""
        if payment.phone or not payment.sub:
            # Without a sub nothing was asked for, or it is not written yet.
            return payment.phone
        try:
            return wire.e164(self.client.userinfo(payment.sub).get("phone_number"))
        except ProviderError as error:
            # Withdrawn, stale or down: the payment is none the worse for it.
            logger.info("No shared number for %s: %s", payment.reference, error)
            return ""

    def capture(self, reference: str, *, amount: Decimal, currency: str, key: str) -> None:
        """Collect reserved money. Done means that their sums say so."""
        if not self.terms.partial_capture:
            self._refuse_a_part(reference, wire.minor(amount))
        self._move(reference, "capture", "CAPTURED", amount, currency, key)

    def refund(self, reference: str, *, amount: Decimal, currency: str, key: str) -> None:
        """Give collected money back. Done means that their sums say so."""
        self._move(reference, "refund", "REFUNDED", amount, currency, key)

    def _refuse_a_part(self, reference: str, wanted: int) -> None:
        payment = self._payment(reference)
        if payment.state == "AUTHORIZED" and wanted != payment.authorized:
            word = errors.error_word("6140")
            raise Refused(
                "The account may not collect a part.",
                code="6140",
                meaning=word.meaning,
                remedy=word.remedy,
                field="amount",
            )

    def _move(
        self, reference: str, what: str, event: str, amount: Decimal, currency: str, key: str
    ) -> None:
        body = {"modificationAmount": bodies.money(amount, currency)}
        wanted = wire.minor(amount)
        try:
            content = self.client.modify(reference, what, body, key=key)
        except Refused as refusal:
            if refusal.code in MAYBE_DONE and self._has_moved(reference, event, wanted, key):
                return
            raise
        payment = _read_answer(content)
        if (payment.captured if event == "CAPTURED" else payment.refunded) < wanted:
            raise OutcomeUnknown(
                "They answered yes, but their sums do not show it.", code="sums", status=200
            )

    def _has_moved(self, reference: str, event: str, wanted: int, key: str) -> bool:
        """Ask whether this very operation happened, or all that could happen has."""
        events = self._events(reference)
        mine = [e for e in events if e.name == event and e.key == key and e.success]
        if mine:
            return mine[0].amount.minor == wanted
        payment = self._payment(reference)
        if event == "CAPTURED":
            return wanted <= payment.captured == payment.authorized
        return wanted <= payment.refunded == payment.captured

    def cancel(self, reference: str, *, key: str, before_approval_only: bool) -> None:
        """Withdraw the request, or release what is reserved and not collected."""
        body = {"cancelTransactionOnly": before_approval_only}
        try:
            payment = _read_answer(self.client.modify(reference, "cancel", body, key=key))
        except Refused as refusal:
            if refusal.code not in MAYBE_DONE or not self._is_over(self._payment(reference)):
                raise
            return
        if not self._is_over(payment):
            raise OutcomeUnknown(
                "They answered yes, but the payment is still open.", code="sums", status=200
            )

    @staticmethod
    def _is_over(payment: wire.Payment) -> bool:
        released = payment.cancelled and payment.captured + payment.cancelled >= payment.authorized
        return payment.state in ENDED or bool(payment.state == "AUTHORIZED" and released)

    def after_paid(self, document: InvoiceDocument, reference: str, hosted_url: str) -> None:
        """Put a button to the hosted invoice on the paid transaction, where the API exists."""
        if not self.terms.order_management or self.account.environment == "test":
            return
        body = {"category": "GENERAL", "orderDetailsUrl": hosted_url}
        self.client.put_category(reference, body)

    # -------------------------------------------------------------------------------- webhooks
    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> None:
        """Raise InvalidSignature unless a live secret signed the raw bytes, recently."""
        webhooks.verify(request, secrets, tolerance=settings.WEBHOOK_TOLERANCE)

    def delivery_id(self, request: WebhookRequest) -> str:
        """Name the delivery's content, the same for each repeat."""
        return webhooks.delivery_id(request)

    def parse(self, body: bytes) -> list[StatusChange]:
        """Read a verified body."""
        return webhooks.parse(body, msn=self.client.msn, market=self.terms.market)

    def register_webhook(self, url: str) -> tuple[str, str]:
        """Register `url` for all events of ours, and return id and secret."""
        if not url.startswith("https://") and not self.terms.is_sandbox:
            why = _now("They deliver only to addresses that begin with https, not %(url)s.")
            raise Refused(why % {"url": url[:100]}, code="4090", meaning=why, field="url")
        found = self.client.register(url, webhooks.EVENTS)
        id_, secret = found.get("id"), found.get("secret")
        if not (isinstance(id_, str) and isinstance(secret, str) and id_ and secret):
            raise OutcomeUnknown("The answer lacks the id or the secret.", code="unreadable")
        return id_, secret

    def list_webhooks(self) -> list[Registration]:
        """List registrations, ours and others'."""
        return [_registration(row) for row in self.client.registrations() if isinstance(row, dict)]

    def delete_webhook(self, registration_id: str) -> None:
        """Delete a registration; one that is gone already is fine."""
        try:
            self.client.unregister(registration_id)
        except NotFound:
            logger.info("Webhook registration %s was gone already", registration_id)

    # --------------------------------------------------------------------------------- account
    def checklist(self) -> list[Evidence]:
        """Say what stands between this account and its first request."""
        return readiness.checklist(self.account, self.terms)

    def probe(self) -> Evidence:
        """Prove the keys: fetch a token, then list webhooks with it."""
        return readiness.probe(self.client)

    @classmethod
    def error_word(cls, code: str) -> ErrorWord:
        """Put an error code in plain words."""
        return errors.error_word(code)

    # --------------------------------------------------------------------------------- reading
    def _payment(self, reference: str) -> wire.Payment:
        found = _read(wire.payment, self.client.payment(reference))
        if found.reference != reference:
            raise Unavailable("The answer is about another reference.", code="reference")
        return found

    def _events(self, reference: str) -> list[wire.Event]:
        events = [_read(wire.event, row) for row in self.client.events(reference)]
        return sorted(events, key=lambda event: event.at)


def _read(reader: Callable[[Any], T], content: Any) -> T:
    try:
        return reader(content)
    except wire.Unreadable as error:
        raise Unavailable(f"Their answer cannot be read: {error}.", code="unreadable") from error


def _read_answer(content: Any) -> wire.Payment:
    try:
        return wire.payment(content)
    except wire.Unreadable as error:
        raise OutcomeUnknown(f"Their answer cannot be read: {error}.", code="unreadable") from error


def _registration(row: dict[str, Any]) -> Registration:
    events = row.get("events")
    names = tuple(str(name) for name in events) if isinstance(events, list) else ()
    return Registration(id=str(row.get("id", "")), url=str(row.get("url", "")), events=names)


provider = VippsMobilePay

"""Our words <-> theirs: MobilePay Invoice as a `Provider`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from providers.contract import (
    Asked,
    Channel,
    ConsentTerms,
    Difference,
    ErrorWord,
    Evidence,
    Identity,
    InvoiceDocument,
    NotFound,
    Preview,
    Problem,
    Provider,
    ProviderError,
    Quota,
    Refused,
    RemoteIssuer,
    RequestState,
    SendOptions,
    Sent,
    StatusChange,
    Unavailable,
    WebhookRequest,
)
from providers.mobilepay_invoice import (
    asking,
    batches,
    bodies,
    comparing,
    errors,
    facts,
    following,
    forms,
    preview,
    quotas,
    readiness,
    refusals,
    rules,
    terms,
    values,
    webhooks,
    wire,
)
from providers.mobilepay_invoice.client import Client

# How long after the due date an invoice may still be paid.
GRACE = timedelta(days=30)
# Thirteen months, each use begins anew.
REFRESH_LIFETIME = timedelta(days=395)
ISSUER = "https://api.mobilepay.dk/merchant"


class MobilePayInvoice(Provider):
    """One merchant at MobilePay Invoice."""

    slug = "mobilepay_invoice"
    label = "MobilePay Invoice"
    about = _("Invoices in the MobilePay app in Denmark and Finland, paid now or on a chosen day.")
    closed = _(
        "MobilePay closed this service on 12 March 2024 and moved its merchants to Vipps "
        "MobilePay (ePayment). It works in the sandbox."
    )
    channels: ClassVar[tuple[Channel, ...]] = (
        Channel(
            slug=bodies.DIRECT,
            label=_("Invoice to the app"),
            how=_("The customer's phone shows the invoice; they pay, choose a day or decline."),
            icon="device-phone-mobile",
            speed=_("seconds to minutes"),
            needs_contact_consent=True,
        ),
        Channel(
            slug=bodies.LINK,
            label=_("Link to the invoice in the app"),
            how=_("Anybody who has the link may pay with MobilePay; we hand it on."),
            icon="link",
            speed=_("when they open it"),
            hands_out_link=True,
        ),
    )
    statuses = facts.STATUSES
    settings_form = forms.MobilePayInvoiceForm
    base_urls = Client.base_urls
    batch_size = 2000
    speaks_own_ids = True
    has_issuers = True
    has_after_paid = False
    has_webhook_registrations = True
    lists_webhooks = False
    forgets_expired = True
    can_ask_contact_consent = True
    # After a try without answer these say that it had arrived, and nothing was made twice.
    duplicate_codes = errors.EXISTING

    @cached_property
    def client(self) -> Client:
        """Their HTTP, for this account."""
        return Client(self.account)

    @cached_property
    def terms(self) -> terms.Terms:
        """What the account's settings say."""
        return terms.of(self.account)

    def consent_terms(self) -> ConsentTerms:
        """Say how a merchant consents: in its portal, which lies on another host than the API."""
        top = "fi" if self.terms.country == "FI" else "dk"
        return ConsentTerms(
            discovery_path="/account/.well-known/openid-configuration",
            issuer=ISSUER,
            scopes=("openid", "offline_access", "invoice"),
            origins=Client.base_urls,
            portals={
                "test": f"https://sandprod-admin.mobilepay.{top}",
                "production": f"https://admin.mobilepay.{top}",
            },
            refresh_lifetime=REFRESH_LIFETIME,
            merchant_hint=self._merchant_hint(),
        )

    def _merchant_hint(self) -> tuple[str, str] | None:
        number = str((self.account.settings or {}).get("vat_number") or "")
        return ("merchant_vat", number) if number else None

    # --------------------------------------------------------------------------------- sending
    def check(self, document: InvoiceDocument, options: SendOptions) -> list[Problem]:
        """Return what they would refuse, before anything is sent."""
        return rules.check(document, options, self.terms)

    def quotas(self, document: InvoiceDocument, options: SendOptions) -> list[Quota]:
        """Return the daily limits that this request counts against."""
        return quotas.quotas(document, options, self.terms)

    def preview(self, document: InvoiceDocument, options: SendOptions) -> Preview:
        """Say how the request will look in the payer's app."""
        return preview.preview(document, options, self.terms)

    def expires_at(self, document: InvoiceDocument, options: SendOptions) -> datetime | None:
        """Say when an unpaid request ends: thirty days after the due date, there."""
        return datetime.combine(document.due_date + GRACE, time(23, 59, 59), self.terms.zone)

    def prepare(self, document: InvoiceDocument, options: SendOptions) -> str:
        """Return the body as it will be sent: they know a repeat only by its very fields.

        What they would refuse was found by `check`, by whoever decided to send.
        """
        return bodies.dumps(bodies.create(document, options, self.terms))

    def _refuse_incomplete(self, document: InvoiceDocument, options: SendOptions) -> None:
        for problem in rules.check(document, options, self.terms):
            if problem.blocking:
                raise Refused(
                    str(problem.rule),
                    code=problem.code,
                    meaning=problem.rule,
                    remedy=problem.remedy,
                    field=problem.field,
                )

    def send(self, document: InvoiceDocument, options: SendOptions) -> Sent:
        """Hand one invoice over. A repeat of what has arrived is refused as a duplicate."""
        text = self._text(document, options)
        if bodies.is_first_form(text):
            text = batches.array([text])
        link = options.channel == bodies.LINK
        called = self.client.create(text, link=link, many=False, reference=options.reference)
        made = following.read_answer(wire.read_sent, *called)
        return self._sent(document, options, made, called.content)

    def send_many(
        self, items: Sequence[tuple[InvoiceDocument, SendOptions]]
    ) -> list[Sent | ProviderError]:
        """Hand over up to 2000 invoices of one channel in one call."""
        answers: dict[int, Sent | ProviderError] = {}
        answers |= batches.twins([(doc.number, options.issuer_id) for doc, options in items])
        texts: dict[int, str] = {}
        for at, item in enumerate(items):
            if at in answers:
                continue
            try:
                texts[at] = self._text(*item)
            except ProviderError as error:
                answers[at] = error
        if texts:
            made = self._send_all([items[at] for at in texts], list(texts.values()))
            answers |= zip(texts, made, strict=True)
        return [answers[at] for at in range(len(items))]

    def _send_all(
        self, items: Sequence[tuple[InvoiceDocument, SendOptions]], texts: Sequence[str]
    ) -> Sequence[Sent | ProviderError]:
        link = items[0][1].channel == bodies.LINK
        try:
            called = self.client.create(batches.array(texts), link=link, many=True)
        except Refused as refusal:
            if isinstance(refusal, NotFound) or not refusals.is_judgement(refusal):
                # It was not the API that judged, so none of these invoices was found wrong.
                raise refusals.not_judged(refusal) from refusal
            if 1 < len(items) <= self.batch_size and refusal.status == 400:
                return self._send_halves(items, texts)
            return [refusal] * len(items)
        batch = following.read_answer(wire.read_batch, *called)
        numbers = [doc.number for doc, _ in items]
        found = batches.answers(numbers, batch, self.terms.zone, called.trace)
        return [
            self._sent(*item, answer) if isinstance(answer, wire.Created) else answer
            for item, answer in zip(items, found, strict=True)
        ]

    def _send_halves(
        self, items: Sequence[tuple[InvoiceDocument, SendOptions]], texts: Sequence[str]
    ) -> Sequence[Sent | ProviderError]:
        """Find the one item for which they refused all: nothing was made, so halves may go again."""
        found: list[Sent | ProviderError] = []
        middle = len(items) // 2
        for half in (slice(None, middle), slice(middle, None)):
            try:
                found += self._send_all(items[half], texts[half])
            except ProviderError as error:
                found += [error] * len(items[half])
        return found

    def _text(self, document: InvoiceDocument, options: SendOptions) -> str:
        """Return the body that was decided. Raises Unavailable while its date has not begun."""
        # The outbox asks with the moment of the decision at each try; waiting ends by the clock.
        present = replace(options, now=max(options.now, timezone.now()))
        if wait := rules.hold_seconds(document, present, self.terms):
            raise Unavailable(
                "The issue date has not begun in UTC.",
                retry_after=wait,
                code="10312",
                meaning=errors.error_word("10312").meaning,
                remedy=_("It is sent by itself as soon as the date has begun there too."),
                field="issue_date",
            )
        if not options.prepared:
            self._refuse_incomplete(document, options)
        return options.prepared or self.prepare(document, options)

    def _sent(
        self,
        document: InvoiceDocument,
        options: SendOptions,
        made: wire.Created,
        content: Any = None,
    ) -> Sent:
        """Say that it was taken: checked and delivered it is only when they say so later."""
        is_link = options.channel == bodies.LINK
        extra: dict[str, Any] = {"invoice_id": made.invoice_id, "link": is_link}
        if others := _other_links(content):
            extra["links"] = others
        if is_link and not made.link:
            extra["waits_for_link"] = True
        return Sent(
            reference=options.reference,
            provider_id=made.invoice_id,
            redirect_url=made.link,
            expires_at=self.expires_at(document, options),
            extra=extra,
            state=RequestState.SUBMITTED,
        )

    # ------------------------------------------------------------------------------ afterwards
    def fetch(self, reference: str) -> list[StatusChange]:
        """Ask for the present state, and for the money where there is some. Raises NotFound."""
        return following.fetch(self.client, reference, self.terms)

    def ask(self, asked: Asked) -> list[StatusChange]:
        """Ask about a request, and for its payer's answer to being billed directly."""
        return following.ask(self.client, asked, self.terms)

    def when_to_ask(self, asked: Asked, now: datetime) -> datetime | None:
        """Say when to ask next if no callback tells; None for never."""
        return asking.next_time(asked, now, self.terms.zone)

    def identify(self, handle: str) -> Identity:
        """Ask which invoice an id belongs to that we have never seen. Raises NotFound."""
        return following.identify(self.client, handle, self.terms)

    def compare(self, document: InvoiceDocument, asked: Asked) -> list[Difference]:
        """Ask what they hold and lay it beside our document, field by field."""
        details = following.details(self.client, asked.handle, self.terms)
        return comparing.compare(document, details)

    def ask_contact_consent(self, asked: Asked) -> StatusChange:
        """Ask the payer of a link for permission to be billed directly."""
        return following.ask_contact_consent(self.client, asked.handle)

    def granted_contact_consents(self) -> list[StatusChange]:
        """List every permission granted to an issuer of the account: what single asking missed.

        The facts are those that `ask` brings, one for each link that it was asked on.
        """
        issuers = self.account.remote_issuers.filter(usable=True, gone_at=None)
        ids = issuers.order_by("pk").values_list("external_id", flat=True)
        return following.granted_contact_consents(self.client, ids)

    def cancel(self, reference: str, *, key: str, before_approval_only: bool) -> None:
        """Withdraw an invoice that is not paid.

        They also withdraw an approved one whose day has not come, without asking whether that
        is meant: `before_approval_only` cannot be told to them.
        """
        following.cancel(self.client, reference)

    def after_paid(self, document: InvoiceDocument, reference: str, hosted_url: str) -> None:
        """Attach nothing: the invoice's own address went with it (`has_after_paid`)."""

    # ------------------------------------------------------------------------------- callbacks
    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> None:
        """Raise InvalidSignature unless the header carries a live secret."""
        webhooks.verify(request, secrets)

    def delivery_id(self, request: WebhookRequest) -> str:
        """Name the delivery's content, the same for each repeat."""
        return webhooks.delivery_id(request)

    def parse(self, body: bytes) -> list[StatusChange]:
        """Read a verified body."""
        return webhooks.parse(body, self.terms.zone)

    def to_confirm(self, told: Sequence[StatusChange]) -> list[str]:
        """Return what must be asked about before it is believed: money above all."""
        return webhooks.to_confirm(told)

    def new_webhook_secret(self) -> tuple[str, str]:
        """Choose what their callbacks must carry, by the scheme in the settings."""
        scheme = str((self.account.settings or {}).get("callback_scheme") or webhooks.BASIC)
        name, secret = webhooks.new_secret(scheme)
        return name, secret.dumps()

    def set_webhook(self, url: str, registration_id: str, secret: str) -> None:
        """Give them our address and the secret; this replaces what was set."""
        if not url.startswith("https://") and not self.terms.is_sandbox:
            why = _now("They deliver only to addresses that begin with https, not %(url)s.")
            why = why % {"url": url[:100]}
            raise Refused(why, code="url", meaning=why, field="url")
        kept = webhooks.loads(secret)
        if kept is None:
            raise Refused(f"The secret of {registration_id} cannot be read.", code="secret")
        self.client.set_callback(kept.scheme, json.dumps(webhooks.setup(url, kept)))

    def delete_webhook(self, registration_id: str) -> None:
        """Forget a registration on our side: they have no call for it, only for another one."""

    # --------------------------------------------------------------------------------- account
    def list_issuers(self) -> list[RemoteIssuer]:
        """Ask for the merchant's invoice issuers."""
        return following.read(wire.read_issuers, self.client.issuers())

    def merchant_of(self, token: str) -> str:
        """Ask whom a new consent's token speaks for."""
        return self.client.me(token=token)

    def checklist(self) -> list[Evidence]:
        """Say what stands between this account and its first invoice."""
        return readiness.checklist(self.account)

    def probe(self) -> Evidence:
        """Prove keys and consent by one harmless call."""
        return readiness.probe(self.client)

    @classmethod
    def error_word(cls, code: str) -> ErrorWord:
        """Put an error code in plain words."""
        return errors.error_word(code)


def _other_links(content: Any) -> list[dict[str, str]]:
    """Return the links that are not the one to pay: kept, never followed."""
    if not isinstance(content, dict):
        return []
    links = values.objects(values.lower(content), "Links")
    named = [(values.text(each, "Rel"), values.text(each, "Href")) for each in links]
    return [{"rel": rel, "href": href} for rel, href in named if rel != wire.USER_REDIRECT]


provider = MobilePayInvoice

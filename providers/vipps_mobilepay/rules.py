"""What they will refuse, found before sending: each problem names field, rule and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from providers.contract import InvoiceDocument, Problem, SendOptions
from providers.vipps_mobilepay import bodies, terms, wire
from providers.vipps_mobilepay.bodies import LINK, LINK_PHONE, PUSH
from providers.vipps_mobilepay.terms import Market, ReceiptMode, Terms

REFERENCE = re.compile(r"[a-zA-Z0-9-]{8,64}")
URL_LIMIT = 2500
KEY_LIMIT = 50

Rule = Callable[[InvoiceDocument, SendOptions, Terms], Iterator[Problem]]


def check(document: InvoiceDocument, options: SendOptions, account_terms: Terms) -> list[Problem]:
    """Return what would be refused. What is only made on sending may still be empty."""
    found = (problem for rule in RULES for problem in rule(document, options, account_terms))
    return list(found)


def check_complete(
    document: InvoiceDocument, options: SendOptions, account_terms: Terms
) -> list[Problem]:
    """Return what would be refused, and what is missing, at the moment of sending."""
    return [*check(document, options, account_terms), *_missing(document, options, account_terms)]


# ------------------------------------------------------------------------------------- the rules
def kind(document: InvoiceDocument, _options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    if document.kind != "invoice":
        yield Problem(
            field="kind",
            code="kind",
            rule=_("Only an invoice can be paid this way."),
            remedy=_("Refund the payment of the invoice that it changes."),
        )


def channel(_document: InvoiceDocument, options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    if options.channel not in {PUSH, LINK, LINK_PHONE}:
        yield Problem(
            field="channel",
            code="channel",
            rule=_("Vipps MobilePay has no channel “%(name)s”.") % {"name": options.channel},
            remedy=_("Choose push, link, or link with phone number."),
        )


def amount(document: InvoiceDocument, options: SendOptions, unit: Terms) -> Iterator[Problem]:
    asked = options.amount
    try:
        wire.minor(asked)
    except ValueError:
        yield Problem(
            field="amount",
            code="4040",
            rule=_("%(amount)s %(currency)s has more than two decimals.")
            % {"amount": asked, "currency": document.currency},
            remedy=_("Round the amount to two decimals."),
        )
        return
    least = terms.MINIMUM[unit.currency]
    if not least <= asked <= terms.MAXIMUM:
        yield Problem(
            field="amount",
            code="6010" if asked < least else "4040",
            rule=_("%(amount)s is not between %(least)s and %(most)s %(currency)s.")
            % {
                "amount": asked,
                "least": least,
                "most": terms.MAXIMUM,
                "currency": unit.currency,
            },
            remedy=_("Send the invoice another way."),
        )


def currency(document: InvoiceDocument, _options: SendOptions, unit: Terms) -> Iterator[Problem]:
    if document.currency != unit.currency:
        yield Problem(
            field="currency",
            code="5040",
            rule=_("The invoice is in %(has)s; this account takes %(takes)s only.")
            % {"has": document.currency, "takes": unit.currency},
            remedy=_("Use an account of the currency's country, or send another way."),
        )


def reference(_document: InvoiceDocument, options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    if not options.reference:
        return
    why = ""
    if not REFERENCE.fullmatch(options.reference):
        why = _("The reference “%(value)s” must be 8 to 64 letters, digits and hyphens.")
    elif options.reference.isdigit() or options.reference.startswith("0"):
        why = _("The reference “%(value)s” is only digits or begins with a zero.")
    if why:
        yield Problem(
            field="reference",
            code="reference",
            rule=why % {"value": options.reference},
            remedy=_("Choose a number prefix of letters, digits and hyphens."),
        )


def key(_document: InvoiceDocument, options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    if options.idempotency_key and not re.fullmatch(r"[\x21-\x7e]{1,50}", options.idempotency_key):
        yield Problem(
            field="idempotency_key",
            code="idempotency_key",
            rule=_("The key of the request must be at most %(limit)s plain characters.")
            % {"limit": KEY_LIMIT},
            remedy=_("Report it to whoever runs this site."),
        )


def description(document: InvoiceDocument, _options: SendOptions, _t: Terms) -> Iterator[Problem]:
    if not document.number.strip():
        yield Problem(
            field="number",
            code="description",
            rule=_("The request's text needs the invoice number, and the invoice has none."),
            remedy=_("Issue the invoice first."),
        )


def phone(_document: InvoiceDocument, options: SendOptions, unit: Terms) -> Iterator[Problem]:
    if not options.phone:
        if options.channel == PUSH:
            yield Problem(
                field="phone",
                code="4140",
                rule=_("The customer has no phone number."),
                remedy=_("Add the number to the customer, or send the link instead."),
            )
        return
    if options.channel == LINK:
        return
    try:
        wire.msisdn(options.phone, unit.market)
    except ValueError:
        # Beside the link the number only fills in a field: without it the customer types it.
        yield Problem(
            field="phone",
            code="4070",
            rule=_("%(value)s is not a phone number with its country code.")
            % {"value": options.phone},
            remedy=_("Correct the number on the customer, for instance +47 912 34 567."),
            blocking=options.channel == PUSH,
        )


def consent(_document: InvoiceDocument, options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    if options.channel == PUSH and not options.has_contact_consent:
        yield Problem(
            field="has_contact_consent",
            code="consent",
            rule=_("The customer has not agreed to be sent payment requests."),
            remedy=_("Ask the customer and note the consent, or send the link instead."),
        )


def approvals(_document: InvoiceDocument, options: SendOptions, unit: Terms) -> Iterator[Problem]:
    if options.channel != PUSH:
        return
    if not unit.push:
        yield Problem(
            field="push_approved",
            code="5080",
            rule=_("The sales unit is not approved to send requests to phones."),
            remedy=_("Ask Vipps MobilePay for it and tick it on the account, or send the link."),
        )
    if not unit.long_living:
        yield Problem(
            field="long_living_approved",
            code="5050",
            rule=_("The sales unit is not approved for requests that live past ten minutes."),
            remedy=_("Ask Vipps MobilePay for it and tick it on the account, or send the link."),
        )


def expiry(document: InvoiceDocument, options: SendOptions, unit: Terms) -> Iterator[Problem]:
    if options.channel != PUSH:
        return
    ends, due = terms.push_until(document, options, unit), terms.due_until(document, unit)
    if ends <= options.now + terms.SHORT_LIFE:
        yield Problem(
            field="due_date",
            code="6120",
            rule=_("The request would end %(ends)s, less than ten minutes from now.")
            % {"ends": _when(ends, unit)},
            remedy=_("Send the link instead, which has no end."),
        )
    elif ends < due:
        yield Problem(
            field="expires_at",
            code="clamped",
            rule=_("The request ends %(ends)s, before the due date: the account allows no more.")
            % {"ends": _when(ends, unit)},
            remedy=_("Send it again then, or send the link, which stays open."),
            blocking=False,
        )


def addresses(_document: InvoiceDocument, options: SendOptions, unit: Terms) -> Iterator[Problem]:
    for field, value in (("hosted_url", options.hosted_url), ("return_url", options.return_url)):
        if value and not _is_public(value, unit):
            yield Problem(
                field=field,
                code="4090",
                rule=_("They take only addresses that begin with https, not %(value)s.")
                % {"value": value[:100]},
                remedy=_("Run this site at a public https address (PUBLIC_URL)."),
            )


def lines(document: InvoiceDocument, options: SendOptions, unit: Terms) -> Iterator[Problem]:
    if unit.receipt_mode != ReceiptMode.LINES:
        return
    if not bodies.lines_fit(document, options):
        yield Problem(
            field="lines",
            code="lines",
            rule=_("A part has been paid, so the invoice's lines do not add up to what is asked."),
            remedy=_("The app shows a link to the invoice instead of lines."),
            blocking=False,
        )
        return
    for line in document.lines:
        if not 0 <= line.vat_rate <= 100 or (line.vat_rate * 100) % 1:
            yield Problem(
                field="lines",
                code="taxRate",
                rule=_("The VAT rate %(rate)s %% of “%(line)s” has more than two decimals.")
                % {"rate": line.vat_rate, "line": line.description[:60]},
                remedy=_("Choose the link instead of lines in the account's settings."),
            )


def norway(_document: InvoiceDocument, options: SendOptions, unit: Terms) -> Iterator[Problem]:
    is_push = options.channel == PUSH
    if is_push and unit.market == Market.NO and unit.receipt_mode == ReceiptMode.LINK:
        yield Problem(
            field="receipt_mode",
            code="norway-lines",
            rule=_("In Norway their terms ask for invoice lines with a pushed request."),
            remedy=_("Choose lines in the account's settings."),
            blocking=False,
        )


RULES: tuple[Rule, ...] = (
    kind,
    channel,
    currency,
    amount,
    reference,
    key,
    description,
    approvals,
    phone,
    consent,
    expiry,
    addresses,
    lines,
    norway,
)


def _missing(document: InvoiceDocument, options: SendOptions, unit: Terms) -> Iterator[Problem]:
    wanted = {
        "reference": options.reference,
        "idempotency_key": options.idempotency_key,
        "hosted_url": options.hosted_url,
    }
    if options.channel != PUSH:
        wanted["return_url"] = options.return_url
    for field, value in wanted.items():
        if not value:
            yield Problem(
                field=field,
                code="4140",
                rule=_("The request lacks its %(field)s.") % {"field": field},
                remedy=_("Report it to whoever runs this site."),
            )


def _is_public(url: str, unit: Terms) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    allowed = {"https", "http"} if unit.is_sandbox else {"https"}
    return bool(host) and parts.scheme in allowed and len(url) <= URL_LIMIT


def _when(at: datetime, unit: Terms) -> str:
    local = timezone.localtime(at, unit.zone)
    return date_format(local, "j M Y H:i")

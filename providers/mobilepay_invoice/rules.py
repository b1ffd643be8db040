"""What they will refuse, found before sending: each problem names field, rule and remedy.

The rules are of the documentation labelled 1.4 unless they say otherwise. That text breaks off at
its heading "Limits": the limits in `terms` that it does not name, and all that 1.5 changed, are
from later documents.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from providers.contract import InvoiceDocument, Problem, SendOptions
from providers.mobilepay_invoice import bodies, rules_money, rules_payer
from providers.mobilepay_invoice.bodies import DIRECT, LINK
from providers.mobilepay_invoice.terms import Profile, Terms

# The first documentation says "to 400 days". So does the text of 1.4, but its table says "less",
# as 1.5 does: what both allow is safe.
LONGEST = {"v1": timedelta(days=400), "1.4": timedelta(days=399), "1.5": timedelta(days=399)}
NUMBER_LIMIT = 60
REFERENCE_LIMIT, REFERENCE_SHOWN = 60, 30

Rule = Callable[[InvoiceDocument, SendOptions, Terms], Iterator[Problem]]


def check(document: InvoiceDocument, options: SendOptions, terms: Terms) -> list[Problem]:
    """Return what would be refused, and what staff should know before sending."""
    return [problem for rule in RULES for problem in rule(document, options, terms)]


def repeated(documents: Iterable[InvoiceDocument]) -> frozenset[str]:
    """Return the numbers that occur more than once: a batch's answers are told apart by number."""
    counts = Counter(document.number for document in documents)
    return frozenset(number for number, count in counts.items() if count > 1)


def hold_seconds(document: InvoiceDocument, options: SendOptions, terms: Terms) -> float:
    """Return how long to wait until the issue date has begun in UTC too; 0 to send at once.

    With 1.5 nothing waits: the date is optional there and left out.
    """
    if terms.profile == Profile.V1_5 or not bodies.waits_for_utc(document, options):
        return 0.0
    begins = datetime.combine(document.issue_date, datetime.min.time(), UTC)
    return max((begins - options.now).total_seconds(), 0.0)


# ------------------------------------------------------------------------------------- the rules
def kind(document: InvoiceDocument, _options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    """There are no credit notes."""
    if document.kind != "invoice":
        yield Problem(
            field="kind",
            code="kind",
            rule=_("Only an invoice can be paid this way."),
            remedy=_("Cancel the request, or pay the money back yourself."),
        )


def channel(_document: InvoiceDocument, options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """Links came after the first documentation."""
    if options.channel not in {DIRECT, LINK}:
        yield Problem(
            field="channel",
            code="channel",
            rule=_("MobilePay Invoice has no channel “%(name)s”.") % {"name": options.channel},
            remedy=_("Choose the app or a payment link."),
        )
    elif options.channel == LINK and terms.profile == Profile.V1:
        yield Problem(
            field="channel",
            code="channel",
            rule=_("The first documentation has no payment links."),
            remedy=_("Send to the app, or choose a later documentation in the account's settings."),
        )


def issuer(document: InvoiceDocument, options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    """The sender is one of theirs, chosen for ours and never typed."""
    name = {"name": document.issuer.name, "value": options.issuer_id[:60]}
    if not options.issuer_id:
        rule = _("No MobilePay issuer is chosen for “%(name)s”.") % name
    elif not _is_guid(options.issuer_id):
        rule = _("The MobilePay issuer “%(value)s” of “%(name)s” is not one of their ids.") % name
    else:
        return
    yield Problem(
        field="issuer",
        code="10202",
        rule=rule,
        remedy=_("Choose one under Issuers on the account's page."),
    )


def number(document: InvoiceDocument, _options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    """The number is what an answer and a payment are matched by, so it always goes."""
    if not document.number.strip():
        yield Problem(
            field="number",
            code="InvoiceNumber",
            rule=_("The invoice has no number."),
            remedy=_("Issue the invoice first."),
        )
    elif len(document.number) > NUMBER_LIMIT:
        yield Problem(
            field="number",
            code="InvoiceNumber",
            rule=_("The number %(value)s… is longer than %(limit)s characters.")
            % {"value": document.number[:40], "limit": NUMBER_LIMIT},
            remedy=_("Choose a shorter number series."),
        )


def reference(document: InvoiceDocument, _options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    """Sixty characters at most; the bank statement of an instant transfer shows thirty."""
    value = bodies.payment_reference(document)
    if len(value) > REFERENCE_LIMIT:
        yield Problem(
            field="payment_reference",
            code="PaymentReference",
            rule=_("The payment reference “%(value)s” is longer than %(limit)s characters.")
            % {"value": value, "limit": REFERENCE_LIMIT},
            remedy=_("Shorten the payment reference, best to 30 characters."),
        )
    elif len(value) > REFERENCE_SHOWN:
        yield Problem(
            field="payment_reference",
            code="PaymentReference",
            rule=_("The payment reference “%(value)s” is longer than %(limit)s characters.")
            % {"value": value, "limit": REFERENCE_SHOWN},
            remedy=_("A bank statement may show only its first 30 characters."),
            blocking=False,
        )


def issue_date(document: InvoiceDocument, options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """Not after today in the merchant's country, nor by a clock that is an hour or two behind."""
    today = terms.today(options.now)
    dates = {"date": document.issue_date, "today": today}
    if document.issue_date > today:
        yield Problem(
            field="issue_date",
            code="10312",
            rule=_("The issue date %(date)s is later than today, %(today)s.") % dates,
            remedy=_("Send the invoice on its date or later."),
        )
    elif hold_seconds(document, options, terms):
        yield Problem(
            field="issue_date",
            code="10312",
            rule=_("The issue date %(date)s has only just begun, and not yet everywhere.") % dates,
            remedy=_("It is held back until then and goes by itself."),
            blocking=False,
        )


def due_date(document: InvoiceDocument, options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """Between today and 400 days from now; in 1.4 table and text differ about both."""
    today = terms.today(options.now)
    last = today + LONGEST[terms.profile]
    dates = {"date": document.due_date, "today": today, "last": last}
    if document.due_date < today:
        yield Problem(
            field="due_date",
            code="10311",
            rule=_("The due date %(date)s is before today, %(today)s.") % dates,
            remedy=_("Choose today or a later due date."),
        )
    elif document.due_date > last:
        yield Problem(
            field="due_date",
            code="10310",
            rule=_("The due date %(date)s is later than %(last)s, the last that they take.")
            % dates,
            remedy=_("Choose an earlier due date."),
        )
    elif document.due_date == today and terms.profile == Profile.V1_4:
        # Their table wants it after the day of creation; the text of 10311 takes that day too.
        yield Problem(
            field="due_date",
            code="10311",
            rule=_("The due date %(date)s is one that documentation 1.4 both allows and forbids.")
            % dates,
            remedy=_("If they refuse it, move the due date by a day."),
            blocking=False,
        )


OUR_NAMES = {
    "Comment": "comment",
    "MerchantContactName": "merchant_contact",
    "MerchantOrderNumber": "merchant_order_number",
    "BuyerOrderNumber": "buyer_order_number",
}


def texts(document: InvoiceDocument, _options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    """Long texts are cut in the app only."""
    for name, text in bodies.texts(document).items():
        limit = bodies.TEXT_LIMITS[name]
        if len(text) > limit:
            yield Problem(
                field=OUR_NAMES[name],
                code=name,
                rule=_("“%(value)s…” is longer than %(limit)s characters.")
                % {"value": text[:60], "limit": limit},
                remedy=_("The app shows its beginning; the invoice itself shows all of it."),
                blocking=False,
            )


def addresses(_document: InvoiceDocument, options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """They open only https; without the invoice's PDF the app shows one of its own."""
    is_linked = terms.profile == Profile.V1_5 and options.channel == LINK
    wanted = {
        "pdf_url": options.pdf_url if terms.profile != Profile.V1 else "",
        "return_url": bodies.without_query(options.return_url) if is_linked else "",
    }
    for field, url in wanted.items():
        if url and not bodies.is_open(url, terms):
            yield Problem(
                field=field,
                code="InvoiceUrl" if field == "pdf_url" else "RedirectUrl",
                rule=_("They take only addresses that begin with https, not %(value)s.")
                % {"value": url[:100]},
                remedy=_("It is left out. Run this site at a public https address (PUBLIC_URL)."),
                blocking=False,
            )


RULES: tuple[Rule, ...] = (
    kind,
    channel,
    issuer,
    rules_money.country,
    rules_money.currency,
    rules_money.amount,
    number,
    reference,
    rules_payer.phone,
    rules_payer.consent,
    rules_payer.name,
    rules_payer.known_name,
    rules_payer.address,
    issue_date,
    due_date,
    rules_money.lines,
    rules_money.rounding,
    texts,
    addresses,
)


def _is_guid(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True

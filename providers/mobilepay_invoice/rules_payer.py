"""What they will refuse about the payer: phone, consent, name and address."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from providers.contract import InvoiceDocument, Problem, SendOptions
from providers.mobilepay_invoice import bodies, names, values
from providers.mobilepay_invoice.bodies import DIRECT
from providers.mobilepay_invoice.terms import Profile, Terms

# Ours: they publish no lengths but that of the payment reference.
NAME_LIMIT = 100
ADDRESS_LIMIT, ADDRESS_LINES = 100, 5


def phone(document: InvoiceDocument, options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """A direct invoice needs a number; beside a link it only fills in a field."""
    if not options.phone:
        if options.channel == DIRECT:
            yield Problem(
                field="phone",
                code="10101",
                rule=_("The customer has no phone number."),
                remedy=_("Add the number to the customer, or send a payment link instead."),
            )
        return
    is_direct = options.channel == DIRECT
    try:
        alias = values.alias(options.phone, terms.country)
    except ValueError:
        yield Problem(
            field="phone",
            code="10101",
            rule=_("%(value)s is not a phone number.") % {"value": options.phone},
            remedy=_("Correct the number on the customer, for instance +45 12 34 56 78."),
            # A link can still be paid by whoever opens it.
            blocking=is_direct,
        )
        return
    yield from _country(alias, terms, is_direct=is_direct)


def _country(alias: str, terms: Terms, *, is_direct: bool) -> Iterator[Problem]:
    theirs = values.country_of(alias)
    if theirs == terms.country:
        return
    yield Problem(
        field="phone",
        code="10106",
        rule=_("%(value)s is a number of country %(theirs)s, and the sender is in %(ours)s.")
        % {"value": alias, "theirs": theirs, "ours": terms.country},
        remedy=_("Use an account of the customer's country, or send the invoice another way."),
        # They withdrew the rule in March 2022, which belongs to 1.5.
        blocking=is_direct and terms.profile != Profile.V1_5,
    )


def consent(_document: InvoiceDocument, options: SendOptions, _terms: Terms) -> Iterator[Problem]:
    """Nobody is billed in the app who has not agreed to it."""
    if options.channel == DIRECT and not options.has_contact_consent:
        yield Problem(
            field="has_contact_consent",
            code="consent",
            rule=_("The customer has not agreed to be sent payment requests."),
            remedy=_("Ask the customer and note the consent, or send the link instead."),
        )


def name(document: InvoiceDocument, options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """The name is required in the old documentations, and never longer than there is room for."""
    given = document.customer.name.strip()
    is_needed = terms.profile == Profile.V1 or (
        terms.profile == Profile.V1_4 and options.channel == DIRECT
    )
    if not given and is_needed:
        yield Problem(
            field="customer.name",
            code="ConsumerName",
            rule=_("The customer has no name."),
            remedy=_("Fill in the customer's full name."),
        )
    elif len(given) > NAME_LIMIT:
        yield Problem(
            field="customer.name",
            code="ConsumerName",
            rule=_("The name “%(value)s…” is longer than %(limit)s characters.")
            % {"value": given[:40], "limit": NAME_LIMIT},
            remedy=_("Shorten the customer's name."),
        )


def known_name(document: InvoiceDocument, options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """A name far from the one that this phone was billed under may be somebody else's number."""
    given = document.customer.name
    if not options.known_name or not given or not names.are_far(given, options.known_name):
        return
    yield Problem(
        field="customer.name",
        code="known_name",
        rule=_("The name “%(value)s” is far from “%(known)s”, whom this number was billed as.")
        % {"value": given[:60], "known": options.known_name[:60]},
        remedy=_("Check that the number is this customer's."),
        blocking=False,
    )


def address(document: InvoiceDocument, _options: SendOptions, terms: Terms) -> Iterator[Problem]:
    """The old documentations need the payer's address; all want it short."""
    lines = bodies.address(document.customer.address, document, terms)
    if not lines and terms.profile != Profile.V1_5:
        yield Problem(
            field="customer.address",
            code="ConsumerAddressLines",
            rule=_("The customer has no address, and this account's documentation requires one."),
            remedy=_("Fill in street, postcode and city of the customer."),
        )
    yield from _fit("customer.address", lines)
    yield from _fit("delivery_address", bodies.address(document.delivery_address, document, terms))


def _fit(field: str, lines: list[str]) -> Iterator[Problem]:
    longest = max(lines, key=len, default="")
    if len(lines) > ADDRESS_LINES or len(longest) > ADDRESS_LIMIT:
        yield Problem(
            field=field,
            code="ConsumerAddressLines",
            rule=_("The address has more than %(lines)s lines or %(limit)s characters in one.")
            % {"lines": ADDRESS_LINES, "limit": ADDRESS_LIMIT},
            remedy=_("Shorten the address."),
        )

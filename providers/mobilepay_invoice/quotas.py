"""The daily limits that a request counts against, per payer and per sender.

3 a day to one payer and 5 000 a day from one sender are of the documentation labelled 1.4; 10 to
one payer and no limit per sender are later. Both count direct invoices only: a link has no payer
when it is made.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from providers.contract import InvoiceDocument, Quota, SendOptions
from providers.mobilepay_invoice import values
from providers.mobilepay_invoice.bodies import DIRECT
from providers.mobilepay_invoice.terms import Terms


def quotas(_document: InvoiceDocument, options: SendOptions, terms: Terms) -> list[Quota]:
    """Return the limits that a request counts against; none for a link."""
    if options.channel != DIRECT:
        return []
    return [*_of_payer(options, terms), *_of_issuer(options, terms)]


def _of_payer(options: SendOptions, terms: Terms) -> list[Quota]:
    if terms.per_payer_daily is None or not options.phone:
        return []
    try:
        alias = values.alias(options.phone, terms.country)
    except ValueError:
        # The rules refuse it.
        return []
    return [
        Quota(
            scope=f"payer:{alias}",
            label=_("Invoices to this customer today"),
            limit=terms.per_payer_daily,
            zone=terms.zone.key,
            code="10314",
        )
    ]


def _of_issuer(options: SendOptions, terms: Terms) -> list[Quota]:
    if terms.per_issuer_daily is None or not options.issuer_id:
        return []
    return [
        Quota(
            scope=f"issuer:{options.issuer_id.lower()}",
            label=_("Invoices from this sender today"),
            limit=terms.per_issuer_daily,
            zone=terms.zone.key,
            code="10313",
        )
    ]

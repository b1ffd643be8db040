"""What becomes of a MobilePay Invoice when it is moved over: its fields, and its limits.

Payments go through ePayment of Vipps MobilePay instead. Nothing stood in between: on 12 March
2024 all unpaid invoices were cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True, slots=True)
class Place:
    """Where the customer sees a field now: on the invoice page, the PDF, the app's receipt."""

    field: str
    page: bool
    paper: bool
    app: bool
    note: _StrOrPromise = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """A rule then and now."""

    what: _StrOrPromise
    before: _StrOrPromise
    now: _StrOrPromise


PLACES: tuple[Place, ...] = (
    Place(
        "InvoiceIssuer",
        True,
        True,
        False,
        _("Your issuer's name and look. The app shows the sales unit's name."),
    ),
    Place(
        "ConsumerAlias",
        False,
        False,
        False,
        _("The customer's phone number: a request goes to it, and no document shows it."),
    ),
    Place("ConsumerName", True, True, False, _("The customer's name in your register.")),
    Place("TotalAmount", True, True, True),
    Place("TotalVatAmount", True, True, False, _("The receipt has the VAT of each line.")),
    Place("CountryCode", False, False, False, _("The issuer's country decides.")),
    Place("CurrencyCode", True, True, True),
    Place("ConsumerAddressLines", True, True, False),
    Place("DeliveryAddressLines", True, True, False),
    Place(
        "InvoiceNumber",
        True,
        True,
        False,
        _("Kept as our order number. The invoice gets a new number of your series."),
    ),
    Place("IssueDate", True, True, False),
    Place("DueDate", True, True, False, _("The request in the app ends earlier; see the limits.")),
    Place("OrderDate", True, True, False),
    Place("DeliveryDate", True, True, False),
    Place("Comment", True, True, False),
    Place("MerchantContactName", True, True, False),
    Place(
        "MerchantOrderNumber", True, True, False, _("Beside the earlier invoice number: 301 / 938.")
    ),
    Place("BuyerOrderNumber", True, True, False),
    Place("PaymentReference", True, True, False),
    Place("InvoiceUrl", False, False, False, _("The invoice page and its PDF take its place.")),
    Place("RedirectUrl", False, False, False, _("After paying, the customer is back on the page.")),
    Place("ArticleNumber", True, True, False),
    Place("ArticleDescription", True, True, True),
    Place("VATRate", True, True, True),
    Place("TotalVATAmount", False, False, True, _("On page and PDF per rate, not per line.")),
    Place("TotalPriceIncludingVat", True, True, True, _("Without VAT where prices are.")),
    Place("Unit", True, True, True),
    Place("Quantity", True, True, True),
    Place("PricePerUnit", True, True, True),
    Place("PriceReduction", True, True, True, _("Together with the discount, as one discount.")),
    Place("PriceDiscount", True, True, True),
    Place("Bonus", False, False, False, _("It was for information and changed no sum.")),
)

LIMITS: tuple[Limit, ...] = (
    Limit(
        _("How long a request lives"),
        _("Until 30 days after the due date, which was at most 400 days ahead."),
        _("At most 60 days, and only where long-living payments are approved; else 10 minutes."),
    ),
    Limit(
        _("After the due date"),
        _("The customer could still pay for 30 days."),
        _("None of its own: the invoice page offers to pay for as long as the invoice is open."),
    ),
    Limit(
        _("Largest amount"),
        _("15 000 DKK (300 000 from November 2023) or 2 000 EUR an invoice."),
        _("650 000 in the currency of the sales unit."),
    ),
    Limit(
        _("Requests to one payer"),
        _("10 a day from one merchant (3 until February 2020)."),
        _("None that is counted."),
    ),
    Limit(
        _("Requests of one sender"),
        _("5 000 a day until February 2020, then none."),
        _("None that is counted."),
    ),
    Limit(
        _("Many at once"),
        _("Batches of at most 2 000."),
        _("No batches there: each request goes on its own, and we keep the queue."),
    ),
    Limit(
        _("Paying on a day of choice"),
        _("The customer could schedule the payment."),
        _("The customer approves, the amount is reserved and then collected."),
    ),
    Limit(
        _("Giving money back"),
        _("Not in MobilePay Invoice."),
        _("Refund the payment, whole or in part."),
    ),
    Limit(
        _("Number that names the payment"),
        _("PaymentReference of 60 characters, of which banks showed 30."),
        _("A reference that we make; yours stands on the invoice page and the PDF."),
    ),
    Limit(
        _("The merchant's permission"),
        _("Consent in the merchant portal, and senders set up there."),
        _("API keys of a sales unit, which stands for the sender."),
    ),
)

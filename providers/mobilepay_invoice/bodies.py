"""The body of a create request, in the form of each documentation and for both channels.

One body serves 1.4 and 1.5: what 1.5 no longer asks for it ignores. The first documentation
names the lines otherwise, writes addresses as one text, and knows no delivery date and no PDF.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from babel import Locale

from providers.contract import Address, InvoiceDocument, SendOptions
from providers.mobilepay_invoice import articles, values
from providers.mobilepay_invoice.articles import ZERO, Article
from providers.mobilepay_invoice.terms import Profile, Terms

DIRECT, LINK = "direct", "link"
# Ours: they publish no lengths. What stands beside the invoice is cut, and a remark says so; the
# payment reference never is, as the money is found by it.
TEXT_LIMITS = {
    "Comment": 1000,
    "MerchantContactName": 100,
    "MerchantOrderNumber": 100,
    "BuyerOrderNumber": 100,
}
URL_LIMIT = 2000
# What the first documentation calls the lines; it posts a single invoice as an array of one.
FIRST_LINES = "InvoiceLineItem"


def create(document: InvoiceDocument, options: SendOptions, terms: Terms) -> dict[str, Any]:
    """Write a create request, JSON-ready but for its amounts, which are Decimal.

    Raises ValueError where phone or amount cannot be written; the rules name it before.
    """
    rows = articles.of(document, options.amount)
    body: dict[str, Any] = {"InvoiceIssuer": options.issuer_id}
    body |= _payer(document, options, terms)
    body |= _amounts(rows, terms)
    body |= _addresses(document, terms)
    body["InvoiceNumber"] = document.number
    body |= _dates(document, options, terms)
    body |= _texts(document)
    body |= _links(options, terms)
    body[_lines_name(terms)] = [_line(row) for row in rows]
    return body


def dumps(content: Any) -> str:
    """Write JSON, the same for the same content: amounts exactly as they are, letters unescaped.

    Raises ValueError for a Decimal that is no number.
    """
    match content:
        case Decimal():
            if not content.is_finite():
                raise ValueError(f"{content} is not an amount.")
            return format(content, "f")
        case Mapping():
            members = (f"{dumps(str(name))}:{dumps(value)}" for name, value in content.items())
            return "{" + ",".join(members) + "}"
        case list() | tuple():
            return "[" + ",".join(dumps(item) for item in content) + "]"
        case _:
            return json.dumps(content, ensure_ascii=False, allow_nan=False)


def is_first_form(text: str) -> bool:
    """Tell whether a kept body is in the form of the first documentation, which posts an array.

    The body tells, and not the account: its settings may have changed since it was written.
    """
    content = json.loads(text)
    return isinstance(content, dict) and FIRST_LINES in content


def payment_reference(document: InvoiceDocument) -> str:
    """Return what stands beside the money: our reference, the payment number, or the number."""
    return (document.payment_reference or document.kid or document.number).strip()


def waits_for_utc(document: InvoiceDocument, options: SendOptions) -> bool:
    """Tell whether the issue date is still tomorrow in UTC, as just after midnight it is.

    They do not say by which clock they judge "no later than today".
    """
    return document.issue_date > options.now.astimezone(UTC).date()


# --------------------------------------------------------------------------------------- the parts
def _payer(document: InvoiceDocument, options: SendOptions, terms: Terms) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options.phone:
        alias = values.alias(options.phone, terms.country)
        found["ConsumerAlias"] = {"Alias": alias, "AliasType": "Phone"}
    if name := document.customer.name.strip():
        found["ConsumerName"] = name
    return found


def _amounts(rows: tuple[Article, ...], terms: Terms) -> dict[str, Any]:
    # Their tables write TotalVatAmount, their examples TotalVATAmount; case does not matter there.
    vat_name = "TotalVatAmount" if terms.profile == Profile.V1 else "TotalVATAmount"
    return {
        "TotalAmount": values.amount(sum((row.gross for row in rows), ZERO)),
        vat_name: values.amount(sum((row.vat for row in rows), ZERO)),
        "CountryCode": terms.country,
        "CurrencyCode": terms.currency,
    }


def _addresses(document: InvoiceDocument, terms: Terms) -> dict[str, Any]:
    written = {
        "ConsumerAddressLines": address(document.customer.address, document, terms),
        "DeliveryAddressLines": address(document.delivery_address, document, terms),
    }
    if terms.profile == Profile.V1:
        return {name: ", ".join(lines) for name, lines in written.items() if lines}
    return {name: lines for name, lines in written.items() if lines}


def address(found: Address | None, document: InvoiceDocument, terms: Terms) -> list[str]:
    """Write an address as lines: streets, postcode and city, and the country if it is abroad."""
    if found is None:
        return []
    lines = [*found.lines, f"{found.postcode} {found.city}"]
    if found.country and found.country != terms.country:
        lines.append(_country(found.country, document.language))
    return [line.strip() for line in lines if line.strip()]


def _country(code: str, language: str) -> str:
    known = Locale(language if language in articles.ROUNDING else "en").territories
    return str(known.get(code, code))


def _dates(document: InvoiceDocument, options: SendOptions, terms: Terms) -> dict[str, str]:
    """Write the dates; an order or a delivery without one of its own was on the issue date."""
    found: dict[str, date | None] = {
        "IssueDate": document.issue_date,
        "DueDate": document.due_date,
        "OrderDate": document.order_date or document.issue_date,
        "DeliveryDate": document.delivery_date or document.issue_date,
    }
    if terms.profile == Profile.V1_5 and waits_for_utc(document, options):
        found["IssueDate"] = None
    if terms.profile == Profile.V1:
        found["DeliveryDate"] = None
    return {name: on.isoformat() for name, on in found.items() if on}


def texts(document: InvoiceDocument) -> dict[str, str]:
    """Return the optional texts by their names for them, uncut."""
    written = {
        "Comment": document.comment,
        "MerchantContactName": document.merchant_contact,
        "MerchantOrderNumber": document.merchant_order_number,
        "BuyerOrderNumber": document.buyer_order_number,
    }
    return {name: text.strip() for name, text in written.items() if text.strip()}


def _texts(document: InvoiceDocument) -> dict[str, str]:
    written = texts(document)
    fitting = {n: articles.shortened(text, TEXT_LIMITS[n]) for n, text in written.items()}
    reference = payment_reference(document)
    return fitting | ({"PaymentReference": reference} if reference else {})


def _links(options: SendOptions, terms: Terms) -> dict[str, str]:
    found: dict[str, str] = {}
    if terms.profile != Profile.V1 and is_open(options.pdf_url, terms):
        found["InvoiceUrl"] = options.pdf_url
    if terms.profile == Profile.V1_5 and options.channel == LINK:
        back = without_query(options.return_url)
        if is_open(back, terms):
            found["RedirectUrl"] = back
    return found


def is_open(url: str, terms: Terms) -> bool:
    """Tell whether they would take an address: https, or any web address in the sandbox."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    schemes = {"https", "http"} if terms.is_sandbox else {"https"}
    return bool(host) and parts.scheme in schemes and len(url) <= URL_LIMIT


def without_query(url: str) -> str:
    """Cut the query: they add `status`, and do not say how they join it to one there is."""
    try:
        return urlunsplit(urlsplit(url)._replace(query="", fragment=""))
    except ValueError:
        return ""


def _lines_name(terms: Terms) -> str:
    return FIRST_LINES if terms.profile == Profile.V1 else "InvoiceArticles"


def _line(row: Article) -> dict[str, Any]:
    return {
        "ArticleNumber": row.number,
        "ArticleDescription": row.description,
        "VATRate": values.number(row.rate),
        "TotalVATAmount": values.amount(row.vat),
        "TotalPriceIncludingVat": values.amount(row.gross),
        "Unit": row.unit,
        "Quantity": values.number(row.quantity),
        "PricePerUnit": values.number(row.price),
        "PriceReduction": values.amount(row.reduction),
        "PriceDiscount": values.amount(row.discount),
        "Bonus": values.amount(ZERO),
    }

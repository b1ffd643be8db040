"""Whom an invoice of another system is for: found in the register, or added to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from customers import queries, validators
from customers.forms import LANGUAGE_OF, CustomerForm
from customers.models import Customer
from providers.contract import TakenInvoice

if TYPE_CHECKING:
    from invoicing_site.merchants.models import Issuer, Merchant

_CITY = re.compile(r"(?:[A-Za-z]{1,3}-)?(\d{3} ?\d{2}|\d{4})\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class Place:
    """An address as the register parts it."""

    street: str = ""
    street2: str = ""
    postcode: str = ""
    city: str = ""


def place(lines: tuple[str, ...]) -> Place:
    """Part address lines: the last that begins with a postcode is the city's, the rest streets."""
    found = next((match for each in reversed(lines[1:]) if (match := _CITY.fullmatch(each))), None)
    rest = [each for each in lines if found is None or each != found.string]
    return Place(
        street=(rest[0] if rest else "")[:200],
        street2=", ".join(rest[1:])[:200],
        postcode=found.group(1) if found else "",
        city=found.group(2)[:100] if found else "",
    )


def delivery(taken: TakenInvoice, country: str) -> dict[str, str]:
    """Write a delivery address as the draft editor names its fields."""
    if not taken.delivery_address:
        return {}
    where = place(taken.delivery_address)
    streets = [each for each in (where.street, where.street2) if each]
    return {
        "delivery_street": ", ".join(streets)[:200],
        "delivery_postcode": where.postcode,
        "delivery_city": where.city,
        "delivery_country": taken.country or country,
    }


def phone(taken: TakenInvoice, country: str) -> str:
    """Return the payer's number as E.164, "" where there is none or it is no number."""
    try:
        return validators.phone(taken.phone, taken.country or country)
    except ValidationError:
        return ""


def remarks(taken: TakenInvoice, country: str) -> list[str]:
    """Say what is missing of the payer."""
    found = []
    if taken.phone and not phone(taken, country):
        words = _("ConsumerAlias “%s” is not a phone number, so it is left out. Add the right one.")
        found.append(words % taken.phone)
    if not taken.name and not taken.phone:
        found.append(_("It names no payer. Choose the customer in the draft."))
    return found


def customer(
    merchant: Merchant, issuer: Issuer, taken: TakenInvoice
) -> tuple[Customer | None, list[str]]:
    """Return the customer of an invoice, added where nobody in the register is it, and remarks.

    The phone number decides, then the name where the two do not have different numbers.
    """
    number = phone(taken, issuer.country)
    rows = queries.of_merchant(merchant).order_by("pk")
    if number:
        same = list(rows.filter(phone=number))
        named = [each for each in same if _plain(each.name) == _plain(taken.name)]
        if same:
            chosen = (named or same)[0]
            return chosen, [] if named or not taken.name else [_other_name(chosen, taken)]
    if taken.name:
        same = [each for each in rows.filter(name__iexact=taken.name) if _may_be(each, number)]
        if len(same) == 1:
            return same[0], []
    if not (taken.name or number):
        return None, []
    return _added(merchant, issuer, taken, number)


def _may_be(row: Customer, number: str) -> bool:
    return not (row.phone and number)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _other_name(row: Customer, taken: TakenInvoice) -> str:
    words = _("%(phone)s is %(ours)s here, and was %(theirs)s there. Check who is billed.")
    return words % {"phone": row.phone, "ours": row.name, "theirs": taken.name}


def _added(
    merchant: Merchant, issuer: Issuer, taken: TakenInvoice, number: str
) -> tuple[Customer | None, list[str]]:
    country = taken.country or issuer.country
    where = place(taken.address)
    form = CustomerForm(
        {
            "kind": Customer.Kind.PRIVATE,
            "name": taken.name or number,
            "phone": number,
            "street": where.street,
            "street2": where.street2,
            "postcode": where.postcode,
            "city": where.city,
            "country": country,
            "language": LANGUAGE_OF.get(country, "en"),
        },
        merchant=merchant,
    )
    if not form.is_valid():
        words = [f"{name}: {error}" for name, errors in form.errors.items() for error in errors]
        return None, [_("The customer was not added. %s") % " ".join(words)]
    told = [] if taken.name else [_("The customer's name is not known; the number stands for it.")]
    return form.save(), told

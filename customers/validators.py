"""Phones and personal numbers, held to their country's form."""

from __future__ import annotations

import phonenumbers
import stdnum.no.fodselsnummer
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum.exceptions import ValidationError as NumberError

EXAMPLES = {"NO": "912 34 567", "DK": "20 12 34 56", "SE": "070-123 45 67", "FI": "041 2345678"}


def phone(text: str, country: str) -> str:
    """Return a phone number as E.164; blank stays blank.

    `+47 912 34 567`, `0047 912 34 567`, `4791234567` and `912 34 567` in Norway are one number.
    Raises ValidationError naming the value and an example.
    """
    text = text.strip()
    if not text:
        return ""
    for attempt in (text, f"+{text.lstrip('+')}"):
        try:
            number = phonenumbers.parse(attempt, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    raise ValidationError(
        _(
            "“%(value)s” is not a phone number in %(country)s. Write it like %(example)s, or with +."
        ),
        params={
            "value": text,
            "country": country,
            "example": EXAMPLES.get(country, "+47 912 34 567"),
        },
        code="phone",
    )


def phone_in_words(e164: str) -> str:
    """Return an E.164 number with blanks where people write them."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def personal_number(text: str) -> str:
    """Return a Norwegian personal number as eleven digits; blank stays blank.

    Raises ValidationError that never repeats the number.
    """
    digits = text.replace(" ", "").strip()
    if not digits:
        return ""
    try:
        return str(stdnum.no.fodselsnummer.validate(digits))
    except NumberError as error:
        raise ValidationError(
            _("The personal number is not valid. It has eleven digits; the last two are checks."),
            code="personal_number",
        ) from error

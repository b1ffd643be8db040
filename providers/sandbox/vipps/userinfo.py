"""Userinfo API: what a user agreed to share, readable for 168 hours.

Source: developer.vippsmobilepay.com/docs/APIs/userinfo-api.
"""

from datetime import timedelta
from typing import Any

from providers.sandbox.models import Payment, PhoneUser
from providers.sandbox.vipps import users
from providers.sandbox.vipps.endpoint import Answer, Exchange, endpoint
from providers.sandbox.vipps.problems import Refusal, Shape

READABLE = timedelta(hours=168)
EXPIRED = "[Expired]"


@endpoint("userinfo", shape=Shape.USERINFO)
def userinfo(exchange: Exchange, sub: str) -> Answer:
    """GET /vipps-userinfo-api/userinfo/{sub}: only granted claims; afterwards "[Expired]"."""
    payment = Payment.objects.filter(unit=exchange.unit, sub=sub).exclude(shared_at=None).last()
    if payment is None or payment.shared_at is None:
        raise Refusal(status=404, reason="No consent found for this sub.")
    claims = _claims(users.person(payment.msisdn), payment.scope.split())
    if exchange.now > payment.shared_at + READABLE:
        claims = {name: _expired(value) for name, value in claims.items()}
    return 200, {"sub": sub, "sid": ""} | claims


def _expired(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return dict.fromkeys(value, EXPIRED)
    return [] if isinstance(value, list) else EXPIRED


def _claims(person: PhoneUser, scope: list[str]) -> dict[str, Any]:
    full = f"{person.given_name} {person.family_name}"
    by_scope: dict[str, dict[str, Any]] = {
        "name": {
            "name": full,
            "given_name": person.given_name,
            "family_name": person.family_name,
        },
        "phoneNumber": {"phone_number": person.msisdn, "phone_number_verified": True},
        "email": {"email": person.email, "email_verified": True},
        "birthDate": {"birthdate": person.birth_date.isoformat() if person.birth_date else ""},
        "address": {"address": _address(person), "other_addresses": []},
        "nin": {"nin": "09057517287"},
    }
    claims: dict[str, Any] = {}
    for word in scope:
        claims |= by_scope[word]
    return claims


def _address(person: PhoneUser) -> dict[str, str]:
    # Without an address: the same object, of empty strings.
    lines = f"{person.street}\n{person.postal_code} {person.city}".strip()
    return {
        "address_type": "home" if person.street else "",
        "street_address": person.street,
        "postal_code": person.postal_code,
        "region": person.city,
        "country": person.country,
        "formatted": lines,
    }

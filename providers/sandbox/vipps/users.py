"""The people behind the numbers, most of them made up on demand, and the numbers with a trick."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from providers.sandbox.models import PhoneUser, SalesUnit

GIVEN = ("Kari", "Ola", "Silje", "Mette", "Jens", "Aino", "Eero", "Ingrid", "Lars", "Noor")
FAMILY = ("Haugen", "Amundsen", "Berg", "Jensen", "Virtanen", "Solberg", "Nygaard", "Holm")
HOMES = {
    "45": ("Vesterbrogade 12", "1620", "København", "DK"),
    "47": ("Robert Levins gate 5", "0154", "Oslo", "NO"),
    "358": ("Mannerheimintie 20", "00100", "Helsinki", "FI"),
}


@dataclass(frozen=True)
class Trick:
    ending: str
    what: str
    refused: str
    """The error code on create, empty where the trick shows later."""


NUMBERS = (
    Trick("7010", "No payable user behind the number", "7010"),
    Trick("7011", "User may not pay businesses; said as 7010, the cause is never told", "7010"),
    Trick("7012", "User is 15: 7010 when minimumUserAge is above 15", ""),
    Trick("7050", "User without a card: force approve answers 10050, the phone cannot pay", ""),
)


def person(msisdn: str) -> PhoneUser:
    """Find the user behind a number, or make up a plain one without storing it."""
    stored = PhoneUser.objects.filter(msisdn=msisdn).first()
    return stored or made_up(msisdn)


def stored_person(msisdn: str) -> PhoneUser:
    """Find the user behind a number, storing the made-up one: the phone page lists them."""
    fresh = made_up(msisdn)
    values = {f.name: getattr(fresh, f.name) for f in fresh._meta.concrete_fields if f.name != "id"}
    values.pop("msisdn")
    return PhoneUser.objects.get_or_create(msisdn=msisdn, defaults=values)[0]


def made_up(msisdn: str) -> PhoneUser:
    """Make the person a number stands for; always the same one for the same number."""
    seed = uuid.uuid5(uuid.NAMESPACE_OID, msisdn).int
    given, family = GIVEN[seed % len(GIVEN)], FAMILY[seed // 16 % len(FAMILY)]
    prefix = next((code for code in HOMES if msisdn.startswith(code)), "47")
    street, postal_code, city, country = HOMES[prefix]
    return PhoneUser(
        msisdn=msisdn,
        given_name=given,
        family_name=family,
        email=f"{given}.{family}@example.com".lower(),
        birth_date=date(2011, 6, 1) if msisdn.endswith("7012") else date(1985, 3, 14),
        street=street,
        postal_code=postal_code,
        city=city,
        country=country,
        has_app=not msisdn.endswith("7010"),
        may_pay_businesses=not msisdn.endswith("7011"),
        has_card=not msisdn.endswith("7050"),
    )


def payable(user: PhoneUser, minimum_age: int | None, now: datetime) -> bool:
    """Tell whether a request can be sent to this user at all."""
    old_enough = minimum_age is None or age(user, now) >= minimum_age
    return user.has_app and user.may_pay_businesses and old_enough


def age(user: PhoneUser, now: datetime) -> int:
    """Tell a user's age in full years; an unknown birth date counts as grown up."""
    born, today = user.birth_date, now.date()
    if born is None:
        return 100
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def sub(unit: SalesUnit, msisdn: str) -> str:
    """Name a user towards one sales unit: stable, and different for every sales unit."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"vipps:{unit.msn}:{msisdn}"))

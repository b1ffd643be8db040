"""How to provoke every documented answer: numbers and amounts that are never anybody's."""

from dataclasses import dataclass
from decimal import Decimal

from providers.sandbox.mobilepay.consumers import FAILING_CARD
from providers.sandbox.mobilepay.fields import Wanted

# A number ending in 9 and a code is refused with that code at once, in 8 and a code later.
AT_ONCE, LATER = "9", "8"
CODES = range(10_000, 11_000)
AMOUNTS_AT_ONCE = {Decimal("101.05"): 10105, Decimal("102.05"): 10205}
AMOUNTS_LATER = {Decimal("801.05"): 10105, Decimal("802.05"): 10205, Decimal("802.03"): 10203}
# The one payer whose name this provider knows, for the name check of 1.4.
NAMED = "777007"
NAME = "Asta Eksempel"


@dataclass(frozen=True)
class Row:
    how: str
    what: str
    says: str


def at_once(wanted: Wanted) -> int | None:
    """Give the code this request is to be refused with before anything exists."""
    return _by_number(wanted, AT_ONCE) or AMOUNTS_AT_ONCE.get(wanted.total)


def later(wanted: Wanted) -> int | None:
    """Give the code the later validation is to find."""
    return _by_number(wanted, LATER) or AMOUNTS_LATER.get(wanted.total)


def rows() -> list[Row]:
    """List the tricks for the sandbox's front page."""
    return [*numbers(), *amounts(), *switches()]


def numbers() -> list[Row]:
    """List what a payer's number can bring about."""
    return [
        Row("number ending in 9 + code", "create, e.g. +4511910101", "409 or Rejected: 10101"),
        Row("number ending in 8 + code", "create, e.g. +4511810101", "202, later Invalid: 10101"),
        *[
            Row(f"number ending in 9{code} or 8{code}", what, str(code))
            for code, what in (
                (10102, "payer not available"),
                (10103, "payer not found"),
                (10106, "payer of another country"),
                (10204, "account validation"),
                (10304, "payer not found, links"),
                (10305, "payer not found, links"),
                (10306, "payer not found, links"),
                (10999, "a code nobody documented"),
            )
        ],
        Row("number neither +45 nor +358", "payer not found", "10101, links 10304"),
        Row(f"number ending in {NAMED}, 1.4", f"any name far from {NAME}", "10103"),
        Row(f"number ending in {FAILING_CARD}", "paying", "card refused, stays as it was"),
    ]


def amounts() -> list[Row]:
    """List the amounts that bring something about, in major units."""
    found = [("409 or Rejected", AMOUNTS_AT_ONCE), ("later Invalid", AMOUNTS_LATER)]
    return [
        *[
            Row(f"total {amount}", "create", f"{says}: {code}")
            for says, table in found
            for amount, code in table.items()
        ],
        Row("total 0", "create", "10008; the first documentation allows it"),
        Row("total above the merchant's cap", "create", "10201"),
    ]


def switches() -> list[Row]:
    """List what follows from how merchants, issuers and the clock are set."""
    return [
        Row("same fields again", "create", "10104, links 10301"),
        Row("issuer unknown or not enabled", "create", "10202, links 10303"),
        Row("issuer: account does not pass", "create", "10203"),
        Row("another merchant in the path", "create", "10302"),
        Row("due date yesterday / + 401 days", "create", "10311 / 10310"),
        Row("issue date tomorrow", "create", "10312"),
        Row("currency of the other country, 1.4", "create", "10107"),
        Row("number of the other country, 1.4", "create", "10106"),
        Row("merchant: most per issuer and day", "one more", "10313"),
        Row("merchant: most per payer and day", "one more", "10314"),
        Row(
            "merchant: validation delay",
            "create",
            "404 on status, 10505 on cancel, until it is over",
        ),
        Row("merchant: issuer list unavailable", "issuers", "404"),
        Row("app: not subscribed", "any call", "403"),
        Row("invoice paid", "cancel", "409, 10504"),
        Row("invoice in another final state", "cancel", "409, 10505"),
        Row("clock: due date + 31 days", "nobody paid", "Expired; a link's data is gone"),
        Row("merchant: rules before duplicates", "same fields again", "a broken rule's code first"),
        Row("merchant: issue date by UTC", "create just after midnight", "10312"),
        Row("merchant: due date between", "due today / + 400 days", "10311 / 10310"),
        Row("fault switch: refuse with a code", "any call", "that code"),
    ]


def _by_number(wanted: Wanted, sign: str) -> int | None:
    tail = wanted.alias[-6:]
    code = int(tail[1:]) if len(tail) == 6 and tail[0] == sign else 0
    return code if code in CODES else None

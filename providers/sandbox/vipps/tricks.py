"""How to provoke every documented refusal: the table on the sandbox's front page."""

from dataclasses import dataclass

from providers.sandbox.vipps import lifecycle, users


@dataclass(frozen=True)
class Row:
    how: str
    what: str
    says: str


def numbers() -> list[Row]:
    return [
        Row(f"number ending in {trick.ending}", trick.what, trick.refused or "see text")
        for trick in users.NUMBERS
    ]


def amounts() -> list[Row]:
    """List the test environment's amounts, in minor units, as they act on approval."""
    failing = [
        Row(
            f"amount {minor}",
            why[0].upper() + why[1:],
            "AUTHORIZED with success false, still CREATED",
        )
        for minor, why in lifecycle.FAILING.items()
    ]
    return [
        *failing,
        Row("amount 201", "Outcome unknown for one hour", "6250 on cancel, then AUTHORIZED"),
        Row("amount 202", "The bank asks once more", "second approval goes through"),
        Row("refund of 123", "No account to receive it", "5100"),
        Row("refund of 124", "Refund period over", "6220"),
    ]


def switches() -> list[Row]:
    """List what follows from a sales unit's switches and from the clock."""
    return [
        Row("unit: push not allowed", "PUSH_MESSAGE", "5080"),
        Row("unit: long-living not allowed", "expiresAt", "5050"),
        Row("unit: lower ceiling", "expiresAt beyond it", "6110"),
        Row("unit: no partial capture", "capture of a part", "6140"),
        Row("unit: replayed create conflicts", "same key and body again", "409, 4020"),
        Row("unit: takes receiptInfo", "the body of 2023", "accepted, otherwise refused"),
        Row("clock + 10 minutes", "nobody answered", "EXPIRED"),
        Row("clock + 14 days (DK, FI), 180 (NO)", "not captured", "CANCELLED, 6070 on capture"),
        Row("clock + 168 hours", "userinfo", "[Expired]"),
        Row("clock + 1 hour", "access token", "401"),
        Row("clock + 2 weeks of failing webhooks", "address", "deleted without a word"),
        Row("fault switch: refuse with a code", "any call", "that code, e.g. 6260 or 6280"),
    ]

"""Ready-made accounts at the simulated providers, for the demo and for tests."""

import hashlib
import uuid
from typing import Any

from providers.sandbox.models import SalesUnit

CURRENCY = {"NO": "NOK", "DK": "DKK", "FI": "EUR"}
DAY = 24 * 3600


def sales_unit(msn: str = "123456", **given: Any) -> SalesUnit:
    """Make a Vipps MobilePay sales unit; of an existing one change only what is given.

    Keys are derived from the MSN, so that the demo's account and the sandbox agree without
    talking to each other: read ``client_id``, ``client_secret``, ``key_primary`` and ``msn``
    off the result. A new unit may push, live long and capture in part unless said otherwise;
    a Norwegian unit's ceiling is 24 hours, elsewhere 60 days. Any field of ``SalesUnit``
    can be given, e.g. ``name="Nordlys"``, ``market="DK"``, ``push_allowed=False``.
    """
    market = str(given.get("market", "NO"))
    fresh: dict[str, Any] = {
        "name": "Nordlys Sykkel AS",
        "market": market,
        "currency": CURRENCY[market],
        "client_id": _guid(msn, "client id"),
        "client_secret": _secret(msn, "client secret"),
        "key_primary": _secret(msn, "primary key")[:32],
        "key_secondary": _secret(msn, "secondary key")[:32],
        "push_allowed": True,
        "long_living_allowed": True,
        "long_living_ceiling": DAY if market == "NO" else 60 * DAY,
        "partial_capture_allowed": True,
    }
    return SalesUnit.objects.update_or_create(
        msn=msn, defaults=given, create_defaults=fresh | given
    )[0]


def _guid(msn: str, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"sandbox {what} {msn}"))


def _secret(msn: str, what: str) -> str:
    return hashlib.sha256(f"sandbox {what} {msn}".encode()).hexdigest()[:44]

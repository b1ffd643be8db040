"""What create payment accepts: every documented field, limit and error code.

Source: ePayment OpenAPI 1.8.1 and developer.vippsmobilepay.com/docs/APIs/epayment-api.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from providers.sandbox.models import SalesUnit
from providers.sandbox.vipps import receipts
from providers.sandbox.vipps.problems import invalid, refuse
from providers.sandbox.vipps.receipts import is_int, is_text

LIFE = timedelta(minutes=10)
LONGEST = timedelta(days=60)
CURRENCIES = {"NOK", "DKK", "EUR", "SEK", "USD", "GBP"}
MINIMUM = {"NOK": 100, "DKK": 1, "EUR": 1}
MAXIMUM = 65_000_000
FLOWS = {"WEB_REDIRECT", "PUSH_MESSAGE", "QR", "NATIVE_REDIRECT"}
SCOPES = {"name", "address", "email", "phoneNumber", "birthDate", "nin"}
REFERENCE = re.compile(r"[a-zA-Z0-9-]{8,64}")
PHONE = re.compile(r"[0-9]{9,15}")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)")
LOCAL = {"localhost", "127.0.0.1", "::1", "testserver"}
KNOWN = {
    "amount",
    "cardPassthrough",
    "customer",
    "customerInteraction",
    "expiresAt",
    "industryData",
    "merchantLegalLinks",
    "metadata",
    "minimumUserAge",
    "paymentDescription",
    "paymentMethod",
    "profile",
    "qrFormat",
    "receipt",
    "receiptUrl",
    "reference",
    "returnUrl",
    "shipping",
    "userFlow",
}


@dataclass(frozen=True)
class Wanted:
    """A create request that passed every check. Amounts in minor units."""

    reference: str
    amount: int
    currency: str
    flow: str
    method: str
    phone: str
    description: str
    return_url: str
    scope: str
    minimum_age: int | None
    metadata: dict[str, str] | None
    receipt: dict[str, Any] | None
    receipt_url: str
    qr_format: str
    expires_at: datetime


def read(body: Any, unit: SalesUnit, now: datetime) -> Wanted:
    """Check a create body against the documentation and the sales unit's approvals.

    Raises Refusal with the documented code, or naming the field where there is none.
    """
    if not isinstance(body, dict):
        raise invalid("body", "must be a JSON object")
    _no_strangers(body, unit)
    _required(body)
    if not unit.can_create:
        raise refuse("5070")
    amount, currency = _amount(body["amount"], unit)
    flow = _choice(body["userFlow"], FLOWS, "userFlow")
    receipt, receipt_url = _content(body, unit)
    return Wanted(
        reference=_reference(body["reference"]),
        amount=amount,
        currency=currency,
        flow=flow,
        method=_method(body["paymentMethod"], unit),
        phone=_customer(body.get("customer"), flow, unit),
        description=_description(body.get("paymentDescription")),
        return_url=_return_url(body.get("returnUrl"), flow, unit),
        scope=_scope(body.get("profile"), unit),
        minimum_age=_age(body),
        metadata=_metadata(body.get("metadata")),
        receipt=receipt,
        receipt_url=receipt_url,
        qr_format=_qr(body.get("qrFormat"), flow),
        expires_at=_expiry(body.get("expiresAt"), flow, unit, now, bool(receipt or receipt_url)),
    )


def modification(body: Any, currency: str) -> int:
    """Read ``modificationAmount`` of a capture or refund, in minor units. Raises Refusal."""
    receipts.fields(
        body, {"modificationAmount": lambda _value: True}, "", required=("modificationAmount",)
    )
    value, theirs = _money(body["modificationAmount"], "modificationAmount")
    if theirs != currency or value < 1:
        raise refuse("4040")
    return value


def check_url(value: Any, unit: SalesUnit) -> str:
    """Check an address: https or an app's own scheme. Raises Refusal 4090."""
    if not isinstance(value, str) or not 0 < len(value) <= 2500:
        raise refuse("4090")
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
    except ValueError:
        raise refuse("4090") from None
    if parts.scheme == "https" and host:
        return value
    if parts.scheme == "http":
        # The real one refuses http and localhost alike; a sandbox on one machine must not.
        if unit.local_urls and host in LOCAL:
            return value
        raise refuse("4090")
    if not parts.scheme or parts.scheme in {"javascript", "data", "file", "https"}:
        raise refuse("4090")
    return value


def phone(value: Any) -> str:
    """Check an MSISDN given as a string of digits. Raises Refusal 4070."""
    if not isinstance(value, str) or not PHONE.fullmatch(value) or value.startswith("0"):
        raise refuse("4070")
    return value


def _no_strangers(body: dict[str, Any], unit: SalesUnit) -> None:
    known = KNOWN | {"receiptInfo"} if unit.accepts_receipt_info else KNOWN
    for name in body:
        if name not in known:
            raise invalid(name, f"Could not find member '{name}' on object.")


def _required(body: dict[str, Any]) -> None:
    for name in ("amount", "paymentMethod", "reference", "userFlow"):
        if body.get(name) is None:
            raise invalid(name, f"The {name} field is required.")


def _money(value: Any, name: str) -> tuple[int, str]:
    if not isinstance(value, dict) or set(value) != {"currency", "value"}:
        raise invalid(name, "must have currency and value, and nothing else")
    if not is_int(value["value"]) or not 0 <= value["value"] <= MAXIMUM:
        raise refuse("4040")
    if not isinstance(value["currency"], str) or value["currency"] not in CURRENCIES:
        raise invalid(f"{name}.currency", "The value of currency is not valid.")
    return value["value"], value["currency"]


def _amount(value: Any, unit: SalesUnit) -> tuple[int, str]:
    amount, currency = _money(value, "amount")
    if currency != unit.currency:
        raise refuse("5040")
    if amount < MINIMUM[currency]:
        raise refuse("6010")
    return amount, currency


def _reference(value: Any) -> str:
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
        raise invalid("reference", "must match ^[a-zA-Z0-9-]{8,64}$")
    return value


def _choice(value: Any, choices: set[str], name: str) -> str:
    if not isinstance(value, str) or value not in choices:
        raise invalid(name, f"The value of {name} is not valid.")
    return value


def _method(value: Any, unit: SalesUnit) -> str:
    checks = {"type": is_text, "blockedSources": lambda value: isinstance(value, list)}
    receipts.fields(value, checks, "paymentMethod", required=("type",))
    # CARD and CARD_PASSTHROUGH exist, but not in the test environment.
    if value["type"] != "WALLET":
        raise refuse("4160")
    blocked = value.get("blockedSources") or []
    if blocked and (blocked != ["COMMERCIAL_CARDS"]):
        raise invalid("paymentMethod.blockedSources", "Only COMMERCIAL_CARDS can be blocked.")
    if blocked and unit.market == SalesUnit.Market.NO:
        raise refuse("5010")
    return str(value["type"])


def _customer(value: Any, flow: str, unit: SalesUnit) -> str:
    if flow == "PUSH_MESSAGE" and not unit.push_allowed:
        raise refuse("5080")
    if value is None:
        if flow == "PUSH_MESSAGE":
            raise refuse("4140")
        return ""
    known = {"phoneNumber", "personalQr", "customerToken"}
    if not isinstance(value, dict) or not set(value) <= known or len(value) != 1:
        raise invalid("customer", "Exactly one of phoneNumber, personalQr and customerToken.")
    if "phoneNumber" in value:
        return phone(value["phoneNumber"])
    raise refuse("4060" if "personalQr" in value else "4050")


def _description(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not 3 <= len(value) <= 100:
        raise invalid("paymentDescription", "must be 3 to 100 characters")
    return value


def _return_url(value: Any, flow: str, unit: SalesUnit) -> str:
    if value is None and flow != "WEB_REDIRECT":
        return ""
    return check_url(value, unit)


def _scope(value: Any, unit: SalesUnit) -> str:
    if value is None:
        return ""
    receipts.fields(value, {"scope": is_text}, "profile")
    words = str(value.get("scope") or "").split()
    if set(words) - SCOPES:
        raise refuse("4080")
    if "nin" in words and not unit.nin_allowed:
        raise refuse("5030")
    return " ".join(words)


def _age(body: dict[str, Any]) -> int | None:
    interaction = body.get("customerInteraction")
    if interaction is not None:
        _choice(interaction, {"CUSTOMER_PRESENT", "CUSTOMER_NOT_PRESENT"}, "customerInteraction")
    for name in ("shipping", "industryData", "cardPassthrough"):
        if body.get(name) is not None:
            raise refuse("5020") if name == "shipping" else invalid(name, "not in this sandbox")
    links = body.get("merchantLegalLinks")
    if links is not None:
        urls = {"termsOfSaleUrl": is_text, "privacyPolicyUrl": is_text}
        receipts.fields(links, urls, "merchantLegalLinks")
    age = body.get("minimumUserAge")
    if age is not None and (not is_int(age) or not 0 <= age <= 100):
        raise invalid("minimumUserAge", "must be 0 to 100")
    return age


def _metadata(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid("metadata", "must be an object")
    if len(value) > 5:
        raise refuse("4100")
    for key, content in value.items():
        if not 0 < len(key) <= 100:
            raise refuse("4120")
        if not isinstance(content, str) or len(content) > 500:
            raise refuse("4130")
    return value


def _content(body: dict[str, Any], unit: SalesUnit) -> tuple[dict[str, Any] | None, str]:
    receipt, url, info = body.get("receipt"), body.get("receiptUrl"), body.get("receiptInfo")
    if sum(given is not None for given in (receipt, url, info)) > 1:
        raise invalid("receipt", "Only one of receipt and receiptUrl can be set.")
    if receipt is not None:
        receipts.check(receipt)
    if info is not None:
        checks = {"category": is_text, "orderDetailsUrl": is_text}
        receipts.fields(info, checks, "receiptInfo", required=("category", "orderDetailsUrl"))
        url = info["orderDetailsUrl"]
    return receipt, check_url(url, unit) if url is not None else ""


def _qr(value: Any, flow: str) -> str:
    if value is None:
        return "IMAGE/SVG+XML" if flow == "QR" else ""
    if flow != "QR":
        raise invalid("qrFormat", "Only allowed when userFlow is QR.")
    checks = {
        "format": lambda text: text in {"TEXT/TARGETURL", "IMAGE/SVG+XML", "IMAGE/PNG"},
        "size": lambda size: is_int(size) and 100 <= size <= 2000,
    }
    receipts.fields(value, checks, "qrFormat", required=("format",))
    return str(value["format"])


def _rfc3339(value: Any) -> datetime:
    wrong = invalid("expiresAt", "must be RFC 3339 with seconds and an offset")
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise wrong
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        raise wrong from None


def _expiry(value: Any, flow: str, unit: SalesUnit, now: datetime, has_content: bool) -> datetime:
    if value is None:
        return now + LIFE
    at = _rfc3339(value)
    if flow not in {"PUSH_MESSAGE", "QR"}:
        raise invalid("expiresAt", f"ExpiresAt not allowed for {flow}.")
    if not unit.long_living_allowed:
        raise refuse("5050")
    if not has_content:
        raise refuse("6130")
    if at <= now + LIFE:
        raise refuse("6120")
    ceiling = min(LONGEST, timedelta(seconds=unit.long_living_ceiling))
    # A little grace: the caller counted the ceiling from its own clock, a moment ago.
    if at >= now + LONGEST or at > now + ceiling + timedelta(seconds=5):
        raise refuse("6110")
    return at

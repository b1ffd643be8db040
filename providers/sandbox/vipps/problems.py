"""The provider's four error bodies, and the exception that carries a refusal to them.

Source: developer.vippsmobilepay.com/docs/knowledge-base/errors, read 2026-10.
"""

import json
import uuid
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

# Most codes come with 400; these do not.
STATUS = {"4010": 409, "4020": 409, "4150": 409, "5090": 404}

TEXT = {
    "3010": "Internal error",
    "4010": "Idempotency conflict on capture",
    "4020": "Idempotency key already exists",
    "4040": "Invalid amount",
    "4050": "Invalid customer token",
    "4060": "Invalid personal QR",
    "4070": "Invalid phone number",
    "4080": "Invalid scope",
    "4090": "Invalid URL",
    "4100": "Too many metadata pairs",
    "4120": "Invalid metadata key",
    "4130": "Invalid metadata value",
    "4140": "Missing parameter",
    "4150": "Reference already exists, or idempotency conflict on refund",
    "4160": "Invalid payment method type",
    "5010": "Blocked sources are not available for this sales unit",
    "5020": "Express is not available for this sales unit",
    "5030": "Scope not permitted for this sales unit",
    "5040": "Currency not supported by this sales unit",
    "5050": "Long-living payment not allowed",
    "5070": "Payment cannot be created for this sales unit",
    "5080": "PUSH_MESSAGE not allowed for this sales unit",
    "5090": "Reference not found",
    "5100": "Refund not possible",
    "6010": "Amount too small",
    "6020": "Refund before reservation",
    "6030": "Cancel period is over",
    "6040": "Cannot cancel a captured payment",
    "6060": "Cannot cancel an authorized payment with cancelTransactionOnly",
    "6070": "Cannot capture a cancelled payment",
    "6080": "Cannot capture before reservation",
    "6090": "Capture amount too high",
    "6100": "Capture period is over",
    "6110": "expiresAt is too far in the future",
    "6120": "expiresAt is too soon",
    "6130": "Receipt is required for long-living payments",
    "6140": "Only full capture is allowed",
    "6150": "Not enough captured to refund",
    "6160": "The order is being processed",
    "6170": "Already captured",
    "6180": "Already refunded",
    "6190": "Cannot cancel in this state",
    "6200": "Cannot capture in this state",
    "6210": "Cannot refund in this state",
    "6220": "Refund period is over",
    "6230": "Already reserved",
    "6250": "Cannot cancel while processing",
    "6260": "Funds are unavailable",
    "6280": "Capture failed, try again",
    "7010": "The user cannot pay",
    "10050": "The test user has no card",
}


class Shape(Enum):
    """Which body: ePayment and webhooks, order management, userinfo, or the gateway before all."""

    EPAYMENT = "extraDetails"
    ORDER = "invalidParams"
    USERINFO = "extraInfo"
    GATEWAY = "message"


@dataclass
class Refusal(Exception):
    """A request the provider turns down.

    Either a domain error with a numeric code, or a validation error naming a field.
    """

    status: int = 400
    code: str = ""
    name: str = ""
    reason: str = ""
    shape: Shape | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.code or self.name}: {self.reason}"


def refuse(code: str, status: int | None = None) -> Refusal:
    """Build a domain error, with the HTTP status that goes with its code."""
    return Refusal(status=status or STATUS.get(code, 400), code=code, reason=TEXT.get(code, ""))


def invalid(name: str, reason: str) -> Refusal:
    """Build a validation error for one field."""
    return Refusal(status=400, name=name, reason=reason)


def gateway(status: int, message: str) -> Refusal:
    """Build an error of the gateway in front of the APIs, which has a body of its own."""
    return Refusal(status=status, reason=message, shape=Shape.GATEWAY)


def body(refusal: Refusal, *, shape: Shape, path: str) -> dict[str, Any]:
    """Write a refusal in one of the four shapes."""
    shape = refusal.shape or shape
    if shape is Shape.GATEWAY:
        return {"statusCode": refusal.status, "message": refusal.reason}
    title = "Bad Request" if refusal.name else HTTPStatus(refusal.status).phrase
    common = {
        "type": f"https://httpstatuses.io/{refusal.status}",
        "title": refusal.reason if refusal.code else title,
        "detail": refusal.reason or title,
        "instance": path,
    }
    name, reason = ("ErrorCode", refusal.code) if refusal.code else (refusal.name, refusal.reason)
    details = [{"name": name, "reason": reason}] if name else []
    if shape is Shape.ORDER:
        return common | {"invalidParams": details}
    if shape is Shape.USERINFO:
        return common | {"status": refusal.status, "extraInfo": refusal.reason}
    return common | {
        "status": refusal.status,
        "traceId": uuid.uuid4().hex,
        "extraDetails": details or None,
    }


def answer(status: int, content: Any, *, headers: dict[str, str] | None = None) -> HttpResponse:
    """Answer with JSON; problems get their own content type, the gateway's excepted.

    None as content is an empty body.
    """
    if content is None:
        return HttpResponse(status=status)
    is_problem = isinstance(content, dict) and "instance" in content
    kind = "application/problem+json" if is_problem else "application/json"
    text = json.dumps(content, ensure_ascii=False)
    return HttpResponse(text, status=status, content_type=kind, headers=headers)

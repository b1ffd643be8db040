"""The provider's error bodies and codes, and the exception that carries a refusal to them."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

NOT_FOUND = "Payer not found"
TECHNICAL = "Technical error, please try again"
TEXT = {
    10008: "TotalAmount must be greater than 0",
    10101: NOT_FOUND,
    10102: "Payer is not available",
    10103: NOT_FOUND,
    10104: "Invoice already exists",
    10105: TECHNICAL,
    10106: "Invoice country does not match the payer's country",
    10107: "Currency does not match the country",
    10201: "TotalAmount is above the limit",
    10202: "Invoice issuer not found",
    10203: "Account validation error",
    10204: "Account validation error",
    10205: TECHNICAL,
    10301: "Invoice already exists",
    10302: "Merchant not found",
    10303: "Invoice issuer not found",
    10304: NOT_FOUND,
    10305: NOT_FOUND,
    10306: NOT_FOUND,
    10310: "DueDate is more than 400 days ahead",
    10311: "DueDate is in the past",
    10312: "IssueDate is in the future",
    10313: "The issuer's invoices for today are used up",
    10314: "The payer's invoices from this merchant for today are used up",
    10504: "Invoice has already been paid",
    # The number is ours; the provider never published the other state conflicts of 105xx.
    10505: "Invoice cannot be cancelled in its current state",
}


@dataclass
class Refusal(Exception):
    """A request the provider turns down, and the body it says so with."""

    status: int
    error: str = ""
    code: int | None = None
    description: str = ""
    message: str = ""
    """set: the gateway in front of the API refuses, in a shape of its own"""

    def __str__(self) -> str:
        return f"{self.status} {self.error} {self.code or ''} {self.description or self.message}"


def text(code: int) -> str:
    """Give the developer's text for a code."""
    return TEXT.get(code, "Unexpected failure")


def domain(code: int) -> Refusal:
    """Build a refusal by a business rule."""
    return Refusal(status=409, error="DomainError", code=code, description=text(code))


def invalid(name: str, problem: str) -> Refusal:
    """Build a refusal of the input, naming the field."""
    description = f"input.{name} : {problem}\r\n"
    return Refusal(status=400, error="InputError", description=description)


def server(status: int = 500) -> Refusal:
    """Build a failure on the provider's side."""
    return Refusal(status=status, error="ServerError", description="Unexpected failure")


def not_found() -> Refusal:
    """Build the answer for what is unknown or deleted: no body at all."""
    return Refusal(status=404)


def gateway(status: int, message: str) -> Refusal:
    """Build a refusal by the gateway in front of the API."""
    return Refusal(status=status, message=message)


def answer(refusal: Refusal, correlation_id: str) -> HttpResponse:
    """Write a refusal as the provider does."""
    content = body(refusal, correlation_id)
    if content is None:
        return HttpResponse(status=refusal.status)
    return as_json(content, refusal.status)


def body(refusal: Refusal, correlation_id: str) -> dict[str, Any] | None:
    """Give a refusal's JSON, or None for an empty body."""
    if refusal.message:
        phrase = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
        return {
            "httpCode": str(refusal.status),
            "httpMessage": phrase.get(refusal.status, "Error"),
            "moreInformation": refusal.message,
        }
    if not refusal.error:
        return None
    return {
        "correlation_id": correlation_id or str(uuid.uuid4()),
        "error": refusal.error,
        "error_code": None if refusal.code is None else str(refusal.code),
        "error_description": refusal.description,
        "error_context": "Invoices",
    }


def as_json(content: Any, status: int = 200) -> HttpResponse:
    """Answer with JSON."""
    text = json.dumps(content, ensure_ascii=False, default=float)
    return HttpResponse(text, status=status, content_type="application/json")

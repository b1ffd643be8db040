"""Faults on demand: slow, refused, lost or doubled, for one account and endpoint or for all.

A provider's endpoint asks ``take()`` before it works; the outbox asks ``take_for_event()``.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from providers.sandbox import wire
from providers.sandbox.models import Fault

Kind = Fault.Kind
BEFORE = {Kind.ERROR_BEFORE, Kind.TIMEOUT_BEFORE, Kind.DROP_BEFORE, Kind.HTML}
# A hanging call holds a server thread, so it ends by itself.
LONGEST_HANG = 120.0
LOGIN_PAGE = b"<!doctype html><html><body><h1>Sign in to the network</h1></body></html>"


@dataclass
class Plan:
    """What is to go wrong with one request."""

    latency: float = 0.0
    fault: Fault | None = None
    refusal: Callable[[Fault], HttpResponseBase] | None = field(default=None, repr=False)

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        """Wait, and answer instead of the endpoint where the fault comes before the effect."""
        if self.latency:
            time.sleep(min(self.latency, LONGEST_HANG))
        fault = self.fault
        if fault is None:
            return None
        if fault.kind == Kind.RATE_LIMITED:
            return _too_many(fault)
        if fault.kind == Kind.REFUSE and self.refusal:
            return self.refusal(fault)
        return _answer_without_effect(request, fault) if fault.kind in BEFORE else None

    def after(self, request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
        """Spoil an answer whose effect is already in the books."""
        fault = self.fault
        if fault is None or fault.kind in BEFORE:
            return response
        if fault.kind == Kind.ERROR_AFTER:
            return _server_error(fault)
        if fault.kind in {Kind.TIMEOUT_AFTER, Kind.DROP_AFTER}:
            _hang(fault)
            return wire.nothing(request)
        if fault.kind == Kind.TRUNCATED_JSON:
            return HttpResponse(
                response.content[: len(response.content) // 2],
                status=response.status_code,
                content_type=response["Content-Type"],
            )
        if fault.kind == Kind.CUT_AFTER:
            return wire.truncated(
                request,
                status=response.status_code,
                body=response.content,
                content_type=response["Content-Type"],
            )
        return response


def take(
    *,
    provider: str,
    account: str,
    endpoint: str,
    refusal: Callable[[Fault], HttpResponseBase] | None = None,
) -> Plan:
    """Take the faults due for one request: every latency, and the first other that matches.

    ``refusal`` builds the provider's own 4xx body from the fault's status and code.
    """
    plan = Plan(refusal=refusal)
    for fault in _matching(provider, account, endpoint):
        if fault.kind.startswith("webhook_"):
            continue
        if fault.kind == Kind.LATENCY:
            plan.latency += fault.seconds if _fire(fault) else 0
        elif plan.fault is None and _fire(fault):
            plan.fault = fault
    return plan


def take_for_event(*, provider: str, account: str, event: str) -> Fault | None:
    """Take the webhook fault due for one event, or None."""
    for fault in _matching(provider, account, event):
        if fault.kind.startswith("webhook_") and _fire(fault):
            return fault
    return None


def _matching(provider: str, account: str, endpoint: str) -> list[Fault]:
    return list(
        Fault.objects.filter(
            ~Q(remaining=0),
            provider=provider,
            account__in=["", account],
            endpoint__in=["*", endpoint],
        )
    )


def _fire(fault: Fault) -> bool:
    # Compare and set: of two requests at once only one takes the last shot.
    if fault.remaining is None:
        return bool(Fault.objects.filter(pk=fault.pk).update(fired=F("fired") + 1))
    return bool(
        Fault.objects.filter(pk=fault.pk, remaining__gt=0).update(
            fired=F("fired") + 1, remaining=F("remaining") - 1
        )
    )


def _answer_without_effect(request: HttpRequest, fault: Fault) -> HttpResponseBase:
    if fault.kind == Kind.ERROR_BEFORE:
        return _server_error(fault)
    if fault.kind == Kind.HTML:
        return HttpResponse(LOGIN_PAGE, status=fault.status or 200)
    _hang(fault)
    return wire.nothing(request)


def _hang(fault: Fault) -> None:
    if fault.kind in {Kind.TIMEOUT_AFTER, Kind.TIMEOUT_BEFORE}:
        time.sleep(min(fault.seconds or 35.0, LONGEST_HANG))


def _server_error(fault: Fault) -> HttpResponse:
    status = fault.status or 500
    body = {"statusCode": status, "message": "Internal server error"}
    return HttpResponse(json.dumps(body), status=status, content_type="application/json")


def _too_many(fault: Fault) -> HttpResponse:
    body = {"statusCode": 429, "message": "Rate limit is exceeded. Try again later."}
    response = HttpResponse(json.dumps(body), status=429, content_type="application/json")
    value = _retry_after(fault, now=timezone.now())
    if value:
        response["Retry-After"] = value
    return response


def _retry_after(fault: Fault, *, now: datetime) -> str:
    if fault.retry_after == Fault.RetryAfter.SECONDS:
        return str(round(fault.seconds))
    if fault.retry_after == Fault.RetryAfter.DATE:
        at = (now + timedelta(seconds=fault.seconds)).astimezone(UTC)
        return format_datetime(at, usegmt=True)
    return ""

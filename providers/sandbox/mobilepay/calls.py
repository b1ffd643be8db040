"""One frame around what the authorization server answers: faults first, the call log last."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from providers.sandbox import clock, faults
from providers.sandbox.models import Call, Fault

PROVIDER = "mobilepay"


@dataclass(frozen=True)
class Answer:
    """A status with JSON content; ``reason`` goes to the call log and nowhere else."""

    status: int
    content: dict[str, Any]
    reason: str = ""


def serve(
    request: HttpRequest, endpoint: str, account: str, answer: Callable[[], Answer]
) -> HttpResponseBase:
    """Answer in JSON, unless a fault says otherwise, and log the call without its secrets."""
    plan = faults.take(provider=PROVIDER, account=account, endpoint=endpoint, refusal=_refusal)
    if early := plan.before(request):
        return early
    given = answer()
    log(endpoint, account, given.status, body=_body(request), reason=given.reason)
    return plan.after(request, _json(given.status, given.content))


def log(endpoint: str, account: str, status: int, *, body: str = "", reason: str = "") -> None:
    """Write one call down; ``reason`` says what the answer kept to itself."""
    Call.objects.create(
        provider=PROVIDER,
        account=account[:60],
        endpoint=endpoint,
        reference=reason[:80],
        status=status,
        body=body,
        at=clock.now(),
    )


def _body(request: HttpRequest) -> str:
    grant_type = request.POST.get("grant_type", "").replace("\x00", "")
    return f"grant_type={grant_type[:60]}" if grant_type else ""


def _json(status: int, content: dict[str, Any]) -> HttpResponse:
    response = HttpResponse(
        json.dumps(content), status=status, content_type="application/json; charset=UTF-8"
    )
    response["Cache-Control"] = "no-store"
    return response


def _refusal(fault: Fault) -> HttpResponse:
    return _json(fault.status or 400, {"error": fault.code or "invalid_grant"})

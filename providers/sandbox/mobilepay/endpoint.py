"""One frame around every call of the invoice API: faults, caller, body, refusal, call log."""

import functools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from providers.sandbox import clock, faults
from providers.sandbox.mobilepay import problems, tokens
from providers.sandbox.mobilepay.problems import Refusal, domain, gateway, invalid, not_found
from providers.sandbox.mobilepay.tokens import Caller, Unauthorized
from providers.sandbox.models import Call, Fault, PortalMerchant

PROVIDER = "mobilepay"
# A batch of 2000 is some megabytes; the gateway lets through no more than this.
LARGEST = 32 * 1024 * 1024
LOGGED = 20_000

Answer = tuple[int, Any]


@dataclass
class Exchange:
    """One request being answered: who asks, for what, when by the sandbox's clock."""

    request: HttpRequest
    name: str
    now: datetime
    correlation_id: str = ""
    account: str = ""
    caller: Caller | None = None
    body: Any = None
    raw: bytes = field(default=b"", repr=False)
    reference: str = ""

    @property
    def merchant(self) -> PortalMerchant:
        """The merchant whose token the call carries."""
        if self.caller is None:
            raise not_found()
        return self.caller.merchant


Handler = Callable[..., Answer]
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Rules:
    name: str
    takes_body: bool
    stranger: Callable[[], Refusal]


def endpoint(
    name: str, *, takes_body: bool = False, stranger: Callable[[], Refusal] = not_found
) -> Callable[[Handler], View]:
    """Turn a handler (Exchange, path arguments) -> (status, content) into a view.

    ``stranger`` builds the answer to a call on another merchant than the token's. The handler
    runs in one transaction with the call log; content that is None is an empty body, and an
    HttpResponse goes out as it is.
    """
    rules = Rules(name, takes_body, stranger)

    def decorate(handler: Handler) -> View:
        @csrf_exempt
        @functools.wraps(handler)
        def view(request: HttpRequest, **path: str) -> HttpResponseBase:
            return _serve(request, handler, rules, path)

        return view

    return decorate


def unknown_merchant() -> Refusal:
    """Refuse to create for a merchant the token does not stand for."""
    return domain(10302)


def parse(raw: bytes) -> Any:
    """Read JSON with its numbers as Decimals. Raises Refusal."""
    try:
        return json.loads(raw, parse_float=Decimal, parse_int=_whole, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise invalid("body", "Invalid JSON") from None


def same_id(given: str, known: uuid.UUID) -> bool:
    """Compare an id from a path as an id, not as text."""
    try:
        return uuid.UUID(given) == known
    except ValueError:
        return False


def _serve(
    request: HttpRequest, handler: Handler, rules: Rules, path: dict[str, str]
) -> HttpResponseBase:
    correlation_id = request.headers.get("CorrelationId", "")[:100]
    exchange = Exchange(request, rules.name, clock.now(), correlation_id)
    denied = _identify(exchange)
    exchange.account = exchange.account or path.get("merchant_id", "").lower()[:60]
    plan = faults.take(
        provider=PROVIDER,
        account=exchange.account,
        endpoint=rules.name,
        refusal=functools.partial(_refused_by_fault, exchange),
    )
    if early := plan.before(request):
        return _in_our_words(exchange, plan.fault, early)
    answer = _denied(exchange, denied) if denied else _answer(exchange, handler, rules, path)
    return _in_our_words(exchange, plan.fault, plan.after(request, answer))


def _identify(exchange: Exchange) -> Unauthorized | None:
    try:
        exchange.caller = tokens.caller(exchange.request)
    except Unauthorized as denied:
        return denied
    exchange.account = str(exchange.merchant.merchant_id)
    return None


def _denied(exchange: Exchange, denied: Unauthorized) -> HttpResponse:
    _log(exchange, denied.status)
    return problems.as_json(denied.body, denied.status)


def _answer(
    exchange: Exchange, handler: Handler, rules: Rules, path: dict[str, str]
) -> HttpResponse:
    try:
        _open(exchange, rules, path)
        with transaction.atomic():
            status, content = handler(exchange, **path)
            _log(exchange, status)
    except Refusal as refusal:
        _log(exchange, refusal.status)
        return problems.answer(refusal, exchange.correlation_id)
    if isinstance(content, HttpResponse):
        return content
    return HttpResponse(status=status) if content is None else problems.as_json(content, status)


def _open(exchange: Exchange, rules: Rules, path: dict[str, str]) -> None:
    if rules.takes_body:
        exchange.raw = _read(exchange.request)
    asked = path.pop("merchant_id", None)
    if asked is not None and not same_id(asked, exchange.merchant.merchant_id):
        raise rules.stranger()
    if rules.takes_body:
        exchange.body = parse(exchange.raw)


def _read(request: HttpRequest) -> bytes:
    if request.content_type not in {"application/json", "text/json", "application/json-patch+json"}:
        raise gateway(415, "Content-Type must be application/json")
    # Not request.body: a full batch is larger than the site takes in a form.
    raw = request.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise gateway(413, "The request is too large")
    return raw


def _whole(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("too many digits")
    return int(digits)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _log(exchange: Exchange, status: int) -> None:
    Call.objects.create(
        provider=PROVIDER,
        account=exchange.account,
        endpoint=exchange.name,
        reference=exchange.reference[:80],
        key=exchange.correlation_id[:60],
        status=status,
        # PostgreSQL takes no NUL in text.
        body=exchange.raw[:LOGGED].decode("utf-8", "replace").replace("\x00", ""),
        at=exchange.now,
    )


def _refused_by_fault(exchange: Exchange, fault: Fault) -> HttpResponse:
    if fault.code.isdigit():
        refusal = domain(int(fault.code))
        refusal.status = fault.status or refusal.status
    elif fault.code:
        refusal = invalid(fault.code, "Invalid input")
    else:
        refusal = gateway(fault.status or 403, "The request was refused.")
    return problems.answer(refusal, exchange.correlation_id)


def _in_our_words(
    exchange: Exchange, fault: Fault | None, response: HttpResponseBase
) -> HttpResponseBase:
    """Give the shared faults' 5xx and 429 the body this provider would send."""
    if fault is None:
        return response
    if fault.kind in {Fault.Kind.ERROR_BEFORE, Fault.Kind.ERROR_AFTER}:
        return _failed(exchange, fault, response.status_code)
    if fault.kind == Fault.Kind.RATE_LIMITED:
        answer = problems.answer(gateway(429, "Rate limit exceeded."), exchange.correlation_id)
        if "Retry-After" in response:
            answer["Retry-After"] = response["Retry-After"]
        return answer
    return response


def _failed(exchange: Exchange, fault: Fault, status: int) -> HttpResponse:
    """Fail with a 5xx, or by a code of the provider's: a technical error, say, is a 409."""
    refusal = domain(int(fault.code)) if fault.code.isdigit() else problems.server(status)
    answer = problems.answer(refusal, exchange.correlation_id)
    if fault.retry_after == Fault.RetryAfter.SECONDS:
        answer["Retry-After"] = str(round(fault.seconds))
    return answer

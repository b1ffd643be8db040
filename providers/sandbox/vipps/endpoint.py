"""One frame around every endpoint: faults, caller, rate limit, replay, refusal, call log."""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from providers.sandbox import clock, faults
from providers.sandbox.models import Call, Fault, Replay, SalesUnit
from providers.sandbox.vipps import auth, problems
from providers.sandbox.vipps.problems import Refusal, Shape, gateway, invalid, refuse

Answer = tuple[int, Any]
MINUTE = timedelta(minutes=1)
# Per minute and reference, each operation for itself.
LIMITS = {"create": 5, "capture": 5, "cancel": 5, "refund": 5, "get": 120, "events": 120}
# These may be tried again under the same key; everything else is remembered.
FORGOTTEN = {401, 423, 429}
CONFLICT = {"capture": "4010", "refund": "4150"}


@dataclass
class Exchange:
    """One request being answered: who asks, for what, when by the sandbox's clock."""

    request: HttpRequest
    name: str
    now: datetime
    reference: str
    account: str
    unit: SalesUnit = field(init=False)
    shape: Shape = Shape.EPAYMENT
    key: str = ""
    body: Any = None
    raw: bytes = field(default=b"", repr=False)
    second_look: bool = False


Handler = Callable[..., Answer]
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Rules:
    name: str
    shape: Shape
    writes: bool
    key: str
    """'required', 'optional' or 'none'"""
    takes_body: bool
    header_limit: int


def endpoint(
    name: str,
    *,
    shape: Shape = Shape.EPAYMENT,
    writes: bool = False,
    key: str = "none",
    takes_body: bool = False,
    header_limit: int = 30,
) -> Callable[[Handler], View]:
    """Turn a handler (Exchange, path arguments) -> (status, content) into a view.

    A writing handler runs in one transaction together with the call log and the replay row,
    so a crash leaves either all of them or none.
    """
    rules = Rules(name, shape, writes, key, takes_body, header_limit)

    def decorate(handler: Handler) -> View:
        @csrf_exempt
        @functools.wraps(handler)
        def view(request: HttpRequest, **path: str) -> HttpResponseBase:
            return _serve(request, handler, rules, path)

        return view

    return decorate


def _serve(
    request: HttpRequest, handler: Handler, rules: Rules, path: dict[str, str]
) -> HttpResponseBase:
    account = request.headers.get("Merchant-Serial-Number", "")
    plan = faults.take(
        provider=auth.PROVIDER,
        account=account,
        endpoint=rules.name,
        refusal=functools.partial(_refused_by_fault, request, rules),
    )
    if early := plan.before(request):
        return early
    return plan.after(request, _answer(request, handler, rules, path))


def _answer(
    request: HttpRequest, handler: Handler, rules: Rules, path: dict[str, str]
) -> HttpResponse:
    exchange = Exchange(
        request=request,
        name=rules.name,
        now=clock.now(),
        reference=path.get("reference", ""),
        account=request.headers.get("Merchant-Serial-Number", "")[:60],
    )
    try:
        _open(exchange, rules)
        if rules.writes:
            return problems.answer(*_write(exchange, handler, path))
        answer = handler(exchange, **path)
    except Refusal as refusal:
        content = problems.body(refusal, shape=rules.shape, path=request.path)
        _log(exchange, refusal.status)
        return problems.answer(refusal.status, content, headers=refusal.headers)
    _log(exchange, answer[0])
    return problems.answer(*answer)


def _open(exchange: Exchange, rules: Rules) -> None:
    request = exchange.request
    caller = auth.caller(request, exchange.now, system_header_limit=rules.header_limit)
    exchange.unit, exchange.account = caller.unit, caller.unit.msn
    exchange.shape = rules.shape
    exchange.raw = request.body
    if rules.takes_body and (exchange.raw or rules.name != "cancel"):
        exchange.body = _json(request, exchange.raw)
    exchange.reference = exchange.reference or _reference(exchange.body)
    _limit_rate(exchange)
    if rules.key != "none":
        exchange.key = auth.idempotency_key(request, required=rules.key == "required")


def _write(exchange: Exchange, handler: Handler, path: dict[str, str]) -> Answer:
    try:
        return _once(exchange, handler, path)
    except IntegrityError:
        # A twin committed first: on the second look its replay row, or its payment, is there.
        exchange.second_look = True
        return _once(exchange, handler, path)


def _once(exchange: Exchange, handler: Handler, path: dict[str, str]) -> Answer:
    with transaction.atomic():
        answer = _replayed(exchange) or _fresh(exchange, handler, path)
        _log(exchange, answer[0])
    return answer


def _fresh(exchange: Exchange, handler: Handler, path: dict[str, str]) -> Answer:
    try:
        status, content = handler(exchange, **path)
    except Refusal as refusal:
        # Handlers refuse before they write, so what is kept here is the refusal alone.
        status = refusal.status
        content = problems.body(refusal, shape=exchange.shape, path=exchange.request.path)
    if exchange.key and status not in FORGOTTEN:
        Replay.objects.create(
            unit=exchange.unit,
            key=exchange.key,
            operation=exchange.name,
            reference=exchange.reference,
            body_hash=hashlib.sha256(exchange.raw).hexdigest(),
            status=status,
            answer=content,
            at=exchange.now,
        )
    return status, content


def _replayed(exchange: Exchange) -> Answer | None:
    if not exchange.key:
        return None
    replay = Replay.objects.filter(unit=exchange.unit, key=exchange.key).first()
    if replay is None:
        return None
    same = (
        replay.operation == exchange.name
        and replay.reference == exchange.reference
        and replay.body_hash == hashlib.sha256(exchange.raw).hexdigest()
    )
    if same and not _refuses_replay(exchange, replay):
        return replay.status, replay.answer
    conflict = refuse("4020" if same else CONFLICT.get(exchange.name, "4020"), 409)
    return 409, problems.body(conflict, shape=Shape.EPAYMENT, path=exchange.request.path)


def _refuses_replay(exchange: Exchange, replay: Replay) -> bool:
    created = exchange.name == "create" and replay.status < 300
    return created and exchange.unit.conflict_on_replayed_create


def _json(request: HttpRequest, raw: bytes) -> Any:
    if request.content_type != "application/json":
        raise Refusal(status=415, name="Content-Type", reason="must be application/json")
    wrong = invalid("body", "The request body is not valid JSON.")
    if b"\\u0000" in raw:
        raise wrong
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise wrong from None


def _reference(body: Any) -> str:
    # A key spelt otherwise than lower-case `reference` lumps all payments together.
    value = body.get("reference", "") if isinstance(body, dict) else ""
    return value[:64] if isinstance(value, str) else ""


def _limit_rate(exchange: Exchange) -> None:
    limit = LIMITS.get(exchange.name)
    if limit is None or not exchange.unit.rate_limits:
        return
    calls = Call.objects.filter(
        account=exchange.account,
        reference=exchange.reference,
        at__gt=exchange.now - MINUTE,
        endpoint=exchange.name,
    ).exclude(status=429)
    times = list(calls.order_by("-at").values_list("at", flat=True)[:limit])
    if len(times) >= limit:
        seconds = int((times[-1] + MINUTE - exchange.now).total_seconds()) + 1
        refusal = gateway(429, f"Rate limit is exceeded. Try again in {seconds} seconds.")
        refusal.headers["Retry-After"] = str(seconds)
        raise refusal


def _log(exchange: Exchange, status: int) -> None:
    Call.objects.create(
        provider=auth.PROVIDER,
        account=exchange.account,
        endpoint=exchange.name,
        reference=exchange.reference[:80],
        key=exchange.request.headers.get("Idempotency-Key", "")[:60],
        status=status,
        # PostgreSQL takes no NUL in text.
        body=exchange.raw[:20_000].decode("utf-8", "replace").replace("\x00", ""),
        at=exchange.now,
    )


def _refused_by_fault(request: HttpRequest, rules: Rules, fault: Fault) -> HttpResponse:
    status = fault.status or problems.STATUS.get(fault.code, 400)
    refusal = refuse(fault.code, status) if fault.code else gateway(status, "Refused.")
    return problems.answer(status, problems.body(refusal, shape=rules.shape, path=request.path))

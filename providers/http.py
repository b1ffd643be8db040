"""Calls to providers: hosts from a table, deadlines, no redirects, a log without secrets.

Adapters make a `Call`, `send` returns an `Answer` or raises the error family of the contract.
A `requests.Session` serves one account and one thread at a time, and keeps its connection alive.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from providers import connections, deadlines
from providers.contract import NotAuthorised, OutcomeUnknown, ProviderError, Unavailable
from providers.models import ProviderCall

if TYPE_CHECKING:
    from providers.models import ProviderAccount

logger = logging.getLogger(__name__)

RETRY_AFTER_CAP = 15 * 60.0
_CHUNK = 64 * 1024
_TRACE_HEADERS = ("x-correlation-id", "x-request-id", "request-id", "traceparent")
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, whatever its status. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Read the body, fractions as Decimal. Raises ValueError when it is not JSON."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_no_constant)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

    @property
    def retry_after(self) -> float | None:
        """Seconds the provider asks us to wait, at most a quarter of an hour."""
        return retry_after(self.headers.get("retry-after", ""), now=datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Told:
    """What the call log says of an answer: one or two words, and the provider's trace id."""

    outcome: str = "ok"
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `path` begins with a slash, its ids quoted already, and has no query.

    `params` becomes the query; the log never shows it.
    `credentials` are headers added only after the host has been compared with the table.
    `writes`: the provider may have done something even if no answer came.
    `logged_path` replaces the path in the log where an id in it is personal.
    `correlation_id` is what we named the call; log and errors have it also without an answer.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    writes: bool = False
    reference: str = ""
    logged_path: str = ""
    correlation_id: str = ""
    told: Callable[[Answer], Told] = field(default=lambda answer: Told(f"status {answer.status}"))


def send(account: ProviderAccount, base_urls: Mapping[str, str], call: Call) -> Answer:
    """Make one call and return its complete answer, whatever the status.

    Raises NotAuthorised when the account has no usable address, Unavailable when nothing was
    sent or nothing can have happened, OutcomeUnknown when a write left and no answer came.
    """
    return send_to(account, base_url(account, base_urls), call)


def send_to(account: ProviderAccount, base: str, call: Call) -> Answer:
    """Make one call to an address that the caller has checked: an endpoint found by discovery.

    Raises as `send` does.
    """
    begun = time.monotonic()
    try:
        with connections.session(account, base) as session:
            answer = _exchange(session, _prepare(session, base, call), call)
    except ProviderError as error:
        error.correlation_id = error.correlation_id or call.correlation_id
        _log(account, call, begun, None, Told(error.code or "no answer", call.correlation_id))
        raise
    _log(account, call, begun, answer.status, _told(call, answer))
    return answer


def base_url(account: ProviderAccount, base_urls: Mapping[str, str]) -> str:
    """Return where an account's calls go, without a trailing slash.

    The provider's table decides; only the sandbox's address is the account's own. Raises
    NotAuthorised when there is none, or when it is not https outside the sandbox.
    """
    if account.environment == "sandbox":
        if not settings.SANDBOX:
            raise _unusable(_("This site runs without the sandbox."))
        base, schemes = account.base_url or base_urls.get("sandbox", ""), {"http", "https"}
    else:
        base, schemes = base_urls.get(account.environment, ""), {"https"}
    parts = urlsplit(base)
    if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment:
        raise _unusable(_("The account's environment has no usable address."))
    if parts.username or parts.password:
        raise _unusable(_("The account's address contains a user name."))
    return base.rstrip("/")


def retry_after(text: str, *, now: datetime) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date. None when absent or unreadable."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), RETRY_AFTER_CAP)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), RETRY_AFTER_CAP)


def raise_if_unclear(answer: Answer, *, writes: bool, **about: Any) -> None:
    """Raise for an answer that does not say what happened: 5xx, 408, a redirect.

    A 503 with Retry-After is the one 5xx that promises that nothing was done. `about` goes
    into the error (`code`, `correlation_id`, `payload`, `meaning`, `remedy`).
    """
    status = answer.status
    if 200 <= status < 300 or (400 <= status < 500 and status != 408):
        return
    message = f"HTTP {status} from the provider."
    about["status"] = status
    if not writes or (status == 503 and answer.retry_after is not None):
        raise Unavailable(message, retry_after=answer.retry_after, **about)
    raise OutcomeUnknown(message, **about)


def unreadable(answer: Answer, *, writes: bool) -> ProviderError:
    """Return the error for a success whose body cannot be read."""
    message = f"HTTP {answer.status} from the provider, with a body that cannot be read."
    kind: type[ProviderError] = OutcomeUnknown if writes else Unavailable
    return kind(message, status=answer.status, code="unreadable")


# ---------------------------------------------------------------------------------- the exchange
def _prepare(session: requests.Session, base: str, call: Call) -> requests.PreparedRequest:
    if not call.path.startswith("/") or set(call.path) & set("?#\\"):
        raise _unusable(_("The request would have left the provider's address."))
    plain = requests.Request(
        call.method, base + call.path, headers=call.headers, data=call.body, params=call.params
    )
    prepared = session.prepare_request(plain)
    wanted, found = urlsplit(base), urlsplit(prepared.url or "")
    if (found.scheme, found.netloc) != (wanted.scheme, wanted.netloc):
        raise _unusable(_("The request would have left the provider's address."))
    prepared.headers.update(call.credentials)
    return prepared


def _exchange(session: requests.Session, prepared: requests.PreparedRequest, call: Call) -> Answer:
    with deadlines.within(settings.PROVIDER_DEADLINE) as attempt:
        try:
            response = session.send(
                prepared, stream=True, timeout=settings.PROVIDER_TIMEOUT, allow_redirects=False
            )
            with response:
                body = _read(response, call)
        except (requests.RequestException, OSError) as error:
            raise _lost(error, attempt, call) from error
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body)


def _read(response: requests.Response, call: Call) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_content(_CHUNK):
        size += len(chunk)
        if size > settings.PROVIDER_MAX_RESPONSE:
            message = f"HTTP {response.status_code} with more than {size} bytes of answer."
            raise _error(call, sent=True)(message, code="too large", status=response.status_code)
        chunks.append(chunk)
    return b"".join(chunks)


def _lost(error: Exception, attempt: deadlines.Attempt, call: Call) -> ProviderError:
    """Say what a broken call means: our own connections know whether the request left."""
    after_sending = requests.ReadTimeout | requests.exceptions.ChunkedEncodingError
    sent = attempt.left or isinstance(error, after_sending)
    code = "deadline" if attempt.overdue else _word(error)
    return _error(call, sent=sent)(f"No answer: {code} ({type(error).__name__}).", code=code)


def _word(error: Exception) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return "no connection"
    if isinstance(error, requests.Timeout | TimeoutError):
        return "timeout"
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS failed"
    return "cut off" if isinstance(error, requests.RequestException) else "no connection"


def _error(call: Call, *, sent: bool) -> type[ProviderError]:
    return OutcomeUnknown if sent and call.writes else Unavailable


def _unusable(why: str) -> NotAuthorised:
    return NotAuthorised(why, code="no address", meaning=why, field="environment")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# --------------------------------------------------------------------------------------- the log
def _told(call: Call, answer: Answer) -> Told:
    told = call.told(answer)
    if told.correlation_id:
        return told
    found = (answer.headers[name] for name in _TRACE_HEADERS if name in answer.headers)
    return Told(told.outcome, next(found, call.correlation_id))


def _log(
    account: ProviderAccount, call: Call, begun: float, status: int | None, told: Told
) -> None:
    """Write one row with one INSERT. A log that cannot be written never breaks the call."""
    if account.pk is None:
        return
    row = ProviderCall(
        account=account,
        reference=call.reference[:64],
        method=call.method,
        path=(call.logged_path or call.path)[:300],
        status=status,
        outcome=told.outcome[:60],
        milliseconds=round((time.monotonic() - begun) * 1000),
        correlation_id=told.correlation_id[:100],
        at=timezone.now(),
    )
    # Inside a caller's transaction a failed INSERT would spoil it, hence the savepoint.
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            row.save(force_insert=True)
    except DatabaseTrouble:
        logger.warning("Could not write the call log for account %s", account.pk, exc_info=True)

"""What each kind of operation does outside, and how its outcome is recorded.

`do` talks to the provider and touches no row; `record` runs under the invoice's lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices import alerts, documents, facts, operations, options, posting, timeline
from invoices.enums import PAYABLE, EventKind, OperationKind, OperationState
from invoices.models import Operation, PaymentRequest
from invoices.texts import plain
from providers import accounts, registry
from providers.contract import (
    OPEN_STATES,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    Provider,
    ProviderError,
    Refused,
    RequestState,
    SendOptions,
    Sent,
    Source,
    StatusChange,
    Unavailable,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an operation: its next state, what to tell, and the facts that came along.

    `counts` False: the try does not use up the operation's patience, because the provider is
    down or holds us back; that is waited out for days. `wait` overrides the backoff.
    """

    state: OperationState
    what: str = ""
    sent: Sent | None = None
    changes: Sequence[StatusChange] = ()
    problem: Mapping[str, Any] = field(default_factory=dict)
    wait: timedelta | None = None
    counts: bool = True
    hold_account: bool = False


DONE = OperationState.DONE
# States in which nothing was heard from the provider about a request.
UNHEARD = frozenset({RequestState.QUEUED, RequestState.SUBMITTING, RequestState.UNKNOWN})
LONG_WAIT = timedelta(minutes=10)


def do(operation: Operation, *, in_doubt: bool) -> Outcome:
    """Carry out an operation and say what came of it. No transaction is open here."""
    if operation.kind == OperationKind.EMAIL:
        return _email(operation)
    request = operation.request
    assert request is not None  # noqa: S101 -- all other kinds have one
    provider = registry.of(request.account)
    try:
        if operation.kind == OperationKind.CREATE:
            return _create(provider, operation, request, in_doubt=in_doubt)
        if operation.kind == OperationKind.AFTER_PAID:
            return _after_paid(provider, operation, request)
        if operation.kind == OperationKind.ASK_CONSENT:
            return _ask_consent(provider, request)
        return _change(provider, operation, request)
    except Refused as error:
        return _refused(provider, operation, request, error, in_doubt=in_doubt)
    except ProviderError as error:
        return _not_done(error, in_doubt=in_doubt)


def _not_done(error: ProviderError, *, in_doubt: bool) -> Outcome:
    """Say what follows from a failure that is no refusal."""
    later = OperationState.UNKNOWN if in_doubt else OperationState.DUE
    problem = problem_of(error)
    if isinstance(error, NotAuthorised):
        return Outcome(state=later, what="held", problem=problem, counts=False, hold_account=True)
    if isinstance(error, Unavailable):
        wait = timedelta(seconds=error.retry_after) if error.retry_after else None
        return Outcome(state=later, what="retry", problem=problem, wait=wait, counts=False)
    return Outcome(state=OperationState.UNKNOWN, what="unknown", problem=problem)


def send_many(found: Sequence[Operation], *, in_doubt: Mapping[int, bool]) -> dict[int, Outcome]:
    """Create many requests of one account and channel in one call, and say what came of each.

    Each item goes with the bytes that were kept when it was decided, so repeating one that may
    have arrived is recognised by the provider. No transaction is open here.
    """
    if not found:
        return {}
    outcomes, going = {}, []
    for operation in found:
        assert operation.request is not None  # noqa: S101 -- these create one
        if operation.request.provider_id or _may_be_too_late(operation, in_doubt[operation.pk]):
            outcomes[operation.pk] = do(operation, in_doubt=True)
        else:
            going.append(operation)
    return outcomes | _send_together(going, in_doubt)


def _send_together(found: Sequence[Operation], in_doubt: Mapping[int, bool]) -> dict[int, Outcome]:
    if not found:
        return {}
    requests = [operation.request for operation in found if operation.request]
    provider = registry.of(requests[0].account)
    items = [
        (documents.of(request.document), _options(operation, request))
        for operation, request in zip(found, requests, strict=True)
    ]
    try:
        answers = provider.send_many(items)
    except ProviderError as error:
        # They come back together: one wait for all.
        wait = error.retry_after if isinstance(error, Unavailable) else None
        together = timedelta(seconds=wait or 5 * 2 ** min(found[0].tries, 7))
        return {
            each.pk: replace(_not_done(error, in_doubt=in_doubt[each.pk]), wait=together)
            for each in found
        }
    return {
        each.pk: _answered(provider, each, answer, in_doubt=in_doubt[each.pk])
        for each, answer in zip(found, answers, strict=True)
    }


def _answered(
    provider: Provider, operation: Operation, answer: Sent | ProviderError, *, in_doubt: bool
) -> Outcome:
    if isinstance(answer, Sent):
        return Outcome(state=DONE, what="created", sent=answer, changes=answer.changes)
    if isinstance(answer, Refused):
        assert operation.request is not None  # noqa: S101 -- these create one
        return _refused(provider, operation, operation.request, answer, in_doubt=in_doubt)
    return _not_done(answer, in_doubt=in_doubt)


def _options(operation: Operation, request: PaymentRequest) -> SendOptions:
    as_of = datetime.fromisoformat(operation.options["as_of"])
    asked = options.of_request(request, key=operation.key, as_of=as_of)
    issuer_id = str(operation.options.get("issuer_id", ""))
    return replace(asked, prepared=operation.body, issuer_id=issuer_id)


def _create(
    provider: Provider, operation: Operation, request: PaymentRequest, *, in_doubt: bool
) -> Outcome:
    what, name = "created", options.handle(request)
    if request.provider_id and request.state not in UNHEARD:
        return Outcome(state=DONE, what="found")  # Facts have told of it meanwhile.
    if _may_be_too_late(operation, in_doubt):
        return Outcome(state=OperationState.UNKNOWN, what="waits", counts=False, wait=LONG_WAIT)
    if (in_doubt or request.provider_id) and name:
        try:
            return Outcome(state=DONE, what="found", changes=provider.fetch(name))
        except NotFound:
            what = "not_found"
    sent = provider.send(documents.of(request.document), _options(operation, request))
    return Outcome(state=DONE, what=what, sent=sent, changes=sent.changes)


def _may_be_too_late(operation: Operation, in_doubt: bool) -> bool:
    """Say whether repeating would make what must be withdrawn at once.

    The invoice was settled while nobody knows whether the request arrived, and only a message
    from the provider can tell: that is waited for.
    """
    request = operation.request
    settled = operation.invoice.status not in PAYABLE
    nameless = request is not None and not options.handle(request)
    return in_doubt and settled and nameless


def _ask_consent(provider: Provider, request: PaymentRequest) -> Outcome:
    """Ask the payer for permission to be billed directly; the answer comes by asking later."""
    change = provider.ask_contact_consent(options.asked(request))
    return Outcome(state=DONE, what="changed", changes=[change])


def _change(provider: Provider, operation: Operation, request: PaymentRequest) -> Outcome:
    """Cancel, capture, refund: the same key at every try, then the provider's own word."""
    reference, key = options.handle(request), operation.key
    if not reference:
        # Without their id nobody can be asked; a message from them, or a person, brings it.
        return Outcome(
            state=OperationState.DUE, what="waits", counts=False, wait=timedelta(minutes=5)
        )
    if operation.kind == OperationKind.CANCEL:
        early = request.state != RequestState.ACCEPTED
        provider.cancel(reference, key=key, before_approval_only=early)
    else:
        assert operation.amount is not None  # noqa: S101 -- captures and refunds have one
        move = provider.capture if operation.kind == OperationKind.CAPTURE else provider.refund
        move(reference, amount=operation.amount, currency=request.currency, key=key)
    return Outcome(state=DONE, what="changed", changes=_ask(provider, request))


def _after_paid(provider: Provider, operation: Operation, request: PaymentRequest) -> Outcome:
    """Attach what the provider shows beside a payment. The customer has paid: nothing hangs on
    it, so no failure of it holds the account or asks for a person."""
    document, url = documents.of(request.document), options.hosted_url(operation.invoice)
    try:
        provider.after_paid(document, request.reference, url)
    except (Unavailable, OutcomeUnknown) as error:
        return Outcome(state=OperationState.DUE, what="after_paid", problem=problem_of(error))
    except ProviderError as error:
        return Outcome(state=OperationState.FAILED, what="after_paid", problem=problem_of(error))
    return Outcome(state=DONE, what="after_paid")


def _refused(
    provider: Provider,
    operation: Operation,
    request: PaymentRequest,
    error: Refused,
    *,
    in_doubt: bool,
) -> Outcome:
    if operation.kind == OperationKind.CANCEL and isinstance(error, NotFound):
        if request.provider_id and provider.speaks_own_ids:
            # It was taken and named, and is only not ready yet: it may still come to life.
            return Outcome(state=OperationState.DUE, what="waits", counts=False)
        return _never_arrived(operation, request)
    if operation.kind == OperationKind.CREATE:
        return _create_refused(provider, operation, error, in_doubt=in_doubt)
    return Outcome(
        state=OperationState.FAILED,
        what="refused",
        problem=problem_of(error),
        changes=_ask(provider, request),
    )


def _create_refused(
    provider: Provider, operation: Operation, error: Refused, *, in_doubt: bool
) -> Outcome:
    """Read a refusal of what may have been sent before, where no key tells the tries apart."""
    problem = problem_of(error)
    again = error.code in provider.duplicate_codes
    if again and (in_doubt or operation.tries > 1):
        # An earlier try had arrived, whatever they said. Sending anything else would bill twice.
        return Outcome(state=DONE, what="arrived", problem=problem)
    if in_doubt and provider.duplicate_codes:
        # They refuse the repeat. That says nothing of the try whose answer was lost.
        return Outcome(state=DONE, what="doubtful", problem=problem)
    if again:
        problem["remedy"] = _(
            "It takes a request that is alike in every field for one sent before. Look in its "
            "portal whether the customer has it. If not, correct a text of the invoice, a comment "
            "for instance, then send it again."
        )
    return Outcome(state=OperationState.FAILED, what="refused", problem=problem)


def _never_arrived(operation: Operation, request: PaymentRequest) -> Outcome:
    """Withdraw what the provider does not know: certain once nobody is still sending it."""
    if operations.live(request, OperationKind.CREATE):
        return Outcome(state=OperationState.DUE, what="waits", counts=False)
    change = StatusChange(
        reference=request.reference,
        event_id="never-arrived",
        state=RequestState.CANCELLED,
        provider_word="",
        occurred_at=None,
        authoritative=True,
    )
    return Outcome(state=DONE, what="changed", changes=[change])


def _ask(provider: Provider, request: PaymentRequest) -> Sequence[StatusChange]:
    """Fetch the truth after a change; if that fails the poller or a webhook brings it."""
    try:
        return provider.ask(options.asked(request))
    except ProviderError:
        return ()


def _email(operation: Operation) -> Outcome:
    try:
        posting.deliver(operation)
    except posting.Undeliverable as error:
        return Outcome(
            state=OperationState.FAILED, what="email_failed", problem={"meaning": str(error)}
        )
    except posting.TryLater as error:
        return Outcome(state=OperationState.DUE, what="retry", problem={"meaning": str(error)})
    return Outcome(state=DONE, what="emailed")


def problem_of(error: ProviderError) -> dict[str, Any]:
    """Put an error in plain words for staff, with what their support asks for."""
    return {
        "code": error.code,
        "meaning": str(error.meaning or error),
        "remedy": str(error.remedy),
        "field": error.field,
        "status": error.status,
        "correlation_id": error.correlation_id,
    }


# ------------------------------------------------------------------------------------ recording
def is_plainly_taken(operation: Operation, outcome: Outcome) -> bool:
    """Say whether the provider took a request, and there is nothing more to tell of it."""
    plain = outcome.what == "created" and outcome.sent is not None and not outcome.changes
    return operation.kind == OperationKind.CREATE and plain


def record_taken(rows: Sequence[tuple[Operation, Outcome]], *, now: datetime) -> None:
    """Record that the provider took these requests. Their invoices are locked."""
    told = []
    for operation, outcome in rows:
        request, sent = operation.request, outcome.sent
        assert request is not None  # noqa: S101 -- see is_plainly_taken
        assert sent is not None  # noqa: S101
        _keep_sent(request, sent)
        told.append((request, [_handed_over(request, sent, now)]))
    facts.apply_many(told, source=Source.ANSWER, now=now)


def _handed_over(request: PaymentRequest, sent: Sent, now: datetime) -> StatusChange:
    return StatusChange(
        reference=request.reference,
        event_id=facts.HANDED_OVER,
        state=sent.state,
        provider_word="",
        occurred_at=now,
        payload=sent.extra,
    )


def record(operation: Operation, outcome: Outcome, *, now: datetime) -> None:
    """Write an outcome to the request and the timeline. The invoice is locked."""
    if operation.kind == OperationKind.EMAIL:
        posting.record(operation, outcome.what, outcome.problem, now=now)
        return
    request = operation.request
    assert request is not None  # noqa: S101 -- all other kinds have one
    if outcome.sent is not None:
        _keep_sent(request, outcome.sent)
    if outcome.hold_account:
        accounts.pause(request.account, reason=str(outcome.problem["meaning"]), now=now)
    if operation.kind == OperationKind.CREATE:
        _record_create(operation, request, outcome, now)
    elif operation.state == OperationState.FAILED:
        _record_failure(operation, request, outcome, now)
    if outcome.changes:
        facts.apply(operation.invoice, request, outcome.changes, source=Source.ANSWER, now=now)


def _keep_sent(request: PaymentRequest, sent: Sent) -> None:
    if request.provider_id and sent.provider_id != request.provider_id:
        # The id we know stays; that there is another is told by what comes for it.
        request.facts = request.facts | {"other_id": sent.provider_id}
        return
    request.provider_id = sent.provider_id
    request.expires_at = sent.expires_at
    request.facts = request.facts | dict(sent.extra)
    if sent.redirect_url:
        request.redirect_url = options.sealed(sent.redirect_url)


def _record_create(
    operation: Operation, request: PaymentRequest, outcome: Outcome, now: datetime
) -> None:
    """Move a request by what became of sending it, unless facts have moved it further."""
    if outcome.what == "not_found":
        _note(operation, request, "not_found", now)
    if outcome.sent is not None and not outcome.changes:
        change = _handed_over(request, outcome.sent, now)
        facts.apply(operation.invoice, request, [change], source=Source.ANSWER, now=now)
        return
    if request.state not in UNHEARD or outcome.changes:
        return
    request.problem = dict(outcome.problem)
    if outcome.what in {"arrived", "doubtful"}:
        request.facts = request.facts | {"lost_answer": outcome.what}
        _set(request, RequestState.UNKNOWN, now)
        _note(operation, request, outcome.what, now)
    elif operation.state == OperationState.FAILED:
        _record_invalid(operation, request, outcome, now)
    elif operation.state == OperationState.UNKNOWN:
        _set(request, RequestState.UNKNOWN, now)
        if operation.tries <= 1:
            _note(operation, request, "request_unknown", now)
    else:
        _set(request, RequestState.QUEUED, now)
        # The first, second, fourth, eighth ... try: an outage of a night is ten lines, not a
        # thousand.
        if operation.tries & (operation.tries - 1) == 0:
            _note(operation, request, outcome.what, now)


def _record_invalid(
    operation: Operation, request: PaymentRequest, outcome: Outcome, now: datetime
) -> None:
    if outcome.what != "refused":
        # Patience is over and still nobody knows: it stays unknown, and a person is told.
        _set(request, RequestState.UNKNOWN, now)
        _alert(operation, request, "needs_person", outcome, now)
        return
    facts.refuse(request, outcome.problem, source=Source.ANSWER, now=now)


def _record_failure(
    operation: Operation, request: PaymentRequest, outcome: Outcome, now: datetime
) -> None:
    if operation.kind == OperationKind.AFTER_PAID:
        return  # Best effort: the customer has paid and nothing depends on it.
    _note(operation, request, f"failed_{operation.kind}", now, problem=outcome.problem)
    if operation.kind == OperationKind.ASK_CONSENT:
        request.share_phone = False  # So that the payer can be asked again.
        request.save(update_fields=["share_phone", "updated_at"])
    # A withdrawal that lost against the customer's approval is no matter for a person: the
    # approval itself is on the timeline. One that leaves a settled invoice payable is.
    settled = operation.invoice.status not in PAYABLE
    payable = settled and request.state in OPEN_STATES
    if operation.kind != OperationKind.CANCEL or payable:
        _alert(operation, request, "operation_failed", outcome, now)


def _set(request: PaymentRequest, state: RequestState, now: datetime) -> None:
    request.state = state
    request.state_at = now
    request.ask_at = facts.next_ask(request, now)
    request.save(update_fields=["state", "state_at", "ask_at", "facts", "problem", "updated_at"])


def _alert(
    operation: Operation, request: PaymentRequest, what: str, outcome: Outcome, now: datetime
) -> None:
    data = {
        "kind": str(OperationKind(operation.kind).label),
        "tries": operation.tries,
        "meaning": str(outcome.problem.get("meaning", "")),
        "provider": provider_label(request),
    }
    alerts.raise_alert(operation.invoice, what, now=now, request=request, data=data)


def _note(
    operation: Operation,
    request: PaymentRequest,
    what: str,
    now: datetime,
    *,
    problem: Mapping[str, Any] | None = None,
) -> None:
    about = problem if problem is not None else operation.problem
    timeline.add(
        operation.invoice,
        kind=EventKind.OPERATION,
        what=what,
        source=Source.ANSWER,
        event_id=f"op:{operation.pk}:{operation.fence}:{what}",
        now=now,
        request=request,
        data={
            "provider": provider_label(request),
            "meaning": str(about.get("meaning", "")),
            "detail": str(about.get("remedy", "")),
            "due_at": operation.due_at.isoformat(),
        },
        provider_word=str(about.get("code", "")),
        payload=about,
    )


def provider_label(request: PaymentRequest) -> str:
    """Name the provider in the source language, as the timeline keeps it."""
    provider = registry.classes().get(request.account.provider)
    return plain(provider.label if provider else gettext_lazy("The provider"))

"""The sandbox's own remote control, as JSON: for tests, the smoke run and curious people."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.exceptions import (
    MultipleObjectsReturned,
    ObjectDoesNotExist,
    ValidationError,
)
from django.http import HttpRequest, JsonResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt

from providers.sandbox import clock, outbox, seeding, state
from providers.sandbox.mobilepay import expiry
from providers.sandbox.mobilepay.lifecycle import NotPossible
from providers.sandbox.models import Call, Fault, Payment, SalesUnit
from providers.sandbox.vipps import customer, lifecycle, wording
from providers.sandbox.vipps.auth import PROVIDER
from providers.sandbox.vipps.problems import Refusal

Json = dict[str, Any]
Action = Callable[[Json], Json]


class Wrong(Exception):
    """A control request that makes no sense; the text says what would."""


def control(**actions: Action) -> Callable[[HttpRequest], JsonResponse]:
    """Make a JSON view from one function per HTTP method; query and body come merged."""

    @csrf_exempt
    def view(request: HttpRequest) -> JsonResponse:
        action = actions.get(request.method or "")
        if action is None:
            return JsonResponse({"error": f"Use {', '.join(actions)}."}, status=405)
        try:
            return JsonResponse(action(_input(request)))
        except (Wrong, ValueError, TypeError, KeyError, ValidationError) as problem:
            return JsonResponse({"error": str(problem)}, status=400)
        except (ObjectDoesNotExist, MultipleObjectsReturned) as problem:
            return JsonResponse({"error": str(problem)}, status=404)
        except NotPossible as problem:
            return JsonResponse({"error": str(problem)}, status=409)
        except Refusal as refusal:
            return JsonResponse({"error": str(refusal), "code": refusal.code}, status=409)

    return view


def _input(request: HttpRequest) -> Json:
    values: Json = dict(request.GET.items())
    if request.body:
        body = json.loads(request.body)
        if not isinstance(body, dict):
            raise Wrong("The body must be a JSON object.")
        values |= body
    return values


def _payment(given: Json) -> Payment:
    if not given.get("reference"):
        raise Wrong("Say which payment: reference, and msn where two units share it.")
    return customer.find(str(given["reference"]), str(given.get("msn", "")))


def _after(payment: Payment, **more: Any) -> Json:
    fresh = Payment.objects.select_related("unit").get(pk=payment.pk)
    return state.describe(fresh) | more


def approve(given: Json) -> Json:
    payment = _payment(given)
    shown = customer.approve(payment, str(given.get("phoneNumber", "")))
    return _after(payment, phoneShows=shown)


def share(given: Json) -> Json:
    payment = _payment(given)
    shown = customer.approve(payment, str(given.get("phoneNumber", "")), share=True)
    return _after(payment, phoneShows=shown)


def reject(given: Json) -> Json:
    payment = _payment(given)
    customer.reject(payment)
    return _after(payment)


def dismiss(given: Json) -> Json:
    payment = _payment(given)
    customer.dismiss(payment)
    return _after(payment)


def read_clock(_given: Json) -> Json:
    return {"now": wording.moment(clock.now()), "aheadSeconds": int(clock.offset().total_seconds())}


def push_clock(given: Json) -> Json:
    """Push by ``seconds``, or ``to`` an ISO moment; expiries happen at once, at every provider."""
    if "to" in given:
        moment = parse_datetime(str(given["to"]))
        if moment is None or moment.tzinfo is None:
            raise Wrong("'to' must be an ISO 8601 time with an offset.")
        clock.push_to(moment)
    else:
        clock.push(timedelta(seconds=float(given["seconds"])))
    settled = lifecycle.tick() + expiry.tick(clock.now())
    return read_clock({}) | {"settled": settled}


FAULT_FIELDS = {
    "account",
    "endpoint",
    "kind",
    "seconds",
    "status",
    "code",
    "retry_after",
    "remaining",
}


def set_fault(given: Json, provider: str = PROVIDER) -> Json:
    """Set one fault: kind, and optionally account (MSN), endpoint, seconds, status, code,
    retry_after (seconds, date, absent) and remaining (how often; absent: for ever).
    """
    if strangers := set(given) - FAULT_FIELDS:
        raise Wrong(f"Unknown: {', '.join(sorted(strangers))}. Known: {sorted(FAULT_FIELDS)}.")
    fault = Fault(provider=provider, **given)
    fault.full_clean()
    fault.save()
    return _fault(fault)


def list_faults(_given: Json, provider: str = PROVIDER) -> Json:
    return {"faults": [_fault(fault) for fault in Fault.objects.filter(provider=provider)]}


def clear_faults(given: Json, provider: str = PROVIDER) -> Json:
    faults = Fault.objects.filter(provider=provider)
    if "id" in given:
        faults = faults.filter(pk=given["id"])
    return {"cleared": faults.delete()[0]}


def _fault(fault: Fault) -> Json:
    fields = ("id", "fired", *sorted(FAULT_FIELDS))
    return {name: getattr(fault, name) for name in fields}


def pushes(given: Json) -> Json:
    """List the requests on a phone, newest first."""
    rows = customer.requests_for(str(given["phoneNumber"])).prefetch_related("events")
    return {"pushes": [state.describe(payment) for payment in rows[:100]]}


def calls(given: Json, provider: str = PROVIDER, account: str = "msn") -> Json:
    """List received requests with their bodies, newest first; by account, reference, endpoint."""
    wanted = {account: "account", "reference": "reference", "endpoint": "endpoint"}
    where = {column: given[name] for name, column in wanted.items() if given.get(name)}
    rows = Call.objects.filter(provider=provider, **where).order_by("-id")[:200]
    fields = ("endpoint", "account", "reference", "key", "status", "body")
    return {"calls": [{name: getattr(row, name) for name in fields} for row in rows]}


def read_ledger(given: Json) -> Json:
    return state.ledger(
        msn=str(given.get("msn", "")),
        reference=str(given.get("reference", "")),
        after=int(given.get("after", 0)),
        limit=min(int(given.get("limit", 500)), 2000),
    )


def webhooks(given: Json) -> Json:
    rows = state.webhooks(msn=str(given.get("msn", "")), stream=str(given.get("reference", "")))
    return {"deliveries": rows}


def deliver(_given: Json) -> Json:
    return {"delivered": outbox.deliver_due()}


def reset(given: Json) -> Json:
    state.reset(accounts_too=bool(given.get("accountsToo")))
    return {"reset": True}


def sales_unit(given: Json) -> Json:
    """Make or change a sales unit; answers with its keys."""
    fields = {f.name for f in SalesUnit._meta.concrete_fields} - {"id"}
    if strangers := set(given) - fields:
        raise Wrong(f"Unknown: {', '.join(sorted(strangers))}.")
    unit = seeding.sales_unit(**given)
    names = ("msn", "name", "market", "client_id", "client_secret", "key_primary", "key_secondary")
    return {name: getattr(unit, name) for name in names}

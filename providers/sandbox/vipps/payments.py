"""ePayment v1: create, get, events, capture, refund, cancel, and the test host's force approve.

Source: ePayment OpenAPI 1.8.1, developer.vippsmobilepay.com/api/epayment.
"""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from providers.sandbox.models import Payment
from providers.sandbox.vipps import fields, lifecycle, receipts, users, wording
from providers.sandbox.vipps.endpoint import Answer, Exchange, endpoint
from providers.sandbox.vipps.fields import Wanted
from providers.sandbox.vipps.problems import invalid, refuse


@endpoint("create", writes=True, key="required", takes_body=True)
def create(exchange: Exchange) -> Answer:
    """POST /epayment/v1/payments."""
    wanted = fields.read(exchange.body, exchange.unit, exchange.now)
    if wanted.phone:
        person = users.person(wanted.phone)
        if not users.payable(person, wanted.minimum_age, exchange.now):
            raise refuse("7010")
    if exchange.second_look and _exists(exchange, wanted.reference):
        raise refuse("4150")
    payment = _payment(exchange, wanted)
    payment.save(force_insert=True)
    lifecycle.record(payment, "CREATED", payment.amount, exchange.now, key=exchange.key)
    answer = {"reference": payment.reference}
    return 201, answer | ({"redirectUrl": payment.redirect_url} if payment.redirect_url else {})


@endpoint("get")
def get(exchange: Exchange, reference: str) -> Answer:
    """GET /epayment/v1/payments/{reference}."""
    return 200, wording.full(_found(exchange, reference), exchange.now)


@endpoint("events")
def events(exchange: Exchange, reference: str) -> Answer:
    """GET /epayment/v1/payments/{reference}/events, oldest first."""
    payment = _found(exchange, reference)
    return 200, [wording.event(row, payment) for row in payment.events.all()]


@endpoint("capture", writes=True, key="required", takes_body=True)
def capture(exchange: Exchange, reference: str) -> Answer:
    """POST /epayment/v1/payments/{reference}/capture."""
    payment = lifecycle.locked(exchange.unit.pk, reference, exchange.now)
    value = fields.modification(exchange.body, payment.currency)
    lifecycle.capture(payment, value, exchange.key, exchange.now)
    return 200, wording.modification(payment)


@endpoint("refund", writes=True, key="required", takes_body=True)
def refund(exchange: Exchange, reference: str) -> Answer:
    """POST /epayment/v1/payments/{reference}/refund."""
    payment = lifecycle.locked(exchange.unit.pk, reference, exchange.now)
    value = fields.modification(exchange.body, payment.currency)
    lifecycle.refund(payment, value, exchange.key, exchange.now)
    return 200, wording.modification(payment)


@endpoint("cancel", writes=True, key="optional", takes_body=True)
def cancel(exchange: Exchange, reference: str) -> Answer:
    """POST /epayment/v1/payments/{reference}/cancel; the body may be empty."""
    body = exchange.body if exchange.body is not None else {}
    receipts.fields(body, {"cancelTransactionOnly": lambda value: isinstance(value, bool)}, "")
    payment = lifecycle.locked(exchange.unit.pk, reference, exchange.now)
    only = bool(body.get("cancelTransactionOnly"))
    lifecycle.cancel(payment, exchange.key, exchange.now, transaction_only=only)
    return 200, wording.modification(payment)


@endpoint("force_approve", writes=True, takes_body=True)
def force_approve(exchange: Exchange, reference: str) -> Answer:
    """POST /epayment/v1/test/payments/{reference}/approve, on the test host only."""
    msisdn = _approver(exchange.body)
    payment = lifecycle.locked(exchange.unit.pk, reference, exchange.now)
    token = exchange.body.get("token")
    if token is not None and token != payment.token:
        raise invalid("token", "The token does not belong to this payment.")
    msisdn = msisdn or payment.msisdn or "4791234567"
    if not users.person(msisdn).has_card:
        raise refuse("10050")
    lifecycle.approve(payment, msisdn, exchange.now)
    return 200, None


def _found(exchange: Exchange, reference: str) -> Payment:
    payment = (
        Payment.objects.select_related("unit")
        .filter(unit=exchange.unit, reference=reference)
        .first()
    )
    if payment is None:
        raise refuse("5090")
    return lifecycle.current(payment, exchange.now)


def _exists(exchange: Exchange, reference: str) -> bool:
    return Payment.objects.filter(unit=exchange.unit, reference=reference).exists()


def _payment(exchange: Exchange, wanted: Wanted) -> Payment:
    payment = Payment(
        unit=exchange.unit,
        reference=wanted.reference,
        amount=wanted.amount,
        currency=wanted.currency,
        user_flow=wanted.flow,
        method=wanted.method,
        msisdn=wanted.phone,
        description=wanted.description,
        return_url=wanted.return_url,
        scope=wanted.scope,
        minimum_age=wanted.minimum_age,
        metadata=wanted.metadata,
        receipt=wanted.receipt,
        receipt_url=wanted.receipt_url,
        created_at=exchange.now,
        expires_at=wanted.expires_at,
    )
    payment.redirect_url = _redirect_url(exchange.request, payment, wanted)
    return payment


def _redirect_url(request: HttpRequest, payment: Payment, wanted: Wanted) -> str:
    if wanted.flow == "PUSH_MESSAGE":
        return ""
    path = reverse("sandbox:landing", args=[payment.token])
    if wanted.flow == "QR" and wanted.qr_format != "TEXT/TARGETURL":
        path = reverse("sandbox:qr", args=[payment.token])
    return request.build_absolute_uri(f"{path}?token={payment.token}")


def _approver(body: Any) -> str:
    checks = {
        "customer": lambda value: isinstance(value, dict),
        "token": receipts.is_text,
    }
    receipts.fields(body, checks, "")
    if ("customer" in body) == ("token" in body):
        raise invalid("customer", "One of customer and token must be set.")
    if "token" in body:
        return ""
    receipts.fields(body["customer"], {"phoneNumber": receipts.is_text}, "customer")
    return fields.phone(body["customer"].get("phoneNumber"))

"""How a payment reads on the wire: get, modification answer, event log, webhook."""

from datetime import UTC, date, datetime
from typing import Any

from providers.sandbox.models import Payment, PaymentEvent, SalesUnit
from providers.sandbox.vipps import users

Json = dict[str, Any]


def money(value: int, currency: str) -> Json:
    return {"currency": currency, "value": value}


def moment(at: datetime) -> str:
    """Write a time as the provider does: UTC, milliseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def aggregate(payment: Payment) -> Json:
    currency = payment.currency
    return {
        "authorizedAmount": money(payment.authorized, currency),
        "cancelledAmount": money(payment.cancelled, currency),
        "capturedAmount": money(payment.captured, currency),
        "refundedAmount": money(payment.refunded, currency),
    }


def modification(payment: Payment) -> Json:
    """Answer of capture, refund and cancel; its pspReference is the creation event's."""
    return {
        "amount": money(payment.amount, payment.currency),
        "state": payment.state,
        "aggregate": aggregate(payment),
        "pspReference": str(payment.psp_reference),
        "reference": payment.reference,
    }


def full(payment: Payment, now: datetime) -> Json:
    """Answer of get payment."""
    content = modification(payment) | {
        "paymentMethod": {"type": payment.method},
        "profile": {},
    }
    if payment.redirect_url and payment.state == Payment.State.CREATED:
        content["redirectUrl"] = payment.redirect_url
    if payment.metadata:
        content["metadata"] = payment.metadata
    if payment.guaranteed_until and payment.state == Payment.State.AUTHORIZED:
        content["captureGuaranteedUntil"] = payment.guaranteed_until.astimezone(UTC).isoformat()
    if payment.sub_visible_at and now >= payment.sub_visible_at:
        content["profile"] = {"sub": payment.sub}
        content["userDetails"] = user_details(payment)
    return content


def event(row: PaymentEvent, payment: Payment) -> Json:
    """Write one item of the event log."""
    content = {
        "reference": payment.reference,
        "pspReference": str(row.psp_reference),
        "name": row.name,
        "amount": money(row.amount, payment.currency),
        "timestamp": moment(row.at),
        "success": row.success,
    }
    return content | ({"idempotencyKey": row.key} if row.key else {})


def webhook(row: PaymentEvent) -> Json:
    """Write the body of a webhook."""
    payment = row.payment
    content: Json = {"msn": payment.unit.msn} | event(row, payment)
    if row.name != "AUTHORIZED" or not row.success:
        return content
    if payment.guaranteed_until:
        content["captureGuaranteedUntil"] = payment.guaranteed_until.astimezone(UTC).isoformat()
    if payment.sub:
        content |= {"sub": payment.sub, "userDetails": user_details(payment)}
    return content


def user_details(payment: Payment) -> Json:
    """Write what the user agreed to share; what the rest looks like is a switch of the unit."""
    person = users.person(payment.msisdn)
    scope = payment.scope.split()
    values = {
        "firstName": ("name", person.given_name),
        "lastName": ("name", person.family_name),
        "email": ("email", person.email),
        "mobileNumber": ("phoneNumber", person.msisdn),
        "dateOfBirth": ("birthDate", _day(person.birth_date)),
    }
    blank = None if payment.unit.ungranted == SalesUnit.Ungranted.NULL else ""
    content: Json = {}
    for name, (needed, value) in values.items():
        if needed in scope:
            content[name] = value
        elif payment.unit.ungranted != SalesUnit.Ungranted.OMIT:
            content[name] = blank
    if "address" in scope:
        content["addresses"] = [
            {
                "addressLine1": person.street,
                "city": person.city,
                "country": person.country,
                "postCode": person.postal_code,
            }
        ]
    return content


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""

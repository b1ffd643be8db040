"""Every documented error code in plain words, and what an answer that is a refusal becomes.

Source: developer.vippsmobilepay.com/docs/APIs/epayment-api/api-guide/errors, read 2026-10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from providers import http
from providers.contract import ErrorWord, NotAuthorised, NotFound, Refused, Unavailable

_CHANGE = _("Change the invoice or the request and send it again.")
_ACCOUNT = _("Ask Vipps MobilePay to change the sales unit, or send another way.")
_REPORT = _("Report it to whoever runs this site, with the code and the trace number.")
_LOOK = _("Look at the timeline; the present state is being fetched.")
_LATER = _("It is tried again by itself.")
_OTHER_ROAD = _("Send the invoice another way, or agree with the customer on another payment.")

CODES: Mapping[str, ErrorWord] = {
    # internal
    "3010": ErrorWord(meaning=_("Vipps MobilePay had an error of its own."), remedy=_LATER, retry=True),
    # the request
    "4010": ErrorWord(meaning=_("This collection was already asked for, with another amount."), remedy=_LOOK),
    "4020": ErrorWord(meaning=_("This request was already made."), remedy=_LOOK),
    "4040": ErrorWord(meaning=_("The amount cannot be used."), remedy=_CHANGE),
    "4050": ErrorWord(meaning=_("The customer token is not valid."), remedy=_REPORT),
    "4060": ErrorWord(meaning=_("The personal QR code is not valid."), remedy=_REPORT),
    "4070": ErrorWord(meaning=_("The phone number is not written as they want it."), remedy=_("Correct the phone number on the customer, with country code.")),
    "4080": ErrorWord(meaning=_("What was asked of the customer's profile is not known there."), remedy=_REPORT),
    "4090": ErrorWord(meaning=_("An address in the request was refused. It must be public and begin with https."), remedy=_("Check this site's public address.")),
    "4100": ErrorWord(meaning=_("The request carries too many extra fields."), remedy=_REPORT),
    "4110": ErrorWord(meaning=_("The request carries an extra field twice."), remedy=_REPORT),
    "4120": ErrorWord(meaning=_("The name of an extra field is not valid."), remedy=_REPORT),
    "4130": ErrorWord(meaning=_("The content of an extra field is not valid."), remedy=_REPORT),
    "4140": ErrorWord(meaning=_("Something they need is missing."), remedy=_REPORT),
    "4150": ErrorWord(meaning=_("The reference or the refund key has been used before."), remedy=_LOOK),
    "4160": ErrorWord(meaning=_("The payment method is not valid."), remedy=_REPORT),
    # the merchant's set-up
    "5010": ErrorWord(meaning=_("Cards of companies cannot be kept out on this sales unit."), remedy=_ACCOUNT),
    "5020": ErrorWord(meaning=_("The sales unit has no Express."), remedy=_ACCOUNT),
    "5030": ErrorWord(meaning=_("The sales unit may not ask the customer for this."), remedy=_ACCOUNT),
    "5040": ErrorWord(meaning=_("The sales unit does not take this currency."), remedy=_("Use the account of the currency's country.")),
    "5050": ErrorWord(meaning=_("The sales unit is not approved for requests that live longer than ten minutes."), remedy=_("Ask Vipps MobilePay for long-living payments, or send the link instead.")),
    "5060": ErrorWord(meaning=_("The sales unit's bank account is not verified."), remedy=_("Verify the bank account on their business portal.")),
    "5070": ErrorWord(meaning=_("The sales unit cannot make payments now."), remedy=_("Look at the sales unit on their business portal.")),
    "5080": ErrorWord(meaning=_("The sales unit is not approved to send requests to phones."), remedy=_("Ask Vipps MobilePay for push messages, or send the link instead.")),
    "5090": ErrorWord(meaning=_("They do not know the reference on this sales unit."), remedy=_("Check that the account's sales unit and environment are the ones it was sent with.")),
    "5100": ErrorWord(meaning=_("The customer cannot be given money back this way."), remedy=_("Refund by bank transfer and note it on the invoice.")),
    # the payment
    "6010": ErrorWord(meaning=_("The amount is too small."), remedy=_("Send the invoice another way.")),
    "6020": ErrorWord(meaning=_("Nothing has been collected that could be refunded."), remedy=_LOOK),
    "6030": ErrorWord(meaning=_("It is too late to release the reservation."), remedy=_("It lapses by itself.")),
    "6040": ErrorWord(meaning=_("The money has been collected."), remedy=_("Refund it instead.")),
    "6050": ErrorWord(meaning=_("Nothing is reserved that could be released."), remedy=_LOOK),
    "6060": ErrorWord(meaning=_("The customer has approved meanwhile."), remedy=_("Release the reservation, or collect it.")),
    "6070": ErrorWord(meaning=_("The payment has been withdrawn and cannot be collected."), remedy=_("Send a new request.")),
    "6080": ErrorWord(meaning=_("The customer has not approved yet."), remedy=_("Wait for the customer.")),
    "6090": ErrorWord(meaning=_("The amount is more than is reserved."), remedy=_("Collect what is reserved.")),
    "6100": ErrorWord(meaning=_("It is too late to collect; the reservation has lapsed."), remedy=_("Send a new request.")),
    "6110": ErrorWord(meaning=_("The request would live longer than the sales unit may."), remedy=_("Lower the longest life in the account's settings.")),
    "6120": ErrorWord(meaning=_("The request would end too soon."), remedy=_("Move the due date, or send the link instead.")),
    "6130": ErrorWord(meaning=_("Invoice lines or a link to the invoice are missing."), remedy=_("Choose lines or link in the account's settings.")),
    "6140": ErrorWord(meaning=_("The sales unit may only collect the whole amount."), remedy=_("Collect the whole amount and refund the difference.")),
    "6150": ErrorWord(meaning=_("The refund is more than has been collected and not given back."), remedy=_("Refund less.")),
    "6160": ErrorWord(meaning=_("The payment is being worked on."), remedy=_LATER, retry=True),
    "6170": ErrorWord(meaning=_("The money has been collected already."), remedy=_LOOK),
    "6180": ErrorWord(meaning=_("The money has been given back already."), remedy=_LOOK),
    "6190": ErrorWord(meaning=_("The payment cannot be withdrawn in its present state."), remedy=_LOOK),
    "6200": ErrorWord(meaning=_("The payment cannot be collected in its present state."), remedy=_LOOK),
    "6210": ErrorWord(meaning=_("The payment cannot be refunded in its present state."), remedy=_LOOK),
    "6220": ErrorWord(meaning=_("It is too late to refund this way."), remedy=_("Refund by bank transfer and note it on the invoice.")),
    "6230": ErrorWord(meaning=_("The money is reserved already."), remedy=_LOOK),
    "6250": ErrorWord(meaning=_("The customer is approving at this moment."), remedy=_LATER, retry=True),
    "6260": ErrorWord(meaning=_("The customer's bank has no money for this reservation any more."), remedy=_OTHER_ROAD),
    "6280": ErrorWord(meaning=_("The bank did not collect the money this time."), remedy=_LATER, retry=True),
    # the customer
    "7010": ErrorWord(meaning=_("Nobody who can pay this was found behind the phone number. They do not say why."), remedy=_("Send the link instead, or ask the customer.")),
    # their test environment only
    "10010": ErrorWord(meaning=_("Only in their test environment: the test customer was not found."), remedy=_("Use a test customer of this sales unit.")),
    "10020": ErrorWord(meaning=_("Only in their test environment: the payment cannot be approved by a call."), remedy=_("Approve it in the test app.")),
    "10030": ErrorWord(meaning=_("Only in their test environment: the payment cannot be approved by a call."), remedy=_("Approve it in the test app.")),
    "10040": ErrorWord(meaning=_("Only in their test environment: the payment cannot be approved by a call."), remedy=_("Approve it in the test app.")),
    "10050": ErrorWord(meaning=_("Only in their test environment: the test customer has no card."), remedy=_("Add a card in the test app.")),
    "10060": ErrorWord(meaning=_("Only in their test environment: the payment cannot be approved by a call."), remedy=_("Approve it in the test app.")),
    "10070": ErrorWord(meaning=_("Only in their test environment: the payment cannot be approved by a call."), remedy=_("Approve it in the test app.")),
}  # fmt: skip

UNKNOWN = ErrorWord(
    meaning=_("Vipps MobilePay refused with a code that is not in their documentation."),
    remedy=_REPORT,
)
BY_STATUS: Mapping[int, ErrorWord] = {
    400: ErrorWord(meaning=_("Vipps MobilePay found the request wrong."), remedy=_REPORT),
    401: ErrorWord(
        meaning=_("Vipps MobilePay does not accept the account's keys."),
        remedy=_("Check client id, client secret, subscription key and sales unit number."),
    ),
    403: ErrorWord(
        meaning=_("The account's keys may not do this."),
        remedy=_("Ask Vipps MobilePay to open the product for this sales unit."),
    ),
    404: CODES["5090"],
    409: ErrorWord(meaning=_("Another request stands in the way."), remedy=_LOOK),
    423: ErrorWord(
        meaning=_("Another operation on the payment is under way."), remedy=_LATER, retry=True
    ),
    429: ErrorWord(
        meaning=_("Too many calls in a short time."),
        remedy=_LATER,
        retry=True,
    ),
}
BROKEN = ErrorWord(
    meaning=_("Vipps MobilePay did not answer as it should."), remedy=_LATER, retry=True
)
# Seconds to wait where they name none: a lock is short, the rate window is a minute.
WAIT = {423: 3.0, 429: 60.0}
WAIT_BY_CODE = 15.0


def error_word(code: str) -> ErrorWord:
    """Put an error code in plain words; one not in their documentation says so."""
    return CODES.get(code, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as read from any of their body shapes. `field` is set where there is no code."""

    code: str = ""
    field: str = ""
    text: str = ""
    trace: str = ""
    payload: Mapping[str, Any] | None = None


def read(answer: http.Answer) -> Problem:
    """Read a refusal's body leniently; an unreadable one becomes an empty problem."""
    try:
        body = answer.json()
    except ValueError:
        return Problem()
    if not isinstance(body, dict):
        return Problem()
    details = _details(body)
    code = next((reason for name, reason in details if name == "ErrorCode"), "")
    named = next(((n, r) for n, r in details if n != "ErrorCode"), ("", ""))
    texts = (named[1], body.get("detail"), body.get("message"), body.get("title"))
    text = next((t for t in texts if isinstance(t, str) and t), "")
    trace = body.get("traceId")
    return Problem(
        code=code,
        field="" if code else named[0],
        text=text,
        trace=trace if isinstance(trace, str) else "",
        payload=body,
    )


def _details(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = body.get("extraDetails") or body.get("invalidParams")
    if not isinstance(found, list):
        return []
    return [(str(i.get("name")), str(i.get("reason"))) for i in found if isinstance(i, dict)]


def told(answer: http.Answer) -> http.Told:
    """Say for the call log what an answer was."""
    if answer.status < 400:
        return http.Told("ok")
    problem = read(answer)
    outcome = f"error {problem.code}" if problem.code else problem.field or "refused"
    return http.Told(outcome, problem.trace)


def raise_for(answer: http.Answer, *, writes: bool) -> None:
    """Raise what an answer means, unless it is a success."""
    if 200 <= answer.status < 300:
        return
    problem = read(answer)
    word = CODES.get(problem.code) or BY_STATUS.get(answer.status, UNKNOWN)
    about: dict[str, Any] = {
        "code": problem.code,
        "correlation_id": problem.trace,
        "payload": problem.payload,
        "field": problem.field,
    }
    broken = {"meaning": BROKEN.meaning, "remedy": BROKEN.remedy}
    http.raise_if_unclear(answer, writes=writes, **about, **broken)
    about |= {"status": answer.status, "meaning": word.meaning, "remedy": word.remedy}
    message = f"Vipps MobilePay answered HTTP {answer.status}" + _named(problem)
    if answer.status in WAIT or (problem.code and word.retry):
        wait = answer.retry_after
        fallback = WAIT.get(answer.status, WAIT_BY_CODE)
        raise Unavailable(message, retry_after=fallback if wait is None else wait, **about)
    if answer.status == 401 or (answer.status == 403 and not problem.code):
        raise NotAuthorised(message, **about)
    if answer.status == 404 and problem.code in {"", "5090"}:
        raise NotFound(message, **about)
    raise Refused(message, **about)


def _named(problem: Problem) -> str:
    if problem.code:
        return f", code {problem.code}."
    return f", field {problem.field}: {problem.text}" if problem.field else f": {problem.text}"

"""What the adapter makes of answers, faked at the wire."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers import registry
from providers.contract import (
    MovementKind,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    Refused,
    RequestState,
    Sent,
    Unavailable,
)
from providers.mobilepay_invoice import client as client_module
from providers.mobilepay_invoice import webhooks
from providers.mobilepay_invoice.adapter import MobilePayInvoice
from tests.providers import mobilepay_samples as samples
from tests.providers.mobilepay_samples import (
    API,
    CONSENT,
    INVOICE,
    INVOICES,
    ISSUER,
    LINK,
    MERCHANT,
    NOW,
    ONE,
    OTHER,
    REFERENCE,
    asked,
    details,
    document,
    options,
    problem,
)

CONSENTS = f"{API}/directinvoiceconsents"
PENDING = {"contact_consent": {"id": CONSENT, "state": "pending", "asked_at": NOW.isoformat()}}
LINKS = [{"Rel": "self", "Href": f"{ONE}/link"}, {"Rel": "user-redirect", "Href": LINK}]


@pytest.fixture
def mock():
    with samples.wire() as found:
        yield found


@pytest.fixture
def mobilepay(monkeypatch: Any) -> MobilePayInvoice:
    monkeypatch.setattr(client_module, "tokens", samples.Tokens())
    return MobilePayInvoice(samples.account())


def status(word: Any) -> dict[str, Any]:
    return {"InvoiceId": INVOICE, "Status": word}


def body(mock: Any) -> Any:
    return json.loads(mock.calls[-1].request.body, parse_float=Decimal)


# ------------------------------------------------------------------------------ self-description
def test_registry_finds_the_adapter():
    assert registry.classes()["mobilepay_invoice"] is MobilePayInvoice


def test_channels_say_what_the_panel_needs():
    shown = {c.slug: (c.needs_contact_consent, c.hands_out_link) for c in MobilePayInvoice.channels}

    assert shown == {"direct": (True, False), "link": (False, True)}


@pytest.mark.requirement("M4-64", "M4-65", "M4-66", "M4-67", "M4-75")
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("created", "announced on the phone"),
        ("invalid", "never saw it"),
        ("accepted", "not here yet"),
        ("paid", "taken"),
        ("rejected", "declined"),
        ("expired", "30 days"),
        ("canceled", "withdrew"),
    ],
)
def test_every_status_says_what_it_means(word, said):
    assert said in str(MobilePayInvoice.statuses[word].meaning)
    assert len(MobilePayInvoice.statuses) == 7


@pytest.mark.requirement("M1-11", "M1-13", "M1-14")
@pytest.mark.parametrize(("country", "top"), [("DK", "dk"), ("FI", "fi")])
def test_consent_is_asked_for_in_the_portal_of_the_country(country, top):
    terms = MobilePayInvoice(samples.account(country=country)).consent_terms()

    assert terms.scopes == ("openid", "offline_access", "invoice")
    assert terms.portals["production"] == f"https://admin.mobilepay.{top}"
    assert terms.portals["test"] == f"https://sandprod-admin.mobilepay.{top}"
    assert terms.origins["production"] == "https://api.mobilepay.dk"
    assert terms.merchant_hint == ("merchant_vat", "DK31415926")
    assert MobilePayInvoice(samples.account(vat_number="")).consent_terms().merchant_hint is None


# --------------------------------------------------------------------------------------- sending
@pytest.mark.requirement("M1-27", "M1-58", "M4-38")
@pytest.mark.parametrize("code", [200, 201, 202])
def test_taken_is_handed_over_and_not_delivered(mock, mobilepay, code):
    mock.post(INVOICES, status=code, json={"InvoiceId": INVOICE.upper()})

    sent = mobilepay.send(document(), options())

    assert (sent.reference, sent.provider_id) == (REFERENCE, INVOICE)
    assert (sent.state, sent.redirect_url) == (RequestState.SUBMITTED, "")
    assert sent.extra == {"invoice_id": INVOICE, "link": False}


@pytest.mark.requirement("M4-47", "M4-48")
def test_link_is_the_one_to_pay_and_others_are_kept(mock, mobilepay):
    mock.post(f"{INVOICES}/link", status=202, json={"InvoiceId": INVOICE, "Links": LINKS})

    sent = mobilepay.send(document(), options("link"))

    assert sent.redirect_url == LINK
    assert sent.extra["links"] == [{"rel": "self", "href": f"{ONE}/link"}]
    assert "waits_for_link" not in sent.extra
    assert len(mock.calls) == 1


@pytest.mark.requirement("M4-48", "M4-56")
@pytest.mark.parametrize("links", [["x", None], {}, [LINKS[0], "x"]])
def test_odd_links_do_not_lose_the_invoice(mock, mobilepay, links):
    mock.post(f"{INVOICES}/link", status=202, json={"InvoiceId": INVOICE, "Links": links})

    sent = mobilepay.send(document(), options("link"))

    assert (sent.provider_id, sent.extra["waits_for_link"]) == (INVOICE, True)


@pytest.mark.requirement("M4-56")
def test_link_that_did_not_come_is_waited_for(mock, mobilepay):
    mock.post(f"{INVOICES}/link", status=202, json={"InvoiceId": INVOICE, "Links": LINKS[:1]})

    sent = mobilepay.send(document(), options("link"))

    assert (sent.redirect_url, sent.extra["waits_for_link"]) == ("", True)


@pytest.mark.requirement("M4-39", "M4-70")
@pytest.mark.parametrize(("country", "hour"), [("DK", 22), ("FI", 21)])
def test_request_ends_thirty_days_after_the_due_date(mobilepay, country, hour):
    adapter = MobilePayInvoice(samples.account(country=country))

    until = adapter.expires_at(document(due_date=date(2026, 12, 4)), options())

    assert until == datetime(2027, 1, 3, hour, 59, 59, tzinfo=UTC)


@pytest.mark.requirement("M4-45")
def test_stored_body_is_sent_whatever_the_document_says_by_now(mock, mobilepay):
    mock.post(INVOICES, status=202, json={"InvoiceId": INVOICE})
    prepared = mobilepay.prepare(document(), options())

    mobilepay.send(document(comment="Changed"), options(prepared=prepared))

    assert mock.calls[-1].request.body == prepared.encode()
    assert mobilepay.prepare(document(), options()) == prepared


@pytest.mark.requirement("M1-26")
def test_first_documentation_takes_an_array_of_one(mock, monkeypatch):
    monkeypatch.setattr(client_module, "tokens", samples.Tokens())
    mock.post(INVOICES, status=202, json={"InvoiceId": INVOICE})

    MobilePayInvoice(samples.account(profile="v1")).send(document(), options())

    assert [type(item) for item in body(mock)] == [dict]


@pytest.mark.requirement("M4-111")
@pytest.mark.parametrize(
    ("changes", "field"), [({"phone": ""}, "phone"), ({"issuer_id": ""}, "issuer")]
)
def test_incomplete_request_is_refused_without_a_call(mobilepay, changes, field):
    with samples.wire() as mock, pytest.raises(Refused) as caught:
        mobilepay.send(document(), options(**changes))

    assert (caught.value.field, len(mock.calls)) == (field, 0)


@pytest.mark.requirement("M4-86")
@pytest.mark.parametrize("code", ["10104", "10301"])
def test_duplicate_is_refused_with_a_code_that_is_known_as_one(mock, mobilepay, code):
    mock.post(INVOICES, status=409, json=problem(code))

    with pytest.raises(Refused) as caught:
        mobilepay.send(document(), options())

    assert caught.value.code in MobilePayInvoice.duplicate_codes


@pytest.mark.parametrize("answer", [{}, [], {"InvoiceId": None}, {"InvoiceId": "7"}, "ok", 7])
def test_answer_without_an_id_is_unknown(mock, mobilepay, answer):
    mock.post(INVOICES, status=202, json=answer)

    with pytest.raises(OutcomeUnknown):
        mobilepay.send(document(), options())


@pytest.mark.requirement("M4-102")
def test_after_midnight_it_waits_for_the_date_to_begin_there(monkeypatch):
    monkeypatch.setattr(client_module, "tokens", samples.Tokens())
    adapter = MobilePayInvoice(samples.account(profile="1.4"))
    now = datetime(2026, 11, 21, 23, 20, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)

    with pytest.raises(Unavailable) as caught:
        adapter.send(document(issue_date=date(2026, 11, 22)), options(now=now))

    assert caught.value.retry_after == 40 * 60


@pytest.mark.requirement("M4-102")
def test_what_waited_for_its_date_goes_though_its_options_are_of_before(mock, monkeypatch):
    """Every try comes with the moment of the decision."""
    monkeypatch.setattr(client_module, "tokens", samples.Tokens())
    adapter = MobilePayInvoice(samples.account(profile="1.4"))
    asked_for = options(now=datetime(2026, 11, 21, 23, 20, tzinfo=UTC))
    later = datetime(2026, 11, 22, 0, 0, 1, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    mock.post(INVOICES, status=202, json={"InvoiceId": INVOICE})

    sent = adapter.send(document(issue_date=date(2026, 11, 22)), asked_for)

    assert sent.provider_id == INVOICE


@pytest.mark.requirement("M1-26")
@pytest.mark.parametrize(("before", "after"), [("v1", "1.5"), ("1.5", "v1"), ("v1", "v1")])
def test_queued_body_keeps_the_frame_it_was_written_for(mock, monkeypatch, before, after):
    monkeypatch.setattr(client_module, "tokens", samples.Tokens())
    text = MobilePayInvoice(samples.account(profile=before)).prepare(document(), options())
    mock.post(INVOICES, status=202, json={"InvoiceId": INVOICE})

    MobilePayInvoice(samples.account(profile=after)).send(document(), options(prepared=text))

    assert isinstance(body(mock), list) is (before == "v1")


# ----------------------------------------------------------------------------------- many at once
def items(*numbers: str, channel: str = "direct", **changes: Any) -> list[Any]:
    return [
        (document(number=number), options(channel, reference=f"ref-{number}", **changes))
        for number in numbers
    ]


def told(results: list[Sent | ProviderError]) -> list[str]:
    return [
        result.provider_id if isinstance(result, Sent) else f"{type(result).__name__} {result.code}"
        for result in results
    ]


NESTED = {"InvoiceNumber": "B", "Errors": [{"ErrorText": "Exists", "ErrorCode": 10104}]}
FLAT = {"InvoiceNumber": "B", "ErrorText": "Exists", "ErrorCode": 10104}


@pytest.mark.requirement("M4-40", "M4-42")
@pytest.mark.parametrize("rejected", [NESTED, FLAT])
def test_batch_is_matched_by_number_in_any_order(mock, mobilepay, rejected):
    accepted = [
        {"InvoiceNumber": "C", "InvoiceId": OTHER},
        {"InvoiceNumber": "A", "InvoiceId": INVOICE},
    ]
    mock.post(f"{INVOICES}/batch", status=202, json={"Accepted": accepted, "Rejected": [rejected]})

    results = mobilepay.send_many(items("A", "B", "C"))

    assert told(results) == [INVOICE, "Refused 10104", OTHER]
    assert [item["InvoiceNumber"] for item in body(mock)] == ["A", "B", "C"]
    first = results[0]
    assert isinstance(first, Sent)
    assert (first.reference, first.state) == ("ref-A", RequestState.SUBMITTED)


@pytest.mark.requirement("M4-54", "M4-55")
def test_batch_of_links_waits_for_them(mock, mobilepay):
    accepted = [{"InvoiceNumber": "A", "InvoiceId": INVOICE}]
    mock.post(f"{INVOICES}/link/batch", status=202, json={"Accepted": accepted, "Rejected": []})

    (sent,) = mobilepay.send_many(items("A", channel="link"))

    assert isinstance(sent, Sent)
    assert (sent.redirect_url, sent.extra["waits_for_link"]) == ("", True)


@pytest.mark.requirement("M4-45")
def test_item_that_is_not_mentioned_or_twice_is_unknown(mock, mobilepay):
    accepted = [{"InvoiceNumber": "B", "InvoiceId": INVOICE}]
    mock.post(f"{INVOICES}/batch", status=202, json={"Accepted": accepted, "Rejected": [FLAT]})

    results = mobilepay.send_many(items("A", "B"))

    assert told(results) == ["OutcomeUnknown not mentioned", "OutcomeUnknown not mentioned"]


@pytest.mark.requirement("M4-79", "M4-45")
@pytest.mark.parametrize(
    "answer", [{"Accepted": [], "Rejected": [NESTED]}, {"Accepted": []}, {"Accepted": 5}, []]
)
def test_every_failure_of_a_batch_names_its_call(mock, mobilepay, answer):
    mock.post(f"{INVOICES}/batch", status=202, json=answer)

    try:
        (failure,) = mobilepay.send_many(items("B"))
    except OutcomeUnknown as error:
        failure = error

    assert isinstance(failure, ProviderError)
    assert failure.correlation_id == mock.calls[-1].request.headers["CorrelationId"]


@pytest.mark.requirement("M4-79")
@pytest.mark.parametrize("answer", [{"json": {}}, {"body": "<html>"}])
def test_answer_that_cannot_be_read_names_its_call(mock, mobilepay, answer):
    mock.post(INVOICES, status=202, **answer)

    with pytest.raises(OutcomeUnknown) as caught:
        mobilepay.send(document(), options())

    assert caught.value.correlation_id == mock.calls[-1].request.headers["CorrelationId"]


@pytest.mark.requirement("M4-45")
def test_item_of_a_batch_that_cannot_be_read_is_unknown(mock, mobilepay):
    accepted = [
        {"InvoiceNumber": "A", "InvoiceId": INVOICE},
        {"InvoiceNumber": "B", "InvoiceId": "x"},
    ]
    mock.post(f"{INVOICES}/batch", status=202, json={"Accepted": accepted, "Rejected": [None]})

    assert told(mobilepay.send_many(items("A", "B"))) == [INVOICE, "OutcomeUnknown not mentioned"]


@pytest.mark.requirement("M4-97", "M4-98", "M4-87", "M4-100")
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (10314, "Unavailable 10314"),
        ("10105", "OutcomeUnknown 10105"),
        (10101, "Refused 10101"),
        (None, "Refused "),
        (10999, "Refused 10999"),
    ],
)
def test_item_is_refused_as_a_single_one_would_be(mock, mobilepay, code, kind):
    rejected = [{"InvoiceNumber": "A", "Errors": [{"ErrorText": "x", "ErrorCode": code}]}]
    mock.post(f"{INVOICES}/batch", status=202, json={"Accepted": [], "Rejected": rejected})

    (refusal,) = mobilepay.send_many(items("A"))

    assert told([refusal]) == [kind]
    assert isinstance(refusal, ProviderError)
    assert str(refusal.meaning)


@pytest.mark.requirement("M4-45")
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404},
        {"status": 404, "body": "<html>Not here</html>"},
        {"status": 400, "body": "<html>Bad request</html>"},
        {"status": 413, "json": {"httpCode": "413", "moreInformation": "Too large"}},
        {"status": 409},
        {"status": 415, "json": {"title": "Unsupported Media Type"}},
    ],
)
def test_batch_that_nobody_judged_goes_again(mock, mobilepay, answer):
    mock.post(f"{INVOICES}/batch", **answer)

    with pytest.raises(Unavailable) as caught:
        mobilepay.send_many(items("A", "B"))

    assert caught.value.status == answer["status"]
    assert str(caught.value.meaning)
    assert caught.value.correlation_id


@pytest.mark.requirement("M4-45")
def test_batch_that_was_judged_as_a_whole_is_refused(mock, mobilepay):
    mock.post(f"{INVOICES}/batch", status=409, json=problem(10202))

    assert told(mobilepay.send_many(items("A", "B"))) == ["Refused 10202"] * 2


@pytest.mark.requirement("M4-42", "M4-80")
def test_refused_item_of_a_batch_keeps_field_and_text(mock, mobilepay):
    errors = [{"ErrorText": "input.DueDate : Required, not +4511223344", "ErrorCode": None}]
    rejected = [{"InvoiceNumber": "A", "Errors": errors}]
    mock.post(f"{INVOICES}/batch", status=202, json={"Accepted": [], "Rejected": rejected})

    (refusal,) = mobilepay.send_many(items("A"))

    assert isinstance(refusal, Refused)
    assert (refusal.field, refusal.code) == ("due_date", "")
    assert refusal.payload["text"].startswith("Required, not +45")
    assert "11223344" not in refusal.payload["text"]
    assert "wrong" in str(refusal.meaning)


def test_number_that_is_there_twice_goes_once(mock, mobilepay):
    accepted = [{"InvoiceNumber": "A", "InvoiceId": INVOICE}]
    mock.post(f"{INVOICES}/batch", status=202, json={"Accepted": accepted})

    same = mobilepay.send_many(items("A", "A"))
    of_two_issuers = mobilepay.send_many([*items("A"), *items("A", issuer_id=OTHER)])

    assert told(same) == [INVOICE, "Refused number twice"]
    assert told(of_two_issuers) == [INVOICE, "Unavailable number twice"]
    assert len(body(mock)) == 1


def test_incomplete_item_stays_behind_alone(mock, mobilepay):
    mock.post(
        f"{INVOICES}/batch",
        status=202,
        json={"Accepted": [{"InvoiceNumber": "B", "InvoiceId": INVOICE}]},
    )

    results = mobilepay.send_many([*items("A", phone=""), *items("B")])

    assert isinstance(results[0], Refused)
    assert (results[0].field, told(results)[1]) == ("phone", INVOICE)


def test_batch_of_nothing_makes_no_call(mobilepay):
    with samples.wire() as mock:
        assert isinstance(mobilepay.send_many(items("A", issuer_id=""))[0], Refused)

    assert len(mock.calls) == 0


def test_batch_that_is_refused_refuses_each(mock, mobilepay):
    mock.post(f"{INVOICES}/batch", status=400, json=problem(None, "input.DueDate : Bad"))

    assert told(mobilepay.send_many(items("A", "B"))) == ["Refused ", "Refused "]


def test_one_bad_item_for_which_all_are_refused_is_found(mock, mobilepay):
    """They judge the whole call; the others go again without it."""

    def judge(request):
        numbers = [each["InvoiceNumber"] for each in json.loads(request.body)]
        if "C" in numbers:
            return 400, {}, json.dumps(problem(None, "input.DueDate : Bad"))
        taken = [{"InvoiceNumber": n, "InvoiceId": str(uuid.uuid4())} for n in numbers]
        return 202, {}, json.dumps({"Accepted": taken, "Rejected": []})

    mock.add_callback("POST", f"{INVOICES}/batch", judge)

    found = mobilepay.send_many(items("A", "B", "C", "D", "E"))

    assert [isinstance(each, Refused) for each in found] == [False, False, True, False, False]


@pytest.mark.requirement("M4-45")
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 500}, OutcomeUnknown),
        ({"status": 202, "body": "<html>"}, OutcomeUnknown),
        ({"status": 202, "json": {"Accepted": {"InvoiceId": INVOICE}}}, OutcomeUnknown),
        ({"status": 429}, Unavailable),
    ],
)
def test_failure_of_the_whole_call_is_raised(mock, mobilepay, answer, kind):
    mock.post(f"{INVOICES}/batch", **answer)

    with pytest.raises(kind):
        mobilepay.send_many(items("A", "B"))


def test_batch_after_midnight_holds_only_what_is_dated_tomorrow(mock, monkeypatch):
    monkeypatch.setattr(client_module, "tokens", samples.Tokens())
    adapter = MobilePayInvoice(samples.account(profile="1.4"))
    mock.post(
        f"{INVOICES}/batch",
        status=202,
        json={"Accepted": [{"InvoiceNumber": "B", "InvoiceId": INVOICE}]},
    )
    now = datetime(2026, 11, 21, 23, 20, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    early, fine = items("A", "B", now=now)
    early = (replace(early[0], issue_date=date(2026, 11, 22)), early[1])

    assert told(adapter.send_many([early, fine])) == ["Unavailable 10312", INVOICE]


# ------------------------------------------------------------------------------------ afterwards
@pytest.mark.requirement("M4-63", "M4-64", "M1-59", "M1-60")
@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("created", RequestState.CREATED),
        ("Invalid", RequestState.INVALID),
        ("rejected", RequestState.REJECTED),
        ("expired", RequestState.EXPIRED),
        ("canceled", RequestState.CANCELLED),
        ("Cancelled", RequestState.CANCELLED),
        (1, RequestState.CREATED),
        ("3", RequestState.REJECTED),
        ("4", RequestState.EXPIRED),
        ("Postponed", None),
    ],
)
def test_status_is_their_present_word(mock, mobilepay, word, state):
    mock.get(f"{ONE}/status", json=status(word))

    (change,) = mobilepay.fetch(INVOICE)

    assert (change.reference, change.state, change.authoritative) == (INVOICE, state, True)


@pytest.mark.requirement("M4-68", "M1-60")
@pytest.mark.parametrize("word", ["Paid", 2, "2"])
def test_paid_comes_with_the_money_from_the_details(mock, mobilepay, word):
    held = details("paid", PaymentDate="2026-11-20", PaymentTransactionId="T-1")
    mock.get(f"{ONE}/status", json=status(word))
    mock.get(ONE, json=held)

    moved, state = mobilepay.fetch(INVOICE)

    assert (moved.money.kind, moved.money.amount) == (MovementKind.CAPTURED, Decimal("1250.00"))
    assert (moved.money.currency, moved.money.provider_ref) == ("DKK", f"{INVOICE}:paid")
    assert (state.state, state.authoritative) == (RequestState.PAID, True)
    assert state.extra == {"payment_date": "2026-11-20", "transaction_id": "T-1"}
    json.dumps(state.payload)


@pytest.mark.requirement("M4-67", "M4-73")
def test_approved_comes_with_the_chosen_day(mock, mobilepay):
    mock.get(f"{ONE}/status", json=status("accepted"))
    mock.get(ONE, json=details("accepted", PaymentDate="2026-12-20T00:00:00"))

    (change,) = mobilepay.fetch(INVOICE)

    assert (change.state, change.money) == (RequestState.ACCEPTED, None)
    assert change.extra == {"payment_date": "2026-12-20"}


def test_what_was_paid_between_two_questions_counts(mock, mobilepay):
    mock.get(f"{ONE}/status", json=status("accepted"))
    mock.get(ONE, json=details("paid"))

    assert [change.state for change in mobilepay.fetch(INVOICE)] == [None, RequestState.PAID]


def test_paid_without_details_is_asked_again(mock, mobilepay):
    mock.get(f"{ONE}/status", json=status("paid"))
    mock.get(ONE, status=404)

    with pytest.raises(Unavailable):
        mobilepay.fetch(INVOICE)


def test_forgotten_invoice_is_not_found(mock, mobilepay):
    mock.get(f"{ONE}/status", status=404)

    with pytest.raises(NotFound):
        mobilepay.fetch(INVOICE)


@pytest.mark.requirement("M4-44")
def test_invoice_that_is_still_checked_may_not_be_there_yet(mock, mobilepay):
    mock.get(f"{ONE}/status", status=404)
    long_ago = datetime(2024, 1, 1, tzinfo=UTC)

    assert mobilepay.ask(asked(RequestState.SUBMITTED)) == []
    for gone in (
        asked(RequestState.CREATED),
        asked(RequestState.SUBMITTED, expires_at=long_ago),
    ):
        with pytest.raises(NotFound):
            mobilepay.ask(gone)


@pytest.mark.requirement("M4-70", "M4-39")
def test_only_a_link_is_forgotten(mock, mobilepay):
    """They delete links that ran out; of a direct invoice "not found" tells nothing."""
    mock.get(f"{ONE}/status", status=404)
    over: dict[str, Any] = {"expires_at": datetime(2024, 1, 1, tzinfo=UTC)}

    with pytest.raises(Unavailable):
        mobilepay.ask(asked(facts={"link": False}, **over))
    with pytest.raises(NotFound):
        mobilepay.ask(asked(facts={"link": True}, **over))


@pytest.mark.parametrize("answer", [{}, [], {"InvoiceId": OTHER, "Status": "paid"}, status(None)])
def test_answer_that_cannot_be_trusted_is_asked_again(mock, mobilepay, answer):
    mock.get(f"{ONE}/status", json=answer)

    with pytest.raises(Unavailable):
        mobilepay.fetch(INVOICE)


@pytest.mark.requirement("M4-86")
def test_unknown_id_tells_whose_it_is(mock, mobilepay):
    mock.get(ONE, json=details(InvoiceIssuerId=ISSUER.upper()))

    found = mobilepay.identify(INVOICE)

    assert (found.number, found.issuer_id) == ("2026-000123", ISSUER)
    assert (found.amount, found.currency) == (Decimal("1250.00"), "DKK")


@pytest.mark.requirement("M4-62")
def test_comparison_finds_what_differs(mock, mobilepay):
    mock.get(ONE, json=details(TotalAmount=1200.00))

    found = mobilepay.compare(document(), asked())

    same = {row.field: row.same for row in found}
    assert (same["number"], same["due_date"], same["totals.payable"]) == (True, True, False)


# ------------------------------------------------------------------------------------ withdrawal
@pytest.mark.requirement("M4-57")
def test_withdrawal(mock, mobilepay):
    mock.put(f"{ONE}/cancel", status=204)

    mobilepay.cancel(INVOICE, key="k", before_approval_only=False)

    assert len(mock.calls) == 1


@pytest.mark.requirement("M4-60")
@pytest.mark.parametrize("word", ["canceled", "Cancelled"])
def test_repeated_withdrawal_succeeds(mock, mobilepay, word):
    mock.put(f"{ONE}/cancel", status=409, json=problem("10505"))
    mock.get(f"{ONE}/status", json=status(word))

    mobilepay.cancel(INVOICE, key="k", before_approval_only=False)

    assert len(mock.calls) == 2


@pytest.mark.requirement("M4-58", "M4-59", "M4-99")
@pytest.mark.parametrize(("code", "word"), [("10504", "paid"), ("10505", "rejected")])
def test_withdrawal_that_came_too_late_is_refused(mock, mobilepay, code, word):
    mock.put(f"{ONE}/cancel", status=409, json=problem(code))
    mock.get(f"{ONE}/status", json=status(word))

    with pytest.raises(Refused) as caught:
        mobilepay.cancel(INVOICE, key="k", before_approval_only=False)

    assert caught.value.code == code


# ------------------------------------------------------------------- consent to be billed directly
def consent(state: Any, phone: str | None = "+4511223344") -> dict[str, Any]:
    return {
        "ConsentId": CONSENT,
        "InvoiceId": INVOICE,
        "PhoneNumber": phone,
        "State": state,
        "GrantedOn": "2026-11-22T18:20:11+00:00" if state == "Granted" else None,
    }


@pytest.mark.parametrize("code", [200, 201])
def test_question_for_consent_is_remembered(mock, mobilepay, code):
    mock.post(CONSENTS, status=code, json=consent("Pending", None))

    change = mobilepay.ask_contact_consent(asked(RequestState.CREATED))

    assert body(mock) == {"InvoiceId": INVOICE}
    kept = change.extra["contact_consent"]
    assert (kept["id"], kept["state"], change.state) == (CONSENT, "pending", None)
    assert mobilepay.when_to_ask(asked(RequestState.PAID, facts=change.extra), NOW) is not None


def test_granted_consent_shares_the_phone_and_is_not_asked_about_again(mock, mobilepay):
    mock.get(f"{CONSENTS}/{CONSENT}", json=consent("Granted"))
    paid = asked(RequestState.PAID, facts=PENDING)

    (change,) = mobilepay.ask(paid)

    assert change.profile == {"phone": "+4511223344"}
    assert change.extra["contact_consent"]["state"] == "granted"
    assert change.extra["contact_consent"]["granted_on"] == "2026-11-22T18:20:11+00:00"
    assert mobilepay.when_to_ask(replace(paid, facts=change.extra), NOW) is None


@pytest.mark.parametrize(
    ("state", "phone", "count"),
    [("Pending", "+4511223344", 0), (2, "+4511223344", 0), ("Granted", None, 0), ("Denied", "", 1)],
)
def test_phone_is_shared_by_nothing_but_a_grant(mock, mobilepay, state, phone, count):
    mock.get(f"{CONSENTS}/{CONSENT}", json=consent(state, phone))

    found = mobilepay.ask(asked(RequestState.PAID, facts=PENDING))

    assert len(found) == count
    assert not any(change.profile for change in found)


@pytest.mark.parametrize(("number", "count"), [(2, 1), (4, 1), (-2, 0)])
def test_number_with_a_moment_and_a_phone_is_a_grant(mock, mobilepay, number, count):
    """Their numbers have no published meaning; what was granted has a moment."""
    answer = consent(number) | {"GrantedOn": "2026-11-22T18:20:11+00:00"}
    mock.get(f"{CONSENTS}/{CONSENT}", json=answer)

    found = mobilepay.ask(asked(RequestState.PAID, facts=PENDING))

    assert len(found) == count
    assert [change.event_id for change in found] == [f"consent:{CONSENT}:granted"] * count
    assert all(change.profile == {"phone": "+4511223344"} for change in found)


def test_trouble_with_the_consent_does_not_lose_the_payment(mock, mobilepay):
    mock.get(f"{ONE}/status", json=status("paid"))
    mock.get(ONE, json=details("paid"))
    mock.get(f"{CONSENTS}/{CONSENT}", status=500)

    found = mobilepay.ask(asked(RequestState.CREATED, facts=PENDING))

    assert [change.state for change in found] == [None, RequestState.PAID]


# ---------------------------------------------------------------------------- issuers, callbacks
@pytest.mark.requirement("M1-62")
def test_issuers_that_are_off_are_not_offered(mock, mobilepay):
    rows = [
        {"Id": ISSUER.upper(), "Name": "Nørrebro Cykler", "Status": "Enabled", "ZipCode": "2200"},
        {"Id": OTHER, "Name": "Old", "Status": "disabled"},
        {"id": CONSENT, "name": "Of the first documentation"},
    ]
    mock.get(f"{API}/merchants/{MERCHANT}/invoiceissuers", json={"InvoiceIssuers": rows})

    found = mobilepay.list_issuers()

    assert [(row.id, row.usable) for row in found] == [
        (ISSUER, True),
        (OTHER, False),
        (CONSENT, True),
    ]


@pytest.mark.parametrize("scheme", ["basic", "apikey"])
def test_callbacks_are_set_with_the_secret_that_opens_them(mock, monkeypatch, scheme):
    monkeypatch.setattr(client_module, "tokens", samples.Tokens())
    adapter = MobilePayInvoice(samples.account(callback_scheme=scheme))
    mock.put(f"{API}/merchants/{MERCHANT}/auth/{scheme}", status=204)
    url = "https://billing.example.test/webhooks/mobilepay_invoice/x/"

    name, secret = adapter.new_webhook_secret()
    adapter.set_webhook(url, name, secret)

    assert name.startswith(f"{scheme}:mp-")
    assert body(mock)["callbackUrl"] == url
    kept = webhooks.loads(secret)
    assert kept is not None
    assert kept.password in body(mock).values()


def test_callbacks_go_to_https_only(mobilepay):
    name, secret = mobilepay.new_webhook_secret()

    with samples.wire() as mock, pytest.raises(Refused) as caught:
        mobilepay.set_webhook("http://billing.example.test/x", name, secret)

    assert ("http://billing" in str(caught.value.meaning), len(mock.calls)) == (True, 0)


@pytest.mark.requirement("M4-109", "M4-110")
def test_limits_of_the_day_are_counted_per_payer_and_sender():
    adapter = MobilePayInvoice(samples.account(profile="1.4"))

    found = {
        quota.code: (quota.limit, quota.scope) for quota in adapter.quotas(document(), options())
    }

    assert found == {"10314": (3, "payer:+4511223344"), "10313": (5000, f"issuer:{ISSUER}")}


@pytest.mark.requirement("M4-112")
def test_preview_shows_what_the_app_will():
    shown = MobilePayInvoice(samples.account()).preview(document(), options())

    assert (shown.amount, shown.due_date) == (Decimal("1250.00"), date(2026, 12, 4))


def test_longest_life_of_a_renewal_is_thirteen_months():
    terms = MobilePayInvoice(samples.account()).consent_terms()

    assert terms.refresh_lifetime == timedelta(days=395)

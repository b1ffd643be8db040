"""Their HTTP: headers, paths, renewed tokens, and what refusals become."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from providers.contract import (
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
)
from providers.mobilepay_invoice import client as module
from providers.mobilepay_invoice import refusals
from providers.mobilepay_invoice.client import Client
from providers.models import ProviderCall
from tests import factories
from tests.providers import mobilepay_samples as samples
from tests.providers.mobilepay_samples import API, INVOICE, INVOICES, MERCHANT, ONE, problem

CONSENTS = f"{API}/directinvoiceconsents"


@pytest.fixture
def tokens(monkeypatch: Any) -> samples.Tokens:
    found = samples.Tokens()
    monkeypatch.setattr(module, "tokens", found)
    return found


@pytest.fixture
def client(tokens: samples.Tokens) -> Client:
    return Client(samples.account())


@pytest.fixture
def mock():
    with samples.wire() as found:
        yield found


def sent(mock: Any, number: int = -1) -> requests.PreparedRequest:
    found: requests.PreparedRequest = mock.calls[number].request
    return found


def query(request: requests.PreparedRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(request.url)).query))


# ------------------------------------------------------------------------------- what leaves
@pytest.mark.requirement("M1-07", "M4-01")
def test_every_call_carries_token_keys_of_the_app_and_a_fresh_name(client, mock):
    mock.post(INVOICES, status=202, json={"InvoiceId": INVOICE})
    mock.get(f"{ONE}/status", json={"InvoiceId": INVOICE, "Status": "created"})

    client.create("{}", link=False, many=False)
    client.status(INVOICE)

    names = [sent(mock, n).headers["CorrelationId"] for n in (0, 1)]
    for number in (0, 1):
        headers = sent(mock, number).headers
        assert headers["Authorization"] == "Bearer token-1"
        assert headers["x-ibm-client-id"] == "gateway-id"
        assert headers["x-ibm-client-secret"] == "gateway-secret"
    assert names[0] != names[1]
    assert all(uuid.UUID(name) for name in names)


def test_keys_of_the_app_are_left_out_where_there_are_none(tokens, mock):
    account = samples.account()
    account.credentials = {"client_id": "x", "client_secret": "y"}
    mock.get(f"{API}/merchants/me", json={"MerchantId": MERCHANT})

    Client(account).me()

    assert not [name for name in sent(mock).headers if name.lower().startswith("x-ibm")]


@pytest.mark.parametrize(
    ("link", "many", "path"),
    [
        (False, False, ""),
        (False, True, "/batch"),
        (True, False, "/link"),
        (True, True, "/link/batch"),
    ],
)
def test_body_leaves_byte_for_byte(client, mock, link, many, path):
    text = '{"ConsumerName":"Åse Øst","TotalAmount":360.00}'
    mock.post(f"{INVOICES}{path}", status=202, json={"InvoiceId": INVOICE})

    client.create(text, link=link, many=many)

    assert sent(mock).body == text.encode()
    assert sent(mock).headers["Content-Type"] == "application/json"


@pytest.mark.requirement("M1-06")
def test_environments_have_their_own_address():
    assert Client.base_urls == {
        "test": "https://api.sandbox.mobilepay.dk",
        "production": "https://api.mobilepay.dk",
    }


@pytest.mark.requirement("M1-61")
def test_merchant_is_asked_once_and_kept(tokens, mock):
    tokens.merchant = ""
    mock.get(f"{API}/merchants/me", json={"merchantId": MERCHANT.upper()})
    mock.get(f"{API}/merchants/{MERCHANT}/invoiceissuers", json={"InvoiceIssuers": []})

    for _ in range(2):
        Client(samples.account()).issuers()

    assert tokens.merchant == MERCHANT
    assert [str(call.request.url).rpartition("/")[2] for call in mock.calls] == [
        "me",
        "invoiceissuers",
        "invoiceissuers",
    ]


def test_token_without_a_merchant_needs_a_person(client, mock):
    mock.get(f"{API}/merchants/me", status=404)

    with pytest.raises(NotAuthorised) as caught:
        client.me()

    assert caught.value.code == "10302"


@pytest.mark.parametrize("handle", ["", "1", "../me", "not-a-guid", "{}"])
def test_what_cannot_be_an_id_makes_no_call(client, handle):
    with samples.wire() as mock, pytest.raises(NotFound):
        client.details(handle)

    assert len(mock.calls) == 0


def test_consents_are_read_page_by_page(client, mock):
    def page(cursor: str | None) -> dict[str, Any]:
        row = {"ConsentId": samples.CONSENT, "InvoiceId": INVOICE, "State": "Granted"}
        return {"GrantedConsents": [row], "PagingState": cursor}

    mock.get(CONSENTS, json=page("a+b/c="))
    mock.get(CONSENTS, json=page(None))

    found = client.granted_consents(samples.ISSUER)

    assert len(found) == 2
    assert query(sent(mock, 0)) == {"invoiceIssuerId": samples.ISSUER, "state": "granted"}
    assert query(sent(mock, 1))["pagingState"] == "a+b/c="


def test_odd_consent_in_a_list_hides_no_other(client, mock):
    good = {"ConsentId": samples.CONSENT, "InvoiceId": INVOICE, "GrantedOn": "yesterday"}
    odd = [None, "x", {"ConsentId": 7, "InvoiceId": INVOICE}]
    mock.get(CONSENTS, json={"GrantedConsents": [*odd, good]})

    (found,) = client.granted_consents(samples.ISSUER)

    assert (found.consent_id, found.granted_at) == (samples.CONSENT, None)


def test_list_of_consents_that_does_not_end_is_given_up(client, mock, monkeypatch):
    monkeypatch.setattr(module, "MOST_PAGES", 3)
    mock.get(CONSENTS, json={"GrantedConsents": [], "PagingState": "again"})

    with pytest.raises(Unavailable):
        client.granted_consents(samples.ISSUER)

    assert len(mock.calls) == 3


# --------------------------------------------------------------------------------- stale tokens
@pytest.mark.requirement("M1-19")
def test_refused_token_is_renewed_and_the_call_made_once_more(client, tokens, mock):
    mock.post(INVOICES, status=401)
    mock.post(INVOICES, status=202, json={"InvoiceId": INVOICE})

    client.create("[1]", link=False, many=False)

    assert tokens.stale == [samples.TOKEN]
    assert [call.request.headers["Authorization"] for call in mock.calls] == [
        "Bearer token-1",
        "Bearer fresh",
    ]
    assert [call.request.body for call in mock.calls] == [b"[1]", b"[1]"]
    assert tokens.refusals == []


@pytest.mark.requirement("M1-19", "M1-23")
def test_fresh_token_that_is_refused_too_needs_a_new_consent(client, tokens, mock):
    mock.post(INVOICES, status=401)

    with pytest.raises(NotAuthorised) as caught:
        client.create("{}", link=False, many=False)

    assert (len(mock.calls), tokens.refusals, caught.value.status) == (2, ["fresh"], 401)


def test_refused_keys_of_the_app_do_not_cost_the_consent(client, tokens, mock):
    body = {"httpCode": "401", "httpMessage": "Unauthorized", "moreInformation": "Client id."}
    mock.get(f"{ONE}/status", status=401, json=body)

    with pytest.raises(NotAuthorised):
        client.status(INVOICE)

    assert tokens.refusals == []


# ------------------------------------------------------------------------------- what comes back
@pytest.mark.requirement("M1-09")
def test_not_subscribed_is_said_in_words_without_a_second_try(client, mock):
    body = {"httpCode": "403", "httpMessage": "Forbidden", "moreInformation": "Not subscribed."}
    mock.post(INVOICES, status=403, json=body)

    with pytest.raises(NotAuthorised) as caught:
        client.create("{}", link=False, many=False)

    assert "subscribed" in str(caught.value.meaning)
    assert len(mock.calls) == 1


@pytest.mark.requirement("M4-78", "M4-80")
def test_input_error_names_our_field(client, mock):
    mock.post(INVOICES, status=400, json=problem(None, "input.DueDate : Required\r\n"))

    with pytest.raises(Refused) as caught:
        client.create("{}", link=False, many=False)

    assert (caught.value.field, caught.value.code) == ("due_date", "")
    assert caught.value.payload["text"] == "Required"
    assert caught.value.correlation_id == "b3a90000-0000-4000-8000-000000000001"


@pytest.mark.requirement("M4-78", "M4-81")
@pytest.mark.parametrize("code", ["10504", 10504])
def test_domain_error_has_plain_words_and_a_next_step(client, mock, code):
    mock.put(f"{ONE}/cancel", status=409, json=problem(code, "Invoice has already been paid"))

    with pytest.raises(Refused) as caught:
        client.cancel(INVOICE)

    assert caught.value.code == "10504"
    assert "already paid" in str(caught.value.meaning)
    assert str(caught.value.remedy)


@pytest.mark.requirement("M4-100")
def test_unknown_code_is_shown_with_its_correlation_id(client, mock):
    mock.post(INVOICES, status=409, json=problem("10999", "Something new"))

    with pytest.raises(Refused) as caught:
        client.create("{}", link=False, many=False)

    assert "10999" in str(caught.value.meaning)
    assert caught.value.correlation_id


@pytest.mark.requirement("M4-78", "M4-81")
def test_conflict_without_code_says_what_it_means_for_this_call(client, mock):
    mock.post(INVOICES, status=409, json=problem(None, "Conflict"))
    mock.put(f"{ONE}/cancel", status=409, json=problem(None, "Conflict"))

    with pytest.raises(Refused) as created:
        client.create("{}", link=False, many=False)
    with pytest.raises(Refused) as cancelled:
        client.cancel(INVOICE)

    assert "Nothing was made" in str(created.value.remedy)
    assert "has changed" in str(cancelled.value.meaning)


@pytest.mark.requirement("M4-87")
@pytest.mark.parametrize("code", ["10105", "10205"])
def test_technical_error_is_tried_again(client, mock, code):
    mock.put(f"{ONE}/cancel", status=409, json=problem(code))

    with pytest.raises(Unavailable) as caught:
        client.cancel(INVOICE)

    assert (caught.value.code, caught.value.retry_after) == (code, refusals.WAIT)


@pytest.mark.requirement("M4-87")
@pytest.mark.parametrize("code", ["10105", "10205"])
@pytest.mark.parametrize("many", [False, True])
def test_technical_error_while_creating_may_have_made_it(client, mock, code, many):
    mock.post(f"{INVOICES}/batch" if many else INVOICES, status=409, json=problem(code))

    with pytest.raises(OutcomeUnknown) as caught:
        client.create("{}", link=False, many=many)

    assert (caught.value.code, caught.value.status) == (code, 409)
    assert str(caught.value.meaning)


@pytest.mark.requirement("M4-97", "M4-98")
@pytest.mark.parametrize("code", ["10313", "10314"])
def test_limit_of_the_day_waits_for_the_next(client, mock, monkeypatch, code):
    monkeypatch.setattr("django.utils.timezone.now", lambda: samples.NOW)
    mock.post(INVOICES, status=409, json=problem(code))

    with pytest.raises(Unavailable) as caught:
        client.create("{}", link=False, many=False)

    # It is noon in Copenhagen.
    assert caught.value.retry_after == 12 * 3600 + 5 * 60
    assert str(caught.value.meaning)


SHAPES: list[tuple[str, dict[str, Any], type[ProviderError]]] = [
    ("POST", {"status": 500, "json": problem(None, "Unexpected")}, OutcomeUnknown),
    ("POST", {"status": 502, "body": "<html>Bad gateway</html>"}, OutcomeUnknown),
    ("POST", {"status": 200, "body": "<html>Welcome</html>"}, OutcomeUnknown),
    ("POST", {"status": 302, "headers": {"Location": "https://evil.example"}}, OutcomeUnknown),
    ("POST", {"body": requests.ReadTimeout()}, OutcomeUnknown),
    ("POST", {"status": 503, "headers": {"Retry-After": "9"}}, OutcomeUnknown),
    ("GET", {"status": 503, "headers": {"Retry-After": "9"}}, Unavailable),
    ("POST", {"status": 429, "headers": {"Retry-After": "9"}}, Unavailable),
    ("POST", {"status": 400, "body": "<html>"}, Refused),
    ("GET", {"status": 500, "json": problem(None, "Unexpected")}, Unavailable),
    ("GET", {"status": 200, "body": "<html>"}, Unavailable),
    ("GET", {"body": requests.ReadTimeout()}, Unavailable),
    ("GET", {"status": 404}, NotFound),
    ("GET", {"status": 404, "json": problem(None, "Invoice not found")}, NotFound),
    ("GET", {"status": 404, "json": {"httpCode": "404"}}, Unavailable),
    ("GET", {"status": 404, "json": {"statusCode": 404, "message": "No such API"}}, Unavailable),
    ("GET", {"status": 404, "json": []}, Unavailable),
    ("GET", {"status": 404, "body": "<html>Not here</html>"}, Unavailable),
    ("GET", {"status": 404, "body": " \n"}, NotFound),
]


@pytest.mark.requirement("M4-82")
@pytest.mark.parametrize(("method", "answer", "kind"), SHAPES)
def test_answer_becomes_the_right_error(client, mock, method, answer, kind):
    mock.add(method, INVOICES if method == "POST" else ONE, **answer)

    ask = partial(client.create, "{}", link=False, many=False)
    with pytest.raises(ProviderError) as caught:
        _ = ask() if method == "POST" else client.details(INVOICE)

    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("input.TotalAmount", "amount"),
        ("ConsumerAlias.Alias", "phone"),
        ("InvoiceArticles[3].Quantity", "lines"),
        ("invoiceIssuer", "issuer"),
        ("Whatever", "Whatever"),
        ("", ""),
    ],
)
def test_fields_have_our_names(theirs, ours):
    assert refusals.our_field(theirs) == ours


# ------------------------------------------------------------------------------------- the log
@pytest.mark.requirement("M1-08", "M4-79")
@pytest.mark.django_db(transaction=True)
def test_log_has_the_correlation_id_and_no_secret(tokens, mock):
    account = factories.ProviderAccountFactory(
        provider="mobilepay_invoice",
        environment="test",
        credentials=samples.account().credentials,
        settings=samples.account().settings,
    )
    mock.post(INVOICES, body=requests.ReadTimeout())
    mock.put(f"{API}/merchants/{MERCHANT}/auth/basic", status=204)
    client = Client(account)

    with pytest.raises(OutcomeUnknown) as caught:
        client.create("{}", link=False, many=False, reference=samples.REFERENCE)
    client.set_callback("basic", '{"password":"hush"}')

    lost, known = ProviderCall.objects.order_by("pk")
    assert lost.correlation_id == sent(mock, 0).headers["CorrelationId"]
    assert caught.value.correlation_id == lost.correlation_id
    assert (lost.reference, known.outcome) == (samples.REFERENCE, "ok")
    logged = " ".join(str(row) for row in ProviderCall.objects.values_list())
    assert not any(word in logged for word in ("token-1", "gateway", "hush"))

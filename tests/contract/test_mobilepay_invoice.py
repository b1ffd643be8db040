"""Whole conversations with the simulated MobilePay Invoice, one invoice at a time."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.contract import Address, NotAuthorised, NotFound, Refused, RequestState, Unavailable
from providers.models import MerchantConsent, ProviderCall
from providers.sandbox import clock
from providers.sandbox.models import PortalIssuer
from tests.contract.mobilepay import (  # noqa: F401 -- fixtures
    PAYER,
    Calls,
    Shop,
    faults_of,
    fixture_calls,
    fixture_open_shop,
    fixture_shop,
)
from tests.providers import samples
from tests.providers.mobilepay_samples import asked
from tests.sandbox import mobilepay_openapi

ALL = Decimal("1250.00")
SOME_ID = "a4c1e7d2-6b38-4f95-b0de-93f1c7a86e24"
ERROR = {
    "correlation_id": SOME_ID,
    "error": "DomainError",
    "error_code": "10104",
    "error_description": "Invoice already exists",
    "error_context": "Invoices",
}


def state(shop: Shop, handle: str) -> RequestState | None:
    return shop.mobilepay.fetch(handle)[-1].state


def body(calls: Calls) -> dict[str, Any]:
    found: dict[str, Any] = calls.bodies()[-1]
    return found


@mobilepay_openapi.needs_file
def test_check_against_openapi_finds_a_wrong_request(shop: Shop, calls: Calls):
    """The check can fail: a stranger, a text for an amount, another path."""
    shop.send()
    good = calls.sent[-1]
    sent = json.loads(good.body or "")
    calls.checked = False

    changes: list[dict[str, Any]] = [{"X": 1}, {"TotalAmount": "1.00"}, {"InvoiceArticles": {}}]
    for change in changes:
        wrong = good.copy()
        wrong.body = json.dumps(sent | change)
        calls.sent.append(wrong)
    elsewhere = good.copy()
    elsewhere.url = f"{good.url}/credit"
    calls.sent.append(elsewhere)

    assert [bool(faults_of(calls, request)) for request in calls.sent[-5:]] == [False] + [True] * 4


@mobilepay_openapi.needs_file
def test_check_against_openapi_finds_a_wrong_answer(shop: Shop, calls: Calls):
    """The check can fail: another name, another status, an id that is none, a strange error."""
    shop.send()
    path = calls.path(calls.sent[-1])
    answers: list[tuple[int, Any, bool]] = [
        (200, {"InvoiceId": SOME_ID}, True),
        (200, {"invoiceid": SOME_ID}, True),
        (200, {"Invoice_Id": SOME_ID}, False),
        (200, {"InvoiceId": "7"}, False),
        (200, {}, False),
        (202, {"InvoiceId": SOME_ID}, False),
        (409, ERROR, True),
        (409, ERROR | {"errorCode": "10104"}, False),
        (409, ERROR | {"correlation_id": "none"}, False),
        (400, {"message": "No"}, False),
    ]

    found = [
        not mobilepay_openapi.answer_faults("POST", path, status, json.dumps(content).encode())
        for status, content, _good in answers
    ]

    assert found == [good for _status, _content, good in answers]


# ---------------------------------------------------------------------------------- the two roads
@pytest.mark.requirement("M4-01", "M4-38", "M1-58", "M1-07")
def test_direct_invoice_reaches_the_app_and_is_paid(shop: Shop, calls: Calls):
    sent = shop.mobilepay.send(shop.invoice(), shop.options())
    (created,) = shop.mobilepay.fetch(sent.provider_id)
    shop.control("pay", invoiceId=sent.provider_id)
    moved, paid = shop.mobilepay.fetch(sent.provider_id)

    assert (sent.state, created.state) == (RequestState.SUBMITTED, RequestState.CREATED)
    assert (paid.state, paid.authoritative) == (RequestState.PAID, True)
    assert moved.money is not None
    assert (moved.money.amount, moved.money.currency) == (ALL, "DKK")
    names = [request.headers["CorrelationId"] for request in calls.sent]
    assert len(set(names)) == len(names)
    app = shop.portal.app
    for request in calls.sent:
        assert request.headers["x-ibm-client-id"] == app.gateway_id
        assert request.headers["x-ibm-client-secret"] == app.gateway_secret


@pytest.mark.requirement("M4-47", "M4-48", "M4-49")
def test_link_needs_no_alias_and_anybody_may_pay(shop: Shop, calls: Calls):
    sent = shop.mobilepay.send(shop.invoice(), shop.options("link"))
    shop.control("pay", invoiceId=sent.provider_id, phone="+4555667788")

    assert "ConsumerAlias" not in body(calls)
    assert sent.redirect_url.startswith(f"{calls.base}/pay/")
    assert state(shop, sent.provider_id) == RequestState.PAID
    assert not [request for request in calls.sent if "/pay/" in str(request.url)]


def test_finnish_merchant_is_paid_in_euro(open_shop: Any):
    shop = open_shop("FI27182818")
    handle = shop.send(phone="+358401234567")
    shop.control("pay", invoiceId=handle)

    moved, _paid = shop.mobilepay.fetch(handle)

    assert (moved.money.amount, moved.money.currency) == (ALL, "EUR")


@pytest.mark.requirement("M4-67", "M4-73")
def test_customer_chooses_a_day(shop: Shop):
    document = shop.invoice()
    handle = shop.mobilepay.send(document, shop.options()).provider_id
    day = document.due_date + timedelta(days=20)
    shop.control("accept", invoiceId=handle, paymentDate=day.isoformat())

    (accepted,) = shop.mobilepay.fetch(handle)

    assert (accepted.state, accepted.money) == (RequestState.ACCEPTED, None)
    assert accepted.extra["payment_date"] == day.isoformat()


@pytest.mark.requirement("M4-69")
def test_customer_declines(shop: Shop):
    handle = shop.send()
    shop.control("reject", invoiceId=handle)

    assert state(shop, handle) == RequestState.REJECTED


@pytest.mark.requirement("M4-74")
def test_refused_card_changes_nothing(shop: Shop):
    handle = shop.send()
    shop.control("card_error", invoiceId=handle)

    assert state(shop, handle) in {RequestState.CREATED, RequestState.ACCEPTED}


@pytest.mark.requirement("M4-70", "M4-39")
def test_unpaid_invoice_expires_and_a_link_is_forgotten(shop: Shop):
    direct, link = shop.send(), shop.send("link")
    shop.control("clock", seconds=46 * 86400)

    assert state(shop, direct) == RequestState.EXPIRED
    with pytest.raises(NotFound):
        shop.mobilepay.fetch(link)


@pytest.mark.requirement("M4-44", "M4-66")
def test_invoice_that_is_still_checked_is_neither_here_nor_gone(open_shop: Any):
    shop = open_shop(validation_delay=60)
    handle = shop.send(phone="+4511810101")
    waiting = asked(RequestState.SUBMITTED, handle=handle)

    before = shop.mobilepay.ask(waiting)
    shop.control("clock", seconds=61)
    after = shop.mobilepay.ask(waiting)

    assert before == []
    assert [change.state for change in after] == [RequestState.INVALID]


@pytest.mark.requirement("M4-14", "M4-96", "M4-102")
@pytest.mark.parametrize("profile", ["1.5", "1.4"])
def test_just_after_midnight_they_may_still_be_in_yesterday(open_shop: Any, profile: str):
    """1.5 leaves the date out, the older documentations wait until UTC has it too."""
    shop = open_shop(profile=profile)
    shop.control("merchant", merchantId=shop.id, issue_date_by_utc=True)
    after_midnight = (clock.now() + timedelta(days=1)).replace(hour=23, minute=20, second=0)
    shop.control("clock", to=after_midnight.isoformat())
    document = shop.invoice(issue_date=after_midnight.date() + timedelta(days=1))
    noon = shop.options(now=after_midnight + timedelta(hours=12))
    _, dated = shop.prepared(document, noon)

    with pytest.raises(Refused) as caught:
        shop.mobilepay.client.create(dated.prepared, link=False, many=False)
    assert caught.value.code == "10312"

    if profile == "1.4":
        with pytest.raises(Unavailable) as waits:
            shop.mobilepay.send(document, shop.options())
        assert 39 * 60 < (waits.value.retry_after or 0) <= 40 * 60
        shop.control("clock", seconds=waits.value.retry_after)
    sent = shop.mobilepay.send(document, shop.options())
    assert state(shop, sent.provider_id) == RequestState.CREATED


# --------------------------------------------------------------------------------- what is sent
@pytest.mark.requirement(
    "M1-30", "M1-37", "M1-42", "M1-43", "M1-44", "M1-45", "M1-48", "M1-49", "M1-53", "M4-05",
    "M4-12", "M4-18", "M4-19", "M4-20", "M4-21", "M4-23", "M4-33", "M4-34", "M4-35",
)  # fmt: skip
@pytest.mark.parametrize("profile", ["1.5", "1.4"])
def test_every_field_arrives(open_shop: Any, calls: Calls, profile: str):
    shop = open_shop(profile=profile)
    document = shop.invoice(
        comment="Tak for besøget på Ærø",
        merchant_contact="Ida i butikken",
        merchant_order_number="S-77",
        buyer_order_number="B-12",
        delivery_address=Address(lines=("Åvej 1",), postcode="5970", city="Ærøskøbing"),
        lines=(samples.line(article_number="SRV-1", description="Stort cykelservice"),),
    )
    pdf = "https://billing.example.com/i/7Qk2/pdf"

    shop.mobilepay.send(document, shop.options(pdf_url=pdf))

    found = body(calls)
    assert found["ConsumerAlias"] == {"Alias": PAYER, "AliasType": "Phone"}
    assert found["Comment"] == "Tak for besøget på Ærø"
    assert found["MerchantContactName"] == "Ida i butikken"
    assert (found["MerchantOrderNumber"], found["BuyerOrderNumber"]) == ("S-77", "B-12")
    assert "Ærøskøbing" in " ".join(found["DeliveryAddressLines"])
    assert found["InvoiceUrl"] == pdf
    line = found["InvoiceArticles"][0]
    assert (line["ArticleNumber"], line["ArticleDescription"]) == ("SRV-1", "Stort cykelservice")
    assert line["Unit"]
    assert [line[name] for name in ("PriceReduction", "PriceDiscount", "Bonus")] == [0, 0, 0]
    assert "æ" in (calls.sent[-1].body or b"").decode().lower()  # type: ignore[union-attr]


@pytest.mark.requirement("M4-31", "M4-32", "M1-57")
def test_quantity_and_price_keep_their_decimals_and_amounts_are_numbers(shop: Shop, calls: Calls):
    line = samples.line(
        quantity=Decimal("0.333"),
        unit_price=Decimal("1.2345"),
        net=Decimal("0.41"),
        vat=Decimal("0.10"),
        gross=Decimal("0.51"),
    )

    shop.mobilepay.send(shop.invoice(lines=(line,)), shop.options(amount=Decimal("0.51")))

    text = calls.sent[-1].body.decode()  # type: ignore[union-attr]
    assert '"Quantity":0.333' in text
    assert '"PricePerUnit":1.2345' in text
    assert '"TotalAmount":0.51' in text


@pytest.mark.requirement("M4-08", "M4-61", "M4-62")
def test_details_are_what_we_sent(shop: Shop):
    document = shop.invoice(comment="Tak")
    handle = shop.mobilepay.send(document, shop.options()).provider_id

    found = shop.mobilepay.identify(handle)
    rows = shop.mobilepay.compare(document, asked(handle=handle))
    different = [row.field for row in rows if not row.same]

    assert (found.number, found.amount, found.currency) == (document.number, ALL, "DKK")
    assert found.issuer_id == shop.issuer
    assert set(different) <= {"issuer.name"}


# ------------------------------------------------------------------------- the first documentation
@pytest.mark.requirement("M1-26", "M1-27", "M1-59", "M1-60")
def test_first_documentation_is_spoken_too(open_shop: Any, calls: Calls):
    shop = open_shop(profile="v1")
    handle = shop.send()
    (created,) = shop.mobilepay.fetch(handle)
    shop.control("pay", invoiceId=handle)

    assert isinstance(calls.bodies()[0], list)
    assert "InvoiceLineItem" in calls.bodies()[0][0]
    assert created.state == RequestState.CREATED
    assert state(shop, handle) == RequestState.PAID


# --------------------------------------------------------------------------------- the merchant
@pytest.mark.requirement("M1-61")
def test_merchant_is_asked_for_once_and_kept_with_the_consent(shop: Shop, calls: Calls):
    shop.send()
    shop.send()

    assert [path for path in calls.paths() if path.endswith("/me")] == ["GET /api/v1/merchants/me"]
    assert MerchantConsent.objects.get(account=shop.account).remote_merchant == shop.id


@pytest.mark.requirement("M1-62")
@pytest.mark.parametrize("profile", ["1.5", "v1"])
def test_issuers_are_listed_with_what_may_be_used(open_shop: Any, profile: str):
    shop = open_shop(profile=profile)

    found = {issuer.id: issuer for issuer in shop.mobilepay.list_issuers()}

    assert set(found) == {str(issuer.issuer_id) for issuer in shop.portal.issuers}
    disabled = shop.portal.issuers[2]
    assert disabled.status == PortalIssuer.Status.DISABLED
    # The first documentation does not tell.
    assert found[str(disabled.issuer_id)].usable == (profile == "v1")


@pytest.mark.requirement("M1-63")
def test_list_of_issuers_may_be_unavailable(open_shop: Any):
    shop = open_shop(issuer_list_available=False)

    with pytest.raises((Unavailable, Refused)):
        shop.mobilepay.list_issuers()


def test_probe_proves_keys_and_consent(shop: Shop):
    found = shop.mobilepay.probe()

    assert found.ok, found.proof
    assert shop.id in str(found.proof)


# --------------------------------------------------------------------------------------- tokens
@pytest.mark.requirement("M1-18", "M1-19", "M1-20")
def test_expired_token_is_renewed_and_the_call_made_once_more(shop: Shop, calls: Calls):
    shop.send()
    before = MerchantConsent.objects.get(account=shop.account)
    shop.control("clock", seconds=400)

    handle = shop.send()

    after = MerchantConsent.objects.get(account=shop.account)
    assert handle
    assert [answer.status_code for answer in calls.answers][-2:] == [401, 200]
    assert (calls.tokens, after.generation) == (1, before.generation + 1)
    assert after.tokens["refresh"] != before.tokens["refresh"]


@pytest.mark.requirement("M1-23", "M1-24")
def test_withdrawn_consent_stops_everything_and_says_so(shop: Shop, calls: Calls):
    shop.send()
    shop.portal.merchant.grants.update(revoked_at="2026-01-01T00:00:00Z")

    for _ in range(2):
        with pytest.raises(NotAuthorised):
            shop.send()

    assert MerchantConsent.objects.get(account=shop.account).state == "needed"
    assert [answer.status_code for answer in calls.answers].count(401) == 1


@pytest.mark.requirement("M1-09")
def test_app_without_the_product_is_told_so(open_shop: Any):
    shop = open_shop(has_invoice_product=False)

    with pytest.raises(NotAuthorised) as caught:
        shop.send()

    assert (caught.value.status, "subscribed" in str(caught.value.meaning)) == (403, True)


@pytest.mark.requirement("M1-07")
def test_wrong_keys_of_the_app_do_not_cost_the_consent(shop: Shop):
    shop.account.credentials = dict(shop.account.credentials) | {"gateway_secret": "other"}
    shop.account.save()

    with pytest.raises(NotAuthorised):
        shop.send()

    assert MerchantConsent.objects.get(account=shop.account).state == "granted"


@pytest.mark.requirement("M1-08")
def test_call_log_has_no_secret(shop: Shop):
    shop.send()
    shop.mobilepay.set_webhook(shop.calls.base, *shop.mobilepay.new_webhook_secret())

    tokens = MerchantConsent.objects.get(account=shop.account).tokens
    secrets = [*shop.account.credentials.values(), tokens["access"], tokens["refresh"]]
    logged = json.dumps([list(map(str, row)) for row in ProviderCall.objects.values_list()])
    assert "invoices" in logged
    assert not [secret for secret in secrets if secret in logged]


# ------------------------------------------------------------------------------------ withdrawal
@pytest.mark.requirement("M4-57", "M4-60", "M4-71")
@pytest.mark.parametrize("accepted", [False, True])
def test_withdrawal_may_be_repeated(shop: Shop, calls: Calls, accepted: bool):
    handle = shop.send()
    if accepted:
        shop.control("accept", invoiceId=handle)

    for _ in range(2):
        shop.mobilepay.cancel(handle, key="k", before_approval_only=False)

    assert state(shop, handle) == RequestState.CANCELLED
    assert [answer.status_code for answer in calls.answers if answer.status_code != 200] == [
        204,
        409,
    ]


@pytest.mark.requirement("M4-58", "M4-59", "M4-99")
@pytest.mark.parametrize(
    ("act", "end", "code"),
    [("pay", RequestState.PAID, "10504"), ("reject", RequestState.REJECTED, "10505")],
)
def test_withdrawal_meets_an_end(shop: Shop, act: str, end: RequestState, code: str):
    handle = shop.send()
    shop.control(act, invoiceId=handle)

    with pytest.raises(Refused) as caught:
        shop.mobilepay.cancel(handle, key="k", before_approval_only=False)

    assert (caught.value.code, state(shop, handle)) == (code, end)


def test_unknown_invoice_is_not_found(shop: Shop):
    stranger = "00000000-0000-4000-8000-000000000000"

    for ask in (shop.mobilepay.fetch, shop.mobilepay.identify):
        with pytest.raises(NotFound):
            ask(stranger)
    with pytest.raises(NotFound):
        shop.mobilepay.cancel(stranger, key="k", before_approval_only=False)

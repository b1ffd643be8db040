"""The customer's phone: every outcome, links, expiry, consents. Contract sections 6 and 7."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from providers.sandbox import outbox
from providers.sandbox.mobilepay import consents
from providers.sandbox.models import AppInvoice, DirectConsent

from . import mobilepay_wire as wire
from .mobilepay_wire import Merchant

USER = {"AuthenticatedUser": "3b9aca00-0000-4000-8000-000000000007"}
BACK = "https://billing.example.test/back"


@pytest.fixture
def merchant(live_server, transactional_db) -> Merchant:
    return wire.merchant(live_server.url)


class App:
    """The app on one invoice, as a browser sees it: no JavaScript."""

    def __init__(self, client: Any, invoice_id: str) -> None:
        self.client = client
        self.invoice = AppInvoice.objects.get(invoice_id=invoice_id)
        self.url = f"/sandbox/mobilepay/phone/{self.invoice.token}/"
        self.landing = f"/sandbox/mobilepay/pay/{self.invoice.token}/"

    def see(self, screen: str = "") -> str:
        return str(self.client.get(self.url, {"screen": screen}).content.decode())

    def press(self, action: str, **more: str) -> Any:
        return self.client.post(self.url, {"action": action} | more, follow=True)

    def open(self, number: str) -> Any:
        return self.client.post(self.landing, {"msisdn": number})


def days(merchant: Merchant, count: int) -> str:
    return (merchant.today() + timedelta(days=count)).isoformat()


def push_days(merchant: Merchant, count: float) -> None:
    answer = merchant.control("clock", seconds=count * 86400)
    assert answer.ok, answer.text


def test_an_invoice_shows_up_on_the_phone(client, merchant):
    merchant.direct()

    content = client.get("/sandbox/mobilepay/phone/?msisdn=11223344").content.decode()

    assert "Skovbo Have: 990,00 DKK" in content
    assert 'http-equiv="refresh"' in content
    assert "+45 11 22 33 44" in client.get("/sandbox/mobilepay/phone/").content.decode()


def test_the_phone_of_somebody_else_stays_empty(client, merchant):
    merchant.direct()
    merchant.link(ConsumerAlias=wire.alias("+4555667788"))

    content = client.get("/sandbox/mobilepay/phone/?msisdn=%2B4555667788").content.decode()

    assert "No invoices" in content


def test_the_app_shows_lines_comment_and_pdf(client, merchant):
    own = App(client, merchant.direct(InvoiceUrl="https://billing.example.test/pdf/1"))
    made = App(client, merchant.direct())

    content = own.see("lines")

    assert "Stort cykelservice" in content
    assert "Tak for besøget" in content
    assert 'href="https://billing.example.test/pdf/1"' in content
    assert client.get(f"{made.url}invoice.pdf").content.startswith(b"%PDF-")
    assert f"{made.url}invoice.pdf" in made.see("lines")


@pytest.mark.requirement("M4-64")
def test_pay_now_is_accepted_then_paid(client, merchant):
    invoice = merchant.direct()

    content = App(client, invoice).press("pay").content.decode()

    held = merchant.held(invoice)
    assert merchant.statuses(invoice) == ["Created", "Accepted", "Paid"]
    assert held["transactionId"]
    assert held["paymentDate"] == days(merchant, 0)
    assert "Paid" in content


def test_schedule_then_the_day_comes(client, merchant):
    invoice = merchant.direct()
    App(client, invoice).press("schedule", day=days(merchant, 5))

    push_days(merchant, 4)
    before = merchant.status(invoice)
    push_days(merchant, 1)

    assert (before, merchant.status(invoice)) == ("accepted", "paid")
    assert merchant.statuses(invoice) == ["Created", "Accepted", "Paid"]


def test_another_day_is_another_accepted(client, merchant):
    invoice = merchant.direct()
    app = App(client, invoice)
    app.press("schedule", day=days(merchant, 5))

    app.press("schedule", day=days(merchant, 9))

    events = merchant.held(invoice)["events"]
    assert [event.get("PaymentDate") for event in events] == [
        None,
        days(merchant, 5),
        days(merchant, 9),
    ]


@pytest.mark.parametrize(("later", "is_taken"), [(-1, False), (0, True), (44, True), (45, False)])
def test_the_day_is_within_30_days_of_the_due_date(client, merchant, later, is_taken):
    invoice = merchant.direct(DueDate=days(merchant, 14))

    if later == 0:
        # Today is no day to come: it is charged with the next round.
        answer = App(client, invoice).press("schedule", day=days(merchant, 0))
        assert merchant.status(invoice) == "paid"
    else:
        answer = App(client, invoice).press("schedule", day=days(merchant, later))
        assert merchant.status(invoice) == ("accepted" if is_taken else "created")
    assert answer.status_code == (200 if is_taken else 422)


def test_a_day_that_is_none_is_asked_for_again(client, merchant):
    answer = App(client, merchant.direct()).press("schedule", day="someday")

    assert answer.status_code == 422
    assert "Choose the day" in answer.content.decode()


def test_declining_a_direct_invoice(client, merchant):
    fresh, scheduled = merchant.direct(), merchant.direct()
    App(client, fresh).press("reject")
    App(client, scheduled).press("schedule", day=days(merchant, 3))
    App(client, scheduled).press("reject")

    assert merchant.statuses(fresh) == ["Created", "Rejected"]
    assert merchant.statuses(scheduled) == ["Created", "Accepted", "Rejected"]


def test_declining_a_link_leaves_it_open_until_it_is_accepted(client, merchant):
    invoice = merchant.link()
    app = App(client, invoice)
    app.open("+4511223344")

    app.press("reject")
    assert merchant.status(invoice) == "created"
    app.press("schedule", day=days(merchant, 3))
    app.press("reject")

    assert merchant.status(invoice) == "rejected"


@pytest.mark.requirement("M4-74")
def test_a_failing_card_changes_nothing(client, merchant):
    tried = merchant.direct()
    unlucky = merchant.direct(ConsumerAlias=wire.alias("+4520119999"))

    said = App(client, tried).press("card")
    refused = App(client, unlucky).press("pay")

    assert (said.status_code, refused.status_code) == (422, 422)
    assert "Your card was refused" in said.content.decode()
    assert merchant.statuses(tried) == merchant.statuses(unlucky) == ["Created"]


@pytest.mark.requirement("M4-70")
def test_a_scheduled_card_that_fails_stays_accepted_until_it_expires(client, merchant):
    invoice = merchant.direct(ConsumerAlias=wire.alias("+4520119999"))
    App(client, invoice).press("schedule", day=days(merchant, 2))

    push_days(merchant, 44)
    before = merchant.status(invoice)
    push_days(merchant, 1)

    assert before == "accepted"
    assert merchant.statuses(invoice) == ["Created", "Accepted", "Expired"]


@pytest.mark.requirement("M4-39", "M4-74")
def test_the_thirtieth_day_after_the_due_date_still_counts(client, merchant):
    """A payment is taken on it, and nothing has run out before."""
    invoice = merchant.direct(DueDate=days(merchant, 14))

    push_days(merchant, 44)
    before = merchant.status(invoice)
    App(client, invoice).press("pay")

    assert (before, merchant.status(invoice)) == ("created", "paid")


@pytest.mark.requirement("M4-39", "M4-70")
@pytest.mark.parametrize("vat_number", ["DK31415926", "FI27182818"])
def test_expiry_30_days_after_the_due_date(live_server, transactional_db, client, vat_number):
    merchant = wire.merchant(live_server.url, vat_number)
    invoice = merchant.direct(DueDate=days(merchant, 1), ConsumerAlias=wire.alias("+358401234567"))

    push_days(merchant, 31)
    before = merchant.status(invoice)
    push_days(merchant, 1)

    assert (before, merchant.status(invoice)) == ("created", "expired")
    assert merchant.statuses(invoice) == ["Created", "Expired"]
    assert "Ran out" in App(client, invoice).see()


def test_a_payment_on_the_last_day_is_taken_before_anything_expires(client, merchant):
    invoice = merchant.direct(DueDate=days(merchant, 14))
    App(client, invoice).press("schedule", day=days(merchant, 44))

    push_days(merchant, 60)

    assert merchant.status(invoice) == "paid"


def test_too_late_is_said_and_changes_nothing(client, merchant):
    invoice = merchant.direct()
    assert merchant.own("PUT", f"invoices/{invoice}/cancel").status_code == 204

    answer = App(client, invoice).press("pay")

    assert answer.status_code == 422
    assert "took the invoice back" in answer.content.decode()
    assert merchant.statuses(invoice) == ["Created", "Canceled"]


@pytest.mark.requirement("M4-50")
def test_the_landing_page_is_prefilled_and_anybody_may_pay(client, merchant):
    invoice = merchant.link(ConsumerAlias=wire.alias("+4511223344"), RedirectUrl=BACK)
    app = App(client, invoice)
    assert 'value="+4511223344"' in client.get(app.landing).content.decode()

    opened = app.open("+45 55 66 77 88")
    waiting = client.get(opened.url)
    app.press("pay")

    assert "Open the app on" in waiting.content.decode()
    assert client.get(opened.url).url == f"{BACK}?status=paid"
    assert merchant.held(invoice)["alias"] == "+4555667788"


def test_redirect_after_scheduling(client, merchant):
    app = App(client, merchant.link(RedirectUrl=BACK))
    opened = app.open("+4511223344")
    app.press("schedule", day=days(merchant, 2))

    assert client.get(opened.url).url == f"{BACK}?status=accepted"
    assert f'href="{BACK}?status=accepted"' in app.see()


def test_nobody_is_sent_back_after_declining(client, merchant):
    app = App(client, merchant.link(RedirectUrl=BACK))
    opened = app.open("+4511223344")
    app.press("schedule", day=days(merchant, 2))
    app.press("reject")

    assert "This invoice was declined" in client.get(opened.url).content.decode()


def test_a_wrong_number_is_asked_for_again_and_kept(client, merchant):
    answer = App(client, merchant.link()).open("none of your business")

    assert answer.status_code == 422
    assert 'value="none of your business"' in answer.content.decode()


def test_on_a_phone_the_link_opens_the_app(client, merchant):
    app = App(client, merchant.link())
    agent = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Mobile/15E148"}

    answer = client.post(app.landing, {"msisdn": "+4511223344"}, headers=agent)

    assert answer.url == app.url


def test_an_unopened_link_has_no_phone(client, merchant):
    app = App(client, merchant.link(ConsumerAlias=None))

    assert client.get(app.url).url == app.landing


def test_an_expired_link_is_gone(client, merchant):
    app = App(client, merchant.link(DueDate=days(merchant, 0)))

    push_days(merchant, 31)
    answer = client.get(app.landing)

    assert answer.status_code == 404
    assert "This link has expired" in answer.content.decode()


def test_a_direct_invoice_has_no_landing_page(client, merchant):
    assert client.get(App(client, merchant.direct()).landing).status_code == 404


# --- Consent to being billed directly ---------------------------------------------------------


def ask(merchant: Merchant, invoice: str) -> dict[str, Any]:
    answer = merchant.call("POST", "directinvoiceconsents", {"InvoiceId": invoice})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def listed(merchant: Merchant, **changes: str) -> Any:
    query = {"invoiceIssuerId": merchant.issuer, "state": "granted"} | changes
    text = "&".join(f"{name}={value.replace('=', '%3D')}" for name, value in query.items())
    return merchant.call("GET", f"directinvoiceconsents?{text}")


def test_consent_is_asked_in_the_app_and_granted(client, merchant):
    invoice = merchant.link(ConsumerAlias=None)
    asked = ask(merchant, invoice)
    app = App(client, invoice)
    app.open("+4555667788")

    question = app.see()
    app.press("grant")
    app.press("pay")

    found = merchant.call("GET", f"directinvoiceconsents/{asked['ConsentId']}").json()
    assert asked | {"ConsentId": ""} == {
        "ConsentId": "",
        "InvoiceId": invoice,
        "PhoneNumber": None,
        "State": "Pending",
        "GrantedOn": None,
    }
    assert "send invoices straight to this number?" in question
    assert (found["State"], found["PhoneNumber"]) == ("Granted", "+4555667788")
    assert found["GrantedOn"].endswith("+00:00")
    assert merchant.status(invoice) == "paid"
    assert listed(merchant).json() == {"GrantedConsents": [found], "PagingState": None}


def test_consent_denied_tells_no_number(client, merchant):
    invoice = merchant.link()
    asked = ask(merchant, invoice)
    app = App(client, invoice)
    app.open("+4555667788")

    app.press("deny")

    found = merchant.call("GET", f"directinvoiceconsents/{asked['ConsentId']}").json()
    assert (found["State"], found["PhoneNumber"], found["GrantedOn"]) == ("Denied", None, None)
    assert listed(merchant).json()["GrantedConsents"] == []


def test_who_has_granted_is_not_asked_again(client, merchant):
    for _ in range(2):
        invoice = merchant.link(ConsumerAlias=None)
        ask(merchant, invoice)
        app = App(client, invoice)
        app.open("+4555667788")
        first = app.see()
        app.press("grant")
    assert "straight to this number" not in first
    assert DirectConsent.objects.filter(state="Pending").count() == 1


def test_asking_twice_is_asking_once(merchant):
    invoice = merchant.link()

    assert ask(merchant, invoice) == ask(merchant, invoice)


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"InvoiceId": "12"}, 400), ({"InvoiceId": str(uuid.uuid4())}, 404), ([], 400)],
)
def test_consent_is_asked_on_an_invoice_that_exists(merchant, body, status):
    assert merchant.call("POST", "directinvoiceconsents", body).status_code == status


def test_consent_is_asked_on_a_link_only(merchant):
    answer = merchant.call("POST", "directinvoiceconsents", {"InvoiceId": merchant.direct()})

    assert answer.status_code == 409
    assert answer.json()["error"] == "DomainError"


def test_consents_are_listed_in_pages(merchant):
    count = consents.PAGE + 3
    for _ in range(count):
        DirectConsent.objects.create(
            invoice=AppInvoice.objects.get(invoice_id=merchant.link()),
            state="Granted",
            phone="+4555667788",
            granted_on="2026-01-01T10:00:00Z",
        )
    first = listed(merchant).json()

    second = listed(merchant, pagingState=first["PagingState"]).json()

    assert len(first["GrantedConsents"]) == consents.PAGE
    assert second["PagingState"] is None
    ids = {row["ConsentId"] for row in first["GrantedConsents"] + second["GrantedConsents"]}
    assert len(ids) == count


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"state": "denied"}, 400),
        ({"invoiceIssuerId": ""}, 400),
        ({"invoiceIssuerId": str(uuid.uuid4())}, 404),
        ({"pagingState": "nonsense"}, 400),
    ],
)
def test_the_list_is_asked_for_properly(merchant, changes, status):
    assert listed(merchant, **changes).status_code == status


def test_consents_belong_to_the_merchant(live_server, merchant):
    other = wire.merchant(live_server.url, "FI27182818")
    asked = ask(merchant, merchant.link())

    path = f"directinvoiceconsents/{asked['ConsentId']}"
    assert other.call("GET", path).status_code == 404
    assert other.call("DELETE", path).status_code == 404
    assert merchant.call("DELETE", path).status_code == 204
    assert merchant.call("GET", path).status_code == 404


# --- The test environment's simulated user ----------------------------------------------------


def test_the_simulated_user_pays_schedules_and_rejects(merchant):
    paid, scheduled, rejected = (
        merchant.link(RedirectUrl=BACK),
        merchant.direct(),
        merchant.direct(),
    )
    mine = "consumers/me/invoices"

    first = merchant.call("PUT", f"{mine}/{paid}/accept", {"ConsumerCard": USER}, **USER)
    body = {"paymentDate": days(merchant, 3)}
    second = merchant.call("PUT", f"{mine}/{scheduled}/accept", body, **USER)
    third = merchant.call("PUT", f"{mine}/{rejected}/reject", **USER)
    again = merchant.call("PUT", f"{mine}/{paid}/accept", {}, **USER)

    assert first.json() == {
        "InvoiceId": paid,
        "InvoicePaymentStatus": "Paid",
        "RedirectUrl": f"{BACK}?status=paid",
    }
    assert second.json() == {"InvoiceId": scheduled, "InvoicePaymentStatus": "Accepted"}
    assert third.json() == {"InvoiceId": rejected}
    assert (again.status_code, again.json()["InvoicePaymentStatus"]) == (400, "Paid")
    assert "paid" in again.json()["ErrorText"]
    assert merchant.status(rejected) == "rejected"


def test_the_simulated_user_answers_a_consent(merchant):
    asked = ask(merchant, merchant.link(ConsumerAlias=None))
    path = f"consumers/me/invoices/directinvoiceconsent/{asked['ConsentId']}"

    unclear = merchant.call("PUT", path, {"isConsentGranted": "yes"}, **USER)
    nobody = merchant.call("PUT", path, {"isConsentGranted": True})
    answered = merchant.call("PUT", path, {"isConsentGranted": True}, **USER)
    again = merchant.call("PUT", path, {"isConsentGranted": False}, **USER)

    statuses = [one.status_code for one in (unclear, nobody, answered, again)]
    assert statuses == [400, 400, 204, 409]
    assert listed(merchant).json()["GrantedConsents"][0]["PhoneNumber"].startswith("+45")


def test_the_simulated_user_reads_the_pdf(merchant):
    answer = merchant.call("GET", f"consumers/me/invoices/{merchant.direct()}/pdf", **USER)

    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert b"Skovbo Have" in answer.content


def test_unknown_invoices_are_404(merchant):
    for invoice in (str(uuid.uuid4()), "12"):
        path = f"consumers/me/invoices/{invoice}/reject"
        assert merchant.call("PUT", path, **USER).status_code == 404


def test_paying_wakes_the_outbox(client, merchant, settings, monkeypatch):
    invoice = merchant.direct()
    settings.SANDBOX_DELIVER_INLINE = True
    woken: list[bool] = []
    monkeypatch.setattr(outbox, "wake", lambda: woken.append(True))

    App(client, invoice).press("pay")

    assert woken == [True]

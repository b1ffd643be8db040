"""The remote control of the simulated MobilePay Invoice, the crowd, the pages about it."""

import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing_site.demo.phone import MobilePayPhone, PhoneError
from providers.sandbox import clock, portal_seeding, state, tasks
from providers.sandbox.models import (
    AppEvent,
    AppInvoice,
    DirectConsent,
    Fault,
    Grant,
    PortalMerchant,
    Subscription,
)

from . import mobilepay_wire as wire
from .mobilepay_wire import Merchant


@pytest.fixture
def merchant(live_server, transactional_db) -> Merchant:
    return wire.merchant(live_server.url)


@pytest.fixture
def phone(live_server, merchant) -> MobilePayPhone:
    return MobilePayPhone(live_server.url)


def many(merchant: Merchant, count: int, **changes: Any) -> None:
    """Make created invoices without the API's own work."""
    now = clock.now()
    fields = {
        "merchant": merchant.portal.merchant,
        "issuer": merchant.portal.issuers[0],
        "body": {},
        "total": Decimal("10.10"),
        "currency": "DKK",
        "due_date": merchant.today() + timedelta(days=10),
        "status": "created",
        "sequence": 1,
        "created_at": now,
        "updated_at": now,
    } | changes
    AppInvoice.objects.bulk_create(
        AppInvoice(token=f"t-{n}", body_hash=str(n), alias=f"+4520{n:06d}", **fields)
        for n in range(count)
    )


def test_pay_accept_reject_card_error(merchant, phone):
    paid, scheduled, rejected, unlucky = (merchant.direct() for _ in range(4))
    day = (merchant.today() + timedelta(days=3)).isoformat()

    assert phone.pay(paid)["status"] == "paid"
    assert phone.accept(scheduled, day)["paymentDate"] == day
    assert phone.reject(rejected)["status"] == "rejected"
    assert phone.card_error(unlucky)["status"] == "created"
    assert phone.card_error(unlucky)["said"] == "Your card was refused. Nothing was charged."


def test_without_a_date_it_is_the_due_date(merchant, phone):
    invoice = merchant.direct()

    assert phone.accept(invoice)["paymentDate"] == phone.accept(invoice)["dueDate"]


@pytest.mark.parametrize(
    ("what", "given", "status"),
    [
        ("pay", {}, 400),
        ("pay", {"invoiceId": "12"}, 404),
        ("pay", {"invoiceId": "7b0c2f54-9a1e-4d3b-8f66-2c5d0a9e1b11"}, 404),
        ("merchant", {}, 400),
        ("merchant", {"vat_number": "DK31415926", "colour": "red"}, 400),
        ("merchant", {"vat_number": "DK31415926", "profile": "2.0"}, 400),
        ("merchant", {"vat_number": "DK31415926", "callbacks": "off"}, 400),
        ("bulk", {"vat_number": "DK31415926", "share_paid": 0.9, "share_rejected": 0.2}, 400),
        ("deliver", {"size": 0}, 400),
        ("faults", {"kind": "webhook_duplicate", "colour": "red"}, 400),
    ],
)
def test_nonsense_is_refused_with_a_reason(merchant, what, given, status):
    answer = merchant.control(what, **given)

    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


def test_a_paid_invoice_cannot_be_paid_again(merchant, phone):
    invoice = merchant.direct()
    phone.pay(invoice)

    with pytest.raises(PhoneError, match="HTTP 409"):
        phone.pay(invoice)
    with pytest.raises(PhoneError, match=r"paymentDate|HTTP 4"):
        phone.accept(merchant.direct(), "someday")


def test_consent_is_answered(merchant, phone):
    invoice = merchant.link(ConsumerAlias=None)
    merchant.call("POST", "directinvoiceconsents", {"InvoiceId": invoice})

    answer = phone.consent(invoice, granted=True, phone="+4555667788")

    assert (answer["state"], answer["phone"]) == ("Granted", "+4555667788")


def test_a_merchant_is_changed(merchant, phone):
    found = phone.merchant(merchantId=merchant.id, profile="1.4", cap="500", validation_delay=30)

    assert (found["profile"], found["cap"], found["validation_delay"]) == ("1.4", "500.00", 30)
    assert phone.merchant(vat_number="DK31415926")["merchantId"] == merchant.id


@pytest.mark.requirement("M4-44")
def test_validation_comes_when_its_time_has_come(merchant, phone):
    phone.merchant(merchantId=merchant.id, validation_delay=60)
    accepted = merchant.own("POST", "invoices/batch", [merchant.body()]).json()["Accepted"]

    phone.deliver()
    before = merchant.held(accepted[0]["InvoiceId"])["status"]
    phone.push_clock(61)

    assert (before, merchant.held(accepted[0]["InvoiceId"])["status"]) == ("pending", "created")


def test_the_ledger_counts_and_sums(merchant, phone):
    first, second = merchant.direct(TotalAmount=10.10), merchant.direct(TotalAmount=0.20)
    merchant.direct()
    phone.pay(first)
    phone.pay(second)

    held = phone.ledger(merchantId=merchant.id)

    assert held["count"] == 3
    assert held["statuses"] == {"created": 1, "paid": 2}
    assert held["paid"] == {"DKK": "10.30"}
    assert held["calls"] == {"create 200": 3}
    assert held["invoices"][0]["total"] == "10.10"
    assert [row["kind"] for row in held["invoices"]] == ["direct"] * 3
    assert phone.ledger(merchantId="7b0c2f54-9a1e-4d3b-8f66-2c5d0a9e1b11")["count"] == 0


def test_the_ledger_comes_in_pages(merchant, phone):
    many(merchant, 5)

    first = phone.ledger(limit="2")
    rest = phone.ledger(limit="4", after=str(first["next"]))

    assert len(first["invoices"]) == 2
    assert (len(rest["invoices"]), rest["next"]) == (3, None)
    assert len(phone.invoices()) == 5


def test_calls_are_told_with_their_bodies(merchant, phone):
    merchant.direct(Comment="find me")

    rows = phone.calls(merchantId=merchant.id, endpoint="create")

    assert len(rows) == 1
    assert "find me" in rows[0]["body"]


def test_faults_are_this_providers_own(merchant, phone):
    Fault.objects.create(provider="vipps", kind="latency")

    fault = phone.set_fault(kind="error_before", endpoint="create", remaining=1)
    failed = merchant.own("POST", "invoices", merchant.body())
    phone.clear_faults()

    assert failed.status_code == 500
    assert fault["endpoint"] == "create"
    assert list(Fault.objects.values_list("provider", flat=True)) == ["vipps"]


def test_thousands_act_quickly_and_alike_for_a_seed(merchant, phone):
    many(merchant, 3000)

    started = time.monotonic()
    done = phone.bulk(merchant.id, share_paid=0.6, share_rejected=0.1, share_accepted=0.2, seed=42)
    took = time.monotonic() - started

    counts = Counter(AppInvoice.objects.values_list("status", flat=True))
    assert {name: counts[name] for name in done} == done
    assert sum(done.values()) + counts["created"] == 3000
    assert done["paid"] == pytest.approx(1800, abs=120)
    assert done["rejected"] == pytest.approx(300, abs=60)
    assert AppEvent.objects.filter(status="paid").count() == done["paid"]
    assert AppEvent.objects.filter(status="accepted").count() == done["paid"] + done["accepted"]
    assert took < 20
    keys = AppInvoice.objects.filter(status="paid").values_list("transaction_id", flat=True)
    assert len({key for key in keys if key}) == done["paid"]
    assert set(AppInvoice.objects.filter(status="paid").values_list("sequence", flat=True)) == {3}


def test_in_a_crowd_links_stay_open_and_failing_cards_fail(merchant, phone):
    many(merchant, 20, is_link=True)

    assert phone.bulk(merchant.id, share_rejected=1.0)["rejected"] == 0

    AppInvoice.objects.update(alias="+4520119999")
    assert phone.bulk(merchant.id, share_paid=1.0)["paid"] == 0
    assert not AppEvent.objects.exists()


@pytest.mark.requirement("M4-70")
def test_thousands_run_out_in_one_push(merchant, phone):
    many(merchant, 2500)

    settled = phone.push_clock(41 * 86400 + 1)["settled"]

    assert settled == 2500
    assert AppEvent.objects.filter(status="expired").count() == 2500


def test_the_deliver_task_does_it_all(merchant, receiver_url):
    body = {"apiKey": "a-key", "callbackUrl": receiver_url.url}
    merchant.own("PUT", "auth/apikey", body)
    merchant.own("POST", "invoices/batch", [merchant.body()])

    tasks.deliver()

    assert [item["Status"] for item in receiver_url.items] == ["Created"]


@pytest.fixture
def receiver_url():
    with wire.receiving() as found:
        yield found


def test_reset_keeps_accounts_and_empties_the_rest(merchant, phone, receiver_url):
    merchant.own("PUT", "auth/apikey", {"apiKey": "a-key", "callbackUrl": receiver_url.url})
    merchant.call("POST", "directinvoiceconsents", {"InvoiceId": merchant.link()})

    state.reset()

    emptied = (AppInvoice, AppEvent, DirectConsent, Grant, Subscription)
    assert not any(model.objects.exists() for model in emptied)
    kept = PortalMerchant.objects.get()
    assert (kept.callback_url, kept.issuers.count()) == ("", 3)
    state.reset(accounts_too=True)
    assert not PortalMerchant.objects.exists()
    assert portal_seeding.portal().merchant.merchant_id == kept.merchant_id


def test_the_sandboxs_pages_show_it(client, merchant, phone):
    invoice = merchant.direct(InvoiceNumber="INV-SHOWN")
    phone.pay(invoice)
    phone.set_fault(kind="webhook_late", endpoint="callback", seconds=5)

    front = client.get("/sandbox/").content.decode()
    ledger = client.get("/sandbox/ledger/").content.decode()
    faults = client.get("/sandbox/faults/").content.decode()

    assert "/sandbox/mobilepay/phone/" in front
    assert "MobilePay Invoice: phone numbers" in front
    assert "DK31415926" in front
    assert "INV-SHOWN" in ledger
    assert "Created, Accepted, Paid" in ledger
    assert "MobilePay Invoice" in faults


def test_a_fault_is_set_by_hand(client, merchant):
    form = {
        "provider": "mobilepay",
        "kind": "rate_limited",
        "endpoint": "create_batch",
        "account": merchant.id,
        "seconds": "3",
        "status": "0",
        "retry_after": "seconds",
        "remaining": "1",
    }

    assert client.post("/sandbox/faults/", form).status_code == 302
    answer = merchant.own("POST", "invoices/batch", [merchant.body()])

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")

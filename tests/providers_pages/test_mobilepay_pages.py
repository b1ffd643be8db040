"""What staff read on the pages of an invoice and of an account at MobilePay."""

import html
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from invoices import sending
from invoices.models import Invoice
from providers.consents import grants
from providers.mobilepay_invoice import terms
from providers.models import MerchantConsent
from providers.sandbox.models import AppInvoice
from tests.faults.conftest import request_of
from tests.faults.mobilepay import MobileShop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(live_server: Any, settings: Any, client: Any) -> MobileShop:
    """A consented account, and its owner signed in."""
    settings.PUBLIC_URL = live_server.url
    settings.SANDBOX_DELIVER_INLINE = False
    made = MobileShop.make(live_server.url)
    client.force_login(made.owner)
    return made


def sent(shop: MobileShop, channel: str = "direct", **values: Any) -> Invoice:
    """Issue an invoice and send it, callbacks included."""
    invoice = shop.issued(**values)
    now = timezone.now()
    sending.send(invoice_id=invoice.pk, road_key=shop.key(channel), by=shop.owner, now=now)
    shop.work()
    return invoice


def text(answer: Any) -> str:
    """The words of a page, as one line."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def page(client: Any, invoice: Invoice) -> str:
    """What the invoice's page says."""
    return text(client.get(reverse("invoice-detail", args=["skovbo", invoice.pk])))


def account_page(client: Any, shop: MobileShop) -> str:
    """What the account's page says."""
    return text(client.get(reverse("provider-detail", args=["skovbo", shop.account.pk])))


def handle(invoice: Invoice) -> str:
    return request_of(invoice).provider_id


# ---------------------------------------------------------------------------------- the account
@pytest.mark.requirement("M1-01")
def test_checklist_has_its_evidence_and_follows_the_consent(client, shop):
    sent(shop)
    address = reverse("provider-detail", args=["skovbo", shop.account.pk])
    answer = client.get(address)

    steps = {str(step.label): step for step in answer.context["steps"]}
    assert len(steps) >= 6
    assert all(str(step.proof) for step in steps.values())
    assert {step.tone for step in steps.values()} == {"good"}
    assert all(f"{label} {step.proof}" in text(answer) for label, step in steps.items())

    grants.withdraw(MerchantConsent.objects.get(), now=timezone.now())
    missing = [step for step in client.get(address).context["steps"] if step.tone == "bad"]
    assert any("onsent" in f"{step.label} {step.proof}" for step in missing)


@pytest.mark.requirement("M1-08")
def test_keys_are_encrypted_never_logged_and_never_shown_again(client, shop, caplog):
    caplog.set_level(logging.DEBUG)
    kept = [shop.portal.app.client_secret, shop.portal.app.gateway_secret]
    kept += [str(MerchantConsent.objects.get().tokens[name]) for name in ("access", "refresh")]

    sent(shop)
    for name in ("provider-detail", "provider-edit"):
        answer = client.get(reverse(name, args=["skovbo", shop.account.pk]))
        assert answer.status_code == 200
        assert not [secret for secret in kept if secret in answer.content.decode()]

    assert not [secret for secret in kept if secret in caplog.text]
    assert not [secret for secret in kept if secret in stored()]


def stored() -> str:
    """Every column of what is kept about accounts and calls, as it lies in the database."""
    tables = ("provideraccount", "merchantconsent", "providercall", "webhookregistration")
    rows = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM providers_{table}")  # noqa: S608 -- names from above
            rows += cursor.fetchall()
    assert rows
    return str(rows)


@pytest.mark.requirement("M1-24")
def test_without_consent_the_roads_are_closed_and_say_why(client, shop):
    grants.withdraw(MerchantConsent.objects.get(), now=timezone.now())
    invoice = shop.issued()

    problems = closed(client, invoice, shop.key())
    assert [each.field for each in problems] == ["account", "consent"]
    assert all(each.remedy for each in problems)
    answer = client.post(
        reverse("invoice-send", args=["skovbo", invoice.pk]), {"road": shop.key(), "at": ""}
    )

    assert answer.status_code == 422
    assert not invoice.requests.exists()


@pytest.mark.requirement("M4-109", "M4-110")
def test_todays_counters_stand_on_the_accounts_page(client, live_server, settings):
    settings.PUBLIC_URL = live_server.url
    shop = MobileShop.make(live_server.url, profile="1.4")
    client.force_login(shop.owner)
    customer = shop.customer()
    for _ in range(2):
        sent(shop, customer=customer)

    limits = terms.of(shop.account)
    said = account_page(client, shop)
    assert re.search(rf"\b2\b\D{{0,30}}\b{limits.per_payer_daily}\b", said)
    assert re.search(rf"\b2\b\D{{0,30}}\b{limits.per_issuer_daily}\b", said.replace(",", ""))


# --------------------------------------------------------------------------- words of the states
@pytest.mark.requirement("M1-27", "M4-65", "M4-75")
def test_handed_over_is_not_called_delivered(client, shop):
    shop.phone.merchant(merchantId=shop.id, validation_delay=600)
    invoice = sent(shop)
    said = page(client, invoice)
    assert "MobilePay Invoice took the payment request" in said
    assert "Handed over, being checked there" in said
    assert "is with the customer" not in said

    shop.phone.push_clock(601)
    shop.work()

    assert "The payment request is with the customer" in page(client, invoice)


@pytest.mark.requirement("M4-66", "M4-81", "M4-84", "M4-111")
def test_invalid_says_why_what_to_do_and_that_it_may_be_sent_again(client, shop):
    invoice = sent(shop, customer=shop.customer(phone="+4511810101"))

    said = page(client, invoice)

    assert "Refused by the provider" in said
    assert "No MobilePay user has this phone number." in said
    assert "Check the number, or send a payment link instead." in said
    assert "Correct and send again" in said
    assert not closed(client, invoice, shop.key("link"))


@pytest.mark.requirement("M4-67", "M4-73")
def test_accepted_says_when_and_does_not_call_it_money(client, shop):
    invoice = sent(shop)
    day = timezone.localdate() + timedelta(days=20)
    shop.phone.accept(handle(invoice), payment_date=day.isoformat())
    shop.work()

    said = page(client, invoice)

    assert "Approved, not yet collected" in said
    assert "To be paid on" in said
    assert invoice.residual == invoice.total
    assert "reserved" not in said


@pytest.mark.requirement("M4-39", "M4-70")
def test_day_on_which_it_runs_out_stands_there_beforehand(client, shop):
    invoice = sent(shop)
    assert invoice.due_date is not None
    last = invoice.due_date + timedelta(days=30)

    assert f"Lives until {last.day} {last:%b} 23:59" in page(client, invoice)


# ------------------------------------------------------------------------------------ withdrawing
def _end(shop: MobileShop, invoice: Invoice, state: str) -> None:
    if state == "accepted":
        shop.phone.accept(handle(invoice))
    elif state == "paid":
        shop.phone.pay(handle(invoice))
    elif state == "rejected":
        shop.phone.reject(handle(invoice))
    elif state == "expired":
        shop.phone.push_clock(46 * 24 * 3600)
    shop.work()


@pytest.mark.requirement("M4-58")
@pytest.mark.parametrize("state", ["created", "accepted", "paid", "rejected", "expired"])
def test_withdrawing_is_offered_while_it_is_possible_and_refused_with_the_reason(
    client, shop, state
):
    invoice = sent(shop)
    _end(shop, invoice, state)
    request = request_of(invoice)
    assert request.state == state
    where = reverse("request-withdraw", args=["skovbo", invoice.pk, request.pk])
    possible = state in {"created", "accepted"}

    page_ = client.get(reverse("invoice-detail", args=["skovbo", invoice.pk])).content.decode()
    assert (where in page_) == possible
    answer = client.post(where, {"reason": "Mistake"}, follow=True)

    assert invoice.timeline.filter(what="asked_cancel").exists() == possible
    if not possible:
        assert "There is nothing to withdraw." in text(answer)


# --------------------------------------------------------------------------------------- refusals
@pytest.mark.requirement("M4-79", "M4-80", "M4-81")
def test_refused_field_is_named_with_the_number_for_their_support(client, shop):
    shop.phone.set_fault(
        endpoint="create", kind="refuse", status=400, code="input.DueDate", remaining=1
    )
    invoice = sent(shop)

    problem = request_of(invoice).problem
    assert problem["field"] == "due_date"
    said = page(client, invoice)
    assert f"Due date {problem['meaning']}" in said
    assert str(problem["remedy"]) in said
    assert f"For their support: {problem['correlation_id']}" in said
    assert problem["correlation_id"] in account_page(client, shop)

    form = client.get(reverse("invoice-correct", args=["skovbo", invoice.pk])).context["form"]
    marked = [field.name for field in form if field.field.widget.attrs.get("aria-invalid")]
    assert marked == ["due_date"]
    assert str(problem["meaning"]) in form.fields["due_date"].help_text


@pytest.mark.requirement("M4-100")
def test_unknown_code_is_shown_as_it_came(client, shop):
    shop.phone.set_fault(endpoint="create", kind="refuse", status=409, code="10999", remaining=1)
    invoice = sent(shop)

    said = page(client, invoice)

    assert "10999" in said
    assert request_of(invoice).problem["correlation_id"] in said


@pytest.mark.requirement("M4-92", "M4-91", "M4-93")
@pytest.mark.parametrize(
    ("code", "where"),
    [("10203", "portal"), ("10204", "portal"), ("10202", "senders"), ("10302", "consent")],
)
def test_what_an_owner_must_put_right_is_told_with_the_place(client, shop, code, where):
    shop.phone.set_fault(endpoint="create", kind="refuse", status=409, code=code, remaining=1)
    invoice = sent(shop)

    assert where in str(request_of(invoice).problem["remedy"])
    assert str(request_of(invoice).problem["remedy"]) in page(client, invoice)
    assert invoice.alerts.filter(resolved_at=None, what="request_invalid").exists()


@pytest.mark.requirement("M4-06")
def test_name_far_from_the_one_before_is_remarked_and_a_refusal_explained(client, shop):
    sent(shop, customer=shop.customer(name="Asta Eksempel"))
    other = shop.issued(customer=shop.customer(name="Bertil Ganske Anden"))

    road = roads(client, other)[shop.key()]
    assert road.is_open
    assert [each.field for each in road.remarks] == ["customer.name"]
    assert str(road.remarks[0].rule) in page(client, other)


@pytest.mark.requirement("M4-90", "M4-106")
def test_amount_above_the_cap_closes_mobilepay_and_leaves_other_roads(
    client, live_server, settings
):
    settings.PUBLIC_URL = live_server.url
    shop = MobileShop.make(live_server.url, cap="1000.00")
    client.force_login(shop.owner)
    invoice = shop.issued()

    problems = closed(client, invoice, shop.key())
    assert [(each.field, each.code) for each in problems] == [("amount", "10201")]
    assert [key for key, road in roads(client, invoice).items() if road.is_open]


def roads(client: Any, invoice: Invoice) -> dict[str, Any]:
    """The ways to send it, as its page shows them."""
    shown = client.get(reverse("invoice-detail", args=["skovbo", invoice.pk])).context["roads"]
    return {road.key: road for road in shown}


def closed(client: Any, invoice: Invoice, key: str) -> list[Any]:
    """What closes a road."""
    return list(roads(client, invoice)[key].problems)


# --------------------------------------------------------------------- numbers as people type them
@pytest.mark.requirement("M1-57")
@pytest.mark.parametrize("language", ["da", "nb", "fi", "sv"])
@pytest.mark.parametrize("typed", ["1 234,50", "1\u00a0234,50", "1234.50"])
def test_amount_typed_as_people_write_it_leaves_as_a_number(client, shop, language, typed):
    customer = shop.customer()
    client.post(reverse("invoice-new", args=["skovbo"]))
    draft = Invoice.objects.get(status="draft")
    line = {
        "description": "Træpiller", "quantity": "1,5", "unit": "stk", "unit_price": typed,
        "discount": "", "discount_kind": "percent", "vat": "S:25", "article_number": "",
    }  # fmt: skip
    given = {f"line-{name}": value for name, value in line.items()}
    given |= {"revision": draft.revision, "customer": customer.pk, "issuer": shop.issuer.pk}
    answer = client.post(
        reverse("invoice-issue", args=["skovbo", draft.pk]), given,
        headers={"Accept-Language": language},
    )  # fmt: skip
    draft.refresh_from_db()
    assert not draft.is_draft, answer.context["errors"]

    sending.send(invoice_id=draft.pk, road_key=shop.key(), by=shop.owner, now=timezone.now())
    shop.work()

    raw = AppInvoice.objects.get(number=draft.number).body
    line = raw["InvoiceArticles"][0]
    assert (str(line["PricePerUnit"]), str(line["Quantity"])) == ("1234.5", "1.5")
    assert str(raw["TotalAmount"]) in {"2314.69", "2314.68"}
    body = shop.phone.calls(merchantId=shop.id, endpoint="create")[0]["body"]
    assert re.search(r'"PricePerUnit":\s*1234\.5\d*[,}]', body)


@pytest.mark.requirement("M1-46")
def test_invoice_is_found_by_its_number_and_by_its_payment_reference(client, shop):
    invoice = sent(shop)
    body = AppInvoice.objects.get(number=invoice.number).body
    other = shop.issued(payment_reference="ORDRE-NORD")

    def listed(words: str) -> set[int]:
        where = reverse("invoice-list", args=["skovbo"])
        content = client.get(where, {"q": words}).content.decode()
        return {int(pk) for pk in re.findall(r"/invoices/(\d+)/", content)}

    assert body.get("PaymentReference") in {None, "", invoice.number}
    assert listed(invoice.number) == {invoice.pk}
    assert listed("ORDRE-NORD") == {other.pk}

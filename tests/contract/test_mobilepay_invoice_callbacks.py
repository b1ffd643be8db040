"""What the simulated MobilePay Invoice tells by itself, and what its payers consent to."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from providers import registrations
from providers.contract import RequestState, StatusChange
from providers.models import RejectedDelivery, WebhookDelivery
from tests.contract.mobilepay import (  # noqa: F401 -- fixtures
    Calls,
    Shop,
    fixture_calls,
    fixture_open_shop,
    fixture_shop,
)
from tests.contract.test_mobilepay_invoice_many import batch
from tests.providers.mobilepay_samples import asked

PHONE = "+4555667788"


@pytest.fixture(params=["basic", "apikey"])
def heard(request: Any, open_shop: Any, live_server: Any, settings: Any) -> Shop:
    """A merchant whose callbacks come to us, by either scheme."""
    settings.PUBLIC_URL = live_server.url
    shop: Shop = open_shop(settings={"callback_scheme": request.param})
    registrations.register(shop.account, now=timezone.now())
    return shop


def told(shop: Shop, **manner: Any) -> list[StatusChange]:
    """All that was told since, in the order it came."""
    WebhookDelivery.objects.all().delete()
    shop.control("deliver", **manner)
    rows = WebhookDelivery.objects.filter(account=shop.account).order_by("pk")
    return [change for row in rows for change in shop.mobilepay.parse(bytes(row.body))]


def words(changes: list[StatusChange]) -> list[str]:
    return [change.provider_word for change in changes]


# ------------------------------------------------------------------------------------- callbacks
@pytest.mark.requirement("M4-76", "M4-65")
def test_callbacks_come_with_our_secret_and_tell_the_whole_story(heard: Shop):
    handle = heard.send()
    first = told(heard)
    heard.control("accept", invoiceId=handle)
    second = told(heard)
    heard.control("pay", invoiceId=heard.send("link"), phone=PHONE)
    last = told(heard)

    assert [(c.reference, c.state, c.sequence) for c in first] == [
        (handle, RequestState.CREATED, first[0].sequence)
    ]
    assert words(second) == ["accepted"]
    assert second[0].extra["payment_date"]
    assert words(last)[-1] == "paid"
    assert all(change.occurred_at for change in [*first, *second, *last])
    assert heard.mobilepay.to_confirm(last) == [last[-1].reference]
    assert not RejectedDelivery.objects.exists()


@pytest.mark.requirement("M4-76", "M4-72")
def test_repeated_and_shuffled_callbacks_are_the_same_facts(heard: Shop):
    handles = [heard.send(phone=f"+45200000{n:02d}") for n in range(5)]
    for handle in handles:
        heard.control("pay", invoiceId=handle)

    changes = told(heard, seed=7, copies=2, size=3)

    facts = {(c.reference, c.event_id): c for c in changes}
    assert len(changes) == 2 * len(facts)
    by_sequence = sorted(facts.values(), key=lambda c: (c.reference, c.sequence or 0))
    firsts = {c.reference: c.provider_word for c in reversed(by_sequence)}
    assert set(firsts.values()) == {"created"}
    assert {c.reference for c in changes} == set(handles)


@pytest.mark.requirement("M4-55")
def test_links_of_a_batch_come_by_callback(heard: Shop):
    results = heard.mobilepay.send_many(batch(heard, 3, "link"))

    links = {change.reference: change.redirect_url for change in told(heard)}

    assert len(links) == len(results) == 3
    assert all(f"{heard.calls.base}/pay/" in link for link in links.values())


@pytest.mark.requirement("M4-66", "M4-44")
def test_late_refusal_comes_with_its_reason(heard: Shop):
    heard.mobilepay.send_many(batch(heard, 1, phone="+4511810101"))

    (change,) = told(heard)

    assert (change.state, change.problem["code"]) == (RequestState.INVALID, "10101")
    assert (change.problem["field"], bool(change.problem["meaning"])) == ("phone", True)


def test_forged_callbacks_are_turned_away(heard: Shop):
    heard.spoil("callback", "webhook_forged")
    handle = heard.send()

    changes = told(heard)

    assert [(c.reference, c.state) for c in changes] == [(handle, RequestState.CREATED)]
    assert RejectedDelivery.objects.get().reason == "wrong secret"


def test_setting_up_again_replaces_the_secret(heard: Shop):
    heard.send()
    registrations.register(heard.account, now=timezone.now())

    assert words(told(heard)) == ["created"]
    assert heard.account.registrations.filter(removed_at=None).count() == 1


@pytest.mark.requirement("M4-77")
def test_without_callbacks_asking_tells_everything(shop: Shop):
    handle = shop.send()
    shop.control("merchant", merchantId=shop.id, callbacks=False)
    shop.control("pay", invoiceId=handle)

    assert [c.state for c in shop.mobilepay.ask(asked(handle=handle))] == [None, RequestState.PAID]


# ------------------------------------------------------------------ consents to be billed directly
@pytest.mark.parametrize(("granted", "state"), [(True, "granted"), (False, "denied")])
def test_payer_of_a_link_answers_whether_we_may_bill_directly(
    shop: Shop, calls: Calls, granted: bool, state: str
):
    handle = shop.send("link")
    question = shop.mobilepay.ask_contact_consent(asked(handle=handle))
    shop.control("pay", invoiceId=handle, phone=PHONE)
    waiting = asked(RequestState.PAID, handle=handle, facts=question.extra)
    before = shop.mobilepay.ask(waiting)
    shop.control("consent", invoiceId=handle, granted=granted)

    (answer,) = shop.mobilepay.ask(waiting)

    assert before == []
    assert answer.extra["contact_consent"]["state"] == state
    assert answer.profile == ({"phone": PHONE} if granted else {})
    assert calls.paths()[-1] == "GET /api/v1/directinvoiceconsents/-"


def test_granted_consents_are_listed(shop: Shop):
    handles = [shop.send("link") for _ in range(2)]
    for handle in handles:
        shop.mobilepay.ask_contact_consent(asked(handle=handle))
        shop.control("pay", invoiceId=handle, phone=PHONE)
        shop.control("consent", invoiceId=handle, granted=True)

    found = shop.mobilepay.client.granted_consents(shop.issuer)

    assert [(row.invoice_id, row.phone) for row in found] == [(handle, PHONE) for handle in handles]


def test_grants_of_all_usable_issuers_become_facts(shop: Shop):
    """A nightly question for what the single ones missed; an issuer that is gone hides nothing."""
    handle = shop.send("link")
    shop.mobilepay.ask_contact_consent(asked(handle=handle))
    shop.control("pay", invoiceId=handle, phone=PHONE)
    shop.control("consent", invoiceId=handle, granted=True)
    shop.account.remote_issuers.create(external_id=str(uuid.uuid4()), name="A gone one")
    before = shop.mobilepay.granted_contact_consents()
    shop.account.remote_issuers.create(external_id=shop.issuer, name="Ours")

    (change,) = shop.mobilepay.granted_contact_consents()

    assert before == []
    assert (change.reference, change.state) == (handle, None)
    assert change.profile == {"phone": PHONE}
    assert change.extra["contact_consent"]["state"] == "granted"
    assert change.extra["contact_consent"]["granted_on"]

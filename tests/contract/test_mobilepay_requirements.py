"""Demands on the wire that take our whole side: what is fetched, how much travels in one call."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
import requests
from django.utils import timezone

from invoices import acting, correcting, documents, sending
from invoices.models import Invoice
from invoices.rendering import pdf
from providers import registrations
from providers.contract import NotFound
from providers.mobilepay_invoice.adapter import MobilePayInvoice
from providers.sandbox.mobilepay import callbacks
from providers.sandbox.models import AppEvent, AppInvoice, PortalMerchant
from tests.contract.mobilepay import fixture_calls, fixture_open_shop  # noqa: F401 -- fixtures
from tests.faults.conftest import request_of
from tests.faults.mobilepay import MobileShop, states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(live_server: Any, settings: Any) -> MobileShop:
    settings.PUBLIC_URL = live_server.url
    settings.SANDBOX_DELIVER_INLINE = False
    settings.PROVIDER_TIMEOUT = (5.0, 60.0)
    settings.PROVIDER_DEADLINE = 90.0
    return MobileShop.make(live_server.url)


def sent(shop: MobileShop, channel: str = "direct") -> Invoice:
    """Issue an invoice and send it, callbacks included."""
    invoice = shop.issued()
    now = timezone.now()
    sending.send(invoice_id=invoice.pk, road_key=shop.key(channel), by=shop.owner, now=now)
    shop.work()
    return invoice


@pytest.mark.requirement("M4-23")
@pytest.mark.parametrize("channel", ["direct", "link"])
def test_address_of_the_pdf_opens_without_a_login_and_stays_on_its_version(shop, channel):
    invoice = sent(shop, channel)
    address = AppInvoice.objects.get(number=invoice.number).body["InvoiceUrl"]
    first = invoice.versions.get(version=1)
    acting.withdraw(
        request_id=request_of(invoice).pk, by=shop.owner, reason="Comment", now=timezone.now()
    )
    shop.work()

    correcting.correct(
        invoice_id=invoice.pk,
        values=correcting.correctable(documents.latest(invoice)) | {"comment": "Corrected"},
        reason="Comment",
        by=shop.owner,
        now=timezone.now(),
    )
    answer = requests.get(address, timeout=60)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content == bytes(pdf.content(first).content)
    assert invoice.versions.count() == 2


@pytest.mark.requirement("M4-41", "M1-26")
@pytest.mark.parametrize(("count", "calls"), [(1, 1), (70, 1), (71, 2), (150, 3)])
def test_more_than_fits_in_one_call_becomes_several(shop, monkeypatch, count, calls):
    """Seventy stand for the two thousand of the documentation."""
    monkeypatch.setattr(MobilePayInvoice, "batch_size", 70)
    invoices = shop.many(count)

    shop.dispatch(invoices)
    shop.work()

    made = shop.phone.calls(merchantId=shop.id)
    creating = [call for call in made if call["endpoint"] in {"create", "create_batch"}]
    assert len(creating) == calls
    assert set(states(invoices).values()) == {"created"}
    assert len(shop.ledger()) == count


# ------------------------------------------------------------------------------------ integrators
@pytest.mark.requirement("M1-02", "M1-06", "M1-07")
def test_merchant_of_its_own_and_two_of_an_integrator_are_never_mixed(open_shop):
    alone = open_shop("DK31415926")
    first = open_shop("DK27182818")
    second = open_shop("FI16180339", app=first.portal.app)
    shops = (alone, first, second)

    sent_ids = {each.id: each.send() for each in shops}

    assert len({each.id for each in shops}) == 3
    assert alone.portal.app != first.portal.app == second.portal.app
    for each in shops:
        assert [row["invoiceId"] for row in each.held()] == [sent_ids[each.id]]
        assert each.mobilepay.fetch(sent_ids[each.id])[-1].state == "created"
    with pytest.raises(NotFound):
        first.mobilepay.fetch(sent_ids[second.id])


# ------------------------------------------------------------------------------- order of callbacks
ENDS = {
    "rejected": ["created", "accepted", "rejected"],
    "paid": ["created", "accepted", "paid"],
}
CASES = [(end, order) for end in ENDS for order in itertools.permutations(range(3))]


@pytest.mark.requirement("M4-72", "M4-76", "M4-68", "M4-69")
@pytest.mark.parametrize(("end", "order"), CASES)
def test_callbacks_in_any_order_end_the_same_and_all_are_kept(shop, end, order):
    shop.phone.merchant(merchantId=shop.id, callbacks=False)
    invoice = sent(shop)
    handle = request_of(invoice).provider_id
    shop.phone.accept(handle)
    (shop.phone.reject if end == "rejected" else shop.phone.pay)(handle)
    items = [event.payload for event in AppEvent.objects.order_by("sequence")]
    assert [each["Status"].lower() for each in items] == ENDS[end]

    for place in order:
        _call_back(shop, items[place])
        shop.work()

    assert request_of(invoice).state == end
    told = invoice.timeline.filter(source="webhook").values_list("provider_word", flat=True)
    assert set(ENDS[end]) - {"paid"} <= set(told)


def _call_back(shop: MobileShop, item: dict[str, Any]) -> None:
    merchant = PortalMerchant.objects.get(merchant_id=shop.id)
    answer = requests.post(
        registrations.webhook_url(shop.account),
        data=json.dumps([item]),
        headers={"Authorization": callbacks.authorization(merchant)},
        timeout=10,
    )
    assert answer.status_code == 200

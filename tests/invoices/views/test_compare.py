"""An invoice through a provider's eyes: what it holds, and what its app will show."""

from typing import Any

import pytest
from django.urls import reverse

from invoices.models import PaymentRequest
from invoicing_site.merchants.models import Role
from providers import issuers
from providers.sandbox.models import AppInvoice
from tests import factories
from tests.factories import NOW
from tests.providers_pages.mobilepay_shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(live_server: Any, settings: Any, client: Any) -> Shop:
    settings.PUBLIC_URL = live_server.url
    settings.SANDBOX_DELIVER_INLINE = False
    made = Shop.make(live_server.url)
    issuers.sync(made.account, now=NOW)
    issuers.map_(made.account.remote_issuers.filter(usable=True)[0], made.issuer)
    client.force_login(factories.MembershipFactory(merchant=made.merchant, role=Role.BILLER).user)
    return made


def compare(client: Any, request: PaymentRequest) -> Any:
    merchant = request.invoice.merchant.slug
    return client.get(reverse("request-compare", args=[merchant, request.invoice_id, request.pk]))


def preview(client: Any, shop: Shop, invoice: Any, channel: str = "direct", **headers: str) -> Any:
    where = [shop.merchant.slug, invoice.pk, shop.account.pk, channel]
    return client.get(reverse("invoice-preview", args=where), headers=headers)


@pytest.mark.requirement("M4-62")
def test_what_was_sent_is_what_they_have(client, shop):
    page = compare(client, shop.sent(shop.issued()))

    rows = {row.field: row for row in page.context["rows"]}
    assert page.context["problem"] == ""
    assert [row.field for row in rows.values() if not row.same] == ["issuer.name"]
    assert (rows["totals.payable"].ours, rows["totals.payable"].theirs) == ("2,250.00", "2,250.00")


@pytest.mark.requirement("M4-62")
def test_differences_come_first_and_are_marked_in_words(client, shop):
    request = shop.sent(shop.issued())
    held = AppInvoice.objects.get()
    held.body["Comment"] = "Changed there"
    held.save()

    page = compare(client, request)

    first = [(row.field, row.same) for row in page.context["rows"]][:3]
    assert first == [("issuer.name", False), ("comment", False), ("number", True)]
    assert page.context["differ"] == 2
    content = page.content.decode()
    assert "2 fields differ" in content
    assert "Changed there" in content


@pytest.mark.requirement("M4-62")
def test_what_they_never_tell_is_said_and_comes_last(client, shop):
    page = compare(client, shop.sent(shop.issued()))

    assert page.context["rows"][-1].theirs is None
    assert page.context["untold"] >= 1


def test_request_they_do_not_know_is_said_in_words(client, shop):
    request = shop.sent(shop.issued())
    AppInvoice.objects.all().delete()

    page = compare(client, request)

    assert page.status_code == 200
    assert page.context["problem"]
    assert page.context["rows"] == []
    assert b"There is nothing to compare with." in page.content


def test_request_without_an_id_is_not_asked_about(client, shop):
    request = shop.sent(shop.issued())
    PaymentRequest.objects.update(provider_id="")

    page = compare(client, request)

    assert "given no id yet" in page.context["problem"]


def test_request_of_another_invoice_is_not_found(client, shop):
    request, other = shop.sent(shop.issued()), shop.issued()

    answer = client.get(reverse("request-compare", args=[shop.merchant.slug, other.pk, request.pk]))

    assert answer.status_code == 404


# -------------------------------------------------------------------------------------- preview
@pytest.mark.requirement("M4-112")
@pytest.mark.parametrize("channel", ["direct", "link"])
def test_issued_invoice_is_seen_as_the_app_shows_it(client, shop, channel):
    invoice = shop.issued(comment="Thanks <b>all</b>")

    page = preview(client, shop, invoice, channel)

    content = page.content.decode()
    assert page.status_code == 200
    assert page.context["preview"].amount == invoice.total
    assert "Strand og Skov København" in content
    assert "Hour of work" in content
    assert "Thanks &lt;b&gt;all&lt;/b&gt;" in content


@pytest.mark.requirement("M4-112")
def test_draft_is_seen_before_it_is_issued(client, shop):
    draft = factories.draft(issuer=shop.issuer, lines=[factories.line()])

    page = preview(client, shop, draft)

    assert page.context["preview"].amount == 2250


def test_htmx_gets_the_card_alone(client, shop):
    page = preview(client, shop, shop.issued(), **{"HX-Request": "true"})

    content = page.content.decode()
    assert content.lstrip().startswith("<section")
    assert "<html" not in content


def test_channel_that_is_none_is_not_found(client, shop):
    assert preview(client, shop, shop.issued(), "fax").status_code == 404


def test_other_providers_are_previewed_from_the_document(client, shop):
    vipps = factories.ProviderAccountFactory(merchant=shop.merchant)
    where = [shop.merchant.slug, shop.issued().pk, vipps.pk, "link"]

    page = client.get(reverse("invoice-preview", args=where))

    assert page.context["preview"].amount == 2250

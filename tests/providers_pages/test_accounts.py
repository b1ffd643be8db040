"""The provider accounts' pages, drawn from what each adapter says of itself."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from invoicing_site.merchants.models import Role
from providers import inbox
from providers.models import ProviderAccount, WebhookDelivery
from providers.sandbox import seeding
from tests import factories
from tests.e2e.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(live_server: Any, settings: Any, client: Any) -> Shop:
    settings.PUBLIC_URL = live_server.url
    settings.SANDBOX_DELIVER_INLINE = False
    made = Shop.make(live_server.url)
    client.force_login(made.owner)
    return made


def url(name, shop, *args):
    return reverse(name, args=[shop.merchant.slug, *args])


def settings_of(shop, **values):
    unit = seeding.sales_unit()
    return {
        "name": "Vipps Bergen", "issuers": [shop.issuer.pk], "environment": "sandbox",
        "base_url": shop.account.base_url, "active": "on", "client_id": unit.client_id,
        "client_secret": unit.client_secret, "subscription_key": unit.key_primary,
        "msn": unit.msn, "market": "NO", "receipt_mode": "lines", "ceiling_hours": "24",
    } | values  # fmt: skip


def test_list_says_how_far_each_account_is(client, shop):
    page = client.get(url("provider-list", shop))

    assert page.status_code == 200
    assert b"Vipps" in page.content
    assert url("provider-new", shop, "vipps_mobilepay").encode() in page.content


def test_empty_list_offers_a_provider(client, shop):
    ProviderAccount.objects.all().delete()

    page = client.get(url("provider-list", shop))

    assert url("provider-new", shop, "vipps_mobilepay").encode() in page.content


def test_account_is_added_with_its_keys_encrypted(client, shop):
    answer = client.post(url("provider-new", shop, "vipps_mobilepay"), settings_of(shop))

    made = ProviderAccount.objects.get(name="Vipps Bergen")
    assert answer.status_code == 302
    assert made.credentials["client_secret"] == seeding.sales_unit().client_secret
    assert list(made.issuers.all()) == [shop.issuer]


def test_missing_key_is_named_and_nothing_is_lost(client, shop):
    answer = client.post(
        url("provider-new", shop, "vipps_mobilepay"), settings_of(shop, client_secret="")
    )

    assert answer.status_code == 422
    assert b'value="Vipps Bergen"' in answer.content
    assert ProviderAccount.objects.count() == 1


def test_page_never_shows_a_whole_key(client, shop):
    secret = shop.account.credentials["client_secret"]

    for name in ("provider-detail", "provider-edit"):
        page = client.get(url(name, shop, shop.account.pk)).content.decode()
        assert secret not in page
        assert secret[-4:] in page


def test_approvals_are_shown_as_properties_of_the_account(client, shop):
    """V-46."""
    page = client.get(url("provider-detail", shop, shop.account.pk)).content.decode()

    assert "Approved for long-living requests" in page


def test_blank_key_keeps_the_stored_one(client, shop):
    before = shop.account.credentials["client_secret"]
    values = settings_of(shop, client_secret="", client_id="", subscription_key="")
    del values["environment"]

    client.post(url("provider-edit", shop, shop.account.pk), values)

    shop.account.refresh_from_db()
    assert shop.account.credentials["client_secret"] == before
    assert shop.account.name == "Vipps Bergen"


def test_keys_are_proved_by_a_call(client, shop):
    right = client.post(url("provider-probe", shop, shop.account.pk), follow=True)
    shop.account.credentials = shop.account.credentials | {"client_secret": "wrong"}
    shop.account.save()
    wrong = client.post(url("provider-probe", shop, shop.account.pk), follow=True)

    assert [each.level_tag for each in right.context["messages"]] == ["good"]
    assert [each.level_tag for each in wrong.context["messages"]] == ["bad"]


def test_webhook_is_registered_listed_and_deleted(client, shop):
    client.post(url("webhook-register", shop, shop.account.pk))
    listed = client.get(url("provider-detail", shop, shop.account.pk), {"ask": "1"})
    rows = listed.context["webhooks"]
    newest = shop.account.registrations.order_by("-pk")[0]

    client.post(url("webhook-delete", shop, shop.account.pk, newest.pk))

    newest.refresh_from_db()
    assert len(rows) == 2
    assert newest.removed_at is not None


def test_held_account_says_why_and_goes_on(client, shop):
    client.post(url("provider-pause", shop, shop.account.pk), {"reason": "New keys on Monday"})
    page = client.get(url("provider-detail", shop, shop.account.pk))
    client.post(url("provider-resume", shop, shop.account.pk))

    shop.account.refresh_from_db()
    assert b"New keys on Monday" in page.content
    assert shop.account.paused_at is None


def test_delivery_is_looked_at_and_replayed(client, shop):
    body = b'{"msn":"x","reference":"nobody","phoneNumber":"4791234567"}'
    pk, _new = inbox.keep(shop.account, delivery_id="d1", body=body, headers={}, now=timezone.now())

    page = client.get(url("delivery-detail", shop, shop.account.pk, pk))
    replayed = client.post(url("delivery-replay", shop, shop.account.pk, pk))

    assert page.status_code == 200
    assert b"4791234567" not in page.content
    assert replayed.status_code == 302
    assert WebhookDelivery.objects.get().problem


def test_viewer_sees_no_keys_and_changes_nothing(client, shop):
    viewer = factories.MembershipFactory(merchant=shop.merchant, role=Role.VIEWER)
    client.force_login(viewer.user)

    page = client.get(url("provider-detail", shop, shop.account.pk))
    answer = client.post(url("provider-pause", shop, shop.account.pk), {"reason": "x"})

    assert shop.account.credentials["client_secret"][-4:].encode() not in page.content
    assert answer.status_code == 403


def test_other_merchants_account_is_not_found(client, shop):
    stranger = factories.ProviderAccountFactory()

    assert client.get(url("provider-detail", shop, stranger.pk)).status_code == 404

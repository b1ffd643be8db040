"""The provider's senders beside our issuers: synced, entered by hand, mapped, compared."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from invoicing_site.merchants.models import Role
from providers import issuers, registry
from providers.contract import ConsentTerms, RemoteIssuer, Unavailable
from providers.models import ProviderIssuer
from providers.vipps_mobilepay.adapter import VippsMobilePay
from tests import factories
from tests.factories import NOW
from tests.providers_pages.mobilepay_shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)
GUID = "0f6d9c3a-51b7-4e0e-9c42-8a7be1d2f530"
OTHER = "9a1e7b0c-2f54-4d3b-8f66-2c5d0a9e1b11"
OSLO = RemoteIssuer(id=GUID, name="FJORD og Fjell  Oslo", status="enabled")
BERGEN = RemoteIssuer(
    id=OTHER, name="Fjord Bergen", status="pending", usable=False,
    address="Bryggen 1", postcode="5003", city="Bergen",
)  # fmt: skip


@pytest.fixture
def listed(monkeypatch: Any) -> list[RemoteIssuer]:
    """What a provider with senders lists; empty it to let the list be unavailable."""
    answers = [OSLO, BERGEN]

    class Senders(VippsMobilePay):
        """A provider with senders of its own."""

        slug = "senders"
        has_issuers = True

        def list_issuers(self):
            if not answers:
                raise Unavailable("No answer (HTTP 503).", meaning="They did not answer.")
            return list(answers)

        def consent_terms(self):
            return ConsentTerms(
                discovery_path="/account/.well-known/openid-configuration", issuer="https://i.example", scopes=(), origins={},
                portals={"production": "https://portal.example"}, refresh_lifetime=timedelta(days=395),
            )  # fmt: skip

    monkeypatch.setattr(
        registry, "classes", lambda: {"senders": Senders, "vipps_mobilepay": VippsMobilePay}
    )
    return answers


@pytest.fixture
def account(listed: Any) -> Any:
    issuer = factories.IssuerFactory()
    made = factories.ProviderAccountFactory(merchant=issuer.merchant, provider="senders")
    made.issuers.add(issuer)
    return made


@pytest.fixture
def issuer(account: Any) -> Any:
    return account.issuers.get()


@pytest.fixture
def owner(client: Any, account: Any) -> Any:
    client.force_login(factories.MembershipFactory(merchant=account.merchant).user)
    return client


def url(name, account, *args):
    return reverse(name, args=[account.merchant.slug, account.pk, *args])


def rows(account):
    return list(account.remote_issuers.values_list("external_id", "name", "issuer", "usable"))


@pytest.mark.requirement("M1-62")
def test_sync_keeps_the_list_and_maps_equal_names(account, issuer):
    count = issuers.sync(account, now=NOW)

    assert count == 2
    assert rows(account) == [
        (GUID, "FJORD og Fjell  Oslo", issuer.pk, True),
        (OTHER, "Fjord Bergen", None, False),
    ]
    assert issuers.usable_id(account, issuer) == GUID


@pytest.mark.requirement("M1-62")
def test_second_sync_adds_nothing_and_notes_what_is_gone(account, listed, issuer):
    issuers.sync(account, now=NOW)
    del listed[0]

    issuers.sync(account, now=NOW)

    gone = account.remote_issuers.get(external_id=GUID)
    assert (gone.gone_at, gone.issuer) == (NOW, issuer)
    assert account.remote_issuers.count() == 2
    assert issuers.usable_id(account, issuer) == ""


def test_sender_that_returns_works_again(account, listed, issuer):
    issuers.sync(account, now=NOW)
    account.remote_issuers.update(gone_at=NOW)

    issuers.sync(account, now=NOW)

    assert issuers.usable_id(account, issuer) == GUID


def test_names_that_are_not_alone_are_left_to_a_person(account, listed):
    listed.append(RemoteIssuer(id="7b0c2f54-9a1e-4d3b-8f66-2c5d0a9e1b12", name=OSLO.name))

    issuers.sync(account, now=NOW)

    assert not account.remote_issuers.filter(issuer__isnull=False).exists()


def test_sync_leaves_what_is_mapped(account, issuer):
    hand = issuers.enter_by_hand(account, external_id=OTHER, name="Ours", issuer=issuer)

    issuers.sync(account, now=NOW)

    hand.refresh_from_db()
    assert (hand.issuer, hand.name, hand.by_hand) == (issuer, "Fjord Bergen", False)
    assert account.remote_issuers.get(external_id=GUID).issuer is None


def test_unusable_sender_is_not_used(account, issuer):
    issuers.sync(account, now=NOW)
    account.remote_issuers.update(usable=False)

    assert issuers.usable_ids([account.pk]) == {}


def test_usable_ids_of_many_accounts_are_one_query(account, issuer, django_assert_num_queries):
    issuers.sync(account, now=NOW)
    second = factories.ProviderAccountFactory(merchant=account.merchant, provider="senders")
    second.issuers.add(issuer)
    issuers.sync(second, now=NOW)

    with django_assert_num_queries(1):
        found = issuers.usable_ids([account.pk, second.pk])

    assert found == {(account.pk, issuer.pk): GUID, (second.pk, issuer.pk): GUID}


@pytest.mark.requirement("M1-63")
def test_list_that_is_unavailable_is_said_and_a_sender_entered_by_hand(account, owner, listed):
    listed.clear()

    answer = owner.post(url("provider-issuers-sync", account))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "They did not answer." in page
    assert url("provider-issuer-hand", account) in page

    answer = owner.post(
        url("provider-issuer-hand", account),
        {
            "external_id": f" {{{GUID.upper()}}} ",
            "name": "Fjord",
            "issuer": account.issuers.get().pk,
        },
    )

    assert answer.status_code == 302
    assert rows(account) == [(GUID, "Fjord", account.issuers.get().pk, True)]


@pytest.mark.requirement("M1-63")
@pytest.mark.parametrize("typed", ["12345", "not-a-guid", "00000000-0000-0000-0000-000000000000"])
def test_id_that_is_no_guid_is_named_and_kept_in_the_form(account, owner, typed):
    answer = owner.post(
        url("provider-issuer-hand", account), {"external_id": typed, "name": "Fjord Nord"}
    )

    assert answer.status_code == 422
    assert typed in answer.context["form"].errors["external_id"][0]
    assert 'value="Fjord Nord"' in answer.content.decode()
    assert not ProviderIssuer.objects.exists()


def test_sender_that_is_known_is_not_entered_twice(account, owner):
    issuers.sync(account, now=NOW)

    answer = owner.post(url("provider-issuer-hand", account), {"external_id": GUID, "name": "X"})

    assert answer.status_code == 422
    assert OSLO.name in answer.context["form"].errors["external_id"][0]


@pytest.mark.requirement("M1-05")
def test_page_shows_where_a_pair_differs(account, owner, issuer):
    issuers.sync(account, now=NOW)
    issuers.map_(account.remote_issuers.get(external_id=GUID), None)
    issuers.map_(account.remote_issuers.get(external_id=OTHER), issuer)

    page = owner.get(url("provider-issuers", account))

    pairs = [row["pairs"] for row in page.context["rows"] if row["pairs"]]
    assert [(each.field, each.ours, each.theirs, each.same) for each in pairs[0]] == [
        ("name", "Fjord og Fjell Oslo", "Fjord Bergen", False),
        ("address", "Karl Johans gate 1", "Bryggen 1", False),
        ("postcode", "0154", "5003", False),
        ("city", "Oslo", "Bergen", False),
    ]
    assert b"differs" in page.content


@pytest.mark.requirement("M1-04")
def test_page_leads_to_the_portal_for_company_and_accounts(account, owner):
    account.environment = "production"
    account.save()

    page = owner.get(url("provider-issuers", account)).content.decode()

    assert 'href="https://portal.example/account/"' in page
    assert "payout accounts" in page


def test_issuer_is_mapped_and_unmapped_on_the_page(account, owner, issuer):
    issuers.sync(account, now=NOW)
    remote = account.remote_issuers.get(external_id=GUID)

    owner.post(url("provider-issuer-map", account, remote.pk), {"issuer": ""})
    assert issuers.usable_id(account, issuer) == ""

    owner.post(url("provider-issuer-map", account, remote.pk), {"issuer": issuer.pk})
    assert issuers.usable_id(account, issuer) == GUID


def test_issuer_has_one_sender_per_account(account, owner, issuer):
    issuers.sync(account, now=NOW)
    second = account.remote_issuers.get(external_id=OTHER)

    answer = owner.post(url("provider-issuer-map", account, second.pk), {"issuer": issuer.pk})

    second.refresh_from_db()
    assert answer.status_code == 422
    assert OSLO.name.split()[0] in answer.context["refused"]
    assert second.issuer is None


@pytest.mark.parametrize("wrong", ["other", "words"])
def test_issuer_that_the_account_does_not_serve_is_refused(account, owner, wrong):
    issuers.sync(account, now=NOW)
    remote = account.remote_issuers.get(external_id=OTHER)
    typed = factories.IssuerFactory().pk if wrong == "other" else "abc"

    answer = owner.post(url("provider-issuer-map", account, remote.pk), {"issuer": typed})

    remote.refresh_from_db()
    assert answer.status_code == 422
    assert remote.issuer is None


def test_sender_of_another_merchant_is_not_found(account, owner, listed):
    other = factories.ProviderAccountFactory(provider="senders")
    issuers.sync(other, now=NOW)
    theirs = other.remote_issuers.first()

    answers = [
        owner.post(url("provider-issuer-map", account, theirs.pk), {"issuer": ""}).status_code,
        owner.post(
            reverse("provider-issuer-map", args=[account.merchant.slug, other.pk, theirs.pk])
        ).status_code,
        owner.get(reverse("provider-issuers", args=[account.merchant.slug, other.pk])).status_code,
    ]

    assert answers == [404, 404, 404]


def test_provider_without_senders_has_no_such_page(account, owner):
    plain = factories.ProviderAccountFactory(merchant=account.merchant)

    answers = [
        owner.get(url("provider-issuers", plain)).status_code,
        owner.post(url("provider-issuers-sync", plain)).status_code,
    ]

    assert answers == [302, 404]


@pytest.mark.parametrize("role", [Role.BILLER, Role.VIEWER])
def test_only_owners_may_map(account, client, role):
    client.force_login(factories.MembershipFactory(merchant=account.merchant, role=role).user)

    assert client.get(url("provider-issuers", account)).status_code == 403


# ------------------------------------------------------------------------- MobilePay Invoice's own
@pytest.fixture
def shop(live_server, settings, client):
    settings.PUBLIC_URL = live_server.url
    made = Shop.make(live_server.url)
    client.force_login(made.owner)
    return made


@pytest.mark.requirement("M1-62")
def test_senders_of_mobilepay_invoice_are_listed_with_what_is_usable(client, shop):
    answer = client.post(url("provider-issuers-sync", shop.account))

    kept = shop.account.remote_issuers.order_by("pk").values_list("name", "status", "usable")
    assert answer.status_code == 302
    assert list(kept) == [
        ("Skovbo Have", "enabled", True),
        ("Skovbo Have Webshop", "enabled", True),
        ("Skovbo Have 2019", "disabled", False),
    ]


@pytest.mark.requirement("M1-62", "M1-64")
def test_list_of_the_first_documentation_has_names_and_ids_only(client, shop):
    shop.portal.merchant.profile = "v1"
    shop.portal.merchant.save()
    fik, test_name, old = shop.portal.issuers
    old.delete()
    fik.issuer_id, fik.name = "1f8288d9-4511-43ef-a1ce-667835470577", "Test Fik Issuer"
    test_name.issuer_id, test_name.name = "3d579d95-5cbe-4e45-b3e0-3b73d37e8b9c", "TestName"
    for each in (fik, test_name):
        each.save()
    shop.issuer.name = "testname"
    shop.issuer.save()

    client.post(url("provider-issuers-sync", shop.account))

    assert rows(shop.account) == [
        ("1f8288d9-4511-43ef-a1ce-667835470577", "Test Fik Issuer", None, True),
        ("3d579d95-5cbe-4e45-b3e0-3b73d37e8b9c", "TestName", shop.issuer.pk, True),
    ]


@pytest.mark.requirement("M1-63")
def test_list_without_consent_is_said_in_words(client, shop):
    shop.account.consent.delete()

    answer = client.post(url("provider-issuers-sync", shop.account))

    assert answer.status_code == 422
    assert answer.context["problem"]
    assert not shop.account.remote_issuers.exists()


@pytest.mark.requirement("M1-04")
def test_portal_of_mobilepay_is_linked(client, shop):
    page = client.get(url("provider-issuers", shop.account)).content.decode()

    assert f'href="{shop.account.base_url}/account/"' in page

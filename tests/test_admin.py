"""Operators' pages: every list, search, filter and page opens; history stays; secrets stay in."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from invoicing_site.merchants.admin_base import History
from invoicing_site.merchants.models import Membership, Role, User
from tests import factories, worlds

pytestmark = pytest.mark.django_db
OURS = ("merchants", "customers", "providers", "invoices")
PAGES = [
    (model, site) for model, site in admin.site._registry.items() if model._meta.app_label in OURS
]
PAGE_IDS = [model._meta.label for model, _ in PAGES]
HISTORY = [(model, site) for model, site in PAGES if isinstance(site, History)]
EXPECTED_HISTORY = {
    "customers.ContactConsent", "customers.PhoneProposal", "providers.WebhookRegistration",
    "providers.WebhookDelivery", "providers.RejectedDelivery", "providers.ProviderCall",
    "providers.MerchantConsent", "providers.ConsentAttempt", "providers.ProviderIssuer",
    "providers.QuotaUse",
    "invoices.Invoice", "invoices.DocumentVersion", "invoices.RenderedPdf",
    "invoices.PaymentRequest", "invoices.Operation", "invoices.Movement",
    "invoices.TimelineEvent", "invoices.Alert", "invoices.NumberSeries",
}  # fmt: skip


@pytest.fixture
def world(client):
    client.force_login(User.objects.create_superuser("op@example.com", factories.PASSWORD))
    return worlds.make()


def url(model, page, *args):
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def hidden(world):
    """Return what no page of an operator may show."""
    return [*world.secrets(), world.invoice.token, world.draft.token]


def test_everything_has_a_page_and_history_is_history():
    """A model that is added needs a decision."""
    assert {model._meta.label for model, _ in HISTORY} == EXPECTED_HISTORY
    assert set(PAGE_IDS) - EXPECTED_HISTORY == {
        "merchants.User", "merchants.Merchant", "merchants.Issuer", "merchants.Membership",
        "customers.Customer", "providers.ProviderAccount", "invoices.Article",
    }  # fmt: skip


@pytest.mark.parametrize(("model", "site"), PAGES, ids=PAGE_IDS)
def test_list_is_searchable_filterable_and_without_secrets(client, world, model, site):
    assert site.search_fields
    assert site.list_filter
    assert site.show_full_result_count is False

    plain = client.get(url(model, "changelist"))
    found = client.get(url(model, "changelist"), {"q": "fjord"})

    assert plain.status_code == found.status_code == 200
    assert plain.context["cl"].result_list
    text = plain.content.decode()
    links = set(re.findall(r'<a href="(\?[^"]+)"', text))
    assert links
    for link in links:
        page = client.get(url(model, "changelist") + link.replace("&amp;", "&"))
        assert page.status_code == 200, link
    assert [secret for secret in hidden(world) if secret in text] == []


@pytest.mark.parametrize(("model", "site"), PAGES, ids=PAGE_IDS)
def test_page_opens_without_secrets(client, world, model, site):
    for row in model._default_manager.all():
        page = client.get(url(model, "change", row.pk))

        assert page.status_code == 200
        text = page.content.decode()
        assert [secret for secret in hidden(world) if secret in text] == []


@pytest.mark.parametrize(
    ("model", "site"), HISTORY, ids=[model._meta.label for model, _ in HISTORY]
)
def test_history_is_neither_added_nor_changed_nor_deleted(client, world, model, site):
    row = model._default_manager.first()
    before = model._default_manager.values().get(pk=row.pk)

    added = client.post(url(model, "add"), {})
    changed = client.post(url(model, "change", row.pk), {"state": "x", "reason": "x"})
    deleted = client.post(url(model, "delete", row.pk), {"post": "yes"})
    client.post(
        url(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )

    assert [page.status_code for page in (added, changed, deleted)] == [403, 403, 403]
    assert model._default_manager.values().get(pk=row.pk) == before


@pytest.mark.parametrize(("model", "site"), PAGES, ids=PAGE_IDS)
def test_nothing_is_deleted_here(client, world, model, site):
    row = model._default_manager.first()

    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(("model", "site"), PAGES, ids=PAGE_IDS)
def test_list_takes_the_same_queries_however_long(client, world, model, site):
    with CaptureQueriesContext(
        connection,
    ) as once:
        client.get(url(model, "changelist"))
    worlds.make()
    worlds.make()

    with CaptureQueriesContext(connection) as thrice:
        client.get(url(model, "changelist"))

    assert len(thrice) == len(once)


def test_change_of_an_account_keeps_its_keys(client, world):
    account = world.account
    page = client.post(
        url(type(account), "change", account.pk),
        {"name": "Renamed", "active": "on", "base_url": "https://evil.example/"},
    )

    assert page.status_code == 302
    fresh = type(account).objects.get(pk=account.pk)
    assert fresh.name == "Renamed"
    assert (fresh.credentials, fresh.base_url) == (account.credentials, account.base_url)


def test_change_of_a_customer_keeps_the_personal_number(client, world):
    page = client.get(url(type(world.customer), "change", world.customer.pk))
    form = page.context["adminform"].form
    typed = {name: form[name].value() or "" for name in form.fields} | {"name": "Ola Berg"}
    typed |= {"consents-TOTAL_FORMS": 0, "consents-INITIAL_FORMS": 0}

    answer = client.post(url(type(world.customer), "change", world.customer.pk), typed)

    assert answer.status_code == 302
    world.customer.refresh_from_db()
    assert world.customer.name == "Ola Berg"
    assert world.customer.personal_number == worlds.PERSONAL_NUMBER


def test_person_is_made_by_email(client, world):
    typed = {"email": "ny@example.com", "usable_password": "true"}
    typed |= {"password1": factories.PASSWORD, "password2": factories.PASSWORD}

    answer = client.post(url(User, "add"), typed)

    assert answer.status_code == 302
    assert User.objects.get(email="ny@example.com").check_password(factories.PASSWORD)


def test_last_owner_keeps_the_role_here_too(client, world):
    refused = client.post(url(Membership, "change", world.owner.pk), {"role": "viewer"})
    assert "is the only owner" in refused.content.decode()

    factories.MembershipFactory(merchant=world.merchant)
    client.post(url(Membership, "change", world.owner.pk), {"role": "viewer"})

    world.owner.refresh_from_db()
    assert world.owner.role == Role.VIEWER


def test_owner_of_a_merchant_is_no_operator(client, world):
    client.force_login(world.owner.user)

    for model, _ in PAGES:
        assert client.get(url(model, "changelist")).status_code == 302


def test_operators_sign_in_where_everybody_does(world):
    """Rate limits and the second factor hold there; the admin's own form has neither."""
    answer = Client().get("/admin/", follow=True)

    assert answer.request["PATH_INFO"] == reverse("account_login")


def test_seed_of_a_second_factor_is_not_shown(client, world):
    factor = Authenticator.objects.create(
        user=world.owner.user, type=Authenticator.Type.TOTP, data={"secret": "canary-totp-seed"}
    )

    listed = client.get(url(Authenticator, "changelist"))
    page = client.get(url(Authenticator, "change", factor.pk))

    assert (listed.status_code, page.status_code) == (200, 200)
    assert "canary-totp-seed" not in listed.content.decode() + page.content.decode()


def test_clerk_sees_only_what_was_granted(client, world):
    clerk = factories.UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_invoice"))
    client.force_login(clerk)

    opened = {
        model._meta.label
        for model, _ in PAGES
        if client.get(url(model, "changelist")).status_code == 200
    }

    assert opened == {"invoices.Invoice"}

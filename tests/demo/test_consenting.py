"""The demo's consent is walked over HTTP, once per address."""

import pytest
import requests

from invoicing_site.demo.consenting import consent_over_http
from invoicing_site.demo.seeds import merchants, mobilepay
from providers.consents import grants
from providers.models import MerchantConsent, ProviderAccount
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    merchants.make()
    mobilepay.make(live_server.url)
    return live_server.url


def account(name):
    return ProviderAccount.objects.get(name=name)


def generations():
    rows = MerchantConsent.objects.order_by("account__name")
    return list(rows.values_list("account__name", "state", "generation"))


def test_danish_account_is_ready_and_the_finnish_one_is_left_to_the_visitor(here):
    mobilepay.connect(now=NOW)

    assert generations() == [(mobilepay.DANISH, "granted", 1)]
    assert MerchantConsent.objects.filter(granted_by__email="ingrid@nordlys.example").exists()
    danish = account(mobilepay.DANISH)
    mapped = danish.remote_issuers.exclude(issuer=None).values_list("issuer__name", flat=True)
    assert list(mapped) == ["Nordlys Cykler København"]
    assert [row.url for row in danish.registrations.all()] == [
        f"{here}/webhooks/mobilepay_invoice/{danish.webhook_token}/"
    ]


def test_second_start_on_the_same_address_changes_nothing(here):
    mobilepay.connect(now=NOW)

    mobilepay.connect(now=NOW)

    assert generations() == [(mobilepay.DANISH, "granted", 1)]
    assert account(mobilepay.DANISH).registrations.count() == 1


def test_both_consents_follow_the_demo_to_another_address(here, settings):
    mobilepay.connect(now=NOW)
    finnish = account(mobilepay.FINNISH)
    consent_over_http(here, f"/m/nordlys/providers/{finnish.pk}/", email="ingrid@nordlys.example")
    elsewhere = here.replace("localhost", "127.0.0.1")
    settings.PUBLIC_URL = elsewhere

    mobilepay.make(elsewhere)
    mobilepay.connect(now=NOW)

    assert generations() == [(mobilepay.DANISH, "granted", 2), (mobilepay.FINNISH, "granted", 2)]
    live = account(mobilepay.FINNISH).registrations.filter(removed_at=None)
    assert [row.url.startswith(elsewhere) for row in live] == [True]


def test_withdrawn_consent_stays_withdrawn(here):
    mobilepay.connect(now=NOW)
    grants.withdraw(MerchantConsent.objects.get(), now=NOW)

    mobilepay.connect(now=NOW)

    assert generations() == [(mobilepay.DANISH, "withdrawn", 2)]


def test_way_back_that_the_portal_does_not_know_is_said(here, settings):
    settings.PUBLIC_URL = "http://elsewhere.example"
    danish = account(mobilepay.DANISH)

    with pytest.raises(requests.HTTPError, match="unauthorized"):
        consent_over_http(
            here, f"/m/nordlys/providers/{danish.pk}/", email="ingrid@nordlys.example"
        )

    assert generations() == []

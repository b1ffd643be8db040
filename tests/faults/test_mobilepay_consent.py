"""What a lost consent, or keys that were refused, mean for the invoices that are out."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from invoices import alerts, lifecycle, reconcile, sending
from invoices.models import Alert
from providers.consents import grants, words
from providers.models import MerchantConsent, ProviderAccount
from tests.contract.mobilepay import consent
from tests.faults.conftest import request_of
from tests.faults.mobilepay import MobileShop

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(days=3)


@pytest.fixture
def shop(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    return MobileShop.make(live_server.url)


def sent(shop):
    """An invoice that is with its customer."""
    invoice, now = shop.issued(), timezone.now()
    sending.send(invoice_id=invoice.pk, road_key=shop.key(), by=shop.owner, now=now)
    shop.work()
    return invoice


@pytest.mark.requirement("M1-25")
def test_want_of_consent_holds_the_account_and_troubles_no_invoice(shop):
    for _each in range(2):
        sent(shop)
    grants.withdraw(MerchantConsent.objects.get(), now=timezone.now())
    ProviderAccount.objects.update(paused_at=None)

    reconcile.ask_due(timezone.now() + LATER)
    assert ProviderAccount.objects.get().paused_reason == str(words.NO_CONSENT)
    assert not Alert.objects.exists()
    consent(shop.account, shop.portal)
    assert grants.let_go_on(shop.account, MerchantConsent.objects.get())
    reconcile.ask_due(timezone.now() + 2 * LATER)

    assert ProviderAccount.objects.get().paused_at is None


def test_refused_keys_are_no_matter_any_more_once_they_are_taken(shop):
    invoice = sent(shop)
    request, now = request_of(invoice), timezone.now()
    with transaction.atomic():
        for what in ("not_authorised", "id_unknown"):
            alerts.raise_alert(lifecycle.locked(invoice.pk), what, now=now, request=request)

    reconcile.ask(request.pk, now=now)

    assert list(Alert.objects.filter(resolved_at=None).values_list("what", flat=True)) == [
        "id_unknown"
    ]

"""Commands that operators run."""

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from customers.models import Customer
from invoicing_site.demo.seeds import accounts, merchants, mobilepay, registers
from invoicing_site.merchants.models import Merchant, User
from providers.models import ProviderAccount
from providers.sandbox.models import PortalApp
from tests import factories


@pytest.mark.django_db(transaction=True)
def test_rotated_secrets_open_with_the_new_key_alone(settings):
    account = factories.ProviderAccountFactory(credentials={"client_secret": "s"})
    customer = factories.CustomerFactory(personal_number="01018012345")
    fresh = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [fresh, *settings.FIELD_ENCRYPTION_KEYS]

    call_command("rotate_keys")

    settings.FIELD_ENCRYPTION_KEYS = [fresh]
    account.refresh_from_db()
    customer.refresh_from_db()
    assert (account.credentials, customer.personal_number) == (
        {"client_secret": "s"},
        "01018012345",
    )


@pytest.mark.django_db(transaction=True)
def test_nothing_stored_is_readable_in_the_database(settings):
    factories.CustomerFactory(personal_number="01018012345")

    with connection.cursor() as cursor:
        cursor.execute("SELECT personal_number FROM customers_customer")
        (stored,) = cursor.fetchone()

    assert "01018012345" not in stored


@pytest.mark.parametrize(("demo", "sandbox"), [(False, True), (True, False)])
def test_sample_data_is_refused_on_a_real_site(settings, demo, sandbox):
    """Its accounts have a published password."""
    settings.DEMO, settings.SANDBOX = demo, sandbox

    with pytest.raises(CommandError, match="not a demo"):
        call_command("seed_demo", "basics")


@pytest.mark.django_db(transaction=True)
def test_sample_data_made_twice_is_there_once(now):
    for url in ("http://127.0.0.1:8000", "http://127.0.0.1:8001"):
        merchants.make()
        registers.make(now=now)
        accounts.make(url)
        mobilepay.make(url)

    assert Merchant.objects.count() == 2
    assert User.objects.count() == 5
    assert Customer.objects.filter(merchant__slug="nordlys").count() == len(registers.CUSTOMERS)
    addresses = ProviderAccount.objects.values_list("base_url", flat=True)
    assert (
        sorted(addresses)
        == ["http://127.0.0.1:8001/sandbox/mobilepay"] * 2
        + ["http://127.0.0.1:8001/sandbox/vipps"] * 2
    )
    assert [(app.name, app.redirect_uris) for app in PortalApp.objects.all()] == [
        ("Nordic Invoicing", ["http://127.0.0.1:8001/consents/mobilepay_invoice/callback/"])
    ]
    for merchant in Merchant.objects.all():
        merchant.full_clean()

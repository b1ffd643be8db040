"""Key rotation: afterwards the old key opens nothing, and is no longer needed."""

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, models

from invoices import options
from invoicing_site.management.commands import rotate_keys
from invoicing_site.merchants.fields import EncryptedJSONField
from providers.models import WebhookRegistration
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def stored(model: type[models.Model], field: str) -> list[str]:
    """Return a column as the database has it."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {quote(field)} FROM {quote(model._meta.db_table)} "  # noqa: S608
            f"WHERE {quote(field)} IS NOT NULL"
        )
        return [value for (value,) in cursor.fetchall()]


def values(row: models.Model) -> dict[str, object]:
    """Return all columns of a row, updated_at among them, as Python has them."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.fixture
def secrets(settings):
    """Return rows with secrets that the old key wrote."""
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    account = factories.ProviderAccountFactory()
    registration = WebhookRegistration.objects.create(
        account=account, provider_id="1", url="https://example.com/", secret="hush"
    )
    customers = [factories.CustomerFactory(personal_number=f"0101000000{n}") for n in range(5)]
    factories.CustomerFactory(personal_number=None)
    return [account, registration, *customers]


def test_every_value_is_written_with_the_newest_key(settings, secrets, capsys, monkeypatch):
    monkeypatch.setattr(rotate_keys, "CHUNK", 2)
    before = [values(row) for row in secrets]
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    call_command("rotate_keys")

    for model, field in rotate_keys.encrypted_columns():
        for value in stored(model, field):
            assert Fernet(NEW).decrypt(value)
            with pytest.raises(InvalidToken):
                Fernet(OLD).decrypt(value)
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    for row, had in zip(secrets, before, strict=True):
        assert values(type(row).objects.get(pk=row.pk)) == had
    said = capsys.readouterr().out.splitlines()
    assert "providers.ProviderAccount.credentials: 1" in said
    assert "providers.WebhookRegistration.secret: 1" in said
    assert "customers.Customer.personal_number: 5" in said


def test_every_encrypted_field_of_the_site_is_found():
    """Also of the sandbox and of apps that come later."""
    expected = {
        (model, field.name)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if isinstance(field, EncryptedJSONField)
    }

    assert set(rotate_keys.encrypted_columns()) == expected
    assert len(expected) >= 3


def test_key_that_was_taken_away_too_early_is_named(settings, secrets):
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS"):
        call_command("rotate_keys")


def test_links_to_pay_are_sealed_anew(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    invoice = factories.issued()
    row = invoice.requests.create(
        document=invoice.versions.get(), attempt=1, reference="r-1", channel="link",
        account=factories.ProviderAccountFactory(merchant=invoice.merchant),
        amount=invoice.total, currency="NOK", redirect_url=options.sealed("https://pay.example/1"),
    )  # fmt: skip
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    call_command("rotate_keys", verbosity=0)

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    row.refresh_from_db()
    assert options.link_of(row) == "https://pay.example/1"

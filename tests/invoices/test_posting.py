"""To which address an issued invoice is mailed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from invoices import correcting, lifecycle, posting
from invoices.models import Operation
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
ON_FILE = "ola@old.example"


@pytest.fixture
def invoice() -> Any:
    found = factories.issued()
    _register(found, ON_FILE)
    return found


def _register(invoice: Any, email: str) -> None:
    invoice.customer.email = email
    invoice.customer.save()


def correct(invoice: Any, **values: Any) -> None:
    by = factories.UserFactory()
    correcting.correct(invoice_id=invoice.pk, values=values, reason="Moved", by=by, now=NOW)


def mailed(invoice: Any) -> tuple[str, int]:
    """Queue an email. Returns its address and the version of the document that it carries."""
    invoice.refresh_from_db()
    assert posting.email_road(invoice).is_open
    with transaction.atomic():
        locked = lifecycle.locked(invoice.pk)
        posting.queue(locked, "email", by=factories.UserFactory(), now=NOW)
    operation = Operation.objects.latest("pk")
    version = invoice.versions.get(pk=operation.options["version"])
    return operation.options["to"], version.version


def test_corrected_address_is_the_one_that_is_used(invoice):
    correct(invoice, email="ola@new.example")

    assert mailed(invoice) == ("ola@new.example", 2)
    assert posting.email_road(invoice).how == "ola@new.example gets the link and the PDF."


def test_corrected_address_serves_a_customer_without_one_on_file(invoice):
    correct(invoice, email="ola@new.example")
    _register(invoice, "")

    assert mailed(invoice) == ("ola@new.example", 2)


def test_other_correction_leaves_the_address_on_file(invoice):
    """The register may be put right as well, after an email came back."""
    correct(invoice, name="Olav Nordmann")

    assert mailed(invoice) == (ON_FILE, 2)


def test_address_emptied_on_the_document_leaves_the_one_on_file(invoice):
    correct(invoice, email="ola@new.example")
    correct(invoice, email="")

    assert mailed(invoice) == (ON_FILE, 3)

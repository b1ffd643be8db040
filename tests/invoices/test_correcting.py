"""Correcting what an issued invoice says, without touching what it costs."""

from __future__ import annotations

from datetime import date

import pytest

from invoices import correcting, documents, timeline
from invoices.correcting import CannotCorrect
from providers.contract import RequestState
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def invoice():
    return factories.issued()


@pytest.fixture
def by(invoice):
    return factories.UserFactory()


def correct(invoice, by, **values):
    return correcting.correct(
        invoice_id=invoice.pk, values=values, reason="Misspelt", by=by, now=NOW
    )


@pytest.mark.requirement("M4-111")
def test_next_version_says_the_new_and_the_first_stays(invoice, by):
    first = invoice.versions.get()
    before = (first.body, first.sha256)

    version = correct(invoice, by, name="Olav Nordmann", due_date=date(2026, 12, 24))

    invoice.refresh_from_db()
    first.refresh_from_db()
    after = documents.latest(invoice)
    assert (first.body, first.sha256) == before
    assert (version.version, version.reason) == (2, "Misspelt")
    assert (after.number, after.customer.name) == (invoice.number, "Olav Nordmann")
    assert after.totals == documents.of(first).totals
    assert (invoice.customer_name, invoice.due_date) == ("Olav Nordmann", date(2026, 12, 24))
    assert "olav nordmann" in invoice.search
    assert timeline.broken_at(invoice) is None


def test_nothing_changed_makes_no_version(invoice, by):
    with pytest.raises(CannotCorrect, match="Nothing differs from version 1"):
        correct(invoice, by, name="Ola Nordmann")

    assert invoice.versions.count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [({"name": "  "}, "name"), ({"due_date": date(2026, 11, 1)}, "due_date")],
)
def test_refusal_names_the_field_and_writes_nothing(invoice, by, values, field):
    with pytest.raises(CannotCorrect) as refused:
        correct(invoice, by, **values)

    assert refused.value.field == field
    assert invoice.versions.count() == 1


@pytest.mark.parametrize("state", [RequestState.QUEUED, RequestState.CREATED])
def test_text_is_not_changed_behind_an_open_request(invoice, by, state):
    account = factories.ProviderAccountFactory(merchant=invoice.merchant)
    invoice.requests.create(
        document=invoice.versions.get(), account=account, channel="push", state=state,
        attempt=1, reference="r-1", amount=invoice.total, currency="NOK",
    )  # fmt: skip

    with pytest.raises(CannotCorrect, match="Withdraw it first"):
        correct(invoice, by, name="Olav Nordmann")

    assert invoice.versions.count() == 1


def test_page_keeps_what_was_typed_and_goes_back_when_done(client, invoice):
    user = factories.UserFactory()
    factories.MembershipFactory(user=user, merchant=invoice.merchant)
    client.force_login(user)
    url = f"/m/{invoice.merchant.slug}/invoices/{invoice.pk}/correct/"
    typed = {"reason": "", "name": "Olav Nordmann", "due_date": "2026-12-24"}

    refused = client.post(url, typed)
    done = client.post(url, typed | {"reason": "Misspelt"})

    assert refused.status_code == 422
    assert 'value="Olav Nordmann"' in refused.content.decode()
    assert done.status_code == 302
    assert documents.latest(invoice).customer.name == "Olav Nordmann"

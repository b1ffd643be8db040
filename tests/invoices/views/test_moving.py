"""The page that takes invoices of MobilePay Invoice in."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from invoices import moving
from invoices.models import Invoice
from invoicing_site.merchants.models import Role
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
PAYLOAD = Path(__file__).parents[2] / "payloads" / "mobilepay_invoice" / "taken_seed_14.json"
SEED = json.loads(PAYLOAD.read_text())


@pytest.fixture
def issuer() -> Any:
    return factories.DanishIssuerFactory()


@pytest.fixture
def biller(client: Any, issuer: Any) -> Any:
    member = factories.MembershipFactory(merchant=issuer.merchant, role=Role.BILLER)
    client.force_login(member.user)
    return client


@pytest.fixture
def post(biller: Any, issuer: Any) -> Any:
    def post(text: str = "", do: str = "look", **more: Any) -> Any:
        url = reverse("moving", args=[issuer.merchant.slug])
        return biller.post(url, {"issuer": issuer.pk, "text": text, "do": do} | more)

    return post


def test_page_asks_and_names_the_fields(biller, issuer):
    page = biller.get(reverse("moving", args=[issuer.merchant.slug]))

    assert page.status_code == 200
    assert b"TotalPriceIncludingVat" in page.content


def test_look_shows_what_can_be_taken_in_and_writes_nothing(post):
    page = post(json.dumps([SEED, SEED | {"InvoiceNumber": "302", "DueDate": "x"}]))

    content = page.content.decode()
    assert page.status_code == 200
    assert page.context["ready"] == 1
    assert "Take in 1 invoice" in content
    assert "Write the date like 2018-03-12." in content
    assert not Invoice.objects.exists()


def test_file_stays_in_the_page_as_text(post):
    page = post(file=SimpleUploadedFile("sent.json", PAYLOAD.read_bytes()))

    assert page.context["text"] == PAYLOAD.read_text()
    assert page.context["ready"] == 1


def test_taking_in_leads_to_the_drafts_and_reports(post, issuer):
    page = post(json.dumps([SEED, 7]), do="take")

    draft = Invoice.objects.get()
    content = page.content.decode()
    assert page.status_code == 200
    assert reverse("invoice-edit", args=[issuer.merchant.slug, draft.pk]) in content
    assert "The sums are the same as there" in content
    assert "At most 60 days" in content
    assert "This is not an invoice." in content
    assert "InvoiceUrl" in content


def test_second_time_links_to_the_first(post, issuer):
    post(json.dumps(SEED), do="take")

    page = post(json.dumps(SEED))

    earlier = reverse("invoice-detail", args=[issuer.merchant.slug, Invoice.objects.get().pk])
    assert page.status_code == 422
    assert earlier in page.content.decode()


@pytest.mark.parametrize("text", ["", "{", "a;b", json.dumps([1])])
def test_what_cannot_be_read_keeps_what_was_typed(post, text):
    page = post(text, do="take")

    assert page.status_code == 422
    assert page.context["text"] == text
    assert not Invoice.objects.exists()


def test_what_is_too_large_is_refused(post):
    page = post(file=SimpleUploadedFile("sent.json", b" " * (2 * 1024 * 1024 + 1)))

    assert page.status_code == 422
    assert "2 MB fit" in page.context["form"].errors["file"][0]


def test_too_many_are_refused_with_both_numbers(post, monkeypatch):
    monkeypatch.setattr(moving, "MOST", 1)

    page = post(json.dumps([SEED, SEED]), do="take")

    assert page.status_code == 422
    assert "Here are 2 invoices; 1 fit at once." in page.content.decode()
    assert not Invoice.objects.exists()


def test_issuer_of_another_merchant_is_refused(post):
    other = factories.DanishIssuerFactory()

    page = post(json.dumps(SEED), do="take", issuer=other.pk)

    assert page.status_code == 422
    assert "issuer" in page.context["form"].errors
    assert page.context["text"] == json.dumps(SEED)
    assert not Invoice.objects.exists()


def test_what_was_pasted_is_escaped(post):
    page = post(json.dumps(SEED | {"ConsumerName": "<script>alert(1)</script>"}))

    assert "<script>alert(1)" not in page.content.decode()

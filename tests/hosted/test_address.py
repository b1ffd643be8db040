"""Who gets in, what opening leaves behind, and the PDF under the same address."""

import pytest
from django.test import Client
from django.utils import timezone

from invoices.models import DocumentVersion, Invoice, RenderedPdf, TimelineEvent
from invoices.models.invoice import new_token
from invoices.rendering import pdf
from invoicing_site.merchants.models import Role
from tests import factories
from tests.hosted.test_page import address, words


# ------------------------------------------------------------------------------------- the address
@pytest.mark.requirement("V-06")
def test_unknown_revoked_and_draft_look_the_same(visitor, invoice):
    revoked, draft = factories.issued(issuer=invoice.issuer), factories.draft(issuer=invoice.issuer)
    Invoice.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())

    answers = [
        visitor.get(f"/i/{token}/{rest}")
        for token in ("no-such-token-at-all-0123456789ab", revoked.token, draft.token)
        for rest in ("", "pdf", "return/")
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.requirement("V-06")
def test_token_has_at_least_128_random_bits():
    tokens = {new_token() for _ in range(1000)}

    assert len(tokens) == 1000
    assert all(len(token) >= 32 for token in tokens)


def test_version_is_shown_and_the_newest_pointed_to(visitor, invoice):
    first = invoice.versions.get(version=1)
    DocumentVersion.objects.create(
        invoice=invoice, version=2, body=first.body, sha256=first.sha256,
        reason="test", made_at=factories.NOW,
    )  # fmt: skip

    old, new = visitor.get(address(invoice, "?v=1")), visitor.get(address(invoice))

    assert "Dette er versjon 1. Det finnes en nyere." in words(old)
    assert "Betal med" not in words(old)
    assert "Det finnes en nyere" not in words(new)
    assert "Betal med" in words(new)


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "01", "1%00", "9" * 40])
def test_unknown_version_is_not_found(visitor, invoice, number):
    assert visitor.get(address(invoice, f"?v={number}")).status_code == 404


# ------------------------------------------------------------------------------------- the opening
def openings(invoice: Invoice) -> int:
    return TimelineEvent.objects.filter(invoice=invoice, what="opened").count()


def test_opening_is_a_fact_and_a_reload_is_not_another(visitor, invoice):
    visitor.get(address(invoice))
    visitor.get(address(invoice))

    assert openings(invoice) == 1


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}],
)
def test_prefetch_and_head_are_not_openings(visitor, invoice, headers):
    visitor.get(address(invoice), headers=headers)
    visitor.head(address(invoice))

    assert openings(invoice) == 0


def test_staff_preview_is_no_opening_but_a_strangers_claim_is(invoice):
    member, stranger = factories.UserFactory(), factories.UserFactory()
    factories.MembershipFactory(user=member, merchant=invoice.merchant, role=Role.VIEWER)
    client = Client()

    client.force_login(member)
    client.get(address(invoice, "?staff=1"))
    assert openings(invoice) == 0

    client.force_login(stranger)
    client.get(address(invoice, "?staff=1"))
    assert openings(invoice) == 1


def test_page_costs_two_queries_once_the_document_is_known(
    visitor, invoice, django_assert_num_queries
):
    visitor.get(address(invoice))

    with django_assert_num_queries(2):
        visitor.get(address(invoice))


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_page_is_only_read(visitor, invoice, method):
    assert getattr(visitor, method)(address(invoice)).status_code == 405


# ----------------------------------------------------------------------------------------- the PDF
def test_pdf_is_served_with_its_hash_and_not_sent_twice(visitor, invoice):
    first = visitor.get(address(invoice, "pdf"))
    kept = RenderedPdf.objects.get()

    again = visitor.get(address(invoice, "pdf"), headers={"If-None-Match": first.headers["ETag"]})

    assert first.status_code == 200
    assert first.content == bytes(kept.content)
    assert first.headers["ETag"] == f'"{kept.sha256}"'
    assert first.headers["Content-Type"] == "application/pdf"
    assert first.headers["Content-Disposition"] == 'inline; filename="1-v1.pdf"'
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.cookies == {}


def test_pdf_of_another_hash_is_sent_again(visitor, invoice):
    visitor.get(address(invoice, "pdf"))

    assert visitor.get(address(invoice, "pdf"), headers={"If-None-Match": '"x"'}).status_code == 200


def test_pdf_that_cannot_be_made_says_when_to_try_again(visitor, invoice, monkeypatch):
    def fail(*_args):
        raise pdf.RenderFailed("stopped")

    monkeypatch.setattr(pdf, "render", fail)

    response = visitor.get(address(invoice, "pdf"))

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"
    assert "PDF-en er ikke klar ennå." in words(response)
    assert "2 453,06" in words(response)


def test_pdf_of_unknown_version_is_not_found(visitor, invoice):
    assert visitor.get(address(invoice, "pdf?v=7")).status_code == 404

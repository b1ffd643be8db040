"""The email: readable as text and HTML, recognisable when repeated, no way to add headers."""

from dataclasses import replace
from email.utils import parseaddr

import pytest

from invoices import documents
from invoices.models import DocumentVersion
from invoices.rendering import email, page
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
PDF = b"%PDF-1.7 made up"
MESSAGE_ID = "<op-17@invoicing>"


@pytest.fixture
def version() -> DocumentVersion:
    invoice = factories.issued(subject="Rådgivning")
    return invoice.versions.get(version=1)


def made(version: DocumentVersion, **values):
    given = {"pdf": PDF, "to": "ola@example.com", "message_id": MESSAGE_ID} | values
    return email.message(version.invoice, version, **given)


@pytest.mark.requirement("V-28")
def test_message_carries_amount_date_link_and_pdf(version):
    mail = made(version)
    html = mail.alternatives[0].content
    url = page.hosted_url(version.invoice)

    assert mail.subject == "Faktura 1 fra Fjord og Fjell Oslo"
    assert mail.to == ["ola@example.com"]
    for text in (mail.body, html):
        assert url in text
        assert "2\u202f453,06" in text
        assert "5. desember 2026" in text
        assert "8601.11.17947" in text
    assert f'<a href="{url}"' in html
    assert mail.attachments == [("Faktura-1.pdf", PDF, "application/pdf")]


def test_message_answers_to_the_issuer_and_comes_from_us(version, settings):
    settings.DEFAULT_FROM_EMAIL = "Invoices <invoices@host.example>"

    sent = made(version).message()

    assert parseaddr(sent["From"]) == ("Fjord og Fjell Oslo", "invoices@host.example")
    assert sent["Reply-To"] == "faktura@fjord.example"
    assert sent["Auto-Submitted"] == "auto-generated"


def test_repeat_has_the_same_message_id(version):
    assert made(version).message()["Message-ID"] == MESSAGE_ID
    assert made(version).message()["Message-ID"] == MESSAGE_ID


@pytest.mark.parametrize(
    ("language", "subject", "button"),
    [
        ("en", "Invoice 1 from Fjord og Fjell Oslo", "Read and pay"),
        ("da", "Faktura 1 fra Fjord og Fjell Oslo", "Læs og betal"),
        ("sv", "Faktura 1 från Fjord og Fjell Oslo", "Läs och betala"),
        ("fi", "Lasku 1 \u2013 Fjord og Fjell Oslo", "Lue ja maksa"),
    ],
)
def test_message_is_in_the_documents_language(language, subject, button):
    version = factories.issued(language=language).versions.get(version=1)

    mail = made(version)

    assert mail.subject == subject
    assert button in mail.alternatives[0].content


INJECTION = "Fjord\r\nBcc: everyone@example.com\n\n<script>alert(1)</script>"


def test_hostile_names_add_no_header_and_no_markup(version, monkeypatch):
    document = documents.of(version)
    hostile = replace(
        document,
        number=INJECTION,
        subject=INJECTION,
        issuer=replace(document.issuer, name=INJECTION, email="a@b.example\r\nBcc: x@y.example"),
        customer=replace(document.customer, name=INJECTION),
    )
    monkeypatch.setattr(documents, "of", lambda _version: hostile)

    mail = made(
        version, to="ola@example.com\r\nBcc: z@y.example", message_id="<a>\r\nBcc: q@y.example"
    )
    sent = mail.message()

    assert sent["Bcc"] is None
    assert sorted(set(sent.keys())) == [
        "Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "MIME-Version",
        "Message-ID", "Reply-To", "Subject", "To",
    ]  # fmt: skip
    assert "\n" not in mail.subject
    assert "<script" not in mail.alternatives[0].content


@pytest.mark.parametrize(("colour", "ink"), [("#0b5b70", "#ffffff"), ("#ffe066", "#1a1e20")])
def test_button_is_readable_on_the_issuers_colour(version, monkeypatch, colour, ink):
    document = documents.of(version)
    coloured = replace(document, look=replace(document.look, colour=colour))
    monkeypatch.setattr(documents, "of", lambda _version: coloured)

    assert f"background:{colour};color:{ink}" in made(version).alternatives[0].content

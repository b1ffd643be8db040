"""The email that carries an invoice: the link as a button, the PDF attached, text beside HTML."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import loader
from django.utils.translation import gettext as _
from django.utils.translation import override

from invoices import documents, options
from invoices.models import DocumentVersion, Invoice
from invoices.rendering.paper import Paper, put_into_words
from providers.contract import InvoiceDocument

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
LONGEST_HEADER = 200


def message(
    invoice: Invoice,
    version: DocumentVersion,
    *,
    pdf: bytes,
    to: str,
    message_id: str = "",
) -> EmailMultiAlternatives:
    """Return the email of a document version, in the document's language, ready to send.

    `message_id` is the same for every try, so that a mail server or reader can tell a repeat.
    What a merchant typed cannot add a header: control characters become blanks.
    """
    document = documents.of(version)
    paper = put_into_words(document)
    with override(paper.language):
        context = _context(document, paper, options.hosted_url(invoice))
        text = loader.render_to_string("email/invoice.txt", context)
        html = loader.render_to_string("email/invoice.html", context)
        subject = _subject(paper)
    mail = EmailMultiAlternatives(
        subject=subject,
        body=text.strip() + "\n",
        from_email=_sender(paper),
        to=[one_line(to)],
        reply_to=_reply_to(document),
        headers=_headers(message_id, paper.language),
    )
    mail.attach_alternative(html, "text/html")
    mail.attach(_file_name(paper), pdf, "application/pdf")
    return mail


def _context(document: InvoiceDocument, paper: Paper, hosted_url: str) -> dict[str, object]:
    colour = paper.colour if COLOUR.fullmatch(paper.colour) else "#0b5b70"
    return {
        "paper": paper,
        "hosted_url": hosted_url,
        "colour": colour,
        "ink": _ink_on(colour),
        "is_payable": document.totals.payable > 0,
    }


def _ink_on(colour: str) -> str:
    """Return black or white, whichever is read better on the issuer's colour."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#1a1e20" if red * 299 + green * 587 + blue * 114 > 150_000 else "#ffffff"


def _subject(paper: Paper) -> str:
    values = {"title": paper.title, "seller": paper.seller.name}
    return one_line(_("%(title)s from %(seller)s") % values)


def _sender(paper: Paper) -> str:
    """Send from our own address under the issuer's name: theirs would fail DMARC."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return str(Address(display_name=one_line(paper.seller.name)[:70], addr_spec=address))


def _reply_to(document: InvoiceDocument) -> list[str]:
    return [one_line(document.issuer.email)] if document.issuer.email else []


def _headers(message_id: str, language: str) -> dict[str, str]:
    """Mark the mail as a machine's, so that out-of-office notes are not answered to it."""
    headers = {"Auto-Submitted": "auto-generated", "Content-Language": language}
    if message_id:
        headers["Message-ID"] = one_line(message_id)
    return headers


def _file_name(paper: Paper) -> str:
    return re.sub(r"[^\w.-]+", "-", paper.title).strip("-.") + ".pdf"


def one_line(text: str) -> str:
    """Return text that fits a header: one line, no control characters, not endless."""
    return _CONTROL.sub(" ", text).strip()[:LONGEST_HEADER]

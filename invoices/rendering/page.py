"""The customer's page as a pure function: what is frozen, how it stands, how it can be paid.

What follows from the document alone is kept per process, by the document's hash and language:
a hash never means anything else, so nothing has to be thrown away when something changes.
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass, field, replace
from functools import lru_cache

from django.template import loader
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import override
from PIL import Image

from invoices import documents, options
from invoices.models import DocumentVersion, Invoice
from invoices.rendering.paper import LineWords, Paper, put_into_words
from providers.contract import InvoiceDocument

# What keeps a page of many lines small; the rest is one press away, and in the PDF.
LINES_AT_FIRST = 40
LARGEST_LOGO = 8_000
LOGO_BOX = (320, 96)


@dataclass(frozen=True, slots=True)
class Key:
    """Names one document in one language. The row's key is how it is found, not what it is."""

    sha256: str
    language: str
    pk: int = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A document's words, and the part of the page that follows from them alone."""

    document: InvoiceDocument
    paper: Paper
    body: SafeString
    logo: str


def hosted_url(invoice: Invoice, version: int | None = None) -> str:
    """Return the absolute address of the customer's page, of one version if asked for."""
    return options.hosted_url(invoice, version)


def sheet(version: DocumentVersion, language: str, *, all_lines: bool = False) -> Sheet:
    """Return a version's words and drawn body in a language. Kept after the first time."""
    return _sheet(Key(version.sha256, language, version.pk), all_lines)


@lru_cache(maxsize=512)
def _sheet(key: Key, all_lines: bool) -> Sheet:
    document = documents.of(DocumentVersion.objects.get(pk=key.pk))
    paper = put_into_words(document, key.language)
    body = draw(paper, all_lines=all_lines, version=document.version)
    # The lines are in the body already; a copy in every kept entry would be the larger part.
    return Sheet(
        document=replace(document, lines=(), look=replace(document.look, logo="")),
        paper=replace(paper, lines=(), logo=""),
        body=body,
        logo=small_logo(document.look.logo),
    )


def draw(paper: Paper, *, all_lines: bool = True, version: int = 0) -> SafeString:
    """Return the frozen part of the page as HTML; staff pages may show it as a preview.

    Without `all_lines` the first forty are drawn, and a link to the rest of this version.
    """
    shown: tuple[LineWords, ...] = paper.lines if all_lines else paper.lines[:LINES_AT_FIRST]
    rest = f"?all=1&lang={paper.language}&v={version}"
    with override(paper.language):
        text = loader.render_to_string(
            "hosted/document.html",
            {"paper": paper, "lines": shown, "hidden": len(paper.lines) - len(shown), "rest": rest},
        )
    return mark_safe(text)  # noqa: S308 -- rendered by our own template, which escapes


def small_logo(uri: str) -> str:
    """Return a logo small enough for a phone's page, or nothing when it cannot be made so."""
    if len(uri) <= LARGEST_LOGO:
        return uri
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2], validate=True)))
        picture.thumbnail(LOGO_BOX)
        stored = io.BytesIO()
        picture.convert("RGBA").quantize(48).save(stored, "PNG", optimize=True)
    except (OSError, ValueError, binascii.Error):
        return ""
    small = "data:image/png;base64," + base64.b64encode(stored.getvalue()).decode()
    return small if len(small) <= LARGEST_LOGO else ""

"""The PDF of a document: rendered once per version, kept, and served from the store.

Rendering happens in a process of its own (`child`), whoever asks: a web thread, a worker of any
pool, a command. A prefork worker could render in place, but then a worker started with the wrong
pool would crash, and the process has no limits of its own; handing a page over costs 0.1 ms.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import segno
from django.db import transaction
from django.template import loader
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from invoices import documents, options
from invoices.models import DocumentVersion, RenderedPdf
from invoices.rendering.child import Renderer, RenderFailed
from invoices.rendering.paper import Paper, put_into_words
from providers.contract import InvoiceDocument

__all__ = ["RenderFailed", "content", "html", "render", "render_and_store"]

RUN = 40
_RUN = re.compile(rf"[^\s\u200b]{{{RUN + 1},}}")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
DEFAULT_COLOUR = "#0b5b70"
# Control characters draw as boxes and are not allowed in archives; lone surrogates are no text.
_UNPRINTABLE = dict.fromkeys(
    [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)]
)


def content(version: DocumentVersion) -> RenderedPdf:
    """Return the version's PDF, rendering it first when nobody has yet.

    Waits at most about half a minute. Raises RenderFailed.
    """
    kept = RenderedPdf.objects.filter(document_id=version.pk).first()
    return kept or _render_and_keep(version)


def render_and_store(version_id: int) -> RenderedPdf:
    """Render a version unless it is kept already: the worker's entry, safe to repeat.

    Two that race render the same bytes; one row wins and both get it. Raises RenderFailed.
    """
    version = DocumentVersion.objects.select_related("invoice").get(pk=version_id)
    return content(version)


def _render_and_keep(version: DocumentVersion) -> RenderedPdf:
    hosted_url = options.hosted_url(version.invoice)
    started = time.monotonic()
    rendered = render(documents.of(version), hosted_url)
    milliseconds = round((time.monotonic() - started) * 1000)
    with transaction.atomic(durable=True):
        row, _made = RenderedPdf.objects.get_or_create(
            document_id=version.pk,
            defaults={
                "content": rendered,
                "sha256": hashlib.sha256(rendered).hexdigest(),
                "hosted_url": hosted_url,
                "rendered_at": timezone.now(),
                "milliseconds": milliseconds,
            },
        )
    return row


def render(document: InvoiceDocument, hosted_url: str = "") -> bytes:
    """Return the PDF of a document; the same document and address give the same bytes.

    `hosted_url` is printed as a QR code and as text; without it (a draft) neither is there.
    Raises RenderFailed when it takes longer than ten seconds or cannot be rendered.
    """
    text = html(document, hosted_url)
    # The file's identifier is derived from what is on it, so that nothing random gets in.
    identifier = hashlib.sha256(text.encode()).hexdigest()[:32].encode()
    return _renderer().render(text, identifier)


@cache
def _renderer() -> Renderer:
    return Renderer(stylesheet())


def stylesheet() -> str:
    """Return the print stylesheet."""
    source: str = loader.get_template("pdf/print.css").template.source  # type: ignore[attr-defined]
    return source


def html(document: InvoiceDocument, hosted_url: str = "") -> str:
    """Return the page that becomes the PDF, in the document's language.

    Everything a merchant typed is escaped text on it; pictures are data: addresses.
    """
    paper = put_into_words(document)
    paper = replace(breakable(replace(paper, logo="")), logo=paper.logo)
    with override(paper.language):
        text = loader.render_to_string("pdf/invoice.html", _context(document, paper, hosted_url))
    return text.translate(_UNPRINTABLE)


def breakable(value: Any) -> Any:
    """Return the words of a document with a place to break in every run of forty letters.

    Looking for one is what takes WeasyPrint long: ten thousand letters in a cell took over ten
    seconds. A zero-width space is neither seen nor a letter.
    """
    if isinstance(value, str):
        return _RUN.sub(_with_breaks, value) if len(value) > RUN else value
    if isinstance(value, tuple):
        return tuple(breakable(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        given = {each.name: breakable(getattr(value, each.name)) for each in fields(value)}
        return type(value)(**given)
    return value


def _with_breaks(found: re.Match[str]) -> str:
    run = found[0]
    return "\u200b".join(run[at : at + RUN] for at in range(0, len(run), RUN))


def _context(document: InvoiceDocument, paper: Paper, hosted_url: str) -> dict[str, Any]:
    page_of = _("Page {page} of {pages}")
    before, between = page_of.split("{page}")
    return {
        "paper": paper,
        "created": document.issue_date.isoformat(),
        "colour": paper.colour if COLOUR.fullmatch(paper.colour) else DEFAULT_COLOUR,
        "page_before": before,
        "page_between": between.replace("{pages}", ""),
        "who": " · ".join([paper.seller.name, paper.title]),
        "total_label": _("To pay"),
        "hosted_url": hosted_url,
        "qr": qr(hosted_url) if hosted_url else "",
        "qr_alt": _("QR code that opens this invoice at %(url)s") % {"url": hosted_url},
    }


def qr(url: str) -> str:
    """Return a QR code as a data: address of a picture, with its quiet zone."""
    code = segno.make(url, error="m", micro=False)
    uri: str = code.png_data_uri(scale=6, border=2)
    return uri

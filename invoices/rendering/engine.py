"""HTML in, PDF out: the only module that touches WeasyPrint, and it runs in a process of its own.

Run as a script it serves requests on its standard input (see `child.py` for the other end). It
imports nothing of ours: the process holds no settings, no secrets and no database connection.
WeasyPrint in threads ends in SIGSEGV and SIGABRT, so nothing may import this into a web server.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import resource
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher

FONT_PACKAGE = "font_source_sans_pro"
# Archival (PDF/A-3) at the level that demands tags, real text and a language (a).
VARIANT = "pdf/a-3a"
MEMORY = 1536 * 1024 * 1024
CPU_SECONDS = 10
LARGEST_FILE = 64 * 1024 * 1024

# PDF/UA-1 is claimed beside PDF/A; PDF/A wants foreign metadata schemas described in place.
UA_METADATA = b"""<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfuaid:part>1</pdfuaid:part>
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of the ISO 14289 standard</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description></rdf:RDF>"""


class DataOnly(URLFetcher):  # type: ignore[misc]
    """Opens data: addresses and nothing else; any other try ends the rendering.

    What is not escaped text on the page was put there by us, so a fetch that fails is our fault
    and must not pass as an invoice without its logo.
    """

    def __init__(self) -> None:
        super().__init__(allowed_protocols=["data"], allow_redirects=False)
        self.refused: list[str] = []

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> object:
        """Open a data: address. Raises FatalURLFetchingError for everything else."""
        try:
            return super().fetch(url, headers)
        except Exception as problem:
            self.refused.append(url[:80])
            raise FatalURLFetchingError(f"Refused to open {url[:80]!r}.") from problem


class OurFonts(URLFetcher):  # type: ignore[misc]
    """Opens the font files of the package that our stylesheet names, and nothing else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(allowed_protocols=["file"], allow_redirects=False)
        self.folder = folder

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> object:
        """Open `font:<file name>` from the package's folder."""
        name = Path(url.removeprefix("font:")).name
        try:
            return super().fetch((self.folder / name).as_uri(), headers)
        except Exception as problem:
            raise FatalURLFetchingError(f"The font {name} is missing.") from problem


class Complaints(logging.Handler):
    """Collects what WeasyPrint would only log: a picture that could not be read, for instance."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.texts.append(record.getMessage()[:200])


def font_folder() -> Path:
    """Return the folder of the font package's files, without importing it."""
    spec = importlib.util.find_spec(FONT_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError("The package font-source-sans-pro is not installed.")
    return Path(spec.origin).parent / "files"


class Engine:
    """Fonts and stylesheet read once; then as many documents as asked for, one at a time."""

    def __init__(self, stylesheet: str) -> None:
        self.fetcher = DataOnly()
        self.complaints = Complaints()
        self._listen()
        self.fonts = FontConfiguration()
        self.css = CSS(
            string=stylesheet,
            font_config=self.fonts,
            url_fetcher=OurFonts(font_folder()),
        )

    def _listen(self) -> None:
        logger = logging.getLogger("weasyprint")
        logger.handlers[:] = [self.complaints]
        logger.propagate = False

    def render(self, html: str, identifier: bytes) -> bytes:
        """Return the PDF of an HTML page; the same page and identifier give the same bytes.

        Raises FatalURLFetchingError when the page asks for anything outside itself, and
        ValueError when a picture on it cannot be read.
        """
        self.complaints.texts.clear()
        options = {"pdf_variant": VARIANT, "pdf_identifier": identifier}
        page = HTML(string=html, url_fetcher=self.fetcher)
        document = page.render(font_config=self.fonts, stylesheets=[self.css], **options)
        document.metadata.generate_rdf_metadata = _with_ua(document.metadata.generate_rdf_metadata)
        content: bytes = document.write_pdf(**options)
        broken = [text for text in self.complaints.texts if text.startswith("Failed to load")]
        if broken:
            raise ValueError(broken[0])
        return content


def _with_ua(generate: Callable[..., bytes]) -> Callable[..., bytes]:
    """Add the PDF/UA claim to the metadata that WeasyPrint writes."""

    def generated(*args: object) -> bytes:
        return generate(*args).replace(b"</rdf:RDF>", UA_METADATA)

    return generated


# ------------------------------------------------------------------------------------- as a process
def limit(which: int, value: int) -> None:
    """Lower a soft limit, never above what the process was given."""
    _, hard = resource.getrlimit(which)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, hard))


def read_block(stream: BinaryIO) -> bytes | None:
    """Read one length-prefixed block, or None at the end of the stream."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack(">I", head)
    block = stream.read(size)
    return block if len(block) == size else None


def write_block(stream: BinaryIO, kind: bytes, content: bytes) -> None:
    """Write one block: a letter (R ready, P a PDF, E an error), the length, the content."""
    stream.write(kind + struct.pack(">I", len(content)) + content)
    stream.flush()


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Render until the other end closes. The first block is the stylesheet."""
    stylesheet = read_block(requests)
    if stylesheet is None:
        return
    engine = Engine(stylesheet.decode())
    if sys.platform == "linux":  # Others refuse to limit address space.
        limit(resource.RLIMIT_AS, MEMORY)
    limit(resource.RLIMIT_FSIZE, LARGEST_FILE)
    write_block(answers, b"R", b"")
    while (identifier := read_block(requests)) is not None:
        html = read_block(requests)
        if html is None:
            return
        # The limit counts the whole life of the process, so it moves with each document.
        limit(resource.RLIMIT_CPU, int(time.process_time()) + CPU_SECONDS + 1)
        write_block(answers, *_answer(engine, html, identifier))


def _answer(engine: Engine, html: bytes, identifier: bytes) -> tuple[bytes, bytes]:
    try:
        return b"P", engine.render(html.decode(), identifier)
    except (Exception, FatalURLFetchingError) as problem:  # noqa: BLE001 -- told to the other end
        return b"E", f"{type(problem).__name__}: {problem}"[:500].encode()


def main() -> None:
    """Keep the answers' pipe to ourselves: a stray print must not end up in a PDF."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()

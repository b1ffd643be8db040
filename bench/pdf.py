"""The PDF through the product against a bare `HTML(string).write_pdf()` of the same page.

The bare render gets our stylesheet inside the page, once as it is (fonts by file address) and
once without its @font-face rules, so that it finds its fonts installed: the hardest comparison.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable

from weasyprint import HTML

from bench.row import Row
from invoices.models import Invoice, RenderedPdf
from invoices.rendering import pdf
from invoices.rendering.engine import font_folder
from tests import factories
from tests.rendering import samples

ROUNDS = {10: 12, 200: 4}
STORED_ROUNDS = 200


def run() -> list[Row]:
    """Measure a first render at 10 and 200 lines, and serving one from the store."""
    rows = [_first_render(lines, rounds) for lines, rounds in ROUNDS.items()]
    return [*rows, _from_the_store()]


def _first_render(lines: int, rounds: int) -> Row:
    document = samples.document(lines)
    page = pdf.html(document, samples.HOSTED)
    same = page.replace("<body", f"<style>{_with_files(pdf.stylesheet())}</style><body", 1)
    installed = page.replace("<body", f"<style>{_without_fonts(pdf.stylesheet())}</style><body", 1)
    ours, bare, harder = _interleaved(
        rounds,
        lambda: pdf.render(document, samples.HOSTED),
        lambda: HTML(string=same).write_pdf(),
        lambda: HTML(string=installed).write_pdf(),
    )
    return Row(
        name=f"PDF, first render, {lines} lines",
        value=ours,
        reference=bare,
        unit="ms",
        target=1.15,
        at_most=True,
        note=f"tagged PDF/A-3a in a process of its own, page drawn included; against a bare "
        f"untagged render with fonts installed instead of named: {ours / harder:.2f}",
    )


def _with_files(css: str) -> str:
    return re.sub(r"font:([\w-]+\.ttf)", lambda found: (font_folder() / found[1]).as_uri(), css)


def _without_fonts(css: str) -> str:
    return re.sub(r"@font-face \{[^}]*\}", "", css)


def _interleaved(rounds: int, *cases: Callable[[], object]) -> list[float]:
    """Return the median milliseconds of each case, run in turns after one round to warm up."""
    times: list[list[float]] = [[] for _case in cases]
    for turn in range(rounds + 1):
        for case, taken in zip(cases, times, strict=True):
            started = time.perf_counter()
            case()
            if turn:
                taken.append((time.perf_counter() - started) * 1000)
    return [statistics.median(taken) for taken in times]


def _from_the_store() -> Row:
    invoice: Invoice = factories.issued()
    version = invoice.versions.get(version=1)
    pdf.render_and_store(version.pk)
    RenderedPdf.objects.get(pk=version.pk)
    started = time.process_time()
    for _round in range(STORED_ROUNDS):
        bytes(pdf.content(version).content)
    spent = (time.process_time() - started) * 1000 / STORED_ROUNDS
    return Row(
        name="PDF, from the store, processor time",
        value=spent,
        unit="ms",
        target=5,
        at_most=True,
    )

"""The kept PDF: rendered once, whoever asks, however many at once."""

import hashlib
import threading

import pytest
from django.db import connection

from invoices import documents
from invoices.models import RenderedPdf
from invoices.rendering import page, pdf
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def version():
    return factories.issued().versions.get(version=1)


def test_render_and_store_keeps_bytes_hash_and_address(version):
    row = pdf.render_and_store(version.pk)

    kept = RenderedPdf.objects.get()
    assert bytes(kept.content) == pdf.render(
        documents.of(version), page.hosted_url(version.invoice)
    )
    assert kept.sha256 == row.sha256 == hashlib.sha256(bytes(kept.content)).hexdigest()
    assert kept.hosted_url == page.hosted_url(version.invoice)


def test_second_time_renders_nothing(version, monkeypatch):
    first = pdf.render_and_store(version.pk)
    monkeypatch.setattr(pdf, "render", lambda *_: pytest.fail("rendered again"))

    assert pdf.render_and_store(version.pk).sha256 == first.sha256
    assert pdf.content(version).sha256 == first.sha256


def test_content_costs_one_query_when_kept(version, django_assert_num_queries):
    pdf.render_and_store(version.pk)

    with django_assert_num_queries(1):
        pdf.content(version)


def test_two_that_race_store_one_row_and_get_the_same(version):
    got: list[str] = []
    gate = threading.Barrier(2)

    def ask() -> None:
        gate.wait()
        got.append(pdf.render_and_store(version.pk).sha256)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 2
    assert set(got) == {RenderedPdf.objects.get().sha256}


def test_failure_stores_nothing(version, monkeypatch):
    def fail(*_args):
        raise pdf.RenderFailed("stopped")

    monkeypatch.setattr(pdf, "render", fail)

    with pytest.raises(pdf.RenderFailed):
        pdf.content(version)
    assert not RenderedPdf.objects.exists()

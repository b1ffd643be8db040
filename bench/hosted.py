"""The hosted page against a bare view that reads one row: same process, middleware and client."""

from __future__ import annotations

import statistics
import time

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.row import Row
from invoices.models import Invoice
from tests import factories

INVOICES = 40
ROUNDS = 10


def run() -> list[Row]:
    """Measure the pages of INVOICES open invoices in turns with the bare view.

    The first opening of each is reported too, without a target: it writes the opening to the
    timeline, which a view that reads one row does not do.
    """
    issuer = factories.IssuerFactory()
    account = factories.ProviderAccountFactory(merchant=issuer.merchant)
    account.issuers.add(issuer)
    invoices = [factories.issued(issuer=issuer) for _ in range(INVOICES)]
    first, _bare = _measure(invoices, 1)
    again, bare = _measure(invoices, ROUNDS)
    with CaptureQueriesContext(connection) as queries:
        Client(HTTP_HOST="127.0.0.1").get(f"/i/{invoices[0].token}/")
    return [
        Row(
            name="Hosted page",
            value=again,
            reference=bare,
            unit="ms",
            target=3,
            at_most=True,
            note=f"{len(queries)} statements. The first opening of an invoice, which draws the "
            f"document and writes a line to the timeline, takes {first:.1f} ms.",
        )
    ]


def _measure(invoices: list[Invoice], rounds: int) -> tuple[float, float]:
    """Return the median milliseconds of our page and of the bare view, in turns."""
    client = Client(HTTP_HOST="127.0.0.1")
    ours: list[float] = []
    bare: list[float] = []
    for _round in range(rounds):
        for invoice in invoices:
            ours.append(_timed(client, f"/i/{invoice.token}/"))
            bare.append(_timed(client, f"/bench/read/{invoice.token}/"))
    return statistics.median(ours), statistics.median(bare)


def _timed(client: Client, path: str) -> float:
    started = time.perf_counter()
    response = client.get(path)
    taken = (time.perf_counter() - started) * 1000
    assert response.status_code == 200, (path, response.status_code)
    return taken

"""The invoice list of 50 rows: how many queries, and how long beside the bare query of its rows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench import sample
from bench.row import Row
from invoices import queries
from invoicing_site.merchants.models import Role
from tests import factories

ROWS = 50
ROUNDS = 30


def run() -> list[Row]:
    """Measure one page of invoices as a signed-in owner."""
    issuer = factories.IssuerFactory()
    owner = factories.UserFactory()
    factories.MembershipFactory(user=owner, merchant=issuer.merchant, role=Role.OWNER)
    sample.issued(ROWS + 5, issuer, owner)
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(owner)
    address = f"/m/{issuer.merchant.slug}/invoices/"
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    # Read now: the next request empties the log.
    count = len(captured)
    if answer.content.count(b'class="who"') != ROWS:
        raise RuntimeError(f"The list does not show {ROWS} rows (HTTP {answer.status_code}).")
    found = queries.filtered(issuer.merchant, queries.Filter(), timezone.localdate())
    page = _median(lambda: client.get(address))
    bare = _median(lambda: queries.page(found, None))
    return [
        Row(
            name=f"invoice list of {ROWS}, queries",
            value=count,
            unit="",
            target=11,
            at_most=True,
            note=f"The page takes {page:.1f} ms in this process, the one query for its rows "
            f"{bare:.1f} ms of it.",
        )
    ]


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)

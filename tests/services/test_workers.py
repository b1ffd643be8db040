"""The main job by real workers: wake-ups, webhooks, lost messages and killed processes.

Shows V-24 (approval moves the status), V-27 and the outbox's promises on PostgreSQL, with Redis and with
RabbitMQ. Nothing here runs inside the test process: it decides, watches the database, and plays
the customer's phone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from invoicing_site.demo.home import PROJECT
from invoicing_site.demo.phone import Phone
from invoicing_site.demo.stack import Stack
from tests.services.conftest import empty_queues, rows

PATIENCE = 40.0
WORKERS = ("beat", "worker-render", "worker-provider")
Made = dict[str, Any]


@pytest.fixture
def decide(stack: Stack) -> Callable[..., list[Made]]:
    """What staff decide, in a process with the stack's environment."""

    def decided(action: str, count: int = 1) -> list[Made]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.services.decide", action, str(count)],
            cwd=PROJECT,
            env=stack.env,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        made: list[Made] = json.loads(done.stdout)
        return made

    return decided


@pytest.fixture
def phone(stack: Stack) -> Phone:
    """The customer's fingers."""
    return Phone(stack.url)


@pytest.fixture
def workers(stack: Stack) -> Iterator[Stack]:
    """Both kinds of worker, without beat: wake-ups alone must do."""
    stack.start_workers()
    yield stack
    stack.stop(*WORKERS)


def until(found: Callable[[], Any], stack: Stack) -> Any:
    """Wait until `found` returns something true. Fails with the workers' last words."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.1)
    words = "\n".join(f"== {child.name}\n{child.tail(25)}" for child in stack.children)
    pytest.fail(f"Waited {PATIENCE:.0f} s in vain.\n{words}")


def test_push_is_paid_by_wakeups_and_webhooks_alone(workers, database, decide, phone) -> None:
    (made,) = decide("push")
    reference, invoice = made["reference"], made["invoice"]

    until(lambda: _states(database, invoice) == ("open", "created"), workers)
    phone.approve(reference)
    until(lambda: _states(database, invoice) == ("paid", "paid"), workers)

    payment = phone.payment(reference)
    assert (payment["state"], payment["captured"]) == ("AUTHORIZED", made["minor"])
    assert _successes(phone, reference) == {"create": 1, "capture": 1}
    sources = rows(
        database,
        "SELECT DISTINCT source FROM invoices_timelineevent WHERE invoice_id = %s",
        invoice,
    )
    assert {"staff", "answer", "webhook", "system"} <= {source for (source,) in sources}


def test_issued_document_is_rendered_by_the_render_worker(workers, database, decide) -> None:
    (made,) = decide("push")
    query = (
        "SELECT substring(content from 1 for 5) FROM invoices_renderedpdf pdf "
        "JOIN invoices_documentversion version ON version.id = pdf.document_id "
        "WHERE version.invoice_id = %s"
    )

    kept = until(lambda: rows(database, query, made["invoice"]), workers)

    assert bytes(kept[0][0]) == b"%PDF-"
    log = (workers.home.logs / "worker-render.log").read_text()
    assert "invoices.tasks.render_document" in log


def test_many_at_once_are_each_sent_and_collected_once(workers, database, decide, phone) -> None:
    made = decide("push", 12)
    invoices = [each["invoice"] for each in made]
    until(lambda: _count(database, invoices, "created") == 12, workers)

    for each in made:
        phone.approve(each["reference"])

    until(lambda: _count(database, invoices, "paid") == 12, workers)
    for each in made:
        assert _successes(phone, each["reference"]) == {"create": 1, "capture": 1}


def test_lost_wakeup_is_found_by_the_sweep(stack, database, decide, phone) -> None:
    (made,) = decide("push")
    empty_queues(stack)

    stack.start_workers()
    stack.start_beat()
    try:
        until(lambda: _states(database, made["invoice"]) == ("open", "created"), stack)
    finally:
        stack.stop(*WORKERS)

    assert _successes(phone, made["reference"]) == {"create": 1}


def test_scheduled_sending_leaves_at_its_hour(stack, database, decide) -> None:
    (made,) = decide("later")
    assert _states(database, made["invoice"]) == ("open", "queued")

    stack.start_workers()
    stack.start_beat()
    try:
        until(lambda: _states(database, made["invoice"]) == ("open", "created"), stack)
    finally:
        stack.stop(*WORKERS)


def test_killed_worker_leaves_one_payment(stack, database, decide, phone) -> None:
    """The worker dies while the provider works on the request; its successor asks first."""
    phone.set_fault(endpoint="create", kind="latency", seconds=3, remaining=1)
    stack.start_workers()
    try:
        (made,) = decide("push")
        until(lambda: _operation(database, made["invoice"]) == "leased", stack)
        time.sleep(0.5)
        _kill(stack, "worker-provider")
        # Two minutes pass: the lease of the dead worker runs out.
        rows(
            database,
            "UPDATE invoices_operation SET lease_until = now() - interval '1 second' "
            "WHERE invoice_id = %s AND state = 'leased' RETURNING id",
            made["invoice"],
        )
        stack.stop("worker-render")
        stack.start_workers()
        stack.start_beat()
        until(lambda: _states(database, made["invoice"]) == ("open", "created"), stack)
    finally:
        stack.stop(*WORKERS)

    assert phone.payment(made["reference"])["state"] == "CREATED"
    assert phone.ledger(reference=made["reference"])["count"] == 1


def _states(database: str, invoice: int) -> tuple[object, ...]:
    found = rows(
        database,
        "SELECT invoice.status, request.state FROM invoices_invoice invoice "
        "JOIN invoices_paymentrequest request ON request.id = invoice.latest_request_id "
        "WHERE invoice.id = %s",
        invoice,
    )
    return found[0]


def _operation(database: str, invoice: int) -> object:
    query = "SELECT state FROM invoices_operation WHERE invoice_id = %s"
    return rows(database, query, invoice)[0][0]


def _count(database: str, invoices: list[int], state: str) -> object:
    query = "SELECT count(*) FROM invoices_paymentrequest WHERE invoice_id = ANY(%s) AND state = %s"
    return rows(database, query, invoices, state)[0][0]


def _successes(phone: Phone, reference: str) -> dict[str, int]:
    """Count what the provider was asked to change and did, by endpoint."""
    counted: dict[str, int] = {}
    for call in phone.calls(reference=reference):
        if call["endpoint"] in {"create", "capture", "refund", "cancel"} and call["status"] < 300:
            counted[call["endpoint"]] = counted.get(call["endpoint"], 0) + 1
    return counted


def _kill(stack: Stack, name: str) -> None:
    child = next(child for child in stack.children if child.name == name)
    os.killpg(child.pid, signal.SIGKILL)
    stack.stop(name)

"""Two thousand invoices at once by real workers, while everything goes wrong.

The worker is killed with the batch in its hands, the answer of the batch is cut off, one in
twenty is refused, callbacks are doubled, late and lost. In the end every invoice is in exactly
one state, and it is the one that the provider's own ledger holds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from invoicing_site.demo.home import PROJECT
from invoicing_site.demo.phone import MobilePayPhone
from invoicing_site.demo.stack import Stack
from tests.services.conftest import rows
from tests.services.test_workers import WORKERS, _kill

# What differs between brokers is shown by the other tests.
ONE_BROKER = True
COUNT = 2000
PATIENCE = 240.0
THEIRS = {"canceled": "cancelled"}
STATES = (
    "SELECT invoice.number, request.state, invoice.status FROM invoices_paymentrequest request "
    "JOIN invoices_invoice invoice ON invoice.id = request.invoice_id "
    "WHERE request.dispatch_id = %s"
)


@pytest.mark.requirement("M4-45", "M4-76", "M4-77")
def test_two_thousand_end_as_the_provider_says(stack: Stack, database: str) -> None:
    phone = MobilePayPhone(stack.url)
    phone.set_fault(endpoint="create_batch", kind="latency", seconds=4, remaining=1)
    phone.set_fault(endpoint="create_batch", kind="cut_after", remaining=1)
    for kind in ("webhook_duplicate", "webhook_late", "webhook_reordered", "webhook_dropped"):
        phone.set_fault(endpoint="callback", kind=kind, seconds=5, remaining=2)
    _start(stack)
    try:
        made = _decide(stack)
        _kill_with_the_batch_in_hand(stack, database, made["dispatch"])
        _start(stack)
        stack.start_beat()
        _until(stack, lambda: not _states(database, made) & {"queued", "submitting"})
        phone.bulk(made["merchant"], share_paid=0.1, share_rejected=0.05, share_accepted=0.05)
        _until(
            stack,
            lambda: _agrees(database, phone, made),
            lambda: _differences(database, phone, made),
        )
    finally:
        stack.stop(*WORKERS)

    counted = Counter(state for _, state, _ in rows(database, STATES, made["dispatch"]))
    assert counted.total() == COUNT
    assert counted["invalid"] == made["refused"]
    assert set(counted) == {"created", "paid", "rejected", "accepted", "invalid"}
    paid = Counter(status for _, _, status in rows(database, STATES, made["dispatch"]))["paid"]
    assert paid == counted["paid"]


def _start(stack: Stack) -> None:
    """Start the worker that sends; thousands of PDFs are not what is tested here."""
    stack.start_workers()
    stack.stop("worker-render")


def _decide(stack: Stack) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.services.decide_batch", str(COUNT)],
        cwd=PROJECT,
        env=stack.env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def _kill_with_the_batch_in_hand(stack: Stack, database: str, dispatch: int) -> None:
    """Let the worker die while the provider works on the batch; its lease runs out."""
    leased = (
        "SELECT count(*) FROM invoices_operation operation JOIN invoices_paymentrequest request "
        "ON request.id = operation.request_id "
        "WHERE request.dispatch_id = %s AND operation.state = 'leased'"
    )
    _until(stack, lambda: rows(database, leased, dispatch)[0][0])
    time.sleep(1.0)
    _kill(stack, "worker-provider")
    rows(
        database,
        "UPDATE invoices_operation SET lease_until = now() - interval '1 second' "
        "WHERE state = 'leased' RETURNING id",
    )


def _states(database: str, made: dict[str, Any]) -> set[object]:
    return {state for _, state, _ in rows(database, STATES, made["dispatch"])}


def _agrees(database: str, phone: MobilePayPhone, made: dict[str, Any]) -> bool:
    """Say whether the books agree; until they do, let the days pass in which we ask."""
    ours = {number: state for number, state, _ in rows(database, STATES, made["dispatch"])}
    theirs = _ledger(phone, made["merchant"])
    wrong = [number for number, state in ours.items()
             if state == "unknown" or theirs.get(str(number), state) != state]  # fmt: skip
    if not wrong:
        return True
    # Rows that a worker holds just now are left to it.
    rows(
        database,
        "UPDATE invoices_paymentrequest SET ask_at = now(), "
        "state_at = state_at - interval '1 hour' WHERE id IN ("
        "SELECT request.id FROM invoices_paymentrequest request JOIN invoices_invoice invoice "
        "ON invoice.id = request.invoice_id WHERE invoice.number = ANY(%s) "
        "AND ask_at > now() + interval '1 minute' FOR UPDATE OF request SKIP LOCKED) RETURNING id",
        wrong,
    )
    time.sleep(3.0)
    return False


def _differences(database: str, phone: MobilePayPhone, made: dict[str, Any]) -> str:
    """Say in how many cases the books say what the provider does not."""
    theirs = _ledger(phone, made["merchant"])
    ours = rows(database, STATES, made["dispatch"])
    pairs = Counter((state, theirs.get(str(number), "-")) for number, state, _ in ours)
    accounts = rows(database, "SELECT paused_reason FROM providers_provideraccount")
    return f"ours and theirs: {pairs}; held accounts: {accounts}"


def _ledger(phone: MobilePayPhone, merchant: str) -> dict[str, str]:
    """Return what the provider holds, by number; what never came to life counts least."""
    found: dict[str, str] = {}
    after = 0
    while True:
        page = phone.ledger(merchantId=merchant, limit="2000", after=str(after))
        for row in page["invoices"]:
            if found.get(row["number"], "invalid") == "invalid":
                found[row["number"]] = THEIRS.get(row["status"], row["status"])
            else:
                assert row["status"] == "invalid", f"{row['number']} was made twice"
        if not page["next"]:
            return found
        after = page["next"]


def _until(stack: Stack, found: Callable[[], Any], about: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found():
            return
        time.sleep(0.3)
    words = "\n".join(f"== {child.name}\n{child.tail(25)}" for child in stack.children)
    pytest.fail(f"Waited {PATIENCE:.0f} s in vain. {about()}\n{words}")

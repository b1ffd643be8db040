"""A gunicorn of its own for a benchmark, as in production: threads behind one master."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from invoicing_site.demo.home import Home
from invoicing_site.demo.stack import Stack, free_port, running


@contextmanager
def simulator() -> Iterator[Stack]:
    """Run the sandbox as a process with a database of its own, as a provider would be."""
    with tempfile.TemporaryDirectory(prefix="bench-provider-") as folder:
        home = Home(Path(folder))
        home.make()
        stack = Stack(home, free_port(0), _say)
        stack.env["PLAIN_STATIC"] = "true"
        stack.env["LOG_LEVEL"] = "ERROR"
        with running(stack):
            stack.manage("migrate", "--verbosity", "0")
            stack.start_web()
            yield stack


@contextmanager
def site() -> Iterator[Stack]:
    """Run our own site on the benchmark's database, bare views included."""
    with tempfile.TemporaryDirectory(prefix="bench-site-") as folder:
        home = Home(Path(folder))
        home.make()
        stack = Stack(home, free_port(0), _say)
        # The benchmark's own environment decides: its database, its settings, its broker.
        broker = os.environ.get("BENCH_BROKER_URL", "filesystem://localhost")
        stack.env = dict(os.environ) | {"PUBLIC_URL": stack.url, "CELERY_BROKER_URL": broker}
        with running(stack):
            stack.start_web()
            yield stack


def _say(text: str) -> None:
    print(text, file=sys.stderr)

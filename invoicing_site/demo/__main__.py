"""`python -m invoicing_site.demo`: the whole stack with sample data until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from invoicing_site.demo import signins
from invoicing_site.demo.home import PROJECT, Busy, Home
from invoicing_site.demo.stack import CannotRun, Stack, free_port, running


class Stop(Exception):
    """Somebody asked us to stop."""


def say(text: str) -> None:
    """Print a line now, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run the demo. Returns the exit status."""
    options = _parser().parse_args(arguments)
    home = Home(options.var, logs=options.var.parent / "log")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with home.locked():
            if options.reset:
                home.reset()
            _run(home, options.port)
    except Stop:
        say("Stopped. The data is kept; make demo-reset starts over.")
        return 0
    except (Busy, CannotRun) as problem:
        say(str(problem))
        return 1
    return 0


def _run(home: Home, wanted: int) -> None:
    port = free_port(wanted)
    if port != wanted:
        say(f"Port {wanted} is taken, using {port}.")
    started = time.monotonic()
    with running(Stack(home, port, say)) as stack:
        say("Bringing the database up to date")
        stack.prepare("basics")
        stack.start_web()
        say("Making the sample invoices that are not there yet")
        stack.manage("seed_demo", "invoices")
        stack.start_workers()
        stack.start_beat()
        say(signins.page(stack.url, seconds=time.monotonic() - started, logs=home.logs))
        while True:
            stack.watch_once()
            time.sleep(1)


def _stop(_number: int, _frame: FrameType | None) -> None:
    # One request is enough: a second Ctrl-C must not leave processes behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise Stop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="8000, or the next free one")
    parser.add_argument("--reset", action="store_true", help="start from an empty database")
    parser.add_argument("--var", type=Path, default=PROJECT / "var" / "demo", help="data folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())

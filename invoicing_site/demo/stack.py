"""The processes of the demo: prepared, started, watched and stopped together."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

from invoicing_site.demo import fingerprint
from invoicing_site.demo.children import Child
from invoicing_site.demo.home import PROJECT, Home

GRACE = 10.0
WEB_PATIENCE = 60.0
RESTARTS = 3
CELERY = [sys.executable, "-m", "celery", "-A", "invoicing_site"]
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
Say = Callable[[str], None]


class CannotRun(Exception):
    """The stack cannot start or go on; the message says what to do."""


def free_port(wanted: int) -> int:
    """Return `wanted`, or the next port above it that nobody listens on. 0: any free one."""
    for port in [0] if wanted == 0 else range(wanted, wanted + 50):
        with socket.socket() as probe:
            # As gunicorn does: a port in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise CannotRun(f"Ports {wanted} to {wanted + 49} are all taken. Choose another: --port.")


class Stack:
    """Web, two kinds of worker and beat on one folder and one port."""

    def __init__(self, home: Home, port: int, say: Say) -> None:
        self.home = home
        self.port = port
        self.say = say
        self.url = f"http://127.0.0.1:{port}"
        self.env = home.environment(port)
        self.children: list[Child] = []

    def manage(self, *arguments: str) -> None:
        """Run a management command to its end. Raises CannotRun with its last words."""
        done = subprocess.run(  # noqa: S603 -- our own fixed commands
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        with (self.home.logs / "setup.log").open("a") as log:
            log.write(f"$ manage.py {' '.join(arguments)}\n{done.stdout}{done.stderr}\n")
        if done.returncode:
            last = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise CannotRun(f"manage.py {arguments[0]} failed:\n{last}")

    def prepare(self, *samples: str) -> None:
        """Bring database and static files up to date, side by side; quick when they are.

        `samples` are the parts of the sample data to make that need no web server.
        """
        with ThreadPoolExecutor(max_workers=1) as beside:
            static = beside.submit(self._collect_static)
            self.manage("migrate", "--verbosity", "0")
            for part in samples:
                self.manage("seed_demo", part)
            static.result()

    def _collect_static(self) -> None:
        stamp = self.home.folder / "static.stamp"
        now = fingerprint.of_static_files()
        if not stamp.exists() or stamp.read_text() != now:
            self.manage("collectstatic", "--noinput", "--verbosity", "0")
            stamp.write_text(now)

    def start_web(self) -> None:
        """Start the web server and wait until it answers. Raises CannotRun when it does not."""
        gunicorn = [
            *(sys.executable, "-m", "gunicorn", "invoicing_site.wsgi"),
            *("--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread"),
            *("--workers", "2", "--threads", "8", "--graceful-timeout", "5"),
            *("--worker-tmp-dir", str(self.home.folder)),
            # The provider that the sandbox plays takes headers with underscores (client_id),
            # which gunicorn drops unless told. Nothing here trusts such a header for more.
            *("--header-map", "dangerous"),
            # It would be one file for all of a user's stacks.
            "--no-control-socket",
        ]
        web = self._start("web", gunicorn)
        deadline = time.monotonic() + WEB_PATIENCE
        while not self._answers():
            if web.status() is not None or time.monotonic() > deadline:
                raise CannotRun(f"The web server did not start:\n{web.tail()}")
            time.sleep(0.1)

    def start_workers(self) -> None:
        """Start what works behind the pages: the two kinds of worker."""
        worker = [*CELERY, "worker", "--loglevel", "INFO", *QUIET]
        provider = [*("--pool", "threads", "--concurrency", "8"), *("-Q", "provider")]
        # A render must not share a process with threads, and leaves one before memory grows.
        render = [*("--pool", "prefork", "--concurrency", "1"), *("-Q", "render")]
        self._start("worker-provider", [*worker, *provider, "-n", f"provider{self.port}@%h"])
        self._start(
            "worker-render",
            [*worker, *render, "--max-tasks-per-child", "200", "-n", f"render{self.port}@%h"],
        )

    def start_beat(self) -> None:
        """Start what wakes the workers by the clock."""
        schedule = str(self.home.folder / "beat-schedule")
        self._start("beat", [*CELERY, "beat", "--loglevel", "INFO", "-s", schedule, "--pidfile="])

    def watch_once(self) -> None:
        """Restart a process that died. Raises CannotRun when it keeps dying."""
        for child in self.children:
            status = child.status()
            if status is None:
                continue
            if child.restarts >= RESTARTS:
                raise CannotRun(
                    f"{child.name} died {RESTARTS + 1} times. {self._last_words(child)}"
                )
            self.say(f"{child.name} ended with status {status}; starting it again. See {child.log}")
            child.restarts += 1
            child.start()

    def stop(self, *names: str) -> None:
        """Stop the children named, or all, newest first, and wait until all of it is gone."""
        chosen = [child for child in self.children if not names or child.name in names]
        deadline = time.monotonic() + GRACE
        for child in reversed(chosen):
            child.ask_to_stop()
        for child in reversed(chosen):
            child.wait_until(deadline)
        self.children = [child for child in self.children if child not in chosen]

    def _start(self, name: str, command: list[str]) -> Child:
        child = Child(name, command, self.env, self.home.logs / f"{name}.log")
        child.start()
        self.children.append(child)
        return child

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/health/live", timeout=2) as answer:  # noqa: S310 -- our own
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def _last_words(self, child: Child) -> str:
        return f"Its log, {child.log}, ends:\n{child.tail()}"


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """Stop the stack whatever happens inside."""
    try:
        yield stack
    finally:
        stack.stop()

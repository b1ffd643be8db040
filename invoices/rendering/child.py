"""Our end of the rendering process: one long-lived child per process of ours, behind a lock.

A child that hangs or grows is killed and the next request starts another. It is a fresh
interpreter, not a fork: forking a web server with threads and open connections is not safe, and
the child has none of our secrets in its memory or environment.
"""

from __future__ import annotations

import atexit
import os
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ENGINE = Path(__file__).with_name("engine.py")
SECONDS_TO_RENDER = 10.0
SECONDS_TO_START = 30.0
SECONDS_TO_WAIT = 20.0
LARGEST_PAGE = 16 * 1024 * 1024
DOCUMENTS_PER_CHILD = 500
KEPT_ENVIRONMENT = ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "XDG_CACHE_HOME")


class RenderFailed(Exception):
    """The PDF could not be made. The message is for the log and for staff."""


class _Died(Exception):
    """The child ended without an answer."""


def _environment() -> dict[str, str]:
    """Give the child what Pango and fontconfig need, and a fixed order of sets."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    fontconfig = {name: text for name, text in os.environ.items() if name.startswith("FONTCONFIG")}
    return kept | fontconfig | {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8"}


@dataclass
class Child:
    """One rendering process. Not safe for threads: `Renderer` holds the lock."""

    stylesheet: str
    rendered: int = 0
    owner: int = field(default_factory=os.getpid)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 -- our own interpreter and file
            [sys.executable, "-P", "-s", str(ENGINE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
        )
        deadline = time.monotonic() + SECONDS_TO_START
        self._write(_block(self.stylesheet.encode()), deadline)
        if self._read(deadline)[0] != b"R":
            raise RenderFailed("The rendering process did not start.")

    def render(self, html: bytes, identifier: bytes, *, seconds: float) -> bytes:
        """Return the PDF. Raises RenderFailed (also after `seconds`), or _Died."""
        deadline = time.monotonic() + seconds
        self._write(_block(identifier) + _block(html), deadline)
        kind, content = self._read(deadline)
        self.rendered += 1
        if kind != b"P":
            raise RenderFailed(content.decode(errors="replace"))
        return content

    def _write(self, block: bytes, deadline: float) -> None:
        pipe = _pipe(self.process.stdin)
        os.set_blocking(pipe, False)
        rest = memoryview(block)
        while rest:
            self._wait(deadline, write=pipe)
            try:
                rest = rest[os.write(pipe, rest) :]
            except BrokenPipeError as problem:
                raise _Died from problem

    def _read(self, deadline: float) -> tuple[bytes, bytes]:
        head = self._exactly(5, deadline)
        (size,) = struct.unpack(">I", head[1:])
        return head[:1], self._exactly(size, deadline)

    def _exactly(self, size: int, deadline: float) -> bytes:
        pipe, parts = _pipe(self.process.stdout), bytearray()
        while len(parts) < size:
            self._wait(deadline, read=pipe)
            part = os.read(pipe, min(size - len(parts), 1 << 16))
            if not part:
                raise _Died
            parts += part
        return bytes(parts)

    def _wait(self, deadline: float, *, read: int | None = None, write: int | None = None) -> None:
        """Wait until a pipe is ready. Kills the child and raises RenderFailed at the deadline."""
        poll = select.poll()
        if read is not None:
            poll.register(read, select.POLLIN)
        if write is not None:
            poll.register(write, select.POLLOUT)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            self.kill()
            raise RenderFailed("The document took too long to render and was stopped.")

    def kill(self) -> None:
        """End the process now."""
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def forget(self) -> None:
        """Close our copies of a parent's pipes; the process is not ours to end."""
        self.process.returncode = 0
        self._close()

    @property
    def is_usable(self) -> bool:
        """Whether it is ours (not a parent's, inherited by a fork), alive and not worn out."""
        return (
            self.owner == os.getpid()
            and self.process.poll() is None
            and self.rendered < DOCUMENTS_PER_CHILD
        )


def _pipe(stream: IO[bytes] | None) -> int:
    if stream is None or stream.closed:
        raise _Died
    return stream.fileno()


def _block(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


class Renderer:
    """Hands documents to a child, one at a time, and replaces it when it is lost."""

    def __init__(self, stylesheet: str) -> None:
        self.stylesheet = stylesheet
        self.child: Child | None = None
        self._renew_lock()
        atexit.register(self.stop)
        # A fork may happen while another thread holds the lock; the copy would never be freed.
        os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        self.lock = threading.Lock()

    def render(
        self,
        html: str,
        identifier: bytes,
        *,
        seconds: float = SECONDS_TO_RENDER,
        wait: float = SECONDS_TO_WAIT,
    ) -> bytes:
        """Return the PDF of a page of ours.

        Waits at most `wait` seconds for its turn and `seconds` for the rendering. Raises
        RenderFailed when it took longer, grew too large, or the page cannot be rendered.
        """
        page = html.encode()
        if len(page) > LARGEST_PAGE:
            raise RenderFailed("The document is too large to render.")
        if not self.lock.acquire(timeout=wait):
            raise RenderFailed("Other documents are being rendered. Try again in a minute.")
        try:
            return self._render(page, identifier, seconds)
        finally:
            self.lock.release()

    def _render(self, page: bytes, identifier: bytes, seconds: float) -> bytes:
        for _attempt in range(2):
            try:
                return self._live().render(page, identifier, seconds=seconds)
            except _Died:
                self.stop()
        raise RenderFailed("The rendering process ended twice without an answer.")

    def _live(self) -> Child:
        if self.child is not None and not self.child.is_usable:
            self.stop()
        if self.child is None:
            self.child = Child(self.stylesheet)
        return self.child

    def stop(self) -> None:
        """End the child, if it is ours."""
        child, self.child = self.child, None
        if child is not None:
            child.kill() if child.owner == os.getpid() else child.forget()

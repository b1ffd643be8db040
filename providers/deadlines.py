"""A clock of its own for calls that take too long.

A read timeout is measured between bytes, so a server that drips one byte at a time defeats it.
One thread watches all calls of a process and shuts the socket of any that is overdue.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator


class Attempt:
    """One call under the clock: whether its request left, and whether time ran out."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self.left = False
        self.overdue = False
        self._socket: socket.socket | None = None
        self._over = False
        self._lock = threading.Lock()

    def leaves_by(self, sock: socket.socket | None) -> None:
        """Note that the request is about to leave by a connected socket.

        Raises TimeoutError when connecting took all the time there was.
        """
        with self._lock:
            if time.monotonic() >= self.ends:
                self.overdue = True
                raise TimeoutError("No time is left to send the request.")
            self._socket, self.left = sock, True

    def over(self) -> None:
        """Take the call off the clock; its connection may now serve another."""
        with self._lock:
            self._over, self._socket = True, None

    def expire(self) -> None:
        """Cut the call off, unless it is over."""
        with self._lock:
            if self._over:
                return
            self.overdue = True
            if self._socket is not None:
                # The raw shutdown: a TLS goodbye could wait for the very peer that is late.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Watch:
    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Attempt]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, attempt: Attempt) -> None:
        with self._changed:
            heapq.heappush(self._queue, (attempt.ends, next(self._count), attempt))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._queue[0][2] is attempt:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            self._next().expire()

    def _next(self) -> Attempt:
        with self._changed:
            while True:
                while self._queue and self._queue[0][2]._over:
                    heapq.heappop(self._queue)
                wait = self._queue[0][0] - time.monotonic() if self._queue else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._queue)[2]
                self._changed.wait(wait)


_watch = _Watch()
_current = threading.local()


def _after_fork() -> None:
    # Threads do not survive a fork, and a lock may have been held.
    global _watch, _current
    _watch, _current = _Watch(), threading.local()


os.register_at_fork(after_in_child=_after_fork)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[Attempt]:
    """Give the enclosed call so many seconds, and no more, for everything it does."""
    attempt = _current.attempt = Attempt(seconds)
    _watch.add(attempt)
    try:
        yield attempt
    finally:
        attempt.over()
        _current.attempt = None


def current() -> Attempt | None:
    """Return this thread's call under the clock, if there is one."""
    return getattr(_current, "attempt", None)

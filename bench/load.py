"""Keep-alive requests from a fixed number of threads, with as little client work as possible."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


def rate(url: str, bodies: Sequence[tuple[bytes, dict[str, str]]], *, threads: int) -> float:
    """POST every (body, headers) once. Returns requests a second.

    Raises RuntimeError when an answer is not 200: a refusal must not count as speed.
    """
    parts = urlsplit(url)
    errors: list[str] = []

    def work(mine: Sequence[tuple[bytes, dict[str, str]]]) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        for body, headers in mine:
            connection.request("POST", parts.path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                errors.append(f"HTTP {answer.status} {text[:200]!r}")
        connection.close()

    seconds = in_threads(work, [bodies[n::threads] for n in range(threads)])
    if errors:
        raise RuntimeError(f"{len(errors)} of {len(bodies)} were refused, first: {errors[0]}")
    return len(bodies) / seconds


def in_threads(work: Callable[[T], None], shares: Sequence[T]) -> float:
    """Do each share in a thread of its own. Returns seconds from the first start to the last end."""
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started

"""Connections to providers: kept alive per account, watched by the deadline's clock."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from providers import deadlines

if TYPE_CHECKING:
    from providers.models import ProviderAccount

# Connections kept open without use, over all accounts; beyond that the longest unused is closed.
MOST_IDLE = 128

Key = tuple[int | None, str]


class _Noticed:
    """A connection that tells the clock when a request leaves, and by which socket."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        if self.sock is None:  # type: ignore[attr-defined]
            self.connect()  # type: ignore[attr-defined]
        if attempt := deadlines.current():
            attempt.leaves_by(self.sock)  # type: ignore[attr-defined]
        return super().request(*args, **kwargs)  # type: ignore[misc]


class _Connection(_Noticed, HTTPConnection):
    pass


class _SecureConnection(_Noticed, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Idle:
    """Sessions that nobody uses now, the latest returned on top.

    A session serves one thread at a time, but outlives it: worker pools come and go, and a new
    TLS handshake for each of their threads would cost more than the call.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: OrderedDict[Key, list[requests.Session]] = OrderedDict()
        self._count = 0

    def take(self, key: Key) -> requests.Session:
        with self._lock:
            if row := self._rows.get(key):
                self._count -= 1
                return row.pop()
        return _new_session()

    def give_back(self, key: Key, session: requests.Session) -> None:
        with self._lock:
            self._rows.setdefault(key, []).append(session)
            self._rows.move_to_end(key)
            self._count += 1
            spare = self._spare()
        for each in spare:
            each.close()

    def _spare(self) -> list[requests.Session]:
        spare = []
        while self._count > MOST_IDLE:
            key, row = next(iter(self._rows.items()))
            if row:
                spare.append(row.pop(0))
                self._count -= 1
            else:
                del self._rows[key]
        return spare


_idle = _Idle()


@contextmanager
def session(account: ProviderAccount, base: str) -> Iterator[requests.Session]:
    """Lend a session of an account at an address to the calling thread."""
    idle, key = _idle, (account.pk, base)
    lent = idle.take(key)
    try:
        yield lent
    finally:
        idle.give_back(key, lent)


def _new_session() -> requests.Session:
    session = requests.Session()
    # No proxies, .netrc or certificates from the environment: nothing reroutes credentials.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update(
        {
            "User-Agent": f"{settings.SYSTEM_NAME}/{settings.SYSTEM_VERSION}",
            "Accept": "application/json",
            # Small answers; and no compressed body can burst the size cap.
            "Accept-Encoding": "identity",
        }
    )
    # A session has one call under way, so it has one connection: 32 threads keep 32 alive.
    adapter = _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _after_fork() -> None:
    # A socket shared with the parent would mix two conversations.
    global _idle
    _idle = _Idle()


os.register_at_fork(after_in_child=_after_fork)

"""Connections to providers: kept alive per thread and account, watched by the deadline's clock."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
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

# Accounts whose connections a thread keeps warm; beyond that the least used is closed.
SESSIONS_PER_THREAD = 16


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


class _Sessions(threading.local):
    def __init__(self) -> None:
        self.by_account: OrderedDict[tuple[int | None, str], requests.Session] = OrderedDict()


_sessions = _Sessions()


def session(account: ProviderAccount, base: str) -> requests.Session:
    """Return this thread's session for an account at an address."""
    kept, key = _sessions.by_account, (account.pk, base)
    if key not in kept:
        kept[key] = _new_session()
        if len(kept) > SESSIONS_PER_THREAD:
            kept.popitem(last=False)[1].close()
    kept.move_to_end(key)
    return kept[key]


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
    # One thread has one call under way, so one connection per session is all that is used:
    # 32 worker threads keep 32 connections alive.
    adapter = _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _after_fork() -> None:
    # A socket shared with the parent would mix two conversations.
    global _sessions
    _sessions = _Sessions()


os.register_at_fork(after_in_child=_after_fork)

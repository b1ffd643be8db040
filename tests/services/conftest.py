"""The whole stack as in production: PostgreSQL, a real broker, real workers, a real web server.

TEST_PG_SERVER names the server, TEST_BROKERS the brokers (separated by blanks); `make test` sets
both from what answers. Without them these tests are skipped, and in CI they fail.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from invoicing_site.demo.home import PROJECT, Home
from invoicing_site.demo.stack import Stack, free_port, running

SERVER = os.environ.get("TEST_PG_SERVER", "")
BROKERS = os.environ.get("TEST_BROKERS", "").split()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder; without services skip it, but never in CI."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.services)
            if os.environ.get("CI") != "true" and not (SERVER and BROKERS):
                item.add_marker(pytest.mark.skip("TEST_PG_SERVER and TEST_BROKERS are not set"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test once per broker, named for its kind; a module may say that one will do."""
    if "broker" in metafunc.fixturenames:
        brokers = BROKERS or ["none"]
        if getattr(metafunc.module, "ONE_BROKER", False):
            brokers = brokers[:1]
        metafunc.parametrize(
            "broker", brokers, ids=[urlsplit(url).scheme for url in brokers], scope="module"
        )


@contextmanager
def _database() -> Iterator[str]:
    name = f"invoicing_services_{uuid4().hex[:12]}"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{SERVER}/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def database(broker: str) -> Iterator[str]:
    """A PostgreSQL database of our own for each broker, seen alike by every process."""
    assert SERVER, "TEST_PG_SERVER is not set"
    with _database() as url:
        yield url


@pytest.fixture(scope="module")
def stack(broker: str, database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The web server with the demo's basics. Workers are started by the tests."""
    more = {"DATABASE_URL": database, "CELERY_BROKER_URL": broker, "LOG_LEVEL": "INFO"}
    home = Home(tmp_path_factory.mktemp("home"), more=more)
    home.make()
    with running(Stack(home, free_port(0), print)) as made:
        empty_queues(made)
        made.prepare()
        made.manage("seed_demo", "basics")
        made.start_web()
        made.manage("seed_demo", "webhooks")
        yield made
        made.stop()
        empty_queues(made)


def empty_queues(stack: Stack) -> None:
    """Throw away every message that waits at the broker."""
    for queue in ("provider", "render"):
        subprocess.run(
            [sys.executable, "-m", "celery", "-A", "invoicing_site", "purge", "-f", "-Q", queue],
            cwd=PROJECT,
            env=stack.env,
            check=True,
            capture_output=True,
        )


def rows(database: str, query: LiteralString, *values: object) -> list[tuple[object, ...]]:
    """Ask the stack's database."""
    with psycopg.connect(database) as connection:
        return connection.execute(query, values).fetchall()

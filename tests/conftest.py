"""What every test may lean on."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings as site
from hypothesis import HealthCheck, settings

# A shared machine is slow at times; a slow example is not a wrong one.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


# What is the same on any database, and shown on one: how pages and papers look, both sides of
# the wire, who may open which page, the demo's own processes. The main job is driven in the browser on each.
ONCE = (
    "e2e/test_every_page.py", "e2e/test_draft.py", "e2e/test_draft_editor.py",
    "e2e/test_consent.py", "e2e/test_dispatch.py", "e2e/test_mobilepay.py",
    "contract", "rendering", "sandbox", "demo", "test_access.py", "test_admin.py", "test_canary.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a second run on another database leaves out."""
    folders = [Path(__file__).parent / name for name in ONCE]
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in folders):
            item.add_marker(pytest.mark.once)


@pytest.fixture
def today() -> date:
    """The day tests happen on, unless they say otherwise."""
    return date(2026, 11, 21)


@pytest.fixture
def now() -> datetime:
    """The instant tests happen at: noon in Oslo on `today`."""
    return datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="session")
def _translations():
    """Compile what is newer than its .mo, as `make messages` does; workers may race to it."""
    for folder in site.LOCALE_PATHS:
        for source in Path(folder).glob("*/LC_MESSAGES/*.po"):
            target = source.with_suffix(".mo")
            if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
                continue
            part = target.with_suffix(f".{os.getpid()}")
            with source.open("rb") as reading, part.open("wb") as writing:
                write_mo(writing, read_po(reading))
            part.replace(target)

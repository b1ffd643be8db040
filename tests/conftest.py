"""What every test may lean on."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, settings

# A shared machine is slow at times; a slow example is not a wrong one.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


@pytest.fixture
def today() -> date:
    """The day tests happen on, unless they say otherwise."""
    return date(2026, 11, 21)


@pytest.fixture
def now() -> datetime:
    """The instant tests happen at: noon in Oslo on `today`."""
    return datetime(2026, 11, 21, 11, 0, tzinfo=UTC)

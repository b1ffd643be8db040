import pytest
from django.core.cache import cache

from providers.vipps_mobilepay.adapter import VippsMobilePay
from tests.providers import samples


@pytest.fixture(autouse=True)
def no_kept_tokens():
    """Every test fetches its own token."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def vipps() -> VippsMobilePay:
    return VippsMobilePay(samples.account())

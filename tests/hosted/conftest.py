"""An issued invoice and a client that keeps no cookies."""

import pytest
from django.core.cache import cache
from django.test import Client

from tests import factories


@pytest.fixture(autouse=True)
def _fresh_cache():
    cache.clear()


@pytest.fixture
def visitor() -> Client:
    """A customer's browser, with CSRF checks as in production."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def invoice(transactional_db):
    """An issued invoice in Norwegian, with the sandbox's provider account open to it."""
    issuer = factories.IssuerFactory()
    account = factories.ProviderAccountFactory(merchant=issuer.merchant)
    account.issuers.add(issuer)
    return factories.issued(issuer=issuer)

"""An owner who has signed in."""

import pytest
from django.urls import reverse

from tests import factories


@pytest.fixture
def member(client, transactional_db):
    """Return the membership of an owner whom `client` is signed in as."""
    membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


@pytest.fixture
def address(member):
    """Return a function from URL name and arguments to the merchant's address."""
    return lambda name, *args: reverse(name, args=[member.merchant.slug, *args])

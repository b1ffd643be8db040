"""Types of the requests our views get."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from invoicing_site.merchants.models import Membership, Merchant, User


class HtmxHttpRequest(HttpRequest):
    """A request that passed the htmx middleware."""

    htmx: HtmxDetails


class StaffRequest(HtmxHttpRequest):
    """A request of a member; `permissions.member` set what they may do."""

    user: User
    merchant: Merchant
    membership: Membership

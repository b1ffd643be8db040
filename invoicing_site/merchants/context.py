"""What the shell of every staff page shows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from invoicing_site.merchants.models import Membership, Role
from invoicing_site.merchants.permissions import allows


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give pages of a merchant the member's role; the hosted page and strangers get nothing."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        return {"sandbox": settings.SANDBOX}
    return {
        "merchant": membership.merchant,
        "membership": membership,
        "may_bill": allows(membership, Role.BILLER),
        "may_set_up": allows(membership, Role.OWNER),
        "sandbox": settings.SANDBOX,
    }

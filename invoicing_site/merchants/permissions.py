"""Who may do what: every staff view goes through `member`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Membership, Role

P = ParamSpec("P")
View = Callable[Concatenate[StaffRequest, P], HttpResponseBase]
RANK = {Role.VIEWER: 0, Role.BILLER: 1, Role.OWNER: 2}


def allows(membership: Membership, role: Role) -> bool:
    """Say whether a member has at least this role."""
    return RANK[Role(membership.role)] >= RANK[role]


def member(role: Role) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Let only members of the merchant named in the address in, with at least `role`.

    Strangers get 404 (they must not learn which merchants exist), members with too small a role
    403. The view gets `request.merchant` and `request.membership`, and no merchant argument.
    """

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @login_required
        @wraps(view)
        def wrapped(
            request: HttpRequest, merchant: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            membership = (
                Membership.objects.select_related("merchant")
                .filter(user_id=request.user.pk or 0, merchant__slug=merchant)
                .first()
            )
            if membership is None:
                raise Http404("No such merchant.")
            if not allows(membership, role):
                raise PermissionDenied(f"This needs the role {role.label}.")
            request.merchant = membership.merchant  # type: ignore[attr-defined]
            request.membership = membership  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)  # type: ignore[arg-type]

        wrapped.required_role = role  # type: ignore[attr-defined]
        return wrapped

    return decorate


viewer = member(Role.VIEWER)
biller = member(Role.BILLER)
owner = member(Role.OWNER)

"""Who may act for a merchant. A merchant always keeps an owner."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from invoicing_site.merchants.models import Membership, Merchant, Role, User


@dataclass(frozen=True, slots=True)
class Added:
    """A new membership; `invited` says that the person has to set a password first."""

    membership: Membership
    invited: bool


def add(*, merchant: Merchant, email: str, name: str, role: Role) -> Added:
    """Make a person a member; a person who is not known yet becomes a user without a password.

    A known person's name is left as they have it. Raises ValidationError when they are a member.
    """
    with transaction.atomic(durable=True):
        Merchant.objects.select_for_update().get(pk=merchant.pk)
        user = User.objects.filter(email__iexact=email).first() or _new_user(email, name)
        if merchant.memberships.filter(user=user).exists():
            raise ValidationError(
                {
                    "email": _("%(email)s is a member already. Change their role in the list.")
                    % {"email": email}
                }
            )
        membership = Membership.objects.create(merchant=merchant, user=user, role=role)
    return Added(membership, invited=user.is_active and not user.has_usable_password())


def change_role(*, membership_id: int, role: Role) -> Membership:
    """Give a member another role. Raises ValidationError when nobody else would be owner."""
    with transaction.atomic(durable=True):
        membership = locked(membership_id)
        if role != Role.OWNER:
            keep_an_owner(membership)
        membership.role = role
        membership.save(update_fields=["role"])
    return membership


def remove(*, membership_id: int) -> None:
    """End a membership; the person stays, with what they did. Raises as `change_role` does."""
    with transaction.atomic(durable=True):
        membership = locked(membership_id)
        keep_an_owner(membership)
        membership.delete()


def _new_user(email: str, name: str) -> User:
    first, _blank, last = name.strip().partition(" ")
    try:
        with transaction.atomic():
            return User.objects.create_user(email, None, first_name=first, last_name=last.strip())
    except IntegrityError:
        # Another merchant invited the same person in this very moment.
        return User.objects.get(email__iexact=email)


def locked(membership_id: int) -> Membership:
    """Lock the merchant, then read, in a transaction: two owners who demote each other queue.

    Locking their two membership rows instead would let both pass, each seeing the other.
    """
    merchant_id = Membership.objects.values_list("merchant", flat=True).get(pk=membership_id)
    Merchant.objects.select_for_update().get(pk=merchant_id)
    return Membership.objects.select_related("user", "merchant").get(pk=membership_id)


def keep_an_owner(membership: Membership) -> None:
    """Raise ValidationError when nobody else owns the merchant. Counts owners who can sign in."""
    if membership.role != Role.OWNER:
        return
    others = membership.merchant.memberships.filter(role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise ValidationError(
            _("%(name)s is the only owner. Make somebody else an owner first.")
            % {"name": membership.user},
            code="last_owner",
        )

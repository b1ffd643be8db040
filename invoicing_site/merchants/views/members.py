"""Who may act for the merchant."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from invoicing_site.merchants import invitations, members
from invoicing_site.merchants.forms import MemberForm, RoleForm
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Membership, Role
from invoicing_site.merchants.permissions import owner, viewer


def members_of(request: StaffRequest) -> QuerySet[Membership]:
    """Return the merchant's members with their users, in the order of the list."""
    return request.merchant.memberships.select_related("user").order_by("user__email")


def member_of(request: StaffRequest, pk: int) -> Membership:
    """Return a member of the merchant, or answer 404."""
    return get_object_or_404(members_of(request), pk=pk)


@viewer
def member_list(request: StaffRequest) -> HttpResponse:
    """List who may do what."""
    return render(request, "merchants/member_list.html", {"members": members_of(request)})


@owner
def member_new(request: StaffRequest) -> HttpResponse:
    """Add a person; who has no password yet is sent a link to set one."""
    form = MemberForm(request.POST or None, initial={"role": Role.BILLER})
    if request.method == "POST" and form.is_valid() and (added := _added(request, form)):
        if added.invited:
            _invite(request, added.membership)
        else:
            messages.success(
                request, _("%(name)s is a member now.") % {"name": added.membership.user}
            )
        return redirect("member-list", request.merchant.slug)
    return _page(request, "merchants/member_new.html", {"form": form})


def _added(request: StaffRequest, form: MemberForm) -> members.Added | None:
    data = form.cleaned_data
    try:
        return members.add(
            merchant=request.merchant,
            email=data["email"],
            name=data["name"],
            role=Role(data["role"]),
        )
    except ValidationError as error:
        form.add_error(None, error)
        return None


@owner
@require_POST
def member_invite(request: StaffRequest, pk: int) -> HttpResponse:
    """Send the link to set a password once more."""
    membership = member_of(request, pk)
    if membership.user.has_usable_password():
        messages.info(
            request, _("%(name)s has set a password already.") % {"name": membership.user}
        )
    else:
        _invite(request, membership)
    return redirect("member-list", request.merchant.slug)


def _invite(request: StaffRequest, membership: Membership) -> None:
    who = {"email": membership.user.email}
    if invitations.send(request, membership):
        messages.success(request, _("A link to set a password was sent to %(email)s.") % who)
    else:
        messages.warning(
            request,
            _("%(email)s is a member, but the email could not be sent. Send the link again later.")
            % who,
        )


@owner
def member_edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Give a member another role."""
    membership = member_of(request, pk)
    form = RoleForm(request.POST or None, initial={"role": membership.role})
    if request.method == "POST" and form.is_valid():
        try:
            members.change_role(membership_id=pk, role=Role(form.cleaned_data["role"]))
        except Membership.DoesNotExist as error:
            raise Http404("No such member.") from error
        except ValidationError as error:
            form.add_error("role", error)
        else:
            messages.success(request, _("Saved. It holds from their next click."))
            return redirect("member-list", request.merchant.slug)
    return _page(request, "merchants/member_edit.html", {"form": form, "member": membership})


@owner
def member_remove(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask, then end a membership."""
    membership = member_of(request, pk)
    if request.method != "POST":
        return render(request, "merchants/member_remove.html", {"member": membership})
    try:
        members.remove(membership_id=pk)
    except Membership.DoesNotExist as error:
        raise Http404("No such member.") from error
    except ValidationError as error:
        context = {"member": membership, "refused": error.messages}
        return render(request, "merchants/member_remove.html", context, status=422)
    messages.success(request, _("%(name)s is no longer a member.") % {"name": membership.user})
    if membership.user_id == request.user.pk:
        return redirect("home")
    return redirect("member-list", request.merchant.slug)


def _page(request: StaffRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context, status=422 if request.method == "POST" else 200)

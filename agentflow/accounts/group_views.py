"""Pages of groups: who is in them, in which role, and who is invited."""

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from agentflow.accounts import groups
from agentflow.accounts.access import UNSAID, Rank, group_rank, groups_of
from agentflow.accounts.forms import InvitationForm, RoleForm
from agentflow.accounts.invitations import invite, revoke_invitation, send_invitation
from agentflow.accounts.models import GroupRole, Invitation

LARGEST_ID = 2**31 - 1


@login_required
def group_list(request: HttpRequest) -> HttpResponse:
    """The user's groups, and a form for a new one."""
    user = _user(request)
    roles = dict(user.memberships.values_list("group", "role"))
    listed = groups_of(user).annotate(people=Count("user")).order_by("name")
    mine = [(group, roles.get(group.pk, UNSAID.name.lower())) for group in listed]
    return render(request, "accounts/groups.html", {"groups": mine})


@login_required
@require_POST
def group_new(request: HttpRequest) -> HttpResponse:
    """Make a group that the user owns."""
    try:
        group = groups.create_group(name=request.POST.get("name", ""), owner=_user(request))
    except groups.GroupRefused as refused:
        messages.error(request, str(refused))
        return redirect("groups")
    return redirect("group", group.pk)


@login_required
@never_cache
def group_page(request: HttpRequest, group_id: int) -> HttpResponse:
    """Members and, for owners, invitations."""
    group, rank = _group(request, group_id)
    return _page(request, group, rank)


@login_required
@require_POST
def member_role(request: HttpRequest, group_id: int, user_id: int) -> HttpResponse:
    """Give a member another role."""
    group = _owned(request, group_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        member = get_object_or_404(group.user_set, pk=user_id)
        _try(request, lambda: groups.set_role(group, user=member, role=form.cleaned_data["role"], by=_user(request)))
    return redirect("group", group.pk)


@login_required
@require_POST
def member_remove(request: HttpRequest, group_id: int, user_id: int) -> HttpResponse:
    """Take a member out; everybody may leave."""
    group, rank = _group(request, group_id)
    is_self = user_id == _user(request).pk
    if rank < Rank.OWNER and not is_self:
        raise PermissionDenied("Only an owner of the group takes others out.")
    member = get_object_or_404(group.user_set, pk=user_id)
    done = _try(request, lambda: groups.take_out(group, user=member, by=_user(request)))
    return redirect("groups") if done and is_self else redirect("group", group.pk)


@login_required
@never_cache
@require_POST
def invitation_new(request: HttpRequest, group_id: int) -> HttpResponse:
    """Invite somebody; the link is shown this once, and sent if there is an address."""
    group = _owned(request, group_id)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, group, Rank.OWNER, form=form)
    made, text = invite(group, by=_user(request), **form.cleaned_data)
    link = request.build_absolute_uri(reverse("invitation", args=[text]))
    if made.email:
        if send_invitation(made, link):
            messages.success(request, f"The invitation was sent to {made.email}.")
        else:
            messages.error(request, f"The mail to {made.email} could not be sent. Copy the link and send it yourself.")
    return _page(request, group, Rank.OWNER, link=link, made=made)


@login_required
@require_POST
def invitation_revoke(request: HttpRequest, group_id: int, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""
    group = _owned(request, group_id)
    revoke_invitation(get_object_or_404(group.invitations, pk=invitation_id), by=_user(request))
    return redirect("group", group.pk)


@login_required
@require_POST
def group_delete(request: HttpRequest, group_id: int) -> HttpResponse:
    """Delete a group that owns nothing."""
    group = _owned(request, group_id)
    done = _try(request, lambda: groups.delete_group(group, by=_user(request)))
    return redirect("groups") if done else redirect("group", group.pk)


def _page(request: HttpRequest, group: Group, rank: Rank, **shown: object) -> HttpResponse:
    is_owner = rank is Rank.OWNER
    context = {
        "group": group,
        "role": rank.name.lower(),
        "is_owner": is_owner,
        "members": groups.members(group),
        "roles": GroupRole.choices,
        "invitations": Invitation.objects.filter(Invitation.open(), group=group) if is_owner else [],
        "form": InvitationForm(),
        **shown,
    }
    return render(request, "accounts/group.html", context)


def _group(request: HttpRequest, group_id: int) -> tuple[Group, Rank]:
    if not 0 < group_id <= LARGEST_ID:
        raise Http404
    group = get_object_or_404(groups_of(_user(request)), pk=group_id)
    rank = group_rank(_user(request), group)
    if rank is None:
        raise Http404
    return group, rank


def _owned(request: HttpRequest, group_id: int) -> Group:
    group, rank = _group(request, group_id)
    if rank < Rank.OWNER:
        raise PermissionDenied("Only an owner of the group does that.")
    return group


def _try(request: HttpRequest, act: Callable[[], None]) -> bool:
    try:
        act()
    except groups.GroupRefused as refused:
        messages.error(request, str(refused))
        return False
    return True


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)

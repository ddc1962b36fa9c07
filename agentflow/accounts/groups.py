"""Groups of people: made, joined and left; each has an owner for as long as anybody is in it."""

from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.deletion import ProtectedError

from agentflow.accounts import audit
from agentflow.accounts.access import UNSAID, rank
from agentflow.accounts.models import GroupRole, Membership
from agentflow.accounts.signals import group_left


class GroupRefused(Exception):
    """It cannot be done; the message says why."""


def create_group(*, name: str, owner: User) -> Group:
    """A group with one member, its owner.

    Raises:
        GroupRefused: the name is empty, too long or taken.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= 150:
        raise GroupRefused("A group needs a name of at most 150 characters.")
    try:
        with transaction.atomic():
            group = Group.objects.create(name=name)
    except IntegrityError:
        raise GroupRefused(f"There is another group with the name “{name}”.") from None
    put_in(group, user=owner, role=GroupRole.OWNER)
    audit.record(owner, "created", group)
    return group


def put_in(group: Group, *, user: User, role: str) -> None:
    """Make the user a member with this role; a member gets the role if it is larger than theirs."""
    before = role_in(group, user)
    if before is None or rank(role) > rank(before):
        Membership.objects.update_or_create(user=user, group=group, defaults={"role": role})
    user.groups.add(group)


def set_role(group: Group, *, user: User, role: str, by: User) -> None:
    """Give a member another role.

    Raises:
        GroupRefused: the group would have no owner.
    """
    with transaction.atomic():
        _lock(group)
        if role != GroupRole.OWNER:
            _refuse_without_owner(group, leaving=user)
        before = role_in(group, user)
        Membership.objects.update_or_create(user=user, group=group, defaults={"role": role})
        audit.record(by, "changed", group, detail={"member": user.get_username(), "role": role, "before": before})


def take_out(group: Group, *, user: User, by: User) -> None:
    """Let a member leave. What they own with the group stays with it.

    Raises:
        GroupRefused: the group would have no owner.
    """
    with transaction.atomic():
        _lock(group)
        heir = _refuse_without_owner(group, leaving=user)
        user.groups.remove(group)
        Membership.objects.filter(user=user, group=group).delete()
        group_left.send(Membership, group=group, user=user, heir=heir)
        audit.record(by, "left" if by == user else "removed", group, detail={"member": user.get_username()})


def delete_group(group: Group, *, by: User) -> None:
    """Delete a group that owns nothing; what was shared with it is shared with nobody.

    Raises:
        GroupRefused: it owns something.
    """
    try:
        with transaction.atomic():
            audit.record(by, "deleted", group)
            group.delete()
    except ProtectedError as error:
        names = ", ".join(sorted(str(each) for each in error.protected_objects)[:5])
        raise GroupRefused(f"The group owns {names}. Give it to somebody else first.") from None


def members(group: Group) -> list[tuple[User, str]]:
    """Everybody in the group with their role, by name."""
    roles = dict(Membership.objects.filter(group=group).values_list("user", "role"))
    people = group.user_set.filter(is_active=True).order_by("username")
    return [(user, roles.get(user.pk, UNSAID.name.lower())) for user in people]


def role_in(group: Group, user: User) -> str | None:
    """The role of somebody in the group."""
    return {member.pk: role for member, role in members(group)}.get(user.pk)


def owners(group: Group) -> QuerySet[User]:
    """Who can manage the group."""
    owns = Membership.objects.filter(group=group, role=GroupRole.OWNER).values("user")
    return group.user_set.filter(Q(pk__in=owns), is_active=True).order_by("pk")


def _refuse_without_owner(group: Group, *, leaving: User) -> User | None:
    """Another owner; None if nobody was an owner before either."""
    heir = owners(group).exclude(pk=leaving.pk).first()
    if heir is None and owners(group).exists():
        raise GroupRefused("A group needs an owner: make somebody else its owner first.")
    return heir


def _lock(group: Group) -> None:
    Group.objects.select_for_update().get(pk=group.pk)

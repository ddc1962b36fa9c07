"""Who may do what with things that a user owns, alone or with a group, and that are shared with groups.

Such a model has `owner` and `group`, the group that owns it with them, if any. A model of shares has a foreign key to it,
`group` and `role`. A share gives each member what the smaller of two roles allows: the share's and the member's own.
"""

from enum import IntEnum
from typing import Any, TypeVar, cast

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db.models import Case, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest, Least

from agentflow.accounts.models import GroupRole, Membership

Row = TypeVar("Row", bound=Model)
#: The members of groups, as Django keeps them.
MEMBERS: Any = User.groups.through


class Rank(IntEnum):
    """Roles in order; each includes the ones below."""

    VIEWER = 1
    RUNNER = 2
    EDITOR = 3
    OWNER = 4


#: Of a member whom the administration put into a group.
UNSAID = Rank.EDITOR


def rank(role: str) -> Rank:
    """A role's place in the order."""
    return Rank[role.upper()]


def role_rank(row: Model) -> Rank:
    """The role that `reachable` found for its user."""
    found: Any = row
    return Rank(found.role_rank)


def role_name(row: Model) -> str:
    """The same as a word: viewer, runner, editor or owner."""
    return role_rank(row).name.lower()


def group_rank(user: User, group: Group) -> Rank | None:
    """The user's role in a group; None for somebody who is not in it."""
    if user.is_superuser:
        return Rank.OWNER
    if not user.groups.filter(pk=group.pk).exists():
        return None
    found = Membership.objects.filter(user=user, group=group).first()
    return rank(found.role) if found else UNSAID


def groups_of(user: User, role: str = GroupRole.VIEWER) -> QuerySet[Group]:
    """Groups in which the user has this role or a larger one."""
    if user.is_superuser:
        return Group.objects.all()
    mine = Group.objects.filter(user=user)
    if rank(role) <= UNSAID:
        return mine.exclude(pk__in=Membership.objects.filter(user=user, role__in=_below(role)).values("group"))
    return mine.filter(pk__in=Membership.objects.filter(user=user).exclude(role__in=_below(role)).values("group"))


def reachable(
    rows: QuerySet[Row], user: User | AnonymousUser, *, shares: type[Model], target: str, role: str = GroupRole.VIEWER
) -> QuerySet[Row]:
    """Rows with which the user may do what `role` may, each with its `role_rank`.

    Args:
        rows: of a model with `owner` and `group`.
        user: who asks.
        shares: the model of its shares.
        target: the name of their foreign key.
        role: what the user wants to be.
    """
    if not user.is_authenticated:
        return rows.none()
    found: Any = rows
    if user.is_superuser:
        return cast(QuerySet[Row], found.annotate(role_rank=Value(int(Rank.OWNER))))
    groups = groups_of(user, role).values("pk")
    shared = _shares(shares).filter(group__in=groups).exclude(role__in=_below(role)).values(target)
    mine = Q(owner=user) | Q(group__in=groups)
    if rank(role) < Rank.OWNER:
        mine |= Q(pk__in=shared)
    return cast(QuerySet[Row], found.filter(mine).annotate(role_rank=_role_rank(user, shares, target)))


def _role_rank(user: User, shares: type[Model], target: str) -> Case:
    in_group: QuerySet[Any] = MEMBERS.objects.filter(user=user, group=OuterRef("group")).annotate(
        rank=_member_rank(user, "group")
    )
    best = (
        _shares(shares)
        .filter(**{target: OuterRef("pk")}, group__user=user)
        .annotate(rank=Least(_rank_of("role"), _member_rank(user, "group")))
        .order_by("-rank")
    )
    return Case(
        When(owner=user, then=Value(int(Rank.OWNER))),
        default=Greatest(
            Coalesce(Subquery(best.values("rank")[:1]), Value(0)),
            Coalesce(Subquery(in_group.values("rank")[:1]), Value(0)),
        ),
        output_field=IntegerField(),
    )


def _member_rank(user: User, group: str) -> Coalesce:
    said = Membership.objects.filter(user=user, group=OuterRef(group)).annotate(rank=_rank_of("role"))
    return Coalesce(Subquery(said.values("rank")[:1]), Value(int(UNSAID)))


def _rank_of(field: str) -> Case:
    return Case(*(When(**{field: name.lower(), "then": Value(int(found))}) for name, found in Rank.__members__.items()))


def _below(role: str) -> list[str]:
    return [name.lower() for name, found in Rank.__members__.items() if found < rank(role)]


def _shares(model: type[Model]) -> QuerySet[Any]:
    return model._default_manager.all()  # noqa: SLF001 - Django's public name for it

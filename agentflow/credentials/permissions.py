"""Who may do what with a credential: its owner everything but reading its secrets, others what their groups' shares say."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import Http404

from agentflow.credentials.models import Credential, CredentialShare
from agentflow.graphs.models import Role
from agentflow.graphs.permissions import Rank, rank


def credentials_for(user: User | AnonymousUser, role: str = Role.VIEWER) -> QuerySet[Credential]:
    """Credentials with which the user may do what `role` may, each with its `role_rank`."""
    if not user.is_authenticated:
        return Credential.objects.none()
    if user.is_superuser:
        return Credential.objects.annotate(role_rank=Value(int(Rank.OWNER)))
    allowed = [name for name in Role.values if Rank[name.upper()] >= rank(role)]
    shared = CredentialShare.objects.filter(group__user=user, role__in=allowed).values("credential")
    return Credential.objects.filter(Q(owner=user) | Q(pk__in=shared)).annotate(role_rank=_role_rank(user))


def get_credential(user: User | AnonymousUser, id: UUID, role: str = Role.VIEWER) -> Credential:
    """The credential, if the user may do with it what `role` may.

    Raises:
        Http404: the user may not even see it, or there is none.
        PermissionDenied: the user's role is smaller.
    """
    credential = credentials_for(user).select_related("owner").filter(pk=id).first()
    if credential is None:
        raise Http404
    if role_rank(credential) < rank(role):
        raise PermissionDenied(f"This needs the role {role}; yours is {role_name(credential)}.")
    return credential


def role_rank(credential: Credential) -> Rank:
    """The role that `credentials_for` found for its user."""
    found: Any = credential
    return Rank(found.role_rank)


def role_name(credential: Credential) -> str:
    """The same as a word: viewer, runner, editor or owner."""
    return role_rank(credential).name.lower()


def _role_rank(user: User) -> Case:
    ranks = Case(
        *(When(role=name, then=Value(int(Rank[name.upper()]))) for name in Role.values), output_field=IntegerField()
    )
    shares = CredentialShare.objects.filter(credential=OuterRef("pk"), group__user=user)
    best = shares.annotate(rank=ranks).order_by("-rank")
    return Case(
        When(owner=user, then=Value(int(Rank.OWNER))),
        default=Coalesce(Subquery(best.values("rank")[:1]), Value(0)),
        output_field=IntegerField(),
    )

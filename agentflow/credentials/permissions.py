"""Who may do what with a credential: its owners everything but reading its secrets, others what shares say."""

from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from agentflow.accounts.access import Rank, rank, reachable, role_name, role_rank
from agentflow.credentials.models import Credential, CredentialShare
from agentflow.graphs.models import Role


def credentials_for(user: User | AnonymousUser, role: str = Role.VIEWER) -> QuerySet[Credential]:
    """Credentials with which the user may do what `role` may, each with its `role_rank`."""
    return reachable(Credential.objects.all(), user, shares=CredentialShare, target="credential", role=role)


def get_credential(user: User | AnonymousUser, id: UUID, role: str = Role.VIEWER) -> Credential:
    """The credential, if the user may do with it what `role` may.

    Raises:
        Http404: the user may not even see it, or there is none.
        PermissionDenied: the user's role is smaller.
    """
    credential = credentials_for(user).select_related("owner", "group").filter(pk=id).first()
    if credential is None:
        raise Http404
    if role_rank(credential) < rank(role):
        raise PermissionDenied(f"This needs the role {role}; yours is {role_name(credential)}.")
    return credential


def is_owner(credential: Credential) -> bool:
    """Whether that user owns it, alone or with a group."""
    return role_rank(credential) is Rank.OWNER

"""Who may watch what: asked when somebody connects and again while the connection lasts."""

from importlib import import_module
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import User
from django.http import HttpRequest

from agentflow.accounts.models import ApiToken
from agentflow.graphs.permissions import graphs_for


def user_of_session(session_key: str) -> User | None:
    """The active user who is logged in by this session now; None after a logout, expiry or changed password."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = auth.get_user(request)
    return user if isinstance(user, User) else None


class Watch(NamedTuple):
    """Somebody who watches an execution with a token or, without one, with a session."""

    execution: UUID
    user: int
    token: int | None


def may_still_watch(watch: Watch) -> bool:
    """Whether user, token and permission are still there."""
    user = User.objects.filter(pk=watch.user, is_active=True).first()
    if user is None or not sees_execution(user, watch.execution):
        return False
    return watch.token is None or ApiToken.objects.filter(pk=watch.token, revoked_at=None).exists()


def sees_execution(user: User, execution: UUID) -> bool:
    """Whoever sees a graph sees its executions."""
    return graphs_for(user).filter(executions=execution).exists()


def sees_graph(user: User, graph: int) -> bool:
    """Whether the graph exists for this user."""
    return graphs_for(user).filter(pk=graph).exists()

"""What a token's scope lets it do."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from agentflow.accounts.authentication import scope_of
from agentflow.accounts.models import Scope

ORDER = [Scope.READ, Scope.RUN, Scope.WRITE]


class TokenScope(BasePermission):
    """Reading needs `read`, everything else `write`, unless the view's `token_scopes` names the action or method.

    `token_scopes = {"execute": "run"}`: keys are actions of a view set or HTTP methods.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller's token goes so far; a session always does."""
        needed = required_scope(request, view)
        self.message = f"This token may {scope_of(request)}; it would need the scope {needed.value}."
        return ORDER.index(Scope(scope_of(request))) >= ORDER.index(needed)


def required_scope(request: Request, view: Any) -> Scope:
    """The smallest scope that may make this request."""
    if request.method in SAFE_METHODS:
        return Scope.READ
    named = getattr(view, "token_scopes", {})
    return Scope(named.get(getattr(view, "action", None), named.get(request.method, Scope.WRITE)))

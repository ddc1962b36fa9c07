"""Who calls the API: a bearer token or a logged-in session."""

from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from agentflow.accounts.models import ApiToken


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session with CSRF; answers 401 instead of 403 to a caller without one."""

    def authenticate_header(self, request: Request) -> str:
        """The challenge that makes the answer a 401."""
        return "Session"


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <token>`; `request.auth` is the ApiToken."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """User and token; None without the header; raises AuthenticationFailed for a bad one."""
        keyword, _, token = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() != self.keyword.lower():
            return None
        found = _usable(token.strip())
        if found is None or not found.user.is_active:
            raise exceptions.AuthenticationFailed("The token is unknown, revoked or expired.")
        _touch(found)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401."""
        return self.keyword


def _usable(token: str) -> ApiToken | None:
    now = timezone.now()
    return (
        ApiToken.objects.select_related("user")
        .filter(Q(expires_at=None) | Q(expires_at__gt=now), digest=digest(token), revoked_at=None)
        .first()
    )


def _touch(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > 60:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def digest(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def scope_of(request: Any) -> str:
    """The token's scope; a session may do everything its user may."""
    return request.auth.scope if isinstance(request.auth, ApiToken) else "write"

"""Making and revoking API tokens."""

import secrets
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from agentflow.accounts import audit
from agentflow.accounts.authentication import digest
from agentflow.accounts.models import ApiToken, Scope

#: Says where a token that leaked into a log comes from.
PREFIX = "af_"
SHOWN_CHARACTERS = 8


def create_token(
    *, user: User, name: str, scope: str = Scope.RUN, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """The stored token and its text, which nobody can read again."""
    text = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            scope=scope,
            expires_at=expires_at,
            prefix=text[: len(PREFIX) + SHOWN_CHARACTERS],
            digest=digest(text),
        )
        audit.record(user, "created", token, detail={"scope": str(scope)})
    return token, text


def revoke_token(token: ApiToken, *, by: User) -> None:
    """From now on nobody can use it."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.record(by, "revoked", token)


def usable_tokens(user: User) -> QuerySet[ApiToken]:
    """The user's tokens that are neither revoked nor expired, newest first."""
    alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiToken.objects.filter(alive, user=user, revoked_at=None)

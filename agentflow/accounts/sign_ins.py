"""Sessions as people see them: where they are signed in, and ending that."""

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.db.models import CharField, Func, QuerySet
from django.db.models.functions import Now
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from agentflow.accounts import audit
from agentflow.accounts.models import SignIn

#: How exactly a session's last visit is known.
SEEN_EVERY = timedelta(minutes=5)


class Digest(Func):
    """The same by PostgreSQL itself; Django's SHA256 would need an extension."""

    template = "encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"
    output_field = CharField()


def digest_of(session_key: str | None) -> str:
    """What is stored of a session's key."""
    return sha256((session_key or "").encode()).hexdigest()


def note_sign_in(request: HttpRequest, user: User) -> None:
    """The request's session is one of the user's from now on."""
    SignIn.objects.get_or_create(
        digest=digest_of(request.session.session_key),
        defaults={
            "user": user,
            "address": str(request.META.get("REMOTE_ADDR") or "")[:45],
            "agent": request.headers.get("User-Agent", "")[:200],
        },
    )


def note_visit(sign_in: SignIn) -> None:
    """The session was used just now."""
    if timezone.now() - sign_in.seen_at > SEEN_EVERY:
        SignIn.objects.filter(pk=sign_in.pk).update(seen_at=Now())


def sign_ins_of(user: User) -> QuerySet[SignIn]:
    """The user's sessions that are alive, last used first."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).annotate(digest=Digest("session_key"))
    return SignIn.objects.filter(user=user, digest__in=alive.values("digest"))


def sign_out(sign_in: SignIn) -> None:
    """End one session."""
    Session.objects.annotate(digest=Digest("session_key")).filter(digest=sign_in.digest).delete()
    sign_in.delete()


def sign_out_elsewhere(user: User, *, but: str | None) -> int:
    """End every session of the user except the one with this key, listed or not; how many."""
    ended = list(_sessions_of(user, but=but))
    Session.objects.filter(pk__in=ended).delete()
    SignIn.objects.filter(user=user).exclude(digest=digest_of(but)).delete()
    return len(ended)


def _sessions_of(user: User, *, but: str | None) -> Iterable[str]:
    """Keys of sessions; a session says inside whose it is."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).exclude(pk=but or "").iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            yield session.session_key


@receiver(user_logged_in)
def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    if request.session.session_key:
        note_sign_in(request, user)
    audit.record(user, "signed in", user, request=request)


@receiver(user_logged_out)
def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        SignIn.objects.filter(digest=digest_of(request.session.session_key)).delete()
        audit.record(user, "signed out", user, request=request)

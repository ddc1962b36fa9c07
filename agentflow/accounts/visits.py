"""Pages know who looks at them: times are in the person's zone, and the session's last visit is kept."""

from collections.abc import Awaitable, Callable
from datetime import tzinfo
from inspect import iscoroutinefunction
from typing import cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from agentflow.accounts.models import SignIn
from agentflow.accounts.profiles import zone
from agentflow.accounts.sign_ins import digest_of, note_sign_in, note_visit

#: The API answers in UTC, and must not wait for a look into the database; the rest knows nobody.
NO_PAGES = ("/api/", "/static/", "/hooks/", "/metrics", "/favicon.ico")


@sync_and_async_middleware
def know_visitor(
    get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """A middleware after that of authentication."""
    if iscoroutinefunction(get_response):
        visit = sync_to_async(_visit)

        async def answer(request: HttpRequest) -> HttpResponse:
            found = await visit(request) if _is_page(request) else None
            with timezone.override(found):
                return cast(HttpResponse, await get_response(request))

        return answer

    def answer_in_thread(request: HttpRequest) -> HttpResponse:
        with timezone.override(_visit(request) if _is_page(request) else None):
            return cast(HttpResponse, get_response(request))

    return answer_in_thread


def _is_page(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES and not request.path.startswith(NO_PAGES)


def _visit(request: HttpRequest) -> tzinfo | None:
    """The person's time zone; one query."""
    if not isinstance(request.user, User):
        return None
    digest = digest_of(request.session.session_key)
    found = SignIn.objects.select_related("user__profile").filter(digest=digest, user=request.user.pk).first()
    if found is None:  # signed in before sessions were listed
        note_sign_in(request, request.user)
        profile = getattr(request.user, "profile", None)
    else:
        note_visit(found)
        profile = getattr(found.user, "profile", None)
    return zone(profile.time_zone) if profile else None

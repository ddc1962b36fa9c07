"""django-rq's pages have styles in them without a nonce: they, and only they, may."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import cast

from csp.constants import SELF, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def allow_inline_styles(
    get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """A middleware inside the content security policy's."""
    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponse:
            return _allowed(request, await get_response(request))

        return answer
    return lambda request: _allowed(request, cast(HttpResponse, get_response(request)))


def _allowed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    match = request.resolver_match
    if match is not None and match.func.__module__.split(".")[0] == "django_rq":
        # The name that django-csp reads; its own decorator sets it too.
        response._csp_replace = {"style-src": [SELF, UNSAFE_INLINE]}  # type: ignore[attr-defined]  # noqa: SLF001
    return response

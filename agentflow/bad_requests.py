"""Requests that nothing can act on: answered as the client's mistake, before they fail somewhere inside."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import cast

from django.core.exceptions import BadRequest, FieldDoesNotExist, ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_script_prefix
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from django.views.defaults import page_not_found
from rq.exceptions import NoSuchJobError

NULL = "An address and its cookies cannot contain the null character."
#: What django-rq's pages make of ids that no queue and no job has, and of a scheduler, which is not installed.
NOT_THERE = (NoSuchJobError, ValueError, TypeError, IndexError, ImproperlyConfigured)


@sync_and_async_middleware
def refuse_null_characters(
    get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """A middleware before all that ask the database: PostgreSQL's texts have no null character."""
    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponse:
            _refuse_null(request)
            return cast(HttpResponse, await get_response(request))

        return answer

    def answered(request: HttpRequest) -> HttpResponse:
        _refuse_null(request)
        return cast(HttpResponse, get_response(request))

    return answered


def _refuse_null(request: HttpRequest) -> None:
    query = request.META.get("QUERY_STRING", "")
    if (
        "\0" in request.path
        or "\0" in query
        or "%00" in query
        or any("\0" in text for text in request.COOKIES.values())
    ):
        raise BadRequest(NULL)


class AdminMistakes(MiddlewareMixin):
    """Addresses of the admin that name what is not there, where the pages of others fail on them: 404."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A page that says that there is nothing; none for anything else: a bug."""
        if not request.path.startswith(f"{get_script_prefix()}admin/"):
            return None
        match = request.resolver_match
        is_queue_page = match is not None and match.func.__module__.split(".")[0] == "django_rq"
        if isinstance(exception, FieldDoesNotExist) or (is_queue_page and isinstance(exception, NOT_THERE)):
            return page_not_found(request, Http404())
        return None

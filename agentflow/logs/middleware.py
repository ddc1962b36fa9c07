"""Every request has an id, in the answer (`X-Request-ID`) and in each of its log lines."""

import re
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import cast
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from agentflow.logs.context import request_of_task

HEADER = "X-Request-ID"
#: What a proxy may give; anything else is replaced.
ACCEPTABLE = re.compile(r"[\w.:-]{1,64}", re.ASCII)


@sync_and_async_middleware
def name_request(
    get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """A middleware outside all that may log."""
    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponse:
            name = _named(request)
            token = request_of_task.set(request)
            try:
                response: HttpResponse = await get_response(request)
            finally:
                request_of_task.reset(token)
            response[HEADER] = name
            return response

        return answer

    def answer_in_thread(request: HttpRequest) -> HttpResponse:
        name = _named(request)
        token = request_of_task.set(request)
        try:
            response = cast(HttpResponse, get_response(request))
        finally:
            request_of_task.reset(token)
        response[HEADER] = name
        return response

    return answer_in_thread


def _named(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    name = given if ACCEPTABLE.fullmatch(given) else uuid4().hex
    request.META["agentflow.request_id"] = name
    return name

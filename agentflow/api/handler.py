"""What an endpoint answers when it raises.

Apart from `problems`: the parser raises those, and is loaded while `rest_framework.views` is.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from agentflow.api.problems import CONTENT_TYPE, as_problem, body


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Any exception that an endpoint may raise as a problem; None leaves it to Django (a bug: 500)."""
    problem = as_problem(error)
    if problem is None:
        return None
    set_rollback()
    return Response(body(problem), status=problem.status_code, headers=_headers(problem), content_type=CONTENT_TYPE)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers

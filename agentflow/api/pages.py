"""Answers for addresses that no view takes, and for bugs: problems under /api/, pages elsewhere."""

import sys
from typing import Any

import orjson
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views import defaults

from agentflow.api import problems
from agentflow.database.limits import is_away

NOT_FOUND = "There is nothing at this address."
UNAVAILABLE = "The database does not answer just now. Nothing is lost: try again in a moment."
RETRY_SECONDS = 5
BUG = "Something went wrong on our side. It was written to the log."


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return _problem(404, NOT_FOUND) if _is_api(request) else defaults.page_not_found(request, exception)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return _problem(403, str(exception)) if _is_api(request) else defaults.permission_denied(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    return _problem(400, str(exception) if isinstance(exception, BadRequest) else "The request is not right.")


def server_error(request: HttpRequest) -> HttpResponse:
    """503 when the database does not answer, else 500."""
    if is_away(sys.exception()):
        return _unavailable(request)
    return _problem(500, BUG) if _is_api(request) else defaults.server_error(request)


def _unavailable(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        response = _problem(503, UNAVAILABLE)
    else:  # without the request: whatever looks at it might ask the database
        response = HttpResponse(loader.get_template("503.html").render(), status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _problem(status: int, detail: str) -> HttpResponse:
    document: dict[str, Any] = problems.document(status, detail)
    return HttpResponse(orjson.dumps(document), status=status, content_type=problems.CONTENT_TYPE)

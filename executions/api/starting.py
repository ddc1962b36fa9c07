"""Start an execution; with `Prefer: wait=N`, answer when it is over."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from hashlib import sha256
from json import dumps
from typing import Any, ClassVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agentflow.accounts.models import ApiToken
from agentflow.api.schema import problems
from agentflow.graphs.api.requests import checked
from agentflow.graphs.models import Graph, GraphVersion
from agentflow.graphs.permissions import get_graph
from executions.api.reading import PAYLOADS, all_started, caller, started
from executions.api.serializers import BatchSerializer, StartedSerializer, StartRequest
from executions.engine.status import FINAL
from executions.models import Execution
from executions.services import start_execution, start_executions
from executions.waiting import wait_until_over

MOST_WAIT_SECONDS = 60
LONGEST_KEY = 200
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])")

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key and body again give the same execution."
)
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=f"`wait=N`: answer when it is over, after N ≤ {MOST_WAIT_SECONDS} s at the latest.",
)
STARTED = PolymorphicProxySerializer(
    "StartedOrBatch", [StartedSerializer, BatchSerializer], resource_type_field_name=None
)


class Execute(APIView):
    """Run a graph."""

    token_scopes: ClassVar = {"POST": "run"}

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """The view, which waits without holding a thread or a database connection."""
        return waiting(super().as_view(**initkwargs))

    @extend_schema(
        operation_id="graphs_execute",
        parameters=[IDEMPOTENCY_KEY, PREFER],
        request=StartRequest,
        responses={
            202: OpenApiResponse(STARTED, "It was started, or with `inputs_list` all of them."),
            200: OpenApiResponse(StartedSerializer, "It is over."),
            **problems(402, 409, 422),
        },
    )
    def post(self, request: Request, graph_id: int) -> Response:
        """Start an execution of the draft, or of the version that is named or published."""
        graph = get_graph(caller(request), graph_id, "runner")
        given = checked(StartRequest, request)
        version = _version(graph, given.get("version"), wants_draft=_wants_draft(request, given))
        how: dict[str, Any] = {
            "user": caller(request),
            "version": version,
            "trigger": "api" if isinstance(request.auth, ApiToken) else "manual",
            "idempotency_key": _key(request),
            "idempotency_digest": digest(request.data),
            "use_pins": given.get("pins", version is None and not isinstance(request.auth, ApiToken)),
        }
        if "inputs_list" in given:
            refuse_together(given, "inputs_list", ("inputs", "keep"))
            runs = start_executions(graph, inputs_list=given["inputs_list"], **how)
            return Response(
                {"executions": all_started(request, [run.pk for run in runs]), "count": len(runs)},
                status=status.HTTP_202_ACCEPTED,
            )
        keep = _kept(request, graph, given.get("keep"))
        return answer(request, start_execution(graph, inputs=given.get("inputs", {}), keep=keep, **how).pk)


def answer(request: Request, execution: UUID) -> Response:
    """The execution as it is now: 200 when it is over, else 202. To a caller who wants to wait `waiting` gives it."""
    response = Response(status=status.HTTP_202_ACCEPTED)
    response.execution, response.request = execution, request  # type: ignore[attr-defined]  # for `waiting`
    if not wait_seconds(request.headers.get("Prefer", "")):
        _fill(response)
    return response


def waiting(view: Callable[..., HttpResponseBase]) -> Any:
    """The view as a coroutine that holds its answer back until the execution is over or the caller's patience ends."""

    def begun(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if hasattr(response, "execution") and not connection.in_atomic_block:  # a test's transaction must go on
            connection.close()
        return response

    @wraps(view)
    async def held(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: Any = await sync_to_async(begun)(request, *args, **kwargs)
        seconds = wait_seconds(request.headers.get("Prefer", ""))
        if not seconds or not hasattr(response, "execution"):
            return response  # type: ignore[no-any-return]  # what the view gave
        await wait_until_over(response.execution, seconds)
        response["Preference-Applied"] = f"wait={seconds}"
        return await sync_to_async(_rendered)(response)

    return held


def _fill(response: Any) -> None:
    """Put the execution as it is now into the answer."""
    row = response.data = started(response.request, response.execution)
    response.status_code = status.HTTP_200_OK if row["status"] in FINAL else status.HTTP_202_ACCEPTED
    response["Location"] = row["url"]


def _rendered(response: Any) -> HttpResponse:
    """The answer as bytes, made in the thread that has read it: what Django renders takes another one."""
    _fill(response)
    response.render()
    return HttpResponse(response.content, status=response.status_code, headers=response.headers)


def wait_seconds(prefer: str) -> int:
    """What `Prefer: wait=N` asks for, at most a minute; 0 without it. Source: RFC 7240 §4.3."""
    asked = _WAIT.search(prefer)
    return min(int(asked[1]), MOST_WAIT_SECONDS) if asked else 0


def digest(body: Any) -> str:
    """SHA-256 of a body, whatever the order of its members and its white space."""
    return sha256(dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _kept(request: Request, graph: Graph, execution: UUID | None) -> Execution | None:
    """The execution whose results are kept; it must be one of this graph."""
    if execution is None:
        return None
    run = Execution.objects.defer(*PAYLOADS).filter(pk=execution, graph=graph).first()
    if run is None:
        raise ValidationError({"keep": "The graph has no such execution."})
    return run


def refuse_together(given: Mapping[str, Any], name: str, others: Iterable[str]) -> None:
    """Raise ValidationError for members that say something else than `name`."""
    if wrong := [other for other in others if other in given]:
        raise ValidationError({other: f"Cannot be given together with {name}." for other in wrong})


def _key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise ValidationError({"Idempotency-Key": f"Must be printable and at most {LONGEST_KEY} characters long."})
    return key


def _wants_draft(request: Request, given: Mapping[str, Any]) -> bool:
    """Who draws wants to see what is drawn; integrations want what was published, unless they say otherwise."""
    return bool(given.get("draft", not isinstance(request.auth, ApiToken)))


def _version(graph: Graph, number: int | None, *, wants_draft: bool) -> GraphVersion | None:
    """The version that is named, else the published one; None: the draft's."""
    if number is None:
        return None if wants_draft else graph.published
    version = graph.versions.filter(number=number).first()
    if version is None:
        raise NotFound(f"There is no version {number}.")
    return version

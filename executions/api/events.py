"""Server-Sent Events: the frames of the WebSocket for clients that only listen."""

from collections.abc import AsyncIterator
from time import monotonic
from uuid import UUID

from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from agentflow.accounts.models import ApiToken
from agentflow.api.rendering import OrjsonRenderer
from agentflow.graphs.api.requests import number_parameter
from executions.access import Watch, may_still_watch
from executions.api.reading import caller, found
from executions.engine.status import FINAL
from executions.hub import hub, in_reader
from executions.live import read_changes
from executions.live_gauges import live
from executions.seats import is_full, seat

#: A comment goes out after so long without news, so that proxies keep the connection.
SILENCE_SECONDS = 15.0
#: Permission is asked for again.
CHECK_SECONDS = 60.0


class EventStreamRenderer(OrjsonRenderer):
    """Makes `Accept: text/event-stream` acceptable; problems are JSON all the same."""

    media_type = "text/event-stream"
    format = "events"


class ExecutionEvents(APIView):
    """What changes in an execution, as it happens."""

    renderer_classes = (EventStreamRenderer, OrjsonRenderer)

    @extend_schema(
        operation_id="executions_events",
        parameters=[
            OpenApiParameter("since", int, description="Changes after this event number; 0 by default."),
            OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER, description="The same, by browsers."),
        ],
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR,
                "`frame` events, their data as on the WebSocket, their id the event number; `end` when it is over.",
            ),
            204: OpenApiResponse(description="It is over and nothing is new: do not come back."),
        },
    )
    def get(self, request: Request, id: UUID) -> HttpResponseBase:
        """Frames from `since` on, until the execution is over."""
        run, user = found(request.user, id), caller(request)
        token = request.auth.pk if isinstance(request.auth, ApiToken) else None
        watch = Watch(run.pk, user.pk, token)
        since = _since(request)
        if run.status in FINAL and since >= run.seq:
            return HttpResponse(status=204)
        if is_full(user.pk):
            raise Throttled(detail="You have too many live connections open.")
        if not connection.in_atomic_block:  # the stream needs none; a test's transaction must go on
            connection.close()
        response = StreamingHttpResponse(stream(watch, since), content_type="text/event-stream")
        response["Cache-Control"] = "no-cache"
        response["X-Accel-Buffering"] = "no"
        return response


async def stream(watch: Watch, since: int) -> AsyncIterator[str]:
    """The events' text; ends with the execution, or when the caller may no longer watch."""
    shown, sent_at, check_at = "", monotonic(), monotonic() + CHECK_SECONDS
    with seat(watch.user):
        async with hub().follow(f"e:{watch.execution}") as follower:
            while changes := await follower.topic.shared(read_changes, watch.execution, since):
                if changes.is_news(since, shown):
                    live.sent(follower.topic.news_at if shown else None)
                    since, shown, sent_at = changes.seq, changes.execution, monotonic()
                    yield f"id: {changes.seq}\nevent: frame\ndata: {changes.message('frame')}\n\n"
                elif monotonic() - sent_at > SILENCE_SECONDS:
                    sent_at = monotonic()
                    yield ": still here\n\n"
                if changes.is_complete and changes.is_final:
                    yield "event: end\ndata: {}\n\n"
                    return
                if changes.is_complete:
                    await follower.wait(SILENCE_SECONDS)
                if monotonic() >= check_at:
                    if not await in_reader(may_still_watch, watch):
                        return
                    check_at = monotonic() + CHECK_SECONDS


def _since(request: Request) -> int:
    """Where the client is: browsers that reconnect say so in `Last-Event-ID`, which then wins."""
    last = request.headers.get("Last-Event-ID", "")
    return int(last) if last.isascii() and last.isdigit() and len(last) < 19 else number_parameter(request, "since")

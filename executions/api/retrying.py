"""Run again from an execution; with `Prefer: wait=N`, answer when it is over."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agentflow.api.schema import problems
from agentflow.graphs.api.requests import checked
from executions.api.reading import caller, found
from executions.api.serializers import RetryRequest, StartedSerializer
from executions.api.starting import PREFER, answer, refuse_together, waiting
from executions.rerun import retry_execution


class Retry(APIView):
    """Run again what failed, or what is chosen, and keep the rest."""

    token_scopes: ClassVar = {"POST": "run"}

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """The view, which waits without holding a thread or a database connection."""
        return waiting(super().as_view(**initkwargs))

    @extend_schema(
        operation_id="executions_retry",
        parameters=[PREFER],
        request=RetryRequest,
        responses={
            202: OpenApiResponse(StartedSerializer, "It was started."),
            200: OpenApiResponse(StartedSerializer, "It is over."),
            **problems(402, 422),
        },
    )
    def post(self, request: Request, execution_id: UUID) -> Response:
        """A new execution of the same version with the same inputs that keeps what need not run again.

        Without a body: from the failed nodes. Steps that must happen only once, and may have happened, are not repeated
        unless `repeat_once` says so: the problem with the code `repeats_once` names them.
        """
        run = found(request.user, execution_id, "runner")
        given = checked(RetryRequest, request)
        if "node" in given:
            refuse_together(given, "node", ("from", "to"))
        elif "inputs" in given:
            raise ValidationError({"inputs": "Say which node they are for."})
        made = retry_execution(
            run,
            user=caller(request),
            from_nodes=given.get("from", ()),
            to_nodes=given.get("to", ()),
            node=given.get("node", ""),
            inputs=given.get("inputs"),
            repeat_once=given.get("repeat_once", False),
        )
        return answer(request, made.pk)

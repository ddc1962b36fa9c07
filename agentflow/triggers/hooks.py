"""`/hooks/<token>/`: where the deliveries of webhooks come in."""

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from agentflow.api import problems
from agentflow.api.throttling import Buckets
from agentflow.encoding import dump
from agentflow.triggers import tokens
from agentflow.triggers.models import Webhook
from agentflow.triggers.receiving import Answer, Received, receive
from executions.engine.status import Status
from executions.models import Execution
from executions.waiting import wait_until_over

#: Deliveries that one webhook may get, and requests with addresses that are none, in this process.
taken = Buckets(rate=settings.API_RATE, burst=settings.API_RATE * 10)
guesses = Buckets(rate=1, burst=60)
NOT_THERE = "There is nothing at this address."


@csrf_exempt
async def hook(request: HttpRequest, token: str) -> HttpResponse:
    """Take a delivery; with an answer from an output, wait for it without holding a thread or a connection."""
    response, webhook, answer = await sync_to_async(_taken)(request, token)
    if webhook is not None and answer is not None and answer.execution is not None and webhook.answer_output:
        await sync_to_async(_free_connection)()
        await wait_until_over(answer.execution, webhook.answer_seconds)
        response = await sync_to_async(_output)(webhook, answer.execution)
    return response


def _taken(request: HttpRequest, token: str) -> tuple[HttpResponse, Webhook | None, Answer | None]:
    rows = Webhook.objects.select_related("owner", "graph__published", "credential")
    webhook = rows.filter(digest=tokens.digest(token)).first()
    bucket, caller = (taken, str(webhook.pk)) if webhook else (guesses, str(request.META.get("REMOTE_ADDR")))
    if wait := bucket.take(caller):
        return _problem(429, "Too many deliveries.", **{"Retry-After": str(int(wait) + 1)}), None, None
    if webhook is None:
        return _problem(404, NOT_THERE), None, None
    if request.method != webhook.method:
        return _problem(405, f"Send it with {webhook.method}.", Allow=webhook.method), None, None
    body = request.read(webhook.most_bytes + 1)
    if len(body) > webhook.most_bytes:
        return _problem(413, f"The body is larger than {webhook.most_bytes:,} bytes."), None, None
    answer = receive(webhook, _received(request, body))
    if answer.execution is None:
        return _problem(answer.code, answer.detail), None, None
    return _started(answer), webhook, answer


def _received(request: HttpRequest, body: bytes) -> Received:
    return Received(
        method=request.method or "",
        body=body,
        media_type=request.headers.get("Content-Type", ""),
        headers={name.lower(): value for name, value in request.headers.items()},
        query={name: values[0] if len(values) == 1 else values for name, values in request.GET.lists()},
    )


def _started(answer: Answer) -> HttpResponse:
    return _json(202, {"execution": answer.execution, "repeated": answer.is_repeated})


def _output(webhook: Webhook, execution: UUID) -> HttpResponse:
    """What the run gave under the output's name, as far as it is there by now."""
    row = Execution.objects.filter(pk=execution).values("status", "outputs").first()
    if row is None:
        return _problem(502, "The run was deleted before it was over.")
    if row["status"] == Status.COMPLETED:
        return _json(200, (row["outputs"] or {}).get(webhook.answer_output))
    if row["status"] in (Status.FAILED, Status.CANCELLED):
        return _problem(502, f"The run {execution} {row['status']}.")
    return _json(202, {"execution": execution, "repeated": False})


def _json(status: int, value: Any) -> HttpResponse:
    return HttpResponse(dump(value), status=status, content_type="application/json")


def _problem(status: int, detail: str, **headers: str) -> HttpResponse:
    document = problems.document(status, detail)
    return HttpResponse(dump(document), status=status, content_type=problems.CONTENT_TYPE, headers=headers)


def _free_connection() -> None:
    if not connection.in_atomic_block:  # a test's transaction must go on
        connection.close()

"""Completion webhooks: what is told when a run ends, signed so that the receiver knows who says it.

`Agentflow-Signature: t=<seconds>,v1=<hex>` is the HMAC-SHA256 of `<seconds>.<body>` with the hook's secret. A call that
is repeated, after a failure or a crash, has the same `Agentflow-Delivery`, so that receivers can tell.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from agentflow.credentials.sealing import NotOpened, first_name
from agentflow.graphs.models import Graph
from agentflow.notifications import jobs
from agentflow.notifications.claiming import claim, due, put_off, settle
from agentflow.notifications.models import Hook, HookCall
from blocks.base import BlockError
from executions.models import Execution

SECONDS = 20.0
#: Answers are not read beyond that.
MOST_ANSWER = 64_000
#: Larger outputs are not sent: they are at the address that the call names.
MOST_OUTPUTS = 256_000
SECRET_PREFIX = "afhook_"  # noqa: S105 - the beginning of secrets, so that people recognise one


def note(run: Execution) -> None:
    """Call the graph's hooks for the run, which has ended; in the caller's transaction."""
    hooks = Hook.objects.filter(graph=run.graph_id, is_on=True, statuses__contains=[run.status])
    for hook in hooks:
        made = HookCall(hook=hook, execution=run.pk, body=body_of(run, outputs=hook.includes_outputs))
        HookCall.objects.bulk_create([made], ignore_conflicts=True)
        jobs.enqueue(jobs.CALL, hook.pk)


def body_of(run: Execution, *, outputs: bool) -> dict[str, Any]:
    """What a call tells of a run."""
    from agentflow.notifications.mail import absolute

    told: dict[str, Any] = {
        "event": f"execution.{run.status}",
        "execution": {
            "id": str(run.pk),
            "status": run.status,
            "reason": run.reason,
            "error": run.error,
            "graph": {"id": run.graph_id, "name": run.graph.name},
            "trigger": run.trigger,
            "counts": run.counts,
            "created_at": run.created_at.isoformat(),
            "ended_at": run.ended_at.isoformat() if run.ended_at else None,
            "page": absolute(reverse("execution", args=[run.pk])),
            "url": absolute(reverse("execution-detail", args=[run.pk])),
        },
    }
    if outputs and len(orjson.dumps(run.outputs)) <= MOST_OUTPUTS:
        told["execution"]["outputs"] = run.outputs
    return told


def make_hook(graph: Graph, *, user: User, url: str, **fields: Any) -> tuple[Hook, str]:
    """A new hook, and the secret with which its calls are signed, which is shown this once."""
    hook = Hook(graph=graph, created_by=user, url=url, **fields)
    secret = renew_secret(hook)
    hook.save()
    return hook, secret


def renew_secret(hook: Hook) -> str:
    """Another secret for the row, which is not saved; the one before signs nothing more."""
    from agentflow.notifications.targets import sealed

    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    hook.sealed, hook.key = sealed(hook.pk, "secret", secret), first_name()
    return secret


def try_hook(hook: Hook) -> HookCall:
    """Call it once for no run."""
    body = {"event": "test", "graph": {"id": hook.graph_id, "name": hook.graph.name}}
    with transaction.atomic():
        call = HookCall.objects.create(hook=hook, body=body)
        jobs.enqueue(jobs.CALL, hook.pk)
    return call


def repeat(call: HookCall) -> None:
    """Call again for the same."""
    with transaction.atomic():
        over = HookCall.objects.filter(pk=call.pk).exclude(state=HookCall.State.PENDING)
        over.update(state=HookCall.State.PENDING, attempts=0, due_at=Now(), error="", sent_at=None, claimed_until=None)
        jobs.enqueue(jobs.CALL, call.hook_id)


def call_due(id: UUID) -> None:
    """Make all calls of the hook that are due, oldest first."""
    while call := _claimed(id):
        _make(call)


def signature(secret: str, body: bytes, at: int) -> str:
    """The header's value."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _claimed(id: UUID) -> HookCall | None:
    with transaction.atomic():
        hook = Hook.objects.select_for_update().filter(pk=id).first()
        if hook is None:
            return None
        call = due(HookCall.objects.filter(hook=hook)).first()
        if call is not None:
            claim(HookCall.objects.filter(pk=call.pk))
    return HookCall.objects.select_related("hook").get(pk=call.pk) if call else None


def _make(call: HookCall) -> None:
    mine, hook = HookCall.objects.filter(pk=call.pk), call.hook
    if not hook.is_on and call.execution is not None:
        mine.update(state=HookCall.State.DROPPED, claimed_until=None)
        return
    answer: int | None = None
    try:
        answer = _post(hook, call)
    except NotOpened:
        error, retry = "Its secret cannot be opened with the keys of this installation: make a new one.", False
    except BlockError as failure:
        error, retry = failure.message, failure.retry
    else:
        error, retry = (f"It was answered with {answer}.", True) if not 200 <= answer < 300 else ("", False)
    mine.update(answer=answer)
    if error:
        put_off(mine, call.attempts, error, retry=retry)
    else:
        settle(mine, call.attempts)
    Hook.objects.filter(pk=hook.pk).update(problem=error[:500])


def _post(hook: Hook, call: HookCall) -> int:
    """The status of the answer."""
    from agentflow.notifications.targets import opened

    body, at = orjson.dumps({"id": str(call.pk), **call.body}), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "Agentflow-Event": str(call.body.get("event", "")),
        "Agentflow-Delivery": str(call.pk),
        "Agentflow-Signature": signature(opened(hook.pk, "secret", hook.sealed), body, at),
    }
    return asyncio.run(_posted(hook.url, headers, body))


async def _posted(url: str, headers: Mapping[str, str], body: bytes) -> int:
    from blocks.http import SafeHttpClient

    async with SafeHttpClient(settings.HTTP_ALLOW, max_bytes=MOST_ANSWER) as client:
        answer = await client.request("POST", url, headers=headers, content=body, timeout_seconds=SECONDS)
        return answer.status

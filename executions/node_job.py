"""One isolated node, run in this process: taken from the database, its result written there, its host told."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db.models.functions import Now

from agentflow import wake
from agentflow.logs.context import Subject, work_on
from blocks.base import BlockError, read_input
from blocks.context import BlockUser
from blocks.registry import UnknownBlockError, registry
from executions.context import NodeContext
from executions.crash_points import Point, reached
from executions.keeping import holder
from executions.models import NodeJob
from executions.node_run import MAX_MESSAGE, UNEXPECTED
from executions.texts import plain
from executions.values import as_recorded, encode

logger = logging.getLogger(__name__)

#: The oldest job that nobody has, unless somebody takes it this moment.
TAKE_OLDEST = """
    UPDATE executions_nodejob SET claimed_at = clock_timestamp(), beat_at = clock_timestamp(), claimed_by = %s
    WHERE token = (
        SELECT token FROM executions_nodejob WHERE claimed_at IS NULL AND ended_at IS NULL
        ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING *
"""


def take(token: UUID) -> NodeJob | None:
    """The job, if nobody else has taken it and its host still wants it."""
    free = NodeJob.objects.filter(pk=token, claimed_at=None, ended_at=None)
    if not free.update(claimed_at=Now(), beat_at=Now(), claimed_by=holder(os.getpid())):
        return None
    return NodeJob.objects.filter(pk=token).first()


def take_oldest() -> NodeJob | None:
    """The job that has waited longest, if one waits."""
    return next(iter(NodeJob.objects.raw(TAKE_OLDEST, [holder(os.getpid())])), None)


def carry_out(job: NodeJob, *, before_result: Callable[[], None]) -> bool:
    """Run the job's block and write what it gave; whether the block did nothing that its author did not expect."""
    reached(Point.JOB_TAKEN, job)
    result, is_sound = _result(job)
    before_result()
    reached(Point.JOB_ENDED, job)
    NodeJob.objects.filter(pk=job.pk, claimed_by=job.claimed_by, ended_at=None).update(result=result, ended_at=Now())
    reached(Point.JOB_WRITTEN, job)
    wake.ring(wake.CONTROL_CHANNEL, f"node:{job.token}")
    return is_sound


def _result(job: NodeJob) -> tuple[dict[str, Any], bool]:
    """What the block gave: outputs up to its error, the error if any, and its log; JSON in any case."""
    context = _context(job.payload["context"])
    work_on(Subject(context.execution_id, user=context.user.id), context.node)
    outputs: list[list[Any]] = []
    error = None
    is_sound = True
    started = time.process_time()
    try:
        block = registry().get(job.payload["block"])
        for port, value in block().run(read_input(block, job.payload["input"]), context):
            outputs.append([port, as_recorded(value, encode(value))])
        encode(outputs)
    except BlockError as caught:
        error = {
            "message": plain(caught.message, MAX_MESSAGE),
            "retry": bool(caught.retry),
            "after": caught.after_seconds,
        }
    except UnknownBlockError:
        message = (
            f"The nodes worker does not know the block “{job.payload['block']}”: it was started with other blocks."
        )
        error = {"message": message, "retry": False}
    except MemoryError:
        megabytes = settings.NODE_MEMORY_BYTES // 1024**2
        error = {"message": f"It needed more than {megabytes:,} MB of memory.", "retry": False}
        is_sound = False
    except BaseException:  # blocks are others' code and may raise anything
        logger.exception("block failed unexpectedly", extra={"action": "block_bug", "block": job.payload["block"]})
        error = {"message": UNEXPECTED, "retry": True}
        is_sound = False
    if error and _is_too_large(outputs):
        outputs = []
    context.log(f"{time.process_time() - started:.3f} s of processor time", "debug")
    return {"outputs": outputs, "error": error, "log": context.lines, "usage": context.take_used()}, is_sound


def _is_too_large(outputs: list[list[Any]]) -> bool:
    try:
        encode(outputs)
    except BlockError:
        return True
    return False


def _context(given: dict[str, Any]) -> NodeContext:
    return NodeContext(
        execution_id=given["execution_id"],
        node=given["node"],
        path=tuple(given["path"]),
        attempt=given["attempt"],
        idempotency_key=given["idempotency_key"],
        user=BlockUser(**given["user"]),
        execution_inputs=given["execution_inputs"],
        indices={port: tuple(numbers) for port, numbers in given["indices"].items()},
        tell=partial(_tell, given["execution_id"], given["node"], given["path"]),
    )


def _tell(execution: str, node: str, path: list[int], shown: Mapping[str, Any]) -> None:
    message = {"node": node, "path": path, **shown}
    wake.ring(wake.WAKE_CHANNEL, f"t:{execution}:{orjson.dumps(message).decode()}")

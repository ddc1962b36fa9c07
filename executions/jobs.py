"""RQ entry points: ids in, nothing out. The database decides what is to be done."""

import logging
import os
import resource
import time
from functools import partial
from pathlib import Path
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
from executions import host
from executions.context import NodeContext
from executions.crash_points import Point, reached
from executions.keeping import holder
from executions.models import NodeJob
from executions.node_run import MAX_MESSAGE, UNEXPECTED
from executions.texts import plain
from executions.values import as_recorded, encode

logger = logging.getLogger(__name__)


def admit(execution: str) -> None:
    """A ticket: this worker looks for executions to claim, this one among them."""
    if host.current is not None:
        host.current.ring()


def run_node(token: str) -> None:
    """Run one isolated node in this process, if nobody else has and its host still wants it."""
    job = _claim(UUID(token))
    if job is None:
        return
    reached(Point.JOB_TAKEN, job)
    result = _result(job)
    reached(Point.JOB_ENDED, job)
    NodeJob.objects.filter(pk=job.pk, claimed_by=job.claimed_by, ended_at=None).update(result=result, ended_at=Now())
    reached(Point.JOB_WRITTEN, job)
    wake.ring(wake.CONTROL_CHANNEL, f"node:{job.token}")


def _claim(token: UUID) -> NodeJob | None:
    claimed = NodeJob.objects.filter(pk=token, claimed_at=None, ended_at=None).update(
        claimed_at=Now(), beat_at=Now(), claimed_by=holder(os.getpid())
    )
    return NodeJob.objects.filter(pk=token).first() if claimed else None


def _result(job: NodeJob) -> dict[str, Any]:
    """What the block gave: outputs up to its error, the error if any, and its log; JSON in any case."""
    context = _context(job.payload["context"])
    work_on(Subject(context.execution_id, user=context.user.id), context.node)
    outputs: list[list[Any]] = []
    error = None
    started = time.process_time()
    try:
        block = registry().get(job.payload["block"])
        for port, value in block().run(read_input(block, job.payload["input"]), context):
            outputs.append([port, as_recorded(value, encode(value))])
        encode(outputs)
    except BlockError as caught:
        error = {"message": plain(caught.message, MAX_MESSAGE), "retry": bool(caught.retry)}
    except UnknownBlockError:
        message = (
            f"The nodes worker does not know the block “{job.payload['block']}”: it was started with other blocks."
        )
        error = {"message": message, "retry": False}
    except MemoryError:
        megabytes = settings.NODE_MEMORY_BYTES // 1024**2
        error = {"message": f"It needed more than {megabytes:,} MB of memory.", "retry": False}
    except BaseException:  # blocks are others' code and may raise anything
        logger.exception("block failed unexpectedly", extra={"action": "block_bug", "block": job.payload["block"]})
        error = {"message": UNEXPECTED, "retry": True}
    if error and _is_too_large(outputs):
        outputs = []
    context.log(f"{time.process_time() - started:.3f} s of processor time", "debug")
    return {"outputs": outputs, "error": error, "log": context.lines}


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
        show_progress=partial(_show_progress, given["execution_id"], given["node"], given["path"]),
    )


def _show_progress(execution: str, node: str, path: list[int], fraction: float, text: str) -> None:
    message = {"node": node, "path": path, "progress": fraction, "text": text}
    wake.ring(wake.WAKE_CHANNEL, f"t:{execution}:{orjson.dumps(message).decode()}")


def limit_resources() -> None:
    """Bound the memory that the process of a node may take beyond what it has now."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _mapped_bytes() + settings.NODE_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _mapped_bytes() -> int:
    """Address space of this process (Linux; elsewhere 0, so that the limit is a little tighter)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0

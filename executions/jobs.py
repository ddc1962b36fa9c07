"""RQ entry points: ids in, nothing out. The database decides what is to be done."""

import logging
import os
import resource
import socket
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import Error, connection
from django.db.models.functions import Now

from agentflow import wake
from agentflow.database.limits import patience
from blocks.base import BlockError, read_input
from blocks.context import BlockUser
from blocks.registry import UnknownBlockError, registry
from executions import host
from executions.context import NodeContext
from executions.models import NodeJob
from executions.node_run import UNEXPECTED
from executions.values import as_recorded, encode

logger = logging.getLogger(__name__)

#: How often the process of a node says that it lives and asks whether it is still wanted, in seconds.
BEAT_SECONDS = 0.5
#: Its host takes it for gone after as long without a beat: then it must be.
SILENT_SECONDS = 5.0
EXIT_UNWANTED = 75


def admit(execution: str) -> None:
    """A ticket: this worker looks for executions to claim, this one among them."""
    if host.current is not None:
        host.current.ring()


def run_node(token: str) -> None:
    """Run one isolated node in this process, if nobody else has and its host still wants it."""
    job = _claim(UUID(token))
    if job is None:
        return
    stop = threading.Event()
    threading.Thread(target=_beat, args=(job.token, stop), name="beat", daemon=True).start()
    try:
        result = _result(job)
    finally:
        stop.set()
    NodeJob.objects.filter(pk=job.pk, ended_at=None).update(result=result, ended_at=Now())
    wake.ring(wake.CONTROL_CHANNEL, f"node:{job.token}")


def _claim(token: UUID) -> NodeJob | None:
    name = f"{socket.gethostname()}-{os.getpid()}"
    claimed = NodeJob.objects.filter(pk=token, claimed_at=None, ended_at=None).update(
        claimed_at=Now(), beat_at=Now(), claimed_by=name
    )
    return NodeJob.objects.filter(pk=token).first() if claimed else None


def _beat(token: UUID, stop: threading.Event) -> None:
    """Say that this process lives; end it when its host has taken the job back, or may think that it is gone."""
    beat_at = time.monotonic()
    while not stop.wait(BEAT_SECONDS):
        try:
            with patience(SILENT_SECONDS / 2):
                is_wanted = bool(NodeJob.objects.filter(pk=token).update(beat_at=Now()))
            beat_at = time.monotonic()
        except Error:
            connection.close()
            is_wanted = time.monotonic() - beat_at < SILENT_SECONDS
        if not is_wanted:
            os._exit(EXIT_UNWANTED)
    connection.close()


def _result(job: NodeJob) -> dict[str, Any]:
    """What the block gave: outputs up to its error, the error if any, and its log; JSON in any case."""
    context = _context(job.payload["context"])
    outputs: list[list[Any]] = []
    error = None
    started = time.process_time()
    try:
        block = registry().get(job.payload["block"])
        for port, value in block().run(read_input(block, job.payload["input"]), context):
            outputs.append([port, as_recorded(value, encode(value))])
        encode(outputs)
    except BlockError as caught:
        error = {"message": _text(caught.message), "retry": caught.retry}
    except UnknownBlockError:
        message = (
            f"The nodes worker does not know the block “{job.payload['block']}”: it was started with other blocks."
        )
        error = {"message": message, "retry": False}
    except MemoryError:
        megabytes = settings.NODE_MEMORY_BYTES // 1024**2
        error = {"message": f"It needed more than {megabytes:,} MB of memory.", "retry": False}
    except (Exception, SystemExit):
        logger.exception("block failed unexpectedly", extra={"action": "block_bug", "block": job.payload["block"]})
        error = {"message": UNEXPECTED, "retry": True}
    if error and _is_too_large(outputs):
        outputs = []
    context.log(f"{time.process_time() - started:.3f} s of processor time", "debug")
    return {"outputs": outputs, "error": error, "log": [[at, level, _text(line)] for at, level, line in context.lines]}


def _is_too_large(outputs: list[list[Any]]) -> bool:
    try:
        encode(outputs)
    except BlockError:
        return True
    return False


def _text(message: str) -> str:
    """Text that can be stored, whatever a block says."""
    return str(message).encode(errors="replace").decode()


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

"""What the rows of jobs say of the processes that run them: that these live, and what becomes of a job whose process is gone.

It is the worker that says so, because a block may keep its own process from saying anything, or close what it says it by.
"""

import logging
import socket
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from django.db import Error, connection
from django.db.models.functions import Now

from agentflow import wake
from agentflow.database.limits import patience
from executions.models import NodeJob
from executions.tickets import NodeQueue

logger = logging.getLogger(__name__)

#: How often a worker looks after its processes, in seconds.
BEAT_SECONDS = 0.5
#: The host takes the process for gone after as long without a beat: then it must be.
SILENT_SECONDS = 5.0
#: A beat so long ago that the process is gone without doubt.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def holder(process: int) -> str:
    """How a job names the process that runs it."""
    return f"{socket.gethostname()}-{process}"


def beat(jobs: Collection[UUID]) -> set[UUID]:
    """Say that the processes of these jobs live; the jobs that are still wanted.

    Raises:
        Error: the database does not answer.
    """
    wanted = NodeJob.objects.filter(pk__in=jobs)
    if wanted.exclude(claimed_at=None).update(beat_at=Now()) == len(jobs):
        return set(jobs)
    return set(wanted.values_list("pk", flat=True))


def may_begin_anew(job: UUID) -> bool:
    """A step that must happen once is waited for, however long it takes."""
    payload = NodeJob.objects.filter(pk=job).values_list("payload", flat=True).first()
    return not (payload or {}).get("once")


def settle(process: int, *, is_taken_away: bool) -> None:
    """The process has ended: what it had not is told to its host, or given to another worker if it was taken away."""
    try:
        with patience(SILENT_SECONDS / 2):
            for job in NodeJob.objects.filter(claimed_by=holder(process), ended_at=None):
                _settle(job, is_taken_away=is_taken_away)
    except Error as error:
        connection.close()
        logger.warning("end of a node not told: %s", error, extra={"action": "node_end_untold"})


def _settle(job: NodeJob, *, is_taken_away: bool) -> None:
    mine = NodeJob.objects.filter(pk=job.pk, claimed_by=job.claimed_by, ended_at=None)
    if is_taken_away and not job.payload.get("once"):
        if mine.update(claimed_at=None, claimed_by="", beat_at=None):
            with suppress(Exception):  # a queue that is away: the host offers it again
                NodeQueue().put(job.pk)
    elif mine.update(beat_at=NEVER):
        wake.ring(wake.CONTROL_CHANNEL, f"node:{job.pk}")

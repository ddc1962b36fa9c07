"""The points of the runtime at which its processes are made to die by tests, named where they matter.

Between any two of them the database says something else, so a process that ends there leaves its own kind of rest. The
product itself never dies here: only code can set `hook`, no setting and no environment variable does, and as long as it
is None a point costs one look at it. `tests/faults/test_crash_points.py` has a case for each.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any


class Point(StrEnum):
    """A moment after something has happened, durable or not, and before what must follow it."""

    # Web and commands
    #: An execution is committed, nobody was told.
    EXECUTION_STORED = "execution-stored"
    #: The wish to cancel is committed, nobody has ended anything.
    CANCEL_STORED = "cancel-stored"
    #: What nobody holds is ended, workers were not told of the rest.
    CANCEL_UNTOLD = "cancel-untold"
    #: A person's decision is committed, nobody was told.
    DECISION_STORED = "decision-stored"

    # A hosting worker's life
    #: The worker's row is there, nothing is claimed.
    SIGNED_ON = "signed-on"
    #: Asked to stop: what an execution had is written, the execution is not handed back.
    DRAINED = "drained"
    #: Everything is handed back, the worker has not signed off.
    RELEASED = "released"

    # An execution
    #: Claimed by this worker, nothing of it was read.
    CLAIMED = "claimed"
    #: Plan and records are read, nothing was started.
    LOADED = "loaded"
    #: It cannot go on, and that is not written.
    GIVING_UP = "giving-up"
    #: Its end is decided, not written.
    ENDING = "ending"
    #: All that is left of it waits, which is not written.
    PARKING = "parking"
    #: Its end is written, its parent was not told.
    PARENT_UNTOLD = "parent-untold"
    #: Its parent is queued, no worker was told.
    PARENT_QUEUED = "parent-queued"

    # A run of a node
    #: It stands for the run that it runs; for a step that must happen once, durably.
    INTENT = "intent"
    #: The block has yielded a value, which nobody has.
    YIELDED = "yielded"
    #: The file of a large value is there, no row names it.
    BLOB_SAVED = "blob-saved"
    #: A value has travelled, and may not be written.
    EMITTED = "emitted"
    #: The block has ended, which nobody knows.
    BLOCK_ENDED = "block-ended"
    #: The run's end was told to the scheduler, and may not be written.
    RUN_ENDED = "run-ended"
    #: A part of what stands for the run's result has travelled: of an earlier execution's, of a person's.
    GIVING = "giving"

    # What a run waits for
    #: That it waits for another graph is written, that graph was not started.
    CHILD_WANTED = "child-wanted"
    #: The other graph's execution is started, the run does not wait yet.
    CHILD_STARTED = "child-started"
    #: The other graph's execution is over, what it gave is nowhere in this one.
    CHILD_OVER = "child-over"

    # The recorder
    #: All statements of a transaction were carried out, it is not committed.
    WRITTEN = "written"
    #: A transaction is committed, nobody was told, not even those who wait for it in this process.
    COMMITTED = "committed"
    #: Redis has the wake-ups.
    PUBLISHED = "published"

    # Isolated nodes
    #: The job's row is there, no worker was told.
    JOB_STORED = "job-stored"
    #: The job is in the queue, its host does not wait for it yet.
    JOB_QUEUED = "job-queued"
    #: A process has taken the job, its block has not begun.
    JOB_TAKEN = "job-taken"
    #: The block has ended, its result is not written.
    JOB_ENDED = "job-ended"
    #: The result is written, its host was not told.
    JOB_WRITTEN = "job-written"
    #: The host has the result, the job's row is still there.
    JOB_READ = "job-read"

    # The sweeper
    #: What is lost is queued again, which is not committed.
    SWEEPING = "sweeping"
    #: It is committed, nobody was told.
    SWEPT = "swept"


#: Called at every point with what is at hand there; only tests set it.
hook: Callable[[Point, Any], None] | None = None


def reached(point: Point, about: Any = None) -> None:
    """The process is at this point; `about` is what it is busy with."""
    if hook is not None:
        hook(point, about)

"""The disk of the large values is full: the step says so, can be run again, and nobody else is harmed."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from executions import services
from executions.engine.status import Status
from executions.models import Execution, Output
from executions.rerun import retry_execution
from executions.values import load
from tests.executions.hosting import drawn, ended, error_of
from tests.faults.conftest import MakeRig
from tests.faults.processes import Process
from tests.faults.rig import QUICK, Rig
from tests.faults.underway import UnderWay

pytestmark = pytest.mark.faults

LARGE = "x" * 60_000
#: What a file may have: a large value is cut off in the middle, as on a disk that becomes full.
ROOM_BYTES = 40_000


@contextmanager
def without_room(worker: Process) -> Iterator[None]:
    """Files that the worker writes can grow to 40 KB and no more."""
    assert worker.pid is not None
    usual = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, usual[1]))
    yield
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, usual)


def files_of_blobs() -> set[Path]:
    return {path for path in Path(settings.DATA_DIR, "blobs").rglob("*") if path.is_file()}


def start_large(rig: Rig) -> Execution:
    nodes = {"a": ("core.value", {"value": LARGE}), "out": ("io.output", {"name": "text"})}
    return services.start_execution(drawn(rig.owner, nodes, "a.value -> out.value"), user=rig.owner, inputs={})


def test_a_full_disk_fails_the_step_clearly_and_harms_nobody(make_rig: MakeRig) -> None:
    rig = make_rig(workers=1, environment=QUICK)
    neighbours, files = UnderWay(rig, executions=2, items=20), files_of_blobs()
    with without_room(rig.workers[0]):
        failed = ended(start_large(rig))
    neighbours.end()
    assert failed.status == Status.FAILED
    assert "could not be stored" in error_of(failed, "a")["message"]
    assert "run again from the step" in error_of(failed, "a")["message"]
    assert files_of_blobs() == files
    again = ended(retry_execution(failed, user=rig.owner))
    assert (again.status, again.outputs) == (Status.COMPLETED, {"text": LARGE})
    assert load(Output.objects.filter(execution=again, port="value")[0]) == LARGE
    assert all(path.stat().st_size > ROOM_BYTES for path in files_of_blobs() - files)

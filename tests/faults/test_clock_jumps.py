"""The wall clock of a worker jumps by minutes and hours: nothing comes early or late, and no lease is lost."""

import itertools
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from agentflow.graphs.models import Graph
from agentflow.graphs.spec import Limits
from executions import services
from executions.engine.status import Status
from executions.models import Execution
from tests.executions.hosting import drawn, ended
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig
from tests.faults.shifted_clock import VARIABLE, set_shift

pytestmark = pytest.mark.faults

JUMPS = (3_600.0, -3_600.0, 600.0, -600.0)
#: Longer than what stays on a worker: a timer in the database.
TIMER_SECONDS = 6.0
LIMIT_SECONDS = 3.0
MOST_OFF_SECONDS = 2.0
#: Between two jumps.
PAUSE_SECONDS = 1.0


def test_nothing_comes_early_or_late(make_rig: MakeRig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = tmp_path / "clock"
    set_shift(clock, 0)
    rig = make_rig(workers=0)
    modules = {"AGENTFLOW_BLOCK_MODULES": "tests.faults.blocks,tests.faults.shifted_clock", VARIABLE: str(clock)}
    rig.add_worker(modules).until_ready()
    assert_jumps(rig, clock)
    rig.add_worker().until_ready()
    pids = [worker.pid for worker in rig.workers]
    off = started_while_it_jumps(rig, clock)
    with capsys.disabled():
        print(f"\nclock jumps: {len(off)} timers and limits, off by {min(off):+.2f} to {max(off):+.2f} s")  # noqa: T201
    assert max(map(abs, off)) <= MOST_OFF_SECONDS
    assert [worker.pid for worker in rig.workers] == pids
    kinds = {event["kind"] for execution in Execution.objects.all() for event in execution.events}
    assert "worker_lost" not in kinds


def assert_jumps(rig: Rig, clock: Path) -> None:
    """The worker's own clock is what is set: a block that tells the time is an hour ahead."""
    graph = drawn(rig.owner, {"n": ("time.now", {}), "out": ("io.output", {"name": "now"})}, "n.iso -> out.value")
    ended(services.start_execution(graph, user=rig.owner, inputs={}))
    set_shift(clock, 3_600)
    execution = ended(services.start_execution(graph, user=rig.owner, inputs={}))
    assert execution.outputs is not None
    told = datetime.fromisoformat(execution.outputs["now"])
    assert 3_500 < (told - datetime.now(UTC)).total_seconds() < 3_700


def started_while_it_jumps(rig: Rig, clock: Path) -> list[float]:
    """Timers and time limits that begin after each jump and end after the next ones: how many seconds each was off."""
    timer = drawn(rig.owner, {"t": ("core.delay", {"seconds": TIMER_SECONDS})})
    limited = drawn(rig.owner, {"t": ("core.delay", {"seconds": 60})}, limits=Limits(seconds=LIMIT_SECONDS))
    lasts: dict[UUID, float] = {}
    took: dict[UUID, float] = {}
    for jump in (*JUMPS, 0.0):
        set_shift(clock, jump)
        for graph, seconds in ((timer, TIMER_SECONDS), (timer, TIMER_SECONDS), (limited, LIMIT_SECONDS)):
            lasts[start(rig, graph)] = seconds
        watch(lasts, took)
    for jump in itertools.cycle(JUMPS):
        set_shift(clock, jump)
        watch(lasts, took)
        if len(took) == len(lasts):
            break
    statuses = set(Execution.objects.filter(pk__in=lasts, graph=timer).values_list("status", flat=True))
    assert statuses == {Status.COMPLETED}
    assert set(Execution.objects.filter(pk__in=lasts, graph=limited).values_list("reason", flat=True)) == {"timeout"}
    return [took[id] - lasts[id] for id in lasts]


def watch(lasts: Mapping[UUID, float], took: dict[UUID, float]) -> None:
    """Until the next jump, note what is over, and how long it took; the database's clock is this machine's."""
    until_at = time.monotonic() + PAUSE_SECONDS
    while time.monotonic() < until_at:
        over = Execution.objects.filter(pk__in=lasts.keys() - took.keys(), ended_at__isnull=False)
        for id, started_at in over.values_list("pk", "started_at"):
            assert started_at is not None
            took[id] = time.time() - started_at.timestamp()
        time.sleep(0.02)


def start(rig: Rig, graph: Graph) -> UUID:
    return services.start_execution(graph, user=rig.owner, inputs={}).pk

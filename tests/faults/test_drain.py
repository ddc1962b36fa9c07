"""Workers that are asked to stop hand everything over at once; steps shorter than the grace run once."""

import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F, Max, Min
from pytest_django import DjangoDbBlocker

from agentflow.graphs.models import Graph
from executions import services
from executions.engine.status import Status
from executions.models import Execution, NodeJob, Output, Worker
from tests.executions.hosting import drawn, ended
from tests.faults.figures import percentile, shown
from tests.faults.processes import Process
from tests.faults.rig import Rig
from tests.faults.servers import Servers
from tests.faults.stamps import FILE, stamps
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.faults]

MODULES = "tests.faults.blocks,tests.faults.stamps,tests.faults.poison,tests.executions.blocks"
RESUMED_WITHIN_SECONDS = 1.0
ITEMS = 40


@pytest.fixture(scope="module")
def rig(
    rig_servers: Servers, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("drain")
    environment = {FILE: str(folder / "stamps")}
    with django_db_blocker.unblock():
        rig = Rig(rig_servers, folder, workers=2, node_workers=2, block_modules=MODULES, environment=environment)
        with rig:
            yield rig


@pytest.fixture(autouse=True)
def _everybody_at_work(rig: Rig) -> None:
    for process in rig.processes:
        process.until_ready()


def loop(rig: Rig, items: int = ITEMS) -> Graph:
    """Items through a step of a moment each, four at a time."""
    nodes: dict[str, Any] = {
        "items": ("core.value", {"value": list(range(items))}),
        "each": ("logic.for_each", {"at_once": 4}),
        "do": ("stamp.loop", {"seconds": 0.1}),
        "all": ("logic.collect", {}),
        "out": ("io.output", {"name": "items"}),
    }
    links = "items.value -> each.items; each.item -> do.value; do.value -> all.items; all.items -> out.value"
    return drawn(rig.owner, nodes, links)


def stop(worker: Process, number: signal.Signals = signal.SIGTERM) -> int:
    pid = worker.pid
    assert pid is not None
    assert worker._signal(number) == pid
    return pid


def resumed_after(execution: Execution) -> list[float]:
    """From each hand-over to the first step that began after it, by the database's clock."""
    found = []
    for at in [datetime.fromisoformat(each["at"]) for each in execution.events if each["kind"] == "handed_over"]:
        first = execution.node_executions.filter(started_at__gt=at).aggregate(first=Min("started_at"))["first"]
        if first is not None:
            found.append((first - at).total_seconds())
    return found


def roll(rig: Rig, restarts: int, every_seconds: float) -> list[tuple[Process, int]]:
    """One worker after the other is asked to stop when the others are at work, and comes back."""
    stopped = []
    for number in range(restarts):
        worker = rig.workers[number % len(rig.workers)]
        for each in rig.workers:
            each.until_ready()
        stopped.append((worker, stop(worker)))
        time.sleep(every_seconds)
    return stopped


def assert_rolled(rig: Rig, restarts: int, number: int, seconds: float, capsys: pytest.CaptureFixture[str]) -> None:
    graph = loop(rig)
    executions = [services.start_execution(graph, user=rig.owner, inputs={}) for _ in range(number)]
    stopped = roll(rig, restarts, 2)
    done = [ended(execution, seconds) for execution in executions]
    deaths = [worker.until_dead(pid) for worker, pid in stopped]
    taken = [each for execution in done for each in resumed_after(execution)]
    with capsys.disabled():
        print("\n" + shown("hand-over to progress resumed", taken))  # noqa: T201 - a figure for the note
    assert {death.code for death in deaths} == {0}
    assert {execution.status for execution in done} == {Status.COMPLETED}
    assert all(execution.outputs == {"items": list(range(ITEMS))} for execution in done)
    attempts = max(execution.node_executions.aggregate(most=Max("attempt"))["most"] for execution in done)
    mine = {str(execution.pk) for execution in done}
    keys = [stamp.key for stamp in stamps(rig.folder / "stamps") if stamp.execution in mine]
    assert (attempts, len(keys), len(set(keys))) == (1, number * ITEMS, number * ITEMS)
    assert not Execution.objects.exclude(holder=None).filter(holder__stopped_at__isnull=False).exists()
    assert any(taken)
    assert percentile(taken, 99) <= RESUMED_WITHIN_SECONDS


def test_rolling_restarts_lose_and_repeat_nothing(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert_rolled(rig, 4, 10, 60, capsys)


@pytest.mark.slow
def test_two_hundred_rolling_restarts(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(20):
        assert_rolled(rig, 10, 60, 120, capsys)


def held(rig: Rig, execution: Execution) -> Process:
    """The worker at which its step has begun."""
    until(lambda: execution.node_executions.filter(status=Status.RUNNING).exists())
    worker = rig.holder_of(execution)
    assert worker is not None
    return worker


def test_second_signal_hands_over_what_still_runs(rig: Rig) -> None:
    execution = services.start_execution(
        drawn(rig.owner, {"do": ("stamp.loop", {"seconds": 30})}), user=rig.owner, inputs={}
    )
    worker = held(rig, execution)
    pid = stop(worker, signal.SIGINT)
    time.sleep(1.1)  # two signals within a second are one
    assert Execution.objects.get(pk=execution.pk).epoch == 1
    asked_at = time.monotonic()
    stop(worker)
    until(lambda: Execution.objects.get(pk=execution.pk).epoch >= 3)
    assert worker.until_dead(pid).code == 0
    assert time.monotonic() - asked_at < 5
    services.cancel_execution(execution, user=rig.owner)


@pytest.mark.parametrize("how", ["sleep", "thread"])
def test_worker_ends_although_a_block_has_left_threads(rig: Rig, how: str) -> None:
    execution = services.start_execution(
        drawn(rig.owner, {"p": ("poison.thread", {"how": how}), "g": ("stamp.loop", {"seconds": 30})}),
        user=rig.owner,
        inputs={},
    )
    worker = held(rig, execution)
    services.cancel_execution(execution, user=rig.owner)
    ended(execution, 5)
    pid = stop(worker)
    assert worker.until_dead(pid, seconds=10).code == 0


def node_worker_of(rig: Rig, job: NodeJob) -> Process:
    """The worker whose process runs the job."""
    pid = int(job.claimed_by.rpartition("-")[2])
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return next(worker for worker in rig.node_workers if worker.pid == parent)


def taken(execution: Execution, other_than: str = "") -> NodeJob:
    job = until(
        lambda: (
            NodeJob.objects.filter(execution=execution, claimed_at__isnull=False).exclude(claimed_by=other_than).first()
        ),
        seconds=30,
    )
    assert job is not None
    return job


def test_node_worker_that_is_asked_to_stop_lets_its_node_end(rig: Rig) -> None:
    graph = drawn(rig.owner, {"do": ("stamp.process", {"seconds": 1.5})})
    execution = services.start_execution(graph, user=rig.owner, inputs={})
    worker = node_worker_of(rig, taken(execution))
    pid = stop(worker)
    execution = ended(execution)
    assert (execution.status, worker.until_dead(pid).code) == (Status.COMPLETED, 0)
    keys = [each for each in stamps(rig.folder / "stamps") if each.execution == str(execution.pk)]
    assert len(keys) == 1


def test_node_worker_that_is_asked_twice_gives_its_node_back(rig: Rig) -> None:
    graph = drawn(rig.owner, {"do": ("stamp.process", {"seconds": 8})})
    execution = services.start_execution(graph, user=rig.owner, inputs={})
    job = taken(execution)
    worker = node_worker_of(rig, job)
    pid = stop(worker)
    time.sleep(1.1)  # two signals within a second are one
    stop(worker)
    asked_at = time.monotonic()
    other = taken(execution, other_than=job.claimed_by)
    assert time.monotonic() - asked_at < 3
    assert (other.token, worker.until_dead(pid).code) == (job.token, 0)
    assert ended(execution, 30).status == Status.COMPLETED
    assert Output.objects.filter(execution=execution).count() == 1


def test_worker_leaves_no_lease(rig: Rig) -> None:
    """The rows of workers that were asked to stop say so."""
    living = {worker.until_ready() for worker in rig.processes}
    until(lambda: not Worker.objects.filter(stopped_at=None).exclude(process_id__in=living).exists())
    assert not Execution.objects.filter(ended_at=None).exclude(holder=F("holder")).exists()

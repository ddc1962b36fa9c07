"""Cancelled runs end soon whatever they were at, and nothing of them starts after the acknowledgement."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from pytest_django import DjangoDbBlocker

from agentflow.graphs.models import Graph
from executions import services
from executions.engine.status import FINAL, Status
from executions.models import Execution, NodeExecution, NodeJob
from tests.executions.hosting import drawn
from tests.faults.figures import percentile, shown
from tests.faults.rig import Rig
from tests.faults.servers import Servers
from tests.faults.stamps import FILE, stamps
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.faults]

MODULES = "tests.faults.blocks,tests.faults.stamps,tests.executions.blocks"
#: From the request to the end, p99.
ON_LOOP_SECONDS, IN_PROCESS_SECONDS, WORKER_DEAD_SECONDS = 1.0, 3.0, 5.0
SEED = random.randrange(10**6)
STORM = 150


@pytest.fixture(scope="module")
def rig(
    rig_servers: Servers, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("cancel")
    environment = {FILE: str(folder / "stamps")}
    with django_db_blocker.unblock():
        rig = Rig(rig_servers, folder, workers=2, node_workers=1, block_modules=MODULES, environment=environment)
        with rig:
            yield rig


def loop_of(rig: Rig, block: str, config: dict[str, Any], number: int = 200) -> Graph:
    """Items through a node, two at a time."""
    nodes = {
        "items": ("core.value", {"value": list(range(number))}),
        "each": ("logic.for_each", {"at_once": 2}),
        "do": (block, config),
        "then": ("stamp.loop", {"seconds": 0}),
        "all": ("logic.collect", {}),
    }
    links = "items.value -> each.items; each.item -> do.value; do.value -> then.value; then.value -> all.items"
    return drawn(rig.owner, nodes, links)


@dataclass(slots=True)
class Cancelled:
    """One cancelled execution and when the cancel was acknowledged."""

    execution: Execution
    acknowledged_at: float = 0.0


def start_and_cancel(rig: Rig, graphs: Sequence[Graph], number: int, longest: float) -> list[Cancelled]:
    """Executions of the graphs in turn, each cancelled at a random moment after its start."""
    chance = random.Random(SEED)
    plan: list[tuple[float, str, int]] = []
    for index in range(number):
        at = index * 0.05
        plan += [(at, "start", index), (at + chance.uniform(0, longest), "cancel", index)]
    found: dict[int, Cancelled] = {}
    begun_at = time.monotonic()
    for at, what, index in sorted(plan):
        time.sleep(max(0.0, begun_at + at - time.monotonic()))
        if what == "start":
            graph = graphs[index % len(graphs)]
            found[index] = Cancelled(services.start_execution(graph, user=rig.owner, inputs={}))
        else:
            cancel(rig, found[index])
    return list(found.values())


def cancel(rig: Rig, each: Cancelled) -> None:
    services.cancel_execution(each.execution, user=rig.owner)
    each.acknowledged_at = time.time()


def all_ended(executions: Iterable[Execution], seconds: float) -> list[Execution]:
    ids = [execution.pk for execution in executions]
    until(lambda: not Execution.objects.filter(pk__in=ids, ended_at=None).exists(), seconds=seconds)
    return list(Execution.objects.filter(pk__in=ids))


def family_of(execution: Execution) -> list[Execution]:
    return [execution, *Execution.objects.filter(parent=execution)]


def latencies(executions: Iterable[Execution]) -> list[float]:
    """From the request of the cancel to the end, by the database's clock; those that ended otherwise have none."""
    found = Execution.objects.filter(pk__in=[each.pk for each in executions], status=Status.CANCELLED)
    taken = found.annotate(taken=F("ended_at") - F("cancel_requested_at")).values_list("taken", flat=True)
    return [each.total_seconds() for each in taken]


def started_late(each: Cancelled) -> list[tuple[str, float]]:
    """Nodes of the execution and its children that started after the acknowledgement, and by how much."""
    late = datetime.fromtimestamp(each.acknowledged_at).astimezone()
    rows = NodeExecution.objects.filter(execution__in=family_of(each.execution), started_at__gt=late)
    return [(row.node, row.started_at.timestamp() - each.acknowledged_at) for row in rows if row.started_at]


def assert_nothing_after(cancelled: Sequence[Cancelled], file: Path) -> None:
    """No node of these began after the acknowledgement, neither by its row nor by its effect; nothing is left open."""
    told = {str(member.pk): each.acknowledged_at for each in cancelled for member in family_of(each.execution)}
    late = [stamp for stamp in stamps(file) if stamp.at > told.get(stamp.execution, stamp.at)]
    assert late == [], f"seed {SEED}"
    assert [node for each in cancelled for node in started_late(each)] == [], f"seed {SEED}"
    assert not NodeExecution.objects.filter(execution__in=list(told)).exclude(status__in=FINAL).exists()
    assert not NodeJob.objects.filter(execution__in=list(told)).exists()


def told(capsys: pytest.CaptureFixture[str], name: str, taken: Iterable[float]) -> None:
    with capsys.disabled():
        print("\n" + shown(name, taken))  # noqa: T201 - a figure for the note


def cancelled_at_random(rig: Rig, number: int, capsys: pytest.CaptureFixture[str]) -> None:
    on_loop = loop_of(rig, "stamp.loop", {"seconds": 0.01})
    pure = loop_of(rig, "core.value", {})
    parent = drawn(rig.owner, {"run": ("graph.run", {"graph": on_loop.pk})})
    cancelled = start_and_cancel(rig, [on_loop, pure, parent], number, 1.5)
    everybody = [member for each in cancelled for member in family_of(each.execution)]
    all_ended(everybody, 20)
    taken = latencies(everybody)
    told(capsys, f"cancel of nodes on the loop (seed {SEED})", taken)
    assert_nothing_after(cancelled, rig.folder / "stamps")
    assert percentile(taken, 99) <= ON_LOOP_SECONDS


def test_nothing_starts_after_a_cancel_at_any_moment(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    cancelled_at_random(rig, 60, capsys)


@pytest.mark.slow
def test_nothing_starts_after_a_thousand_cancels(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    cancelled_at_random(rig, 1_000, capsys)


def test_process_of_a_cancelled_node_is_dead_soon(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    graph = drawn(rig.owner, {"do": ("stamp.process", {"seconds": 60})})
    taken = []
    for _ in range(5):
        execution = services.start_execution(graph, user=rig.owner, inputs={})
        process = process_of(execution)
        asked_at = time.monotonic()
        services.cancel_execution(execution, user=rig.owner)
        until(lambda process=process: not process.exists(), seconds=10)  # type: ignore[misc]  # bound now
        taken.append(time.monotonic() - asked_at)
        all_ended([execution], 5)
    told(capsys, "cancel of a node until its process is dead", taken)
    assert max(taken) <= IN_PROCESS_SECONDS


def process_of(execution: Execution) -> Path:
    job = until(lambda: NodeJob.objects.filter(execution=execution, claimed_at__isnull=False).first(), seconds=30)
    assert job is not None
    return Path(f"/proc/{job.claimed_by.rpartition('-')[2]}")


@pytest.mark.parametrize("end", ["kill", "pause"])
def test_cancel_ends_what_a_dead_worker_holds(rig: Rig, capsys: pytest.CaptureFixture[str], end: str) -> None:
    graph = drawn(rig.owner, {"do": ("stamp.loop", {"seconds": 600})})
    executions = [services.start_execution(graph, user=rig.owner, inputs={}) for _ in range(10)]
    ids = [execution.pk for execution in executions]
    until(lambda: NodeExecution.objects.filter(execution__in=ids, status=Status.RUNNING).count() == len(ids))
    worker = rig.holder_of(executions[0])
    assert worker is not None
    killed = worker.kill() if end == "kill" else None
    if end == "pause":
        worker.pause()
    services.cancel_executions(executions, user=rig.owner)
    all_ended(executions, 20)
    taken = latencies(executions)
    told(capsys, f"cancel with the worker gone ({end})", taken)
    worker.resume()
    worker.until_ready(other_than=killed)
    assert max(taken) <= WORKER_DEAD_SECONDS
    assert set(Execution.objects.filter(pk__in=ids).values_list("status", flat=True)) == {Status.CANCELLED}


def test_storm_of_cancels(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """Hundreds at once, each twice, while some are queued, some park and some are about to end."""
    graphs = [
        drawn(rig.owner, {"do": ("stamp.loop", {"seconds": 600})}),
        drawn(rig.owner, {"do": ("core.delay", {"seconds": 600})}),
        drawn(rig.owner, {"do": ("stamp.loop", {"seconds": 0.5})}),
    ]
    executions = [
        each
        for graph in graphs
        for each in services.start_executions(graph, user=rig.owner, inputs_list=[{}] * (STORM // len(graphs)))
    ]
    for _ in range(2):
        services.cancel_executions(executions, user=rig.owner)
    over = all_ended(executions, 20)
    taken = latencies(executions)
    told(capsys, "cancel in a storm", taken)
    assert {each.status for each in over} <= {Status.CANCELLED, Status.COMPLETED}
    ids = [each.pk for each in executions]
    assert not NodeExecution.objects.filter(execution__in=ids).exclude(status__in=FINAL).exists()

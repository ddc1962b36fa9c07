"""A process dies at each named point of the runtime, for each effect class and place of running: nothing is lost."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.graphs.models import Graph, GraphVersion
from blocks.base import Effect, RunsIn
from blocks.registry import configure
from executions.approvals import decide
from executions.crash_points import Point
from executions.engine.status import Status
from executions.models import Approval, Execution
from tests import factories
from tests.executions.conftest import lasting_db  # noqa: F401 - a fixture
from tests.executions.hosting import drawn, ended
from tests.faults.crash_blocks import block_id
from tests.faults.crashing import KILLED, Stage, family, quick_environment, rescuer
from tests.faults.forks import Trap, forks
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.faults, pytest.mark.usefixtures("db")]

ITEMS = [10, 20, 30]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> Iterator[None]:  # noqa: F811 - the fixture
    """Stays for all tests of this module."""
    configure(["tests.faults.crash_blocks"])
    yield
    configure(())


@pytest.fixture(scope="module")
def stage(db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("crashes")
    with forks(quick_environment(), folder / "trap") as forking:
        nodes_worker = forking.fork("work", "nodes")
        yield Stage(forking, factories.user("alice"), folder / "effects", nodes_worker)


@pytest.fixture(autouse=True)
def _nothing_is_left(stage: Stage) -> Iterator[None]:
    """A case that fails leaves no worker to the next one."""
    yield
    stage.forks.remove_trap()
    for worker in stage.forks.living - {stage.nodes_worker}:
        os.kill(worker, signal.SIGKILL)
        stage.bury(worker)


def looping(stage: Stage, effect: Effect, place: RunsIn, size: int = 0) -> Graph:
    """Three items through a step that gives a stream and a value, which goes into a step of another kind."""
    nodes: dict[str, Any] = {
        "items": ("core.value", {"value": ITEMS}),
        "each": ("logic.for_each", {}),
        "step": (block_id(effect, place), {"size": size}),
        "parts": ("logic.collect", {}),
        "after": (block_id(Effect.IDEMPOTENT, RunsIn.ASYNC), {}),
        "all": ("logic.collect", {}),
        "values": ("io.output", {"name": "values"}),
        "items_of_parts": ("io.output", {"name": "parts"}),
    }
    links = (
        "items.value -> each.items; each.item -> step.value; step.part -> parts.items; step.value -> after.value;"
        "after.value -> all.items; all.items -> values.value; parts.items -> items_of_parts.value"
    )
    return stage.graph(f"{effect} {place} {size}", nodes, links)


#: Points that every run of a step passes; the second of three runs dies there.
OF_A_RUN = [
    Trap(Point.INTENT, "step", times=2),
    Trap(Point.YIELDED, "step", times=2),
    Trap(Point.EMITTED, "step", times=2),
    Trap(Point.BLOCK_ENDED, "step", times=2),
    Trap(Point.RUN_ENDED, "step", times=2),
    Trap(Point.WRITTEN, "step", writes=Status.COMPLETED),
    Trap(Point.COMMITTED, "step", writes=Status.COMPLETED),
]


@pytest.mark.parametrize("place", RunsIn)
@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("trap", OF_A_RUN, ids=lambda trap: trap.point)
def test_worker_dies_in_a_run(stage: Stage, trap: Trap, effect: Effect, place: RunsIn) -> None:
    assert_survives(stage, looping(stage, effect, place), trap)


@pytest.mark.parametrize("place", RunsIn)
@pytest.mark.parametrize("point", [Point.WRITTEN, Point.COMMITTED])
def test_worker_dies_when_it_writes_an_intent(stage: Stage, point: Point, place: RunsIn) -> None:
    assert_survives(stage, looping(stage, Effect.ONCE, place), Trap(point, "step", writes=Status.RUNNING))


@pytest.mark.parametrize("effect", Effect)
def test_worker_dies_between_a_large_value_and_its_row(stage: Stage, effect: Effect) -> None:
    graph = looping(stage, effect, RunsIn.ASYNC, size=40_000)
    assert_survives(stage, graph, Trap(Point.BLOB_SAVED, "step", times=2))


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("point", [Point.JOB_STORED, Point.JOB_QUEUED, Point.JOB_READ])
def test_worker_dies_beside_an_isolated_node(stage: Stage, point: Point, effect: Effect) -> None:
    assert_survives(stage, looping(stage, effect, RunsIn.PROCESS), Trap(point, "step", times=2))


@pytest.mark.parametrize("with_parent", [False, True], ids=["", "with-its-worker"])
@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("point", [Point.JOB_TAKEN, Point.JOB_ENDED, Point.JOB_WRITTEN])
def test_process_of_an_isolated_node_dies(stage: Stage, point: Point, effect: Effect, *, with_parent: bool) -> None:
    graph = looping(stage, effect, RunsIn.PROCESS)
    expected = stage.fault_free(graph)
    stage.forks.set_trap(Trap(point, "step", with_parent=with_parent))
    with rescuer():
        execution = stage.start(graph)
        until(lambda: stage.forks.is_sprung)
        if with_parent:
            assert stage.forks.wait(stage.nodes_worker) == KILLED
            stage.nodes_worker = stage.forks.fork("work", "nodes")
            stage.silence(stage.forks.victim)
        is_unknown = effect is Effect.ONCE and point != Point.JOB_WRITTEN
        unknown = {stage.forks.victim} if is_unknown else set()
        stage.settle(execution, unknown)
        execution = ended(execution)
    stage.assert_sound(execution, unknown)
    assert (execution.status, execution.outputs) == (Status.COMPLETED, expected)


def assert_survives(stage: Stage, graph: Graph, *traps: Trap) -> Execution:
    """One worker after the other dies, the last one gives what a run without faults gives."""
    expected = stage.fault_free(graph)
    execution = stage.start(graph)
    for trap in traps:
        stage.crash(trap, execution)
    execution = stage.rescue(execution)
    assert (execution.status, execution.outputs) == (Status.COMPLETED, expected)
    return execution


# The life of an execution


def chain(stage: Stage) -> Graph:
    """Three items through a step of each effect class."""
    nodes: dict[str, Any] = {"items": ("core.value", {"value": ITEMS}), "each": ("logic.for_each", {})}
    nodes |= {str(effect): (block_id(effect, RunsIn.ASYNC), {}) for effect in Effect}
    nodes |= {"all": ("logic.collect", {}), "values": ("io.output", {"name": "values"})}
    links = (
        "items.value -> each.items; each.item -> pure.value; pure.value -> idempotent.value;"
        "idempotent.value -> once.value; once.value -> all.items; all.items -> values.value"
    )
    return stage.graph("chain", nodes, links)


OF_AN_EXECUTION = [
    Trap(Point.SIGNED_ON),
    Trap(Point.CLAIMED),
    Trap(Point.LOADED),
    Trap(Point.PUBLISHED),
    Trap(Point.ENDING),
    Trap(Point.WRITTEN, writes="ending"),
    Trap(Point.COMMITTED, writes="ending"),
]


@pytest.mark.parametrize("trap", OF_AN_EXECUTION, ids=str)
def test_worker_dies_between_claim_and_end(stage: Stage, trap: Trap) -> None:
    assert_survives(stage, chain(stage), trap)


@pytest.mark.parametrize(
    "traps",
    [
        [Trap(Point.YIELDED, "idempotent"), Trap(Point.LOADED)],
        [Trap(Point.YIELDED, "once"), Trap(Point.WRITTEN, "once", writes=Status.WAITING)],
        [Trap(Point.YIELDED, "once"), Trap(Point.PARKING)],
        [Trap(Point.COMMITTED, "pure", writes=Status.COMPLETED), Trap(Point.EMITTED, "idempotent", times=3)],
        [Trap(Point.EMITTED, "pure"), Trap(Point.EMITTED, "pure", times=2), Trap(Point.EMITTED, "pure", times=3)],
        [Trap(Point.CLAIMED), Trap(Point.SWEEPING), Trap(Point.SWEPT)],
        [Trap(Point.YIELDED, "once"), Trap(Point.SWEEPING), Trap(Point.SWEPT)],
    ],
    ids=lambda traps: "-then-".join(trap.point for trap in traps),
)
def test_workers_die_one_after_the_other(stage: Stage, traps: list[Trap]) -> None:
    assert_survives(stage, chain(stage), *traps)


@pytest.mark.parametrize("point", [Point.DRAINED, Point.RELEASED])
def test_worker_dies_while_it_hands_over(stage: Stage, point: Point) -> None:
    nodes: dict[str, Any] = {"wait": ("core.delay", {"seconds": 0.3, "value": 1}), "o": ("io.output", {"name": "o"})}
    nodes |= {"before": (block_id(Effect.ONCE, RunsIn.ASYNC), {}), "once": (block_id(Effect.ONCE, RunsIn.ASYNC), {})}
    links = "before.value -> wait.value; wait.value -> once.value; once.value -> o.value"
    graph = stage.graph("slow", nodes, links)
    expected = stage.fault_free(graph)
    execution = stage.start(graph)
    stage.forks.set_trap(Trap(point))
    worker = stage.forks.fork("work", "default")
    until(lambda: execution.node_executions.filter(node="wait").exclude(started_at=None).exists())
    os.kill(worker, signal.SIGTERM)
    stage.bury(worker)
    assert stage.forks.is_sprung
    execution = stage.rescue(execution)
    assert (execution.status, execution.outputs) == (Status.COMPLETED, expected)
    assert len(stage.lines(execution)) == 2


def test_worker_dies_before_it_gives_up(stage: Stage) -> None:
    graph = drawn(stage.owner, {"v": ("core.value", {"value": 1})})
    execution = stage.start(graph)
    broken = {"name": "", "nodes": [{"key": "v", "block": "no.such"}], "links": []}
    GraphVersion.objects.filter(pk=execution.version_id).update(spec=broken)
    stage.crash(Trap(Point.GIVING_UP))
    execution = stage.rescue(execution)
    assert (execution.status, execution.reason) == (Status.FAILED, "invalid")


# What people do


def test_web_process_dies_before_it_tells_of_a_start(stage: Stage) -> None:
    graph = chain(stage)
    expected = stage.fault_free(graph)
    die_in(stage, Trap(Point.EXECUTION_STORED), "start", graph.pk)
    execution = stage.rescue(Execution.objects.filter(graph=graph).latest("created_at"))
    assert (execution.status, execution.outputs) == (Status.COMPLETED, expected)


@pytest.mark.parametrize("is_running", [False, True], ids=["queued", "running"])
@pytest.mark.parametrize("point", [Point.CANCEL_STORED, Point.CANCEL_UNTOLD])
def test_web_process_dies_before_it_tells_of_a_cancel(stage: Stage, point: Point, *, is_running: bool) -> None:
    execution = stage.start(stage.graph("long", {"wait": ("core.delay", {"seconds": 4})}, ""))
    worker = stage.forks.fork("work", "default") if is_running else 0
    if worker:
        until(lambda: execution.node_executions.filter(status=Status.RUNNING).exists())
    die_in(stage, Trap(point), "cancel", execution.pk)
    execution = stage.rescue(execution)
    assert execution.status == Status.CANCELLED


def asking(stage: Stage) -> Graph:
    nodes: dict[str, Any] = {"ask": ("logic.approve", {"payload": 1}), "o": ("io.output", {"name": "o"})}
    nodes |= {"before": (block_id(Effect.ONCE, RunsIn.ASYNC), {}), "once": (block_id(Effect.ONCE, RunsIn.ASYNC), {})}
    links = "before.value -> ask.payload; ask.approved -> once.value; once.value -> o.value"
    return stage.graph("asking", nodes, links)


def asked(execution: Execution) -> Approval:
    (found,) = until(lambda: Approval.objects.filter(execution=execution, kind="approval", decided_at=None))
    return found


def test_web_process_dies_before_it_tells_of_a_decision(stage: Stage) -> None:
    execution = stage.start(asking(stage))
    with rescuer():
        approval = asked(execution)
        until(lambda: Execution.objects.get(pk=execution.pk).holder is None)
    die_in(stage, Trap(Point.DECISION_STORED), "decide", approval.pk, "approved")
    execution = stage.rescue(execution)
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"o": "done done None"})


@pytest.mark.parametrize(
    "trap",
    [
        Trap(Point.PARKING),
        Trap(Point.WRITTEN, writes="parking"),
        Trap(Point.COMMITTED, writes="parking"),
        Trap(Point.COMMITTED, "ask", writes=Status.WAITING),
        Trap(Point.WRITTEN, "ask", writes=Status.WAITING),
    ],
    ids=str,
)
def test_worker_dies_while_somebody_is_asked(stage: Stage, trap: Trap) -> None:
    execution = stage.start(asking(stage))
    stage.crash(trap, execution)
    with rescuer():
        decide(asked(execution), user=stage.owner, decision="approved")
        execution = ended(execution)
    stage.assert_sound(execution)
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"o": "done done None"})


def die_in(stage: Stage, trap: Trap, act: str, *arguments: object) -> None:
    stage.forks.set_trap(trap)
    assert stage.forks.wait(stage.forks.fork(act, *map(str, arguments))) == KILLED
    assert stage.forks.is_sprung


# Graphs that run graphs


def inner(stage: Stage, *, asks: bool = False) -> Graph:
    """What is run for `item` and `accumulator`: a step that may be repeated, one that must not, perhaps a question."""
    nodes: dict[str, Any] = {
        "item": ("io.input", {"name": "item"}),
        "before": ("io.input", {"name": "accumulator", "required": False}),
        "both": ("text.join", {"separator": " "}),
        "idempotent": (block_id(Effect.IDEMPOTENT, RunsIn.ASYNC), {}),
        "once": (block_id(Effect.ONCE, RunsIn.ASYNC), {}),
        "o": ("io.output", {"name": "accumulator"}),
    }
    links = "item.value -> both.items.0; before.value -> both.items.1; both.text -> idempotent.value;"
    links += "once.value -> o.value;"
    if asks:
        nodes["ask"] = ("logic.approve", {})
        links += "idempotent.value -> ask.payload; ask.approved -> once.value"
    else:
        links += "idempotent.value -> once.value"
    return stage.graph(f"inner {asks}", nodes, links)


def calling(stage: Stage, *, asks: bool = False) -> Graph:
    nodes: dict[str, Any] = {
        "call": ("graph.run", {"graph": inner(stage, asks=asks).pk, "item": "a"}),
        "after": (block_id(Effect.IDEMPOTENT, RunsIn.ASYNC), {}),
        "o": ("io.output", {"name": "o"}),
    }
    return stage.graph(f"calling {asks}", nodes, "call.accumulator -> after.value; after.value -> o.value")


def folding(stage: Stage) -> Graph:
    nodes: dict[str, Any] = {
        "fold": ("logic.fold", {"graph": inner(stage).pk, "items": ["a", "b", "c"], "initial": "-"}),
        "steps": ("logic.collect", {}),
        "o": ("io.output", {"name": "o"}),
        "all": ("io.output", {"name": "all"}),
    }
    return stage.graph("folding", nodes, "fold.result -> o.value; fold.step -> steps.items; steps.items -> all.value")


OF_A_CHILD = [
    Trap(Point.CHILD_WANTED),
    Trap(Point.EXECUTION_STORED),
    Trap(Point.CHILD_STARTED),
    Trap(Point.CHILD_OVER),
    Trap(Point.PARENT_UNTOLD),
    Trap(Point.PARENT_QUEUED),
    Trap(Point.WRITTEN, "once", writes=Status.RUNNING),
    Trap(Point.COMMITTED, "once", writes=Status.COMPLETED),
]


@pytest.mark.parametrize("trap", OF_A_CHILD, ids=str)
def test_worker_dies_while_a_graph_runs_another(stage: Stage, trap: Trap) -> None:
    execution = assert_survives(stage, calling(stage), trap)
    assert Execution.objects.filter(parent=execution).count() == 1


@pytest.mark.parametrize(
    "trap",
    [
        Trap(Point.YIELDED, "once"),
        Trap(Point.COMMITTED, "once", writes=Status.COMPLETED),
        Trap(Point.PARENT_UNTOLD),
        Trap(Point.PARENT_QUEUED),
        Trap(Point.CHILD_OVER),
    ],
    ids=str,
)
def test_worker_dies_in_a_child_that_is_waited_for(stage: Stage, trap: Trap) -> None:
    """Parent and child have left their worker; a person lets the child go on."""
    execution = stage.start(calling(stage, asks=True))
    with rescuer(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("executions.processor.LINGER_SECONDS", 0.05)
        until(lambda: not Execution.objects.filter(pk__in=family(execution)).exclude(status=Status.WAITING).exists())
        (child,) = Execution.objects.filter(parent=execution)
    decide(asked(child), user=stage.owner, decision="approved")
    stage.crash(trap, execution)
    execution = stage.rescue(execution)
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"o": "done done done a null"})
    assert len(stage.lines(execution)) == 3


@pytest.mark.parametrize(
    "traps",
    [
        [Trap(Point.CHILD_WANTED, times=2)],
        [Trap(Point.CHILD_STARTED, times=2)],
        [Trap(Point.CHILD_OVER, times=2)],
        [Trap(Point.EMITTED, "fold", times=2)],
        [Trap(Point.COMMITTED, "once", writes=Status.COMPLETED), Trap(Point.CHILD_OVER), Trap(Point.EMITTED, "fold")],
        [Trap(Point.CHILD_OVER, times=3), Trap(Point.CHILD_OVER), Trap(Point.EMITTED, "fold", times=2)],
    ],
    ids=lambda traps: "-then-".join(trap.point for trap in traps),
)
def test_workers_die_in_the_middle_of_a_fold(stage: Stage, traps: list[Trap]) -> None:
    execution = assert_survives(stage, folding(stage), *traps)
    assert Execution.objects.filter(parent=execution).count() == 3


# Running again


def again(stage: Stage, effect: Effect) -> Graph:
    """The items that are given, one by one through two steps."""
    nodes: dict[str, Any] = {
        "items": ("io.input", {"name": "items", "type": "list"}),
        "each": ("logic.for_each", {"at_once": 1}),
        "step": (block_id(effect, RunsIn.ASYNC), {}),
        "after": (block_id(Effect.IDEMPOTENT, RunsIn.ASYNC), {}),
        "all": ("logic.collect", {}),
        "values": ("io.output", {"name": "values"}),
    }
    links = (
        "items.value -> each.items; each.item -> step.value; step.value -> after.value;"
        "after.value -> all.items; all.items -> values.value"
    )
    return stage.graph(f"again {effect}", nodes, links)


def kept(stage: Stage, graph: Graph, items: list[Any], *, then: list[Any]) -> Execution:
    """An execution with `then` that keeps what one with `items` gave."""
    with rescuer():
        first = ended(stage.start(graph, inputs={"items": items}))
    return stage.start(graph, inputs={"items": then}, keep=first)


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize(
    "trap",
    [Trap(Point.GIVING, "step", times=4), Trap(Point.COMMITTED, "step", writes=Status.COMPLETED)],
    ids=lambda trap: trap.point,
)
def test_worker_dies_while_it_takes_what_an_earlier_run_gave(stage: Stage, trap: Trap, effect: Effect) -> None:
    execution = kept(stage, again(stage, effect), [1, 2, 3], then=[1, 2, 3])
    stage.crash(trap, execution)
    execution = stage.rescue(execution)
    assert execution.outputs == {"values": ["done done 1", "done done 2", "done done 3"]}
    assert not stage.lines(execution)


@pytest.mark.parametrize("effect", [Effect.IDEMPOTENT, Effect.ONCE])
def test_what_was_kept_stands_for_one_run_also_after_a_crash(stage: Stage, effect: Effect) -> None:
    """Of two equal items one was there before: the step happens for the other, whoever goes on."""
    execution = kept(stage, again(stage, effect), [7], then=[7, 7])
    stage.crash(Trap(Point.COMMITTED, "after", writes=Status.COMPLETED), execution)
    execution = stage.rescue(execution)
    assert execution.outputs == {"values": ["done done 7", "done done 7"]}
    reused = {(row.node, *row.path): row.reused for row in execution.node_executions.filter(block__startswith="crash.")}
    assert reused == {("step", 0): True, ("step", 1): False, ("after", 0): True, ("after", 1): False}


def test_each_point_has_a_case() -> None:
    """A point that nobody dies at is no point."""
    source = Path(__file__).read_text()
    assert [point for point in Point if f"Point.{point.name}" not in source] == []

"""Runs that wait for something outside, and schedulers that are told what was recorded."""

from agentflow.graphs.spec import Limits
from executions.engine.plan import compile_plan
from executions.engine.scheduler import Finish, Scheduler, Start, Stop
from executions.engine.status import Status
from tests.engine.drawing import BLOCKS, graph


def scheduler(drawing: str, *, concurrency: int = 100, **configs) -> Scheduler:
    return Scheduler(compile_plan(graph(drawing, **configs), BLOCKS), concurrency=concurrency)


def begun(commands) -> list[str]:
    return [command.run.node for command in commands if isinstance(command, Start)]


def runs(commands):
    return {command.run.node: command.run for command in commands if isinstance(command, Start)}


def test_waiting_run_leaves_its_slot_to_others():
    engine = scheduler("a; b; c", concurrency=1)
    first = runs(engine.start())["a"]
    assert begun(engine.wait(first)) == ["b"]
    assert (engine.counts.waiting, engine.counts.running, engine.counts.queued) == (1, 1, 1)


def test_waiting_run_leaves_its_nodes_slot_to_others():
    engine = scheduler("e:each -> w", w={"concurrency": 1})
    each = runs(engine.start())["e"]
    first = runs(engine.emit(each, "item", 1))["w"]
    assert engine.emit(each, "item", 2) == []
    assert begun(engine.wait(first)) == ["w"]


def test_resumed_run_starts_again_when_there_is_room():
    engine = scheduler("a; b", concurrency=1)
    first = runs(engine.start())["a"]
    second = runs(engine.wait(first))["b"]
    assert engine.resume(first) == []
    assert engine.complete(second) == [Start(first)]
    assert isinstance(engine.complete(first)[-1], Finish)


def test_execution_is_not_over_while_a_run_waits():
    engine = scheduler("a -> b")
    first = runs(engine.start())["a"]
    assert engine.wait(first) == []
    assert begun(engine.resume(first)) == ["a"]


def test_what_a_run_yielded_before_it_waited_counts():
    engine = scheduler("a -> b; a.other -> c")
    first = runs(engine.start())["a"]
    engine.emit(first, "out", 1)
    engine.wait(first)
    engine.resume(first)
    assert begun(engine.emit(first, "other", 2)) == ["c"]


def test_cancel_stops_runs_that_wait_and_those_that_want_to_go_on():
    engine = scheduler("a; b; c", concurrency=1)
    a = runs(engine.start())["a"]
    b = runs(engine.wait(a))["b"]
    c = runs(engine.wait(b))["c"]
    engine.resume(b)
    stops = engine.cancel()
    assert {stop.run for stop in stops if isinstance(stop, Stop)} == {a, b, c}
    last = [command for run in (a, b, c) for command in engine.stopped(run)]
    assert [type(command) for command in last] == [Finish]
    assert (engine.counts.cancelled, engine.counts.waiting, engine.counts.queued) == (3, 0, 0)


def test_only_recorded_runs_start_until_the_records_are_told():
    engine = scheduler("a -> x; b; c", concurrency=1)
    told = runs(engine.start({("a", (), 0), ("c", (), 0)}))
    assert set(told) == {"a", "c"}
    engine.emit(told["a"], "out", 1)
    assert engine.complete(told["a"]) == []
    assert engine.complete(told["c"]) == []
    assert begun(engine.release()) == ["b"]


def test_limit_of_a_child_is_what_its_parent_has_left():
    engine = Scheduler(compile_plan(graph("a -> b -> c"), BLOCKS), node_limit=2)
    a = runs(engine.start())["a"]
    b = runs(engine.emit(a, "out", 1))["b"]
    engine.complete(a)
    engine.emit(b, "out", 1)
    end = engine.complete(b)[-1]
    assert isinstance(end, Finish)
    assert (end.status, end.reason) == (Status.FAILED, "limit")


def test_runs_of_children_count_towards_the_limit():
    engine = Scheduler(compile_plan(graph("a -> b"), BLOCKS), node_limit=10)
    a = runs(engine.start())["a"]
    engine.charge(9)
    assert engine.node_executions_left == 0
    assert begun(engine.emit(a, "out", 1)) == []


def test_a_run_that_has_used_up_the_limit_elsewhere_ends_the_execution_and_is_not_told_to_stop():
    engine = scheduler("a -> b; c", limits=Limits(node_executions=4))
    first = runs(engine.start())
    engine.charge(3)
    assert engine.complete(first["a"]) == [Stop(first["c"])]
    (finish,) = engine.stopped(first["c"])
    assert isinstance(finish, Finish)
    assert (finish.reason, (finish.error or {})["limit"]) == ("limit", "node_executions")

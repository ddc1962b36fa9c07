"""Simulated executions run real blocks."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agentflow.graphs.spec import Limits
from blocks.base import Block, BlockError, BlockInput, BlockOutput, Effect, Stream
from executions import node_run
from executions.engine import simulate as simulator
from executions.engine.plan import compile_plan
from executions.engine.simulate import replay, simulate
from executions.engine.simulated import Question
from executions.engine.status import Reason, Status
from tests.engine.drawing import Blocks, graph


class Double(Block):
    """Twice the number, asynchronously."""

    id = "double"
    category = "Test"

    class Input(BlockInput):
        x: int

    class Output(BlockOutput):
        out: int

    async def run(self, input, context):
        if context.attempt and input.x < 0:
            raise BlockError("negative", retry=False)
        yield "out", input.x * 2


class Wait(Block):
    """Waits for the world."""

    id = "wait"
    category = "Test"

    class Output(BlockOutput):
        out: int

    async def run(self, input, context):
        await asyncio.get_running_loop().create_future()
        yield "out", 1


BLOCKS = Blocks(Double, Wait)


def test_asynchronous_blocks_run():
    assert simulate(graph("d:double -> o:output", d={"x": 4}), BLOCKS).outputs == {"o": 8}


def test_execution_inputs_reach_the_graph():
    assert simulate(graph("i:input -> d:double -> o:output"), BLOCKS, {"i": "21"}).outputs == {"o": 42}


def test_an_error_of_a_block_fails_its_run():
    trace = simulate(graph("d:double -> o:output", d={"x": -1}), BLOCKS)
    assert trace.error == {
        "message": "negative",
        "kind": "block",
        "block": "double",
        "attempt": 1,
        "node": "d",
        "path": [],
    }


def test_an_input_that_does_not_fit_fails_the_run():
    trace = simulate(graph("s -> d:double", s={"x": "many"}), BLOCKS)
    assert trace.status is Status.FAILED
    assert trace.error is not None
    assert trace.error["message"] == '“x”: "many" is not a whole number'


def test_a_block_that_waits_for_the_world_fails():
    trace = simulate(graph("w:wait"), BLOCKS)
    assert trace.status is Status.FAILED


def test_a_behaviour_stands_in_for_a_block():
    trace = simulate(graph("w:wait -> o:output"), BLOCKS, behaviours={"w": lambda run, input: [("out", 5)]})
    assert trace.outputs == {"o": 5}


# Waiting


class Sleep(Block):
    """Sleeps, then gives what it got."""

    id = "sleep"
    category = "Test"

    class Input(BlockInput):
        x: Any = None
        seconds: float = 60

    class Output(BlockOutput):
        out: Any

    async def run(self, input, context):
        await context.sleep(input.seconds)
        yield "out", input.x


class Ask(Block):
    """Asks, then gives the decision and what was decided on."""

    id = "ask"
    category = "Test"

    class Input(BlockInput):
        x: Any = None

    class Output(BlockOutput):
        out: Any
        decision: str

    async def run(self, input, context):
        answer = await context.ask("May this be?", input.x)
        yield "decision", answer.decision
        yield "out", answer.payload


class Call(Block):
    """Runs another graph for each item; its run goes on behind what is recorded."""

    id = "call"
    category = "Test"
    resumes = True

    class Input(BlockInput):
        graph: int = 1
        x: Any = None

    class Output(BlockOutput):
        out: Stream[Any]

    async def run(self, input, context):
        for number in range(len(context.recorded.get("out", ())), len(input.x)):
            outputs = await context.run_graph(input.graph, {"i": input.x[number]}, key=str(number))
            yield "out", outputs.get("o")


class Flaky(Block):
    """A stream that breaks off until its third attempt."""

    id = "flaky"
    category = "Test"

    class Input(BlockInput):
        x: Any = None

    class Output(BlockOutput):
        out: Stream[int]

    def run(self, input, context):
        for number in range(3):
            yield "out", number
            if context.attempt == number + 1:
                raise BlockError(f"broke off after {number}")


WAITING = Blocks(Sleep, Ask, Call, Flaky, Double)
YES: Any = {"a": {"decision": "approved"}}


def test_a_run_sleeps_in_simulated_time():
    trace = simulate(graph("s:sleep -> o:output", s={"x": 5, "seconds": 3600}), WAITING)
    assert trace.outputs == {"o": 5}
    row = trace.rows["s", (), 0]
    assert row.waited == 1
    assert row.ended - row.started > 3600


def test_a_short_sleep_does_not_give_up_the_slot():
    trace = simulate(graph("s:sleep; a", s={"seconds": 2}), WAITING, concurrency=1)
    assert trace.rows["s", (), 0].waited == 0
    assert trace.rows["a", (), 0].started >= trace.rows["s", (), 0].ended


def test_others_run_while_a_run_sleeps():
    trace = simulate(graph("s:sleep; a -> b", s={"seconds": 60}), WAITING, concurrency=1)
    assert trace.rows["b", (), 0].ended < trace.rows["s", (), 0].ended


def test_who_is_asked_decides():
    spec = graph("a:ask -> o:output; a.decision -> d:output", a={"x": 5})
    assert simulate(spec, WAITING, decisions=YES).outputs == {"o": 5, "d": "approved"}


def test_decisions_are_made_by_node_and_path():
    spec = graph("rows:each -> a:ask -> o:output; a.decision -> d:output", rows={"items": [1, 2]})
    decisions: Any = {"a": {"decision": "rejected"}, "a [1]": {"decision": "approved", "payload": None}}
    trace = simulate(spec, WAITING, decisions=decisions)
    assert trace.outputs == {"o": [1, None], "d": ["rejected", "approved"]}


def test_an_execution_whose_question_nobody_answers_waits():
    trace = simulate(graph("a:ask -> b; c", a={"x": 5}), WAITING)
    assert (trace.status, trace.counts.waiting, trace.counts.completed) == (Status.WAITING, 1, 1)
    assert trace.rows["a", (), 0].status is Status.WAITING
    assert trace.questions == {("a", (), 0): Question("May this be?", 5)}


def test_a_question_that_is_answered_is_no_question_any_more():
    assert simulate(graph("a:ask"), WAITING, decisions=YES).questions == {}


@pytest.mark.parametrize("at", [0.5, 30, 90])
def test_a_cancel_ends_runs_that_wait(at):
    spec = graph("a:ask -> b; s:sleep -> c", s={"seconds": 60})
    trace = simulate(spec, WAITING, cancel_at=at)
    assert trace.status is Status.CANCELLED
    assert trace.rows["a", (), 0].status is Status.CANCELLED


INNER = graph("i:input -> d:double -> o:output")


def test_a_run_of_another_graph_is_simulated_too():
    spec = graph("c:call -> o:output", c={"x": [4, 5]})
    trace = simulate(spec, WAITING, graphs={1: INNER})
    assert trace.outputs == {"o": [8, 10]}
    assert [child.outputs for child in trace.children["c", (), 0]] == [{"o": 8}, {"o": 10}]


def test_a_failure_of_another_graph_is_told():
    spec = graph("c:call.error.message -> o:output", c={"x": [4, -1]})
    trace = simulate(spec, WAITING, graphs={1: replace(INNER, name="inner")})
    assert trace.outputs == {"o": "The run of “inner” failed: negative."}
    assert trace.values("c", "out") == [8]


def test_another_graph_that_does_not_exist_is_told():
    trace = simulate(graph("c:call", c={"x": [1]}), WAITING)
    assert (trace.error or {})["message"] == "There is no graph 1 in this simulation."


def test_inputs_that_another_graph_does_not_take_are_told():
    trace = simulate(graph("c:call", c={"x": [1]}), WAITING, graphs={1: graph("d:double", d={"x": 1})})
    assert (trace.error or {})["message"].startswith("The graph cannot be started: The graph has no input “i”.")


def test_graphs_that_run_each_other_are_stopped_at_the_limit_of_depth():
    spec = graph("c:call", c={"x": [1]})
    itself = graph("i:input; c:call -> o:output", c={"x": [1]}, limits=Limits(depth=3))
    trace = simulate(spec, WAITING, graphs={1: itself})
    assert "Graphs run each other 3 deep" in (trace.error or {})["message"]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("limit", "reason"), [(13, Reason.LIMIT), (14, None)])
def test_runs_of_other_graphs_count_towards_the_limit_whatever_the_timing(limit, reason, seed):
    spec = graph("c:call -> a; d:call -> b", c={"x": [1]}, d={"x": [2, 3]}, limits=Limits(node_executions=limit))
    trace = simulate(spec, WAITING, graphs={1: INNER}, seed=seed)
    assert trace.reason is reason


def test_a_retry_waits_and_gives_only_what_is_missing():
    trace = simulate(graph("f:flaky -> all:collect", f={"retries": 3}), WAITING)
    assert trace.values("all", "out") == [[0, 1, 2]]
    row = trace.rows["f", (), 0]
    assert (row.status, row.waited, row.attempt) == (Status.COMPLETED, 3, 4)


def test_the_last_attempt_tells_the_error():
    trace = simulate(graph("f:flaky", f={"retries": 1}), WAITING)
    row = trace.rows["f", (), 0]
    assert (row.attempt, row.error) == (
        2,
        {"message": "broke off after 1", "kind": "block", "block": "flaky", "attempt": 2},
    )


EVERYTHING = graph(
    "rows:each -> a:ask -> s:sleep -> all:collect -> c:call -> o:output; f:flaky -> n:collect -> p:output",
    rows={"items": [1, 2, 3]},
    f={"retries": 3},
)


@pytest.mark.parametrize("seed", range(5))
def test_the_events_are_enough_to_say_the_same_again(seed):
    trace = simulate(EVERYTHING, WAITING, graphs={1: INNER}, decisions=YES, seed=seed, concurrency=2)
    scheduler, commands = replay(compile_plan(EVERYTHING, WAITING), trace.events, concurrency=2)
    assert [str(command) for command in commands] == [str(command) for command in trace.commands]
    assert scheduler.counts == trace.counts


@pytest.mark.parametrize("seed", range(3))
def test_a_crash_at_any_event_changes_nothing(seed):
    options: Any = {"graphs": {1: INNER}, "decisions": YES, "concurrency": 2}
    trace = simulate(EVERYTHING, WAITING, seed=seed, **options)
    for known in range(1, len(trace.events)):
        again = simulate(EVERYTHING, WAITING, seed=known, known=trace.events[:known], **options)
        assert (again.status, again.outputs, again.counts) == (trace.status, trace.outputs, trace.counts)
        assert {key: row.outputs for key, row in again.rows.items()} == {
            key: row.outputs for key, row in trace.rows.items()
        }


def test_a_plan_is_simulated_as_its_graph_is():
    spec = graph("i:input -> d:double -> o:output")
    assert simulate(compile_plan(spec, BLOCKS), BLOCKS, {"i": "21"}).outputs == {"o": 42}


# Limits of time


def test_a_time_limit_ends_what_waits():
    trace = simulate(graph("s:sleep -> b; c", s={"seconds": 3600}, limits=Limits(seconds=60)), WAITING)
    assert (trace.status, trace.reason) == (Status.FAILED, Reason.TIMEOUT)
    assert (trace.error or {})["message"] == "The run took longer than this graph's limit of 60 s."
    assert {node: row.status for (node, _, _), row in trace.rows.items()} == {"s": "cancelled", "c": "completed"}


def test_a_time_limit_ends_what_nobody_answers():
    trace = simulate(graph("a:ask", limits=Limits(seconds=60)), WAITING)
    assert (trace.status, trace.reason, trace.questions) == (Status.FAILED, Reason.TIMEOUT, {})


def test_waits_one_after_the_other_reach_a_time_limit():
    sleeps: Any = {"s": {"seconds": 40}, "t": {"seconds": 40}}
    after, beside = graph("s:sleep -> t:sleep", **sleeps), graph("s:sleep; t:sleep", **sleeps)
    limits = Limits(seconds=60)
    assert simulate(replace(after, limits=limits), WAITING).reason is Reason.TIMEOUT
    assert simulate(replace(beside, limits=limits), WAITING).status is Status.COMPLETED


def test_steps_take_no_time_of_the_limit():
    chain = graph("a -> b -> c -> d -> e -> f -> g", limits=Limits(seconds=0.001))
    assert simulate(chain, WAITING).status is Status.COMPLETED


def test_another_graph_takes_the_time_that_it_waits():
    inner = graph("i:input -> s:sleep -> o:output", s={"seconds": 40})
    spec = graph("c:call -> o:output", c={"x": [1, 2]}, limits=Limits(seconds=60))
    trace = simulate(spec, WAITING, graphs={1: inner})
    assert trace.reason is Reason.TIMEOUT
    assert [child.status for child in trace.children["c", (), 0]] == [Status.COMPLETED, Status.CANCELLED]


@pytest.mark.parametrize("at", [0.5, 2, 30])
def test_a_cancel_ends_the_other_graphs_too(at):
    inner = graph("i:input -> s:sleep -> o:output", s={"seconds": 40})
    trace = simulate(graph("c:call", c={"x": [1]}), WAITING, graphs={1: inner}, cancel_at=at)
    assert trace.status is Status.CANCELLED
    assert {child.status for child in trace.children.get(("c", (), 0), [])} <= {Status.CANCELLED}
    assert trace.made == 1 + sum(child.made for child in trace.children.get(("c", (), 0), []))


def test_a_time_limit_of_a_node_fails_its_attempts():
    spec = graph("s:sleep.error.kind -> o:output", s={"seconds": 4, "timeout_seconds": 2, "retries": 2})
    trace = simulate(spec, WAITING)
    row = trace.rows["s", (), 0]
    assert (trace.outputs, row.attempt, row.waited) == ({"o": "timeout"}, 3, 2)
    assert (row.error or {})["message"] == "It took longer than the limit of 2 s."


def test_a_long_wait_takes_no_time_of_the_attempt():
    trace = simulate(graph("s:sleep", s={"seconds": 60, "timeout_seconds": 2}), WAITING)
    assert trace.status is Status.COMPLETED


def test_retries_wait_as_long_as_on_a_worker():
    assert (simulator.RETRY_SECONDS, simulator.MAX_RETRY_SECONDS) == (
        node_run.RETRY_SECONDS,
        node_run.MAX_RETRY_SECONDS,
    )


@pytest.mark.parametrize("limit", [100, 0])
def test_a_crash_gives_no_new_time(limit):
    """Neither to the execution nor to a timer that had begun."""
    spec = graph("s:sleep -> o:output; r:sleep -> t:sleep", s={"seconds": 95, "x": 1}, r={"seconds": 50})
    spec = replace(spec, limits=Limits(seconds=limit))
    options: Any = {"seed": 1}
    trace = simulate(spec, WAITING, **options)
    for known in range(1, len(trace.events)):
        again = simulate(spec, WAITING, known=trace.events[:known], **options)
        assert (again.status, again.reason, again.outputs) == (trace.status, trace.reason, trace.outputs)


# What blocks do wrong


class Odd(Block):
    """Does what blocks should not."""

    id = "odd"
    category = "Test"

    class Input(BlockInput):
        what: str

    class Output(BlockOutput):
        out: Any

    def run(self, input, context):
        if input.what == "bug":
            raise KeyError("x")
        yield ("nowhere" if input.what == "port" else "out"), "a" * 100


@pytest.mark.parametrize(
    ("what", "limits", "kind", "attempts", "said"),
    [
        ("bug", Limits(), "bug", 2, "KeyError: 'x'"),
        ("port", Limits(), "block", 1, "There is no output port “nowhere”."),
        ("large", Limits(value_bytes=50), "block", 1, "A value of 102 bytes is larger than this graph's limit of 50 b"),
    ],
)
def test_what_a_block_does_wrong_fails_its_run_as_on_a_worker(what, limits, kind, attempts, said):
    trace = simulate(graph("b:odd", b={"what": what, "retries": 1}, limits=limits), Blocks(Odd))
    error = trace.error or {}
    assert (error["kind"], error["attempt"]) == (kind, attempts)
    assert error["message"].startswith(said)


class Doubtful(Block):
    """Asks, runs another graph, and fails at its first attempt."""

    id = "doubtful"
    category = "Test"

    class Output(BlockOutput):
        out: Any

    async def run(self, input, context):
        await context.ask("May this be?")
        outputs = await context.run_graph(1, {"i": 4})
        if context.attempt == 1:
            raise BlockError("not yet")
        yield "out", outputs["o"]


def test_a_further_attempt_gets_at_once_what_was_waited_for():
    spec = graph("a:doubtful -> o:output", a={"retries": 1})
    trace = simulate(spec, Blocks(Doubtful, Double), decisions=YES, graphs={1: INNER})
    row = trace.rows["a", (), 0]
    assert (trace.outputs, trace.charged, row.attempt, row.waited) == ({"o": 8}, 3, 2, 3)


class Payment(Sleep):
    """Must not be repeated."""

    id = "payment"
    effect = Effect.ONCE


def test_a_block_that_must_not_be_repeated_cannot_wait():
    trace = simulate(graph("p:payment"), Blocks(Payment))
    assert "must not be repeated cannot wait" in (trace.error or {})["message"]

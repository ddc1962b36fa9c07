"""Executions from start to end on the real recorder, database and bell."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from agentflow.graphs.spec import Limits, OnError, Policy
from executions import services
from executions.engine.status import Status
from executions.models import Blob, Output
from tests.executions import blocks
from tests.executions.hosting import drawn, ended, error_of, row, run, started, value
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "host")]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


def test_chain_completes_with_its_outputs(owner: User) -> None:
    nodes = {"a": ("core.value", {"value": 2}), "b": ("math.calculate", {"b": 3, "operation": "add"})}
    execution = run(owner, nodes | {"o": ("io.output", {"name": "sum"})}, "a.value -> b.a; b.result -> o.value")
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"sum": 5})


def test_every_event_has_a_number_of_its_own(owner: User) -> None:
    nodes = {"a": ("core.value", {"value": [1, 2, 3]}), "each": ("logic.for_each", {}), "all": ("logic.collect", {})}
    execution = run(owner, nodes, "a.value -> each.items; each.item -> all.items")
    numbers = [*execution.node_executions.values_list("seq", flat=True)]
    numbers += Output.objects.filter(execution=execution).values_list("seq", flat=True)
    assert len(numbers) == len(set(numbers))
    assert max(numbers) < execution.seq


def test_unhandled_failure_fails_the_execution(owner: User) -> None:
    execution = run(owner, {"a": ("core.fail", {"message": "no more"}), "b": ("core.value", {})}, "a.error -> b.value")
    assert execution.status == Status.COMPLETED
    execution = run(owner, {"a": ("core.fail", {"message": "no more"})})
    assert (execution.status, execution.reason) == (Status.FAILED, "node")
    assert execution.error is not None
    assert "no more" in execution.error["detail"]


def test_handled_failure_travels_on_the_error_port(owner: User) -> None:
    execution = run(
        owner, {"a": ("core.fail", {"message": "no more"}), "b": ("core.log", {})}, "a.error.message -> b.message"
    )
    assert (execution.status, execution.counts["handled"]) == (Status.COMPLETED, 1)
    assert error_of(execution, "a")["handled"] is True
    assert value(execution, "b", "message") == "no more"


def test_continue_lets_other_branches_go_on(owner: User) -> None:
    policy = Policy(on_error=OnError.CONTINUE)
    nodes = {"a": ("core.fail", {"message": "no"}, policy), "b": ("core.value", {"value": 1}), "c": ("core.value", {})}
    execution = run(owner, nodes, "b.value -> c.value")
    assert (execution.status, execution.counts["completed"]) == (Status.FAILED, 2)


def test_retry_resumes_a_stream_after_what_is_recorded(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.node_run.RETRY_SECONDS", 0.01)
    execution = run(owner, {"f": ("test.flaky", {"name": "f", "failures": 2}, Policy(retries=2))})
    assert execution.status == Status.COMPLETED
    assert row(execution, "f").attempt == 3
    assert [output.value for output in Output.objects.filter(execution=execution)] == [0, 1]
    assert [line[2] for line in row(execution, "f").log] == ["try 1", "try 2", "try 3"]


def test_error_that_forbids_a_retry_is_not_retried(owner: User) -> None:
    run(owner, {"f": ("test.flaky", {"name": "f", "retry": False}, Policy(retries=5))})
    assert blocks.TRIES["f"] == 1


def test_time_limit_of_a_node_fails_it(owner: User) -> None:
    execution = run(owner, {"g": ("test.gate", {"name": "shut"}, Policy(timeout_seconds=0.05))})
    assert error_of(execution, "g")["kind"] == "timeout"


def test_step_with_a_time_limit_is_tried_again(owner: User) -> None:
    """What it waits for between two tries has no part in the limit of either."""
    policy = Policy(retries=2, timeout_seconds=5)
    execution = run(owner, {"f": ("test.flaky", {"name": "f"}, policy)})
    assert (execution.status, row(execution, "f").attempt) == (Status.COMPLETED, 2)


def test_time_limit_of_the_graph_fails_the_execution(owner: User) -> None:
    execution = run(owner, {"g": ("test.gate", {"name": "shut"})}, limits=Limits(seconds=0.2))
    assert (execution.status, execution.reason) == (Status.FAILED, "timeout")
    assert row(execution, "g").status == Status.CANCELLED


def test_bug_of_a_block_shows_no_detail(owner: User) -> None:
    execution = run(owner, {"b": ("test.bug", {})})
    assert "secret" not in str(error_of(execution, "b"))


def test_thread_blocks_run_in_a_thread(owner: User) -> None:
    execution = run(owner, {"t": ("test.thread", {})})
    assert value(execution, "t", "thread").startswith("block")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("nul", "a\x00b"),
        ("huge number", 2**100),
        ("null", None),
        ("big", "x" * 100_000),
        ("tuple", {"pair": [1, [2]]}),
    ],
)
def test_values_come_back_as_they_were(owner: User, what: str, expected: Any) -> None:
    execution = run(owner, {"g": ("test.give", {"what": what})})
    assert value(execution, "g") == expected


def test_order_of_keys_is_kept(owner: User) -> None:
    execution = run(owner, {"g": ("test.give", {"what": "order"})})
    assert list(value(execution, "g")) == ["b", "a", "aa"]


def test_large_values_are_stored_once_as_blobs(owner: User) -> None:
    execution = run(owner, {"g": ("test.give", {"what": "big"}), "v": ("core.value", {})}, "g.value -> v.value")
    assert Output.objects.filter(execution=execution).values_list("blob", flat=True).distinct().count() == 1
    assert Blob.objects.get(size=100_002)


@pytest.mark.parametrize(
    "what", ["nan", "date", "too big", "number key", "wide number key", "deep", "itself", "half a pair"]
)
def test_values_that_are_no_json_fail_their_node(owner: User, what: str) -> None:
    execution = run(owner, {"g": ("test.give", {"what": what})})
    assert (execution.status, row(execution, "g").status) == (Status.FAILED, Status.FAILED)


def test_skipped_node_says_why(owner: User) -> None:
    nodes = {"i": ("logic.if", {"value": 1, "operator": "==", "other": 2}), "v": ("core.value", {})}
    execution = run(owner, nodes, "i.true -> v.value")
    assert (execution.status, row(execution, "v").status) == (Status.COMPLETED, Status.SKIPPED)
    assert error_of(execution, "v")["port"] == "value"


def test_cancel_stops_what_runs(owner: User) -> None:
    execution = started(
        owner, {"g": ("test.gate", {"name": "shut"}), "after": ("core.value", {})}, "g.value -> after.value"
    )
    until(lambda: blocks.TRIES["shut"])
    services.cancel_execution(execution, user=owner)
    execution = ended(execution, 5)
    assert execution.status == Status.CANCELLED
    assert [*execution.node_executions.values_list("node", "status")] == [("g", "cancelled")]


def test_inputs_are_converted(owner: User) -> None:
    nodes = {"i": ("io.input", {"name": "n", "type": "integer"}), "o": ("io.output", {"name": "n"})}
    assert run(owner, nodes, "i.value -> o.value", inputs={"n": "12"}).outputs == {"n": 12}


def test_rerun_uses_version_and_inputs_of_the_first(owner: User) -> None:
    graph = drawn(owner, {"i": ("io.input", {"name": "n"}), "o": ("io.output", {"name": "n"})}, "i.value -> o.value")
    first = ended(services.start_execution(graph, user=owner, inputs={"n": 7}))
    again = ended(services.rerun_execution(first, user=owner))
    assert (again.outputs, again.version_id, again.retry_of_id) == ({"n": 7}, first.version_id, first.pk)

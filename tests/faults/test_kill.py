"""A worker killed in the middle of a run loses nothing: another goes on."""

import os
import signal
import time

import pytest
from django.db.models import Max

from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec
from executions import services
from executions.engine.status import Status
from executions.models import Execution, NodeExecution, Output
from tests import factories
from tests.executions.hosting import ended
from tests.faults.workers import worker
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.faults]

ITEMS = 40
RESUMED_WITHIN_SECONDS = 10.0


def loop_with_a_wait() -> GraphSpec:
    """Items through a short wait each, four at a time, then collected: a kill finds some done and some under way."""
    nodes = (
        NodeSpec("items", "core.value", {"value": list(range(ITEMS))}),
        NodeSpec("each", "logic.for_each", {"at_once": 4}),
        NodeSpec("wait", "core.delay", {"seconds": 0.2}),
        NodeSpec("all", "logic.collect"),
        NodeSpec("out", "io.output", {"name": "items"}),
    )
    links = (
        LinkSpec("items", "value", "each", "items"),
        LinkSpec("each", "item", "wait", "value"),
        LinkSpec("wait", "value", "all", "items"),
        LinkSpec("all", "items", "out", "value"),
    )
    return GraphSpec(name="Loop", nodes=nodes, links=links)


def done(execution: Execution, node: str) -> int:
    return NodeExecution.objects.filter(execution=execution, node=node, status=Status.COMPLETED).count()


def test_another_worker_resumes_after_kill_minus_nine(capsys: pytest.CaptureFixture[str]) -> None:
    owner = factories.user("alice")
    graph = create_graph(owner=owner, spec=loop_with_a_wait())
    with worker(), worker():
        execution = services.start_execution(graph, user=owner, inputs={})
        until(lambda: done(execution, "wait") >= 5)
        execution.refresh_from_db()
        assert execution.holder is not None
        os.kill(execution.holder.process_id, signal.SIGKILL)
        killed_at, before = time.monotonic(), done(execution, "wait")
        until(lambda: done(execution, "wait") > before, seconds=30)
        resumed_after = time.monotonic() - killed_at
        execution = ended(execution, 30)
    with capsys.disabled():
        print(f"\nkill -9 to progress resumed: {resumed_after:.1f} s")  # noqa: T201 - a figure for the note
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"items": list(range(ITEMS))})
    assert resumed_after <= RESUMED_WITHIN_SECONDS
    assert [event["kind"] for event in execution.events] == ["worker_lost", "resumed"]
    assert_sound(execution)


def assert_sound(execution: Execution) -> None:
    """One row per run, one number per event, nothing open, every item once."""
    rows = list(execution.node_executions.values_list("node", "path", "ordinal", "status", "seq"))
    outputs = list(Output.objects.filter(execution=execution).values_list("seq", flat=True))
    numbers = [row[4] for row in rows] + outputs
    assert len({(node, tuple(path), ordinal) for node, path, ordinal, *_ in rows}) == len(rows) == 4 + ITEMS
    assert {status for *_, status, _ in rows} == {Status.COMPLETED}
    assert len(numbers) == len(set(numbers))
    assert max(numbers) <= execution.seq
    # Waits that were under way are tried again; the kill may also meet the moment between two.
    assert execution.node_executions.filter(node="wait").aggregate(most=Max("attempt"))["most"] <= 2

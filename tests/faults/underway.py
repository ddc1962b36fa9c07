"""Executions that are under way while something breaks: how soon each goes on, and whether all end as they should."""

import time
from collections.abc import Mapping
from uuid import UUID

from django.db.models import Count

from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec
from executions import services
from executions.engine.status import FINAL, Status
from executions.models import Execution, NodeExecution, Output
from tests.faults.rig import Rig
from tests.waiting import until

#: Waits of one execution at once.
AT_ONCE = 4


def loop_of_waits(items: int, seconds: float) -> GraphSpec:
    """Items through a short wait each, then collected in order."""
    nodes = (
        NodeSpec("items", "core.value", {"value": list(range(items))}),
        NodeSpec("each", "logic.for_each", {"at_once": AT_ONCE}),
        NodeSpec("wait", "core.delay", {"seconds": seconds}),
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


class UnderWay:
    """Some executions that take `items` × `seconds` / 4 each; all are running and have done something."""

    def __init__(self, rig: Rig, *, executions: int = 4, items: int = 60, seconds: float = 0.2) -> None:
        self.items = items
        graph = create_graph(owner=rig.owner, spec=loop_of_waits(items, seconds))
        inputs: list[Mapping[str, object]] = [{}] * executions
        self.executions = services.start_executions(graph, user=rig.owner, inputs_list=inputs)
        self.ids = [execution.pk for execution in self.executions]
        until(lambda: len(self.done()) == executions)

    def done(self) -> dict[UUID, int]:
        """Waits that are over, by execution."""
        rows = NodeExecution.objects.filter(execution__in=self.ids, node="wait", status=Status.COMPLETED)
        return dict(rows.order_by().values_list("execution").annotate(Count("id")))

    def resumed_after(self, moment: float, *, seconds: float = 60) -> float:
        """Seconds from the moment (by the monotonic clock) until every execution has done more than now, or is over."""
        before = self.done()

        def have_moved() -> bool:
            over = set(Execution.objects.filter(pk__in=self.ids, ended_at__isnull=False).values_list("pk", flat=True))
            return all(id in over or count > before.get(id, 0) for id, count in {**before, **self.done()}.items())

        until(have_moved, seconds=seconds)
        return time.monotonic() - moment

    def end(self, *, seconds: float = 60) -> None:
        """All complete with the right outputs, one row a run, one number an event."""
        until(lambda: not Execution.objects.filter(pk__in=self.ids, ended_at=None).exists(), seconds=seconds)
        for execution in Execution.objects.filter(pk__in=self.ids):
            assert (execution.status, execution.outputs) == (Status.COMPLETED, {"items": list(range(self.items))}), (
                execution.error
            )
            assert_sound(execution, rows=4 + self.items)


def assert_sound(execution: Execution, *, rows: int) -> None:
    """One row a run, one number an event, nothing open, nobody holds it."""
    found = list(execution.node_executions.values_list("node", "path", "ordinal", "status", "seq"))
    outputs = list(Output.objects.filter(execution=execution).values_list("seq", flat=True))
    numbers = [row[4] for row in found] + outputs
    assert len({(node, tuple(path), ordinal) for node, path, ordinal, *_ in found}) == len(found) == rows
    assert {status for *_, status, _ in found} <= FINAL
    assert len(numbers) == len(set(numbers))
    assert max(numbers) <= execution.seq
    assert execution.holder_id is None

"""A hosting worker's core inside the test process, on the test database, without RQ; and graphs for it to run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User

from agentflow.graphs.models import Graph
from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec, Policy
from executions import host, services
from executions.engine.status import FINAL
from executions.models import Execution, NodeExecution, Output
from executions.values import load
from tests.waiting import until


@contextmanager
def hosting(*, drain_seconds: float = 0.05, slots: int | None = None) -> Iterator[host.Host]:
    """A running host; at the end it drains for a moment and hands over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("executions.host.DRAIN_SECONDS", drain_seconds)
        running = host.Host(slots=slots)
        running.start()
        try:
            yield running
        finally:
            running.stop()


def drawn(owner: User, nodes: dict[str, Any], links: str = "", **spec: Any) -> Graph:
    """`links` as "a.value -> b.value; …"; a node's third entry is its policy."""
    return create_graph(owner=owner, spec=spec_of(nodes, links, **spec))


def spec_of(nodes: dict[str, Any], links: str = "", **spec: Any) -> GraphSpec:
    """The graph that `drawn` makes."""
    made = []
    for key, (block, config, *rest) in nodes.items():
        policy: Policy = rest[0] if rest else Policy()
        made.append(NodeSpec(key, block, config, policy=policy))
    ends = [[end.strip().split(".", 1) for end in link.split("->")] for link in links.split(";") if link.strip()]
    drawn_links = tuple(LinkSpec(a[0], a[1], b[0], b[1]) for a, b in ends)
    return GraphSpec(name="Graph", nodes=tuple(made), links=drawn_links, **spec)


def started(owner: User, *args: Any, inputs: dict[str, Any] | None = None, **spec: Any) -> Execution:
    return services.start_execution(drawn(owner, *args, **spec), user=owner, inputs=inputs or {})


def ended(execution: Execution, seconds: float = 20) -> Execution:
    until(
        lambda: Execution.objects.filter(pk=execution.pk).values_list("status", flat=True).get() in FINAL,
        seconds=seconds,
    )
    return Execution.objects.get(pk=execution.pk)


def run(owner: User, *args: Any, **more: Any) -> Execution:
    return ended(started(owner, *args, **more))


def row(execution: Execution, node: str) -> NodeExecution:
    return NodeExecution.objects.get(execution=execution, node=node)


def error_of(execution: Execution, node: str) -> dict[str, Any]:
    error: dict[str, Any] | None = row(execution, node).error
    assert error is not None
    return error


def value(execution: Execution, node: str, port: str = "value") -> Any:
    return load(Output.objects.get(node_execution__node=node, execution=execution, port=port))

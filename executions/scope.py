"""What a new execution runs of a graph, and which results of an earlier one it keeps."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentflow.graphs.services import version_for_run
from agentflow.graphs.spec import GraphSpec
from executions.models import Execution, NodeExecution

#: What `Execution.choice` holds: `reuse` results of `retry_of`, except of the nodes in `fresh`; run `only` these nodes;
#: with `inputs`, the only node has them as its config.
Choice = dict[str, Any]


def scoped(spec: GraphSpec, choice: Mapping[str, Any] | None) -> tuple[GraphSpec, tuple[int, ...]]:
    """The part of the graph that runs, and for each of its links the position in the whole graph."""
    numbers = tuple(range(len(spec.links)))
    if not choice or "only" not in choice:
        return spec, numbers
    only = frozenset(choice["only"])
    nodes = tuple(node for node in spec.nodes if node.key in only)
    if "inputs" in choice:
        alone = tuple(replace(node, config={**node.config, **choice["inputs"]}, pinned=None) for node in nodes)
        return replace(spec, nodes=alone, links=()), ()
    kept = [(number, link) for number, link in enumerate(spec.links) if {link.source, link.sink} <= only]
    return replace(spec, nodes=nodes, links=tuple(link for _, link in kept)), tuple(number for number, _ in kept)


def changed_graphs(execution: Execution) -> list[str]:
    """Keys of the nodes that have run graphs in this execution which would run another version now."""
    children = Execution.objects.filter(parent=execution).select_related("graph__published", "version")
    changed = {
        child.parent_node
        for child in children
        if child.parent_node
        and child.version != (child.graph.published or version_for_run(child.graph, execution.owner))
    }
    rows = NodeExecution.objects.filter(execution=execution, pk__in=changed)
    return sorted(set(rows.values_list("node", flat=True)))

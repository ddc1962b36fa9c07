"""Drafts between rows and plain data: whole as a spec, or the part that an edit names."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from agentflow.graphs.models import Graph, Link, Node
from agentflow.graphs.operations import Draft, Named
from agentflow.graphs.reading import Problems, Reader
from agentflow.graphs.spec import (
    GraphSpec,
    Join,
    Limits,
    LinkSpec,
    NodeSpec,
    Policy,
    changed_fields,
    read_limits,
    read_policy,
)

BATCH = 1_000
DEFAULT_POLICY = Policy()
LINK_COLUMNS = ("source__key", "source_port", "sink__key", "sink_port")
NODE_FIELDS = ("block", "block_version", "title", "config", "policy", "join", "pinned", "x", "y")


def draft_spec(graph: Graph) -> GraphSpec:
    """The draft as a spec, nodes by key, links as drawn; two queries."""
    return draft_specs([graph])[graph.pk]


def draft_specs(graphs: Iterable[Graph]) -> dict[int, GraphSpec]:
    """The drafts of several graphs by their ids; two queries, none without graphs."""
    found = {graph.pk: graph for graph in graphs}
    nodes: dict[int, list[Any]] = {pk: [] for pk in found}
    links: dict[int, list[LinkSpec]] = {pk: [] for pk in found}
    for row in Node.objects.filter(graph__in=found).values_list("graph_id", "key", *NODE_FIELDS, named=True):
        nodes[row.graph_id].append(row)
    for pk, *columns in Link.objects.filter(graph__in=found).values_list("graph_id", *LINK_COLUMNS):
        links[pk].append(LinkSpec(*columns))
    return {pk: _spec(graph, nodes[pk], links[pk]) for pk, graph in found.items()}


def _spec(graph: Graph, nodes: Iterable[Any], links: Iterable[LinkSpec]) -> GraphSpec:
    rows = sorted(nodes, key=lambda row: row.key)
    return GraphSpec(
        name=graph.name,
        description=graph.description,
        nodes=tuple(_node_spec(row) for row in rows),
        links=tuple(links),
        layout={row.key: (row.x, row.y) for row in rows},
        annotations=tuple(graph.annotations),
        limits=_limits(graph.limits),
    )


def store_whole(graph: Graph, spec: GraphSpec) -> None:
    """Make `spec` the draft of a graph that has none yet."""
    window = Window(graph, Named())
    draft = window.draft
    draft.nodes.update((node.key, node) for node in spec.nodes)
    draft.layout.update((node.key, spec.layout.get(node.key, (0, 0))) for node in spec.nodes)
    for link in spec.links:
        draft.draw(link)
    draft.annotations, draft.limits = spec.annotations, spec.limits
    window.store()
    graph.save()


class Window:
    """The rows of a draft that an edit names, as a `Draft` to change and to store again.

    Reading and storing cost what is named, not what the graph holds.
    """

    def __init__(self, graph: Graph, named: Named) -> None:
        self.graph = graph
        self.rows = {node.key: node for node in graph.nodes.filter(key__in=named.keys)}
        self.links = dict(self._touched(named))
        self.draft = Draft(
            name=graph.name,
            description=graph.description,
            nodes={key: _node_spec(node) for key, node in self.rows.items()},
            layout={key: (node.x, node.y) for key, node in self.rows.items()},
            links=dict.fromkeys(self.links),
            annotations=tuple(graph.annotations),
            limits=_limits(graph.limits),
            other_nodes=graph.nodes.count() - len(self.rows),
            other_links=graph.links.count() - len(self.links),
        )
        self._before = (dict(self.draft.nodes), dict(self.draft.layout))

    def store(self) -> None:
        """Write what changed: one statement per kind of change."""
        draft, graph = self.draft, self.graph
        Link.objects.filter(pk__in=[self.links[link] for link in draft.dropped]).delete()
        Node.objects.filter(pk__in=[row.pk for key, row in self.rows.items() if key not in draft.nodes]).delete()
        self._store_nodes()
        self._store_links()
        graph.name, graph.description = draft.name, draft.description
        graph.annotations = [dict(annotation) for annotation in draft.annotations]
        graph.limits = changed_fields(draft.limits, Limits())

    def _store_nodes(self) -> None:
        # By identity: what an operation changed is a new object, and 1 and true are equal to Python.
        nodes, layout = self._before
        changed = [
            _node_row(self.graph, node, self.draft.layout[key])
            for key, node in self.draft.nodes.items()
            if nodes.get(key) is not node or layout.get(key) != self.draft.layout[key]
        ]
        Node.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=("graph", "key"),
            update_fields=NODE_FIELDS,
            batch_size=BATCH,
        )
        self.rows.update((row.key, row) for row in changed)

    def _store_links(self) -> None:
        Link.objects.bulk_create(
            (
                Link(
                    graph=self.graph,
                    source=self.rows[link.source],
                    source_port=link.source_port,
                    sink=self.rows[link.sink],
                    sink_port=link.sink_port,
                )
                for link in self.draft.drawn
            ),
            batch_size=BATCH,
        )

    def _touched(self, named: Named) -> Iterable[tuple[LinkSpec, int]]:
        """Links of removed nodes, and those between the ends of links that are drawn or dropped; oldest first."""
        removed = [row.pk for key, row in self.rows.items() if key in named.removed]
        ends = [(self.rows[a].pk, self.rows[b].pk) for a, b in named.ends if a in self.rows and b in self.rows]
        if not removed and not ends:
            return ()
        between = Q(source__in={source for source, _ in ends}, sink__in={sink for _, sink in ends})
        rows = self.graph.links.filter(Q(source__in=removed) | Q(sink__in=removed) | between)
        return ((LinkSpec(*columns), pk) for pk, *columns in rows.values_list("pk", *LINK_COLUMNS))


def _node_spec(node: Any) -> NodeSpec:
    """The spec of a Node, or of a row of its columns."""
    return NodeSpec(
        key=node.key,
        block=node.block,
        config=node.config,
        title=node.title,
        policy=read_policy(Reader(node.policy, "", Problems())) if node.policy else DEFAULT_POLICY,
        join=Join(node.join),
        block_version=node.block_version,
        pinned=node.pinned,
    )


def _node_row(graph: Graph, node: NodeSpec, place: tuple[float, float]) -> Node:
    return Node(
        graph=graph,
        key=node.key,
        block=node.block,
        block_version=node.block_version,
        title=node.title,
        config=dict(node.config),
        policy=changed_fields(node.policy, Policy()),
        join=node.join.value,
        pinned=None if node.pinned is None else dict(node.pinned),
        x=place[0],
        y=place[1],
    )


def _limits(stored: Mapping[str, Any]) -> Limits:
    return read_limits(Reader(stored, "", Problems()))

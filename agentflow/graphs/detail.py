"""Graphs and versions as the JSON that the API answers and the canvas boots from."""

from collections.abc import Container, Iterable
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max

from agentflow.graphs.children import Child, child_problems, children_of, ports_with
from agentflow.graphs.drafts import draft_spec
from agentflow.graphs.interface import Interface
from agentflow.graphs.last_execution import LastExecution, with_last_execution
from agentflow.graphs.live import person
from agentflow.graphs.models import Graph, GraphEdit, GraphVersion
from agentflow.graphs.operations import Named
from agentflow.graphs.outside import outside_problems
from agentflow.graphs.permissions import graphs_for, role_name
from agentflow.graphs.ports import NodePorts
from agentflow.graphs.spec import GraphSpec, NodeSpec, to_json
from agentflow.graphs.validation import check
from agentflow.graphs.wiring import Wiring, read_wiring
from blocks.registry import describe_port, registry


def graph_detail(graph: Graph, user: User) -> dict[str, Any]:
    """Everything the canvas needs to show the draft; as many queries for a large graph as for a small one."""
    listed = with_last_execution(graphs_for(user).select_related("owner", "published")).get(pk=graph.pk)
    spec = draft_spec(listed)
    newest = listed.versions.aggregate(number=Max("number"))["number"]
    return {
        **graph_row(listed),
        "latest_version": newest,
        "spec": to_json(spec),
        **checked(spec, user, owner=listed.owner),
    }


def graph_row(graph: Graph) -> dict[str, Any]:
    """One graph read by `graphs_for` and `with_last_execution`; owner and published version are best joined."""
    found: Any = graph
    last: LastExecution | None = found.last_execution
    return {
        "id": graph.pk,
        "name": graph.name,
        "description": graph.description,
        "revision": graph.revision,
        "created_at": graph.created_at,
        "updated_at": graph.updated_at,
        "owner": person(graph.owner),
        "role": role_name(graph),
        "published_version": graph.published.number if graph.published else None,
        "last_execution": last.row() if last else None,
    }


def checked(
    spec: GraphSpec, user: User, *, owner: User | None = None, keys: Container[str] | None = None
) -> dict[str, Any]:
    """What the blocks say of a graph: `problems`, and `ports` of each node (or of `keys`) whose block is known.

    What its nodes name must be there for its owner; without one, for the user.

    A node that runs a graph which the user sees has that one's inputs and outputs as ports.
    """
    wiring, problems = check(spec, registry())
    outside = outside_problems(spec, registry(), owner or user)
    children = children_of(spec, wiring, user)
    ports = _ports(spec, wiring, children)
    return {
        "problems": [asdict(problem) for problem in (*problems, *outside, *child_problems(children))],
        "ports": {key: ports_row(found) for key, found in ports.items() if keys is None or key in keys},
    }


def node_ports(node: NodeSpec, user: User) -> NodePorts:
    """The ports of a node of a known block, without links."""
    spec = GraphSpec(nodes=(node,))
    wiring = read_wiring(spec, registry())
    return _ports(spec, wiring, children_of(spec, wiring, user))[node.key]


def _ports(spec: GraphSpec, wiring: Wiring, children: Iterable[Child]) -> dict[str, NodePorts]:
    found = {node.key: ports for node, ports in zip(spec.nodes, wiring.ports, strict=True) if ports}
    return found | {child.node.key: ports_with(child) for child in children}


def ports_row(ports: NodePorts) -> dict[str, Any]:
    """A node's ports under its config, without the implicit error port."""
    return {
        "inputs": [describe_port(port) for port in ports.inputs],
        "outputs": [describe_port(port) for port in ports.outputs],
    }


def edit_answer(graph: Graph, edit: GraphEdit, user: User) -> dict[str, Any]:
    """What the author of an edit is told: the graph's problems now, and the ports of the nodes that the edit names."""
    graph.refresh_from_db()
    keys = Named.by(edit.operations).keys
    return {
        "revision": edit.revision,
        "edit_id": edit.edit_id,
        "operations": edit.operations,
        **checked(draft_spec(graph), user, owner=graph.owner, keys=keys),
    }


def interface_row(found: Interface) -> dict[str, Any]:
    """A graph's inputs and outputs."""
    return {
        "inputs": [
            {
                "name": port.name,
                "schema": dict(port.schema),
                "required": port.required,
                "default": port.default,
                "description": port.description,
            }
            for port in found.inputs
        ],
        "outputs": [{"name": port.name, "schema": dict(port.schema)} for port in found.outputs],
    }


def version_row(version: GraphVersion) -> dict[str, Any]:
    """One version of a list, without its graph."""
    return {
        "number": version.number,
        "content_hash": version.content_hash,
        "author": person(version.author) if version.author else None,
        "created_at": version.created_at,
    }


def version_detail(version: GraphVersion, user: User) -> dict[str, Any]:
    """A version with its graph and the ports that its nodes have today."""
    return {
        **version_row(version),
        "spec": version.spec,
        **checked(GraphSpec.from_json(version.spec), user, owner=version.graph.owner),
    }

"""The operations that turn one graph into another."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from json import dumps
from typing import Any

from agentflow.graphs.spec import GraphSpec, Limits, LinkSpec, NodeSpec, Policy, changed_fields, link_json, node_json

Operation = dict[str, Any]


def difference(old: GraphSpec, new: GraphSpec) -> list[Operation]:
    """Operations that make `new` of `old`; none when they are equal but for the order of nodes.

    O(size of both). A node whose block changed is removed and added again.
    """
    before = {node.key: node for node in old.nodes}
    after = {node.key: node for node in new.nodes}
    gone = [key for key, node in before.items() if key not in after or _is_another(node, after[key])]
    stays = before.keys() - set(gone)
    kept = _kept_links([link for link in old.links if {link.source, link.sink} <= stays], new.links)
    return [
        *_set_graph(old, new),
        *({"op": "remove_link", "link": link_json(link)} for link in old.links if link not in kept),
        *({"op": "remove_node", "key": key} for key in gone),
        *_add_nodes(new, (node for node in new.nodes if node.key not in stays)),
        *(operation for node in new.nodes if node.key in stays for operation in _change_node(before[node.key], node)),
        *_move_nodes(old, new, stays),
        *({"op": "add_link", "link": link_json(link)} for link in new.links if link not in kept),
    ]


def _is_another(old: NodeSpec, new: NodeSpec) -> bool:
    return (old.block, old.block_version) != (new.block, new.block_version)


def _kept_links(old: list[LinkSpec], new: Iterable[LinkSpec]) -> set[LinkSpec]:
    """Links that may stay: the first ones of `new`, as long as `old` has them in the same order.

    A link is drawn at the end, so whatever comes after one that is new has to be drawn again.
    """
    place = {link: index for index, link in enumerate(old)}
    kept: set[LinkSpec] = set()
    last = -1
    for link in new:
        if place.get(link, -1) <= last:
            break
        last = place[link]
        kept.add(link)
    return kept


def _set_graph(old: GraphSpec, new: GraphSpec) -> Iterator[Operation]:
    for name in ("name", "description"):
        if getattr(old, name) != getattr(new, name):
            yield {"op": "set_graph", "name": name, "value": getattr(new, name)}
    if old.limits != new.limits:
        yield {"op": "set_graph", "name": "limits", "value": _changed_limits(old.limits, new.limits)}
    if list(old.annotations) != list(new.annotations):
        yield {"op": "set_graph", "name": "annotations", "value": [dict(a) for a in new.annotations]}


def _changed_limits(old: Limits, new: Limits) -> dict[str, Any]:
    """The limits that differ; null is the default."""
    values = changed_fields(new, Limits())
    return {name: values.get(name) for name in changed_fields(new, old)}


def _add_nodes(new: GraphSpec, nodes: Iterable[NodeSpec]) -> Iterator[Operation]:
    for node in nodes:
        yield {"op": "add_node", "node": node_json(node), "at": list(new.layout.get(node.key, (0, 0)))}


def _change_node(old: NodeSpec, new: NodeSpec) -> Iterator[Operation]:
    for name in old.config.keys() - new.config.keys():
        yield {"op": "unset_config", "key": new.key, "name": name}
    for name, value in new.config.items():
        if name not in old.config or not _same(old.config[name], value):
            yield {"op": "set_config", "key": new.key, "name": name, "value": value}
    if old.title != new.title:
        yield {"op": "set_title", "key": new.key, "title": new.title}
    for item in fields(Policy):
        value = getattr(new.policy, item.name)
        if getattr(old.policy, item.name) != value:
            yield {"op": "set_policy", "key": new.key, "name": item.name, "value": value}
    if old.join != new.join:
        yield {"op": "set_join", "key": new.key, "join": new.join.value}
    if not _same(old.pinned, new.pinned):
        yield {"op": "set_pinned", "key": new.key, "pinned": new.pinned}


def _move_nodes(old: GraphSpec, new: GraphSpec, stays: Iterable[str]) -> Iterator[Operation]:
    for key in sorted(stays):
        place = new.layout.get(key, (0, 0))
        if old.layout.get(key, (0, 0)) != place:
            yield {"op": "move", "key": key, "at": list(place)}


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: Python holds 1, 1.0 and true for equal, also inside lists."""
    return one == other and dumps(one, sort_keys=True) == dumps(other, sort_keys=True)

"""Operations on a draft: read, applied in memory, and found between two graphs; no database here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from agentflow.graphs.reading import Problems, Reader, check_json, json_size, name_problem, text_problem
from agentflow.graphs.spec import (
    MAX_CONFIG_BYTES,
    MAX_DESCRIPTION,
    MAX_KEY,
    MAX_LINKS,
    MAX_NAME,
    MAX_NODES,
    MAX_PORT,
    Join,
    Limits,
    LinkSpec,
    NodeSpec,
    Policy,
    SpecError,
    changed_fields,
    read_annotations,
    read_limits,
    read_link,
    read_node,
    read_pinned,
    read_place,
    read_policy,
)

Operation = Mapping[str, Any]
Place = tuple[float, float]

#: Operations that one edit may carry.
MAX_OPERATIONS = 10_000


@dataclass(slots=True)
class Draft:
    """The part of a draft that an edit names, and what the edit did to it."""

    name: str = ""
    description: str = ""
    nodes: dict[str, NodeSpec] = field(default_factory=dict)
    #: In the order they were drawn.
    links: dict[LinkSpec, None] = field(default_factory=dict)
    layout: dict[str, Place] = field(default_factory=dict)
    annotations: tuple[Mapping[str, Any], ...] = ()
    limits: Limits = field(default_factory=Limits)
    #: Links that were there before the edit and were removed by it, even if it drew them again.
    dropped: set[LinkSpec] = field(default_factory=set)
    drawn: dict[LinkSpec, None] = field(default_factory=dict)
    #: Nodes and links outside this part, for the bounds.
    other_nodes: int = 0
    other_links: int = 0

    def draw(self, link: LinkSpec) -> None:
        """Add a link; one that is there stays where it is."""
        if link not in self.links:
            self.links[link] = self.drawn[link] = None

    def drop(self, link: LinkSpec) -> None:
        """Remove a link; one that is not there is no error."""
        if link in self.links:
            del self.links[link]
            if link in self.drawn:
                del self.drawn[link]
            else:
                self.dropped.add(link)


@dataclass(slots=True)
class Named:
    """What operations name, as far as they are readable: the rows they may touch."""

    keys: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    #: Source and sink of links.
    ends: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def by(cls, operations: Iterable[object]) -> "Named":
        """What these operations name."""
        named = cls()
        for operation in operations:
            if isinstance(operation, Mapping):
                named._add(operation)
        return named

    def _add(self, operation: Mapping[object, object]) -> None:
        node, link = operation.get("node"), operation.get("link")
        key = node.get("key") if isinstance(node, Mapping) else operation.get("key")
        if _is_key(key):
            self.keys.add(key)
            if operation.get("op") == "remove_node":
                self.removed.add(key)
        if isinstance(link, Mapping):
            source, sink = link.get("source"), link.get("sink")
            if _is_key(source) and _is_key(sink):
                self.keys |= {source, sink}
                self.ends.add((source, sink))


def apply(draft: Draft, operations: Sequence[object]) -> None:
    """Change the draft by the operations in their order.

    Raises:
        SpecError: one cannot be applied; the first such, with pointers like `#/operations/2/node/key`.
            The draft is then half changed and of no use.
    """
    problems = Problems()
    for index, operation in enumerate(operations):
        _apply_one(draft, Reader(operation, f"#/operations/{index}", problems))
        if problems:
            raise SpecError(problems.found)


def _is_key(value: object) -> TypeGuard[str]:
    return not name_problem(value, MAX_KEY)


def _apply_one(draft: Draft, reader: Reader) -> None:
    word = reader.members.get("op")
    known = OPERATIONS.get(word) if isinstance(word, str) else None
    if known is None:
        reader.problems.add(reader.at("op"), f"Must be one of: {', '.join(OPERATIONS)}.")
        return
    required, optional, carry_out = known
    reader.refuse_unknown(("op", *required, *optional))
    reader.require(required)
    if not reader.problems:
        carry_out(draft, reader)


def _add_node(draft: Draft, reader: Reader) -> None:
    node = read_node(reader.inside("node"))
    place = read_place(reader.members.get("at", (0, 0)), reader.at("at"), reader.problems)
    if draft.nodes.get(node.key, node) != node:
        reader.problems.add(reader.at("node") + "/key", f"Another node has the key “{node.key}”.")
    if len(draft.nodes) + draft.other_nodes >= MAX_NODES:
        reader.problems.add(reader.at("node"), f"A graph has at most {MAX_NODES:,} nodes.")
    if not reader.problems and node.key not in draft.nodes:
        draft.nodes[node.key] = node
        draft.layout[node.key] = place


def _remove_node(draft: Draft, reader: Reader) -> None:
    key = reader.text("key", longest=MAX_KEY, required=True)
    draft.nodes.pop(key, None)
    draft.layout.pop(key, None)
    for link in [link for link in draft.links if key in (link.source, link.sink)]:
        draft.drop(link)


def _set_config(draft: Draft, reader: Reader) -> None:
    node = _node(draft, reader)
    name = reader.text("name", longest=MAX_PORT, required=True)
    value = reader.members["value"]
    check_json(value, reader.at("value"), reader.problems, largest_bytes=MAX_CONFIG_BYTES)
    if reader.problems:
        return
    config = {**node.config, name: value}
    if json_size(config) > MAX_CONFIG_BYTES:
        reader.problems.add(reader.at("value"), f"The node's config would be larger than {MAX_CONFIG_BYTES:,} bytes.")
    draft.nodes[node.key] = replace(node, config=config)


def _unset_config(draft: Draft, reader: Reader) -> None:
    node = _node(draft, reader)
    name = reader.text("name", longest=MAX_PORT, required=True)
    config = {known: value for known, value in node.config.items() if known != name}
    _put(draft, reader, replace(node, config=config))


def _set_title(draft: Draft, reader: Reader) -> None:
    node = _node(draft, reader)
    _put(draft, reader, replace(node, title=reader.text("title", longest=MAX_NAME)))


def _set_policy(draft: Draft, reader: Reader) -> None:
    node = _node(draft, reader)
    name = reader.text("name", longest=MAX_KEY, required=True)
    found = Problems()
    policy = read_policy(Reader({**changed_fields(node.policy, Policy()), name: reader.members["value"]}, "", found))
    for problem in found.found:
        known = name in Policy.__slots__
        reader.problems.add(reader.at("value" if known else "name"), problem["detail"])
    _put(draft, reader, replace(node, policy=policy))


def _set_join(draft: Draft, reader: Reader) -> None:
    node = _node(draft, reader)
    _put(draft, reader, replace(node, join=reader.choice("join", Join.MATCH)))


def _set_pinned(draft: Draft, reader: Reader) -> None:
    node = _node(draft, reader)
    _put(draft, reader, replace(node, pinned=read_pinned(reader)))


def _move(draft: Draft, reader: Reader) -> None:
    node = _node(draft, reader)
    place = read_place(reader.members["at"], reader.at("at"), reader.problems)
    if not reader.problems:
        draft.layout[node.key] = place


def _add_link(draft: Draft, reader: Reader) -> None:
    link = read_link(reader.inside("link"))
    for end, key in (("source", link.source), ("sink", link.sink)):
        if key and key not in draft.nodes:
            reader.problems.add(f"{reader.at('link')}/{end}", f"No node has the key “{key}”.")
    if len(draft.links) + draft.other_links >= MAX_LINKS:
        reader.problems.add(reader.at("link"), f"A graph has at most {MAX_LINKS:,} links.")
    if not reader.problems:
        draft.draw(link)


def _remove_link(draft: Draft, reader: Reader) -> None:
    link = read_link(reader.inside("link"))
    draft.drop(link)


def _set_graph(draft: Draft, reader: Reader) -> None:
    name, value = reader.members["name"], reader.members["value"]
    pointer, problems = reader.at("value"), reader.problems
    if name == "name":
        _note(problems, pointer, name_problem(value, MAX_NAME))
        draft.name = str(value)
    elif name == "description":
        _note(problems, pointer, text_problem(value, MAX_DESCRIPTION))
        draft.description = str(value)
    elif name == "limits":
        draft.limits = _changed_limits(draft.limits, Reader(value, pointer, problems))
    elif name == "annotations":
        draft.annotations = read_annotations(reader, "value")
    else:
        problems.add(reader.at("name"), "Must be one of: name, description, limits, annotations.")


def _changed_limits(limits: Limits, changes: Reader) -> Limits:
    """The limits with those changed that are named; null is the default again.

    Two people who change different limits both win, as with the config of a node.
    """
    changes.refuse_unknown(Limits.__slots__)
    changed = {name: changes.members.get(name, getattr(limits, name)) for name in Limits.__slots__}
    given = {name: value for name, value in changed.items() if value is not None}
    return read_limits(Reader(given, changes.pointer, changes.problems))


def _node(draft: Draft, reader: Reader) -> NodeSpec:
    key = reader.text("key", longest=MAX_KEY, required=True)
    if key and key not in draft.nodes:
        reader.problems.add(reader.at("key"), f"No node has the key “{key}”.")
    return draft.nodes.get(key) or NodeSpec(key=key, block="")


def _put(draft: Draft, reader: Reader, node: NodeSpec) -> None:
    if not reader.problems:
        draft.nodes[node.key] = node


def _note(problems: Problems, pointer: str, detail: str) -> None:
    if detail:
        problems.add(pointer, detail)


Names = tuple[str, ...]
#: Each operation's required members, optional members, and what it does.
OPERATIONS: dict[str, tuple[Names, Names, Callable[[Draft, Reader], None]]] = {
    "add_node": (("node",), ("at",), _add_node),
    "remove_node": (("key",), (), _remove_node),
    "set_config": (("key", "name", "value"), (), _set_config),
    "unset_config": (("key", "name"), (), _unset_config),
    "set_title": (("key", "title"), (), _set_title),
    "set_policy": (("key", "name", "value"), (), _set_policy),
    "set_join": (("key", "join"), (), _set_join),
    "set_pinned": (("key", "pinned"), (), _set_pinned),
    "move": (("key", "at"), (), _move),
    "add_link": (("link",), (), _add_link),
    "remove_link": (("link",), (), _remove_link),
    "set_graph": (("name", "value"), (), _set_graph),
}

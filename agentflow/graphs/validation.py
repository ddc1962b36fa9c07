"""Every problem of a graph at once, each with a pointer and a sentence that a person can act on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from agentflow.graphs.ports import NodePorts, PortRef, Registry, ports_of, sink_ref, source_ref
from agentflow.graphs.spec import GraphSpec
from agentflow.graphs.wiring import Joint, Wiring, name_of, read_wiring
from blocks.base import ERROR_PORT, Port, PortKind
from blocks.credential import kinds_of
from blocks.types import ANY, Acceptor, Fit, Schema, acceptor, shown, step

__all__ = ["NodePorts", "Problem", "Registry", "check", "ports_of", "validate"]

#: Indices of parts and members.
LARGEST_INDEX = 10_000
#: Blocks whose `name` is a name in the execution's inputs or outputs.
_NAMED_BLOCKS = {"io.input": "input", "io.output": "output"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right."""

    #: Stable word for programs: `unknown_block`, `missing_input`, …
    code: str
    #: JSON pointer into the graph's canonical JSON: `#/nodes/3/config/url`.
    pointer: str
    #: Sentence for people.
    detail: str
    #: Key of the node it is about.
    node: str = ""
    #: Index of the link it is about.
    link: int | None = None
    severity: Literal["error", "warning"] = "error"


def validate(spec: GraphSpec, registry: Registry) -> tuple[Problem, ...]:
    """Every problem of the graph: nodes in order, links in order, then loops and cycles; errors forbid a start."""
    return check(spec, registry)[1]


def check(spec: GraphSpec, registry: Registry) -> tuple[Wiring, tuple[Problem, ...]]:
    """The graph's wiring with every problem, for those who need both. O(nodes + links)."""
    found = _Check(spec, read_wiring(spec, registry))
    found.check_nodes()
    found.check_links()
    found.check_structure()
    return found.wiring, tuple(found.problems)


class _Check:
    def __init__(self, spec: GraphSpec, wiring: Wiring) -> None:
        self.spec = spec
        self.wiring = wiring
        self.problems: list[Problem] = []
        self.linked: list[set[str]] = [set() for _ in spec.nodes]
        for wire, joint in zip(wiring.wires, wiring.joints, strict=True):
            self.linked[wire.sink].add(joint.sink.port.name)
        for link in spec.links:  # also those whose source is unknown: that alone is told
            number = wiring.numbers.get(link.sink)
            ports = None if number is None else wiring.ports[number]
            if number is not None and ports is not None and (ref := sink_ref(ports, link.sink_port)):
                self.linked[number].add(ref.port.name)
        #: Schemas belong to block classes and are many times the same objects.
        self.acceptors: dict[int, Acceptor] = {}
        self.fits: dict[tuple[Acceptor, Acceptor], Fit] = {}

    def at_node(self, code: str, node: int, detail: str, *below: str | int) -> None:
        self.problems.append(Problem(code, pointer_to("nodes", node, *below), detail, self.spec.nodes[node].key))

    def at_link(self, code: str, link: int, detail: str, *below: str) -> None:
        node = (
            self.spec.links[link].source if below[:1] in (("source",), ("source_port",)) else self.spec.links[link].sink
        )
        self.problems.append(Problem(code, pointer_to("links", link, *below), detail, node, link))

    # Nodes

    def check_nodes(self) -> None:
        taken: dict[tuple[str, str], int] = {}
        for number, node in enumerate(self.spec.nodes):
            if self.wiring.numbers[node.key] != number:
                self.at_node("duplicate_key", number, f"Another node already has the key “{node.key}”.", "key")
            ports = self.wiring.ports[number]
            if ports is None:
                detail = f"The block “{node.block}” of {name_of(node)} is not installed."
                self.at_node("unknown_block", number, detail, "block")
                continue
            if ports.block.disabled_reason:
                detail = f"The block of {name_of(node)} cannot run here: {ports.block.disabled_reason}"
                self.at_node("disabled_block", number, detail, "block")
            if ports.problem:
                self.at_node("bad_config", number, ports.problem, "config")
            else:
                self.check_config(number, ports)
            if node.block in _NAMED_BLOCKS:
                self.check_name(number, ports, taken)
            if node.pinned and not ports.problem:
                self.check_pinned(number, ports, node.pinned)

    def check_name(self, number: int, ports: NodePorts, taken: dict[tuple[str, str], int]) -> None:
        block, name = self.spec.nodes[number].block, ports.config.get("name")
        kind = _NAMED_BLOCKS[block]
        if "name" in self.linked[number]:
            detail = f"The name of an {kind} is written in its config, it cannot be linked."
            self.at_node("linked_name", number, detail, "config", "name")
        elif isinstance(name, str) and taken.setdefault((block, name), number) != number:
            other = name_of(self.spec.nodes[taken[block, name]])
            self.at_node("duplicate_name", number, f"{other} already is the {kind} “{name}”.", "config", "name")

    def check_config(self, number: int, ports: NodePorts) -> None:
        """Config and links together must give the block its input."""
        name, linked = name_of(self.spec.nodes[number]), self.linked[number]
        known = {port.name for port in ports.inputs}
        lacking = {port.name: port for port in ports.inputs if port.required}
        for port in lacking.values():
            if port.name not in ports.config and port.name not in linked:
                detail = f"“{port.title or port.name}” of {name} needs a value or a link."
                self.at_node("missing_input", number, detail, "config", port.name)
        for port in ports.inputs:
            if port.name in linked and kinds_of(port.schema):
                detail = f"“{port.title or port.name}” of {name} is chosen in the settings, it cannot be linked."
                self.at_node("linked_credential", number, detail, "config", port.name)
        try:
            ports.block.Input.model_validate(ports.config)
        except ValidationError as error:
            self.check_values(number, ports, error)
        except Exception as error:  # noqa: BLE001 - a validator of anybody's block
            self.at_node("bad_config", number, f"{name}: {error}", "config")
        else:
            self.check_extra(number, known, ports)

    def check_values(self, number: int, ports: NodePorts, error: ValidationError) -> None:
        """One problem for each input whose value in the config is wrong."""
        name, told = name_of(self.spec.nodes[number]), set()
        for found in error.errors(include_url=False, include_context=False, include_input=False):
            where = _existing(ports.config, found["loc"])
            if found["type"] == "extra_forbidden" and len(where) == 1:
                self.at_node("unknown_input", number, f"{name} has no input “{where[0]}”.", "config", where[0])
            elif where[:1] not in told and (where or not (found["loc"] or self.linked[number])):
                # Without a place: a rule over several inputs; a linked one is not there yet.
                told.add(where[:1])
                title = f"“{where[0]}” of {name}" if where else name
                self.at_node("bad_config", number, f"{title}: {found['msg']}.", "config", *where)

    def check_extra(self, number: int, known: set[str], ports: NodePorts) -> None:
        """Blocks whose model takes anything still say which inputs they have."""
        name = name_of(self.spec.nodes[number])
        fields = ports.block.Input.model_fields
        for given in ports.config:
            if given not in known and given not in fields:
                self.at_node("unknown_input", number, f"{name} has no input “{given}”.", "config", given)

    def check_pinned(self, number: int, ports: NodePorts, pinned: Mapping[str, Any]) -> None:
        """Pinned values must have ports; those that the block would never give are only told."""
        known, name = {port.name: port for port in ports.outputs}, name_of(self.spec.nodes[number])
        for given, value in pinned.items():
            port = known.get(given)
            if port is None and ports.block.open_outputs and given != ERROR_PORT:
                continue
            if port is None:
                has = ", ".join(known) or "none"
                detail = f"{name} has no output “{given}” to pin a value to; it has: {has}."
            elif port.kind is PortKind.STREAM and not isinstance(value, list):
                detail = f"“{given}” of {name} gives one value after the other: pin a list of them."
            else:
                self.check_fit(number, port, value)
                continue
            self.at_node("bad_pin", number, detail, "pinned", given)

    def check_fit(self, number: int, port: Port, value: Any) -> None:
        """A warning for the first pinned value that is of another type than the port's."""
        taken, node = self.accepted(port), self.spec.nodes[number]
        values = value if port.kind is PortKind.STREAM else [value]
        for odd in [one for one in values if not taken.accepts(one)][:1]:
            detail = f"“{port.name}” of {name_of(node)} gives {taken.noun}; {shown(odd)} is pinned."
            pointer = pointer_to("nodes", number, "pinned", port.name)
            self.problems.append(Problem("pin_mismatch", pointer, detail, node.key, severity="warning"))

    # Links

    def check_links(self) -> None:
        joints = {joint.link: joint for joint in self.wiring.joints}
        seen = set()
        for index, link in enumerate(self.spec.links):
            if link in seen:
                self.at_link("duplicate_link", index, "The same link is drawn twice.")
            seen.add(link)
            if joint := joints.get(index):
                self.check_joint(joint)
            else:
                self.check_names(index)

    def check_names(self, index: int) -> None:
        """What of the link's ends is unknown; a node of an unknown block was told already."""
        link = self.spec.links[index]
        for key, text, end, is_source in (
            (link.source, link.source_port, "source", True),
            (link.sink, link.sink_port, "sink", False),
        ):
            number = self.wiring.numbers.get(key)
            ports = None if number is None else self.wiring.ports[number]
            if number is None:
                self.at_link("unknown_node", index, f"The link names a node “{key}” that is not there.", end)
            elif ports is not None and not (source_ref(ports, text) if is_source else sink_ref(ports, text)):
                has = ", ".join(port.name for port in (ports.outputs if is_source else ports.inputs)) or "none"
                kind = "output" if is_source else "input"
                detail = f"{name_of(self.spec.nodes[number])} has no {kind} “{text}”; it has: {has}."
                self.at_link("unknown_port", index, detail, f"{end}_port")

    def check_joint(self, joint: Joint) -> None:
        """The link's part, member and types."""
        source = self.reach(joint, joint.source)
        sink = self.member(joint, joint.sink)
        if source is None or sink is None:
            return
        if self.fit(source, sink) is Fit.REFUSED:
            link = self.spec.links[joint.link]
            detail = f"“{link.sink_port}” of {self.name(link.sink)} takes {sink.noun}; “{link.source_port}” of {self.name(link.source)} gives {source.noun}."
            self.at_link("type_mismatch", joint.link, detail, "sink_port")

    def name(self, key: str) -> str:
        return name_of(self.spec.nodes[self.wiring.numbers[key]])

    def fit(self, source: Acceptor, sink: Acceptor) -> Fit:
        if sink == ANY:
            return Fit.OK
        found = self.fits.get((source, sink))
        if found is None:
            found = self.fits[source, sink] = source.fit(sink)
        return found

    def accepted(self, port: Port) -> Acceptor:
        found = self.acceptors.get(id(port.schema))
        if found is None:
            found = self.acceptors[id(port.schema)] = acceptor(port.schema)
        return found

    def reach(self, joint: Joint, ref: PortRef) -> Acceptor | None:
        """What the part gives; None when it is told that there is no such part."""
        if not ref.parts:
            return self.accepted(ref.port)
        schema = ref.port.schema
        for part in ref.parts:
            if not self.check_part(joint, part, schema, "source_port"):
                return None
            below = step(schema, part)
            if below is None:
                detail = f"“{ref.port.name}” of {self.name(self.spec.links[joint.link].source)} gives {acceptor(schema).noun} where “{part}” is taken from it."
                self.at_link("bad_part", joint.link, detail, "source_port")
                return None
            schema = below
        return acceptor(schema)

    def member(self, joint: Joint, ref: PortRef) -> Acceptor | None:
        """What the member takes; None when it is told that there is no such member."""
        if not ref.parts:
            return self.accepted(ref.port)
        if not all(self.check_part(joint, part, ref.port.schema, "sink_port") for part in ref.parts):
            return None
        port, name = ref.port, self.name(self.spec.links[joint.link].sink)
        if port.kind in (PortKind.COLLECT, PortKind.GATHER):
            detail = f"“{port.name}” of {name} takes all values as they come: link to “{port.name}” itself."
        elif len(ref.parts) > 1:
            detail = f"A link sets a member of “{port.name}” of {name}, not a member of a member."
        elif (below := step(port.schema, ref.parts[0])) is not None:
            return acceptor(below) if below else ANY
        else:
            detail = f"“{port.name}” of {name} takes {self.accepted(port).noun}, which has no member “{ref.parts[0]}”."
        self.at_link("bad_member", joint.link, detail, "sink_port")
        return None

    def check_part(self, joint: Joint, part: str, schema: Schema, end: str) -> bool:
        """A part is not empty; digits are a small index, unless the values can only be dicts: then they are a key."""
        if not part:
            self.at_link("bad_part", joint.link, "A part between two dots is empty.", end)
            return False
        is_large = part.isdecimal() and (len(part) > len(str(LARGEST_INDEX)) or int(part) > LARGEST_INDEX)
        if is_large and "array" in acceptor(schema).kinds:
            self.at_link("bad_part", joint.link, f"The index {part[:20]} is larger than {LARGEST_INDEX:,}.", end)
            return False
        return True

    # Loops and cycles

    def check_structure(self) -> None:
        for fault in self.wiring.structure.faults:
            if fault.wire is None:
                self.at_node(fault.code, fault.node, fault.detail)
                continue
            link = self.wiring.joints[fault.wire].link
            key = self.spec.nodes[fault.node].key
            self.problems.append(Problem(fault.code, pointer_to("links", link), fault.detail, key, link))


def _existing(config: Any, place: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The steps of an error's place that are steps into the config; others name a choice of a union."""
    steps: list[str | int] = []
    for name in place:
        inside = config if isinstance(config, Mapping) else dict(enumerate(config)) if isinstance(config, list) else {}
        if name in inside:
            config = inside[name]
            steps.append(name)
    return tuple(steps)


def pointer_to(*steps: str | int) -> str:
    """The JSON pointer of a place in the graph's canonical JSON."""
    return "#/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)

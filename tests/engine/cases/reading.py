"""The written cases: `*.yaml` beside this file, read into graphs and what is expected of them.

A case is written for users:

    title: what happens, as a sentence
    graph: nodes as `key: block {config} with {policy, join or title}`, links as `a.port -> b.port, c.port`;
        the name of an `io.input` and an `io.output` is its key unless the config says another
    graphs: other graphs by name, in the same notation, or `{graph, limits}`; `$name` in a config is the number of one
    limits, inputs: of the graph and of the execution
    decisions: what people decide, by node and path: `ask [1]: {decision: approved, payload: …, comment: …}`
    runs: the node executions, one line per outcome: `double, log [0] [1]: completed` are two nodes, each at two
        paths. `[0,2]` is a path, `#1` the ordinal, `#0..3` several; without an outcome they completed. Outcomes: `completed`, `failed: message`,
        `failed, handled: message`, `skipped: reason`, `cancelled`, `absent`; `or` between them where timing decides;
        `try 3` is the attempt
    outputs: of the execution; `either`: several possible ones where arrival decides
    gives: values of single ports in the order of paths: `node.port: [values]`
    at_most: how many runs of a node there may be at a time
    status, reason, error: of the execution; completed when left out; the error is a part of its message
    refused: pointer -> part of the message, when the graph or its inputs cannot be started
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path as File
from typing import Any

import yaml

from agentflow.graphs.spec import GraphSpec, to_json

FOLDER = File(__file__).parent
#: Node, path, ordinal.
Key = tuple[str, tuple[int, ...], int]

_NAMED = ("io.input", "io.output")
_NODE = re.compile(r"([\w-]+): ([\w.]+)(?: (\{.*?\}))??(?: with (\{.*\}))?")
_WHERE = re.compile(r"([\w-]+(?:, [\w-]+)*)((?: [\[#]\S*)*)")
_PLACE = re.compile(r"(?:\[([\d, ]*)\])?(?:#(\d+)(?:\.\.(\d+))?)?")
_OR = re.compile(" or (?=completed|failed|skipped|cancelled|absent)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a node execution."""

    #: completed, failed, handled, skipped, cancelled.
    status: str
    #: A part of the error or of the reason.
    message: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One written case."""

    theme: str
    title: str
    graph: GraphSpec
    graphs: Mapping[str, GraphSpec]
    inputs: Mapping[str, Any]
    decisions: Mapping[tuple[str, tuple[int, ...]], Mapping[str, Any]]
    runs: Mapping[Key, tuple[Outcome, ...]]
    outputs: tuple[Mapping[str, Any], ...]
    gives: Mapping[tuple[str, str], list[Any]]
    at_most: Mapping[str, int]
    status: str
    reason: str
    error: str
    refused: Mapping[str, str]
    #: As it is written.
    text: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.theme}: {self.title}"


@cache
def cases() -> tuple[Case, ...]:
    """All cases, by file."""
    return tuple(case for file in sorted(FOLDER.glob("*.yaml")) for case in read(file))


def read(file: File) -> Iterator[Case]:
    """The cases of one file."""
    for text in yaml.safe_load(file.read_text()):
        try:
            yield _case(file.stem, text)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file.name}, “{text.get('title')}”: {error}") from error


_FIELDS = {field.name for field in fields(Case)} - {"theme", "text"} | {"either", "limits"}


def _case(theme: str, text: Mapping[str, Any]) -> Case:
    if unknown := set(text) - _FIELDS:
        raise ValueError(f"unknown: {unknown}")
    title = str(text["title"])
    return Case(
        theme=theme,
        title=title,
        graph=drawn(text["graph"], name=title, limits=text.get("limits", {})),
        graphs={name: _other(name, other) for name, other in text.get("graphs", {}).items()},
        inputs=text.get("inputs", {}),
        decisions={_decided(where): decision for where, decision in text.get("decisions", {}).items()},
        runs=dict(_runs(text.get("runs", ""))),
        outputs=tuple(text.get("either", (text.get("outputs", {}),))),
        gives={(port.split(".")[0], port.split(".")[1]): values for port, values in text.get("gives", {}).items()},
        at_most=text.get("at_most", {}),
        status=text.get("status", "completed"),
        reason=text.get("reason", ""),
        error=text.get("error", ""),
        refused=text.get("refused", {}),
        text=text,
    )


def _other(name: str, text: str | Mapping[str, Any]) -> GraphSpec:
    if isinstance(text, str):
        return drawn(text, name=name)
    return drawn(text["graph"], name=name, limits=text["limits"])


def drawn(text: str, *, name: str, limits: Mapping[str, Any] | None = None) -> GraphSpec:
    """The graph that the notation describes."""
    nodes: list[dict[str, Any]] = []
    links: list[dict[str, str]] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if " -> " in line:
            links += _links(line)
        else:
            nodes.append(_node(line))
    return GraphSpec.from_json({"name": name[:200], "nodes": nodes, "links": links, "limits": dict(limits or {})})


def numbered(spec: GraphSpec, numbers: Mapping[str, int]) -> GraphSpec:
    """The graph with the numbers of other graphs where it names them."""
    data = to_json(spec)
    for node in data["nodes"]:
        given = node["config"].get("graph")
        if isinstance(given, str) and given.startswith("$"):
            node["config"]["graph"] = numbers[given[1:]]
    return GraphSpec.from_json(data)


def _node(line: str) -> dict[str, Any]:
    match = _NODE.fullmatch(line)
    if not match:
        raise ValueError(f"no node: {line}")
    key, block, config, options = match.groups()
    node: dict[str, Any] = {"key": key, "block": block, "config": yaml.safe_load(config or "{}")}
    if block in _NAMED:
        node["config"].setdefault("name", key)
    more = yaml.safe_load(options or "{}")
    node |= {name: more.pop(name) for name in ("join", "title", "pinned") if name in more}
    return node | {"policy": more}


def _links(line: str) -> Iterator[dict[str, str]]:
    start, ends = line.split(" -> ")
    source, source_port = start.strip().split(".", 1)
    for end in ends.split(", "):
        sink, sink_port = end.strip().split(".", 1)
        yield {"source": source, "source_port": source_port, "sink": sink, "sink_port": sink_port}


def _decided(where: str) -> tuple[str, tuple[int, ...]]:
    node, _, place = where.partition(" ")
    return node, next(_places(place))[0]


def _runs(text: str) -> Iterator[tuple[Key, tuple[Outcome, ...]]]:
    for line in filter(None, (line.strip() for line in text.splitlines())):
        who, _, what = line.partition(": ")
        outcomes = tuple(_outcome(one) for one in _OR.split(what)) if what else (Outcome("completed"),)
        match = _WHERE.fullmatch(who)
        if not match:
            raise ValueError(f"no runs: {line}")
        for node in match[1].split(", "):
            for places in match[2].split() or [""]:
                yield from (((node, *place), outcomes) for place in _places(places))


def _outcome(text: str) -> Outcome:
    what, _, message = text.partition(": ")
    status, *more = what.strip().split(", ")
    attempt = next((int(word.removeprefix("try ")) for word in more if word.startswith("try ")), 0)
    return Outcome("handled" if "handled" in more else status, message.strip(), attempt)


def _places(text: str) -> Iterator[tuple[tuple[int, ...], int]]:
    match = _PLACE.fullmatch(text)
    if not match:
        raise ValueError(f"no path: {text}")
    path = tuple(int(index) for index in (match[1] or "").split(",") if index)
    first = int(match[2] or 0)
    for ordinal in range(first, int(match[3] or first) + 1):
        yield path, ordinal

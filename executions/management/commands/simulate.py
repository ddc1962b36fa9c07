"""`manage.py simulate GRAPH.json`: run a graph in memory, without a database, and show what happened."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agentflow.graphs.spec import GraphSpec, SpecError
from blocks.base import BlockError
from blocks.context import HttpResponse
from blocks.registry import registry
from blocks.types import shown
from executions.context import ShippedFiles
from executions.engine.plan import PlanError
from executions.engine.simulate import Row, Trace, simulate
from executions.engine.status import Status
from executions.inputs import InputsRefused, input_nodes, resolve_inputs

#: Exit codes.
FAILED, REFUSED = 1, 2
#: Largest file that is read, in bytes.
MAX_BYTES = 50_000_000
#: Characters of a line that show what a node gave.
WIDTH = 80
NO_NETWORK = "This step needs the network, and a simulation has none: run the graph, or give the value by a core.value."
NOBODY = 'nobody has decided; simulate with --decisions \'{{"{}": {{"decision": "approved"}}}}\'.'

Decisions = Mapping[str, Mapping[str, Any]]


class NoNetwork:
    """In place of a client: whoever asks is told why there is no answer."""

    async def request(self, method: str, url: str, **options: Any) -> HttpResponse:
        raise BlockError(NO_NETWORK, retry=False)


class Command(BaseCommand):
    """Simulate one graph."""

    help = (
        "Run a graph (canonical JSON, as it is exported) in memory: no database, no network, a clock of its own. "
        "Exit code 0: completed, 1: failed, 2: the graph or the inputs are not right."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("graph", help="The file; - reads standard input.")
        parser.add_argument("--inputs", default="{}", help="As JSON: '{\"n\": 1}'.")
        parser.add_argument("--seed", type=int, default=0, help="How long steps take: another seed, another order.")
        parser.add_argument("--concurrency", type=int, default=100, help="Runs at a time; 0: no limit.")
        parser.add_argument(
            "--decisions",
            default="{}",
            help='What people decide, by node: \'{"ask": {"decision": "approved", "payload": 5, "comment": ""}}\'; '
            '"ask [1]" is the node at this path.',
        )
        parser.add_argument(
            "--graph",
            dest="graphs",
            action="append",
            default=[],
            metavar="NUMBER=FILE",
            help="Another graph that this one runs, by its number; may be given several times.",
        )
        parser.add_argument("--json", action="store_true", help="Print everything as one JSON object.")

    def handle(self, *args: Any, graph: str, **options: Any) -> None:
        spec = _graph(graph)
        inputs = _object(options["inputs"], "--inputs")
        graphs = _graphs(options["graphs"])
        decisions = _decisions(_object(options["decisions"], "--decisions"), (spec, *graphs.values()))
        try:
            trace = simulate(
                spec,
                registry(),
                resolve_inputs(input_nodes(spec), inputs),
                seed=options["seed"],
                concurrency=max(0, options["concurrency"]),
                decisions=decisions,
                graphs=graphs,
                http=NoNetwork(),
                files=ShippedFiles(),
            )
        except PlanError as error:
            _refuse(f"{problem.pointer}: {problem.detail}" for problem in error.problems)
        except InputsRefused as error:
            _refuse(f"{problem['pointer']}: {problem['detail']}" for problem in error.problems)
        lines = [json.dumps(as_json(trace), ensure_ascii=False, indent=2)] if options["json"] else as_text(trace)
        for line in lines:
            self.stdout.write(line)
        if trace.status is not Status.COMPLETED:
            verb = "waits" if trace.status is Status.WAITING else str(trace.status)
            raise CommandError(f"The run {verb}: {_message(trace)}", returncode=FAILED)


# What is asked for


def _graph(name: str) -> GraphSpec:
    """The graph in the file.

    Raises:
        CommandError: there is none; every mistake with its pointer.
    """
    try:
        if name != "-" and Path(name).stat().st_size > MAX_BYTES:
            _refuse([f"{name}: larger than {MAX_BYTES:,} bytes."])
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return GraphSpec.from_json(json.loads(text))
    except OSError as error:
        _refuse([f"{name}: {error.strerror}."])
    except (ValueError, RecursionError) as error:
        _refuse([f"{name}: not JSON: {error}"])
    except SpecError as error:
        _refuse(f"{problem['pointer']}: {problem['detail']}" for problem in error.problems)


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        _refuse([f"{option}: not JSON: {error}"])
    if not isinstance(value, dict):
        _refuse([f"{option}: must be an object, not {shown(value)}."])
    return value


def _graphs(given: Iterable[str]) -> dict[int, GraphSpec]:
    """The other graphs, by number."""
    graphs = {}
    for text in given:
        number, _, file = text.partition("=")
        if not (number.isdecimal() and file):
            _refuse([f"--graph: must be NUMBER=FILE, not {text}."])
        graphs[int(number)] = _graph(file)
    return graphs


def _decisions(given: dict[str, Any], specs: Iterable[GraphSpec]) -> Decisions:
    """What people decide in these graphs."""
    asking = {node.key for spec in specs for node in spec.nodes if node.block == "logic.approve"}
    problems = []
    for name, decision in given.items():
        if name.partition(" ")[0] not in asking:
            known = ", ".join(sorted(asking)) or "none"
            problems.append(f"--decisions: “{name}” is no node that asks; these do: {known}.")
        elif not isinstance(decision, dict) or decision.get("decision") not in ("approved", "rejected"):
            problems.append(f'--decisions: “{name}”: "decision" must be "approved" or "rejected".')
    if problems:
        _refuse(problems)
    return given


def _refuse(problems: Iterable[str]) -> NoReturn:
    raise CommandError("\n".join(problems), returncode=REFUSED)


# What is shown


def as_text(trace: Trace) -> Iterator[str]:
    """The node executions in the order of their start, the skipped nodes, how it ended and the outputs."""
    rows = [("time", "node", "status", "gave")]
    for key, row in sorted(trace.rows.items(), key=lambda item: (item[1].started, item[0])):
        status = f"{row.status}, handled" if row.handled else str(row.status)
        rows.append((f"{row.started:.2f}", _place(*key), status, _given(row)))
    rows += [("", node, str(Status.SKIPPED), skip.reason) for node, skip in trace.skipped.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for time, node, status, gave in rows:
        yield f"{time:>{widths[0]}}  {node:<{widths[1]}}  {status:<{widths[2]}}  {gave}".rstrip()
    yield ""
    yield f"{trace.status}: {_counted(trace)}"
    for name, value in trace.outputs.items():
        yield f"{name} = {json.dumps(value, ensure_ascii=False)}"


def as_json(trace: Trace) -> dict[str, Any]:
    """The whole trace: how it ended, its outputs, its node executions and their counts."""
    nodes = [
        {
            "node": key[0],
            "path": list(key[1]),
            "ordinal": key[2],
            "status": row.status,
            "started": round(row.started, 6),
            "ended": round(row.ended, 6),
            "attempt": row.attempt,
            "error": row.error and {**row.error, "handled": row.handled},
            "outputs": [list(output) for output in row.outputs],
        }
        for key, row in sorted(trace.rows.items(), key=lambda item: (item[1].started, item[0]))
    ]
    skipped = [{"node": skip.node, "port": skip.port, "message": skip.reason} for skip in trace.skipped.values()]
    return {
        "status": trace.status,
        "reason": trace.reason,
        "error": trace.error,
        "outputs": dict(trace.outputs),
        "nodes": nodes,
        "skipped": skipped,
        "counts": asdict(trace.counts),
    }


def _place(node: str, path: tuple[int, ...], ordinal: int = 0) -> str:
    """`work [0,2]#1` as one writes it down."""
    where = f" [{','.join(map(str, path))}]" if path else ""
    return f"{node}{where}{f'#{ordinal}' if ordinal else ''}"


def _given(row: Row) -> str:
    """`item: 1, 2; count: 2`, and why it failed."""
    ports: dict[str, list[str]] = {}
    for port, value in row.outputs:
        ports.setdefault(port, []).append(shown(value))
    text = "; ".join(f"{port}: {', '.join(values)}" for port, values in ports.items())
    text = text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
    return "; ".join(filter(None, (text, str(row.error["message"]) if row.error else "")))


def _counted(trace: Trace) -> str:
    counts: dict[str, int] = {}
    for row in trace.rows.values():
        name = "failed and handled" if row.handled else str(row.status)
        counts[name] = counts.get(name, 0) + 1
    if trace.skipped:
        counts["skipped"] = len(trace.skipped)
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing ran"


def _message(trace: Trace) -> str:
    """Why it did not complete."""
    if trace.status is Status.WAITING:
        key = next(key for key, row in trace.rows.items() if row.status is Status.WAITING)
        if key in trace.children:
            return f"{_place(*key)}: {_message(trace.children[key][-1])}"
        return f"{_place(*key)}: {NOBODY.format(_place(key[0], key[1]))}"
    error = trace.error or {}
    node = f"{_place(error['node'], tuple(error.get('path', ())))}: " if "node" in error else ""
    return f"{node}{error.get('message', 'nobody knows why')}"

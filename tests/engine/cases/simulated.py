"""Play a case in memory, to its end or from a crash on, and see what happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from blocks import registry
from executions.engine.plan import Plan, compile_plan
from executions.engine.simulate import Row, Trace, World, _Place, _Simulation
from executions.inputs import input_nodes, resolve_inputs
from tests.engine.cases.judging import COUNTED, Seen
from tests.engine.cases.reading import Case, Key, Outcome, numbered

BLOCKS = registry.load(["tests.case_blocks"])


@dataclass(frozen=True, slots=True)
class Played:
    """A simulated execution that is over, and the runs that never started."""

    trace: Trace
    queued: tuple[Key, ...]
    #: Events that were known of an earlier play.
    known: int


def play(case: Case, *, seed: int, concurrency: int = 100, earlier: Played | None = None, known: int = 0) -> Played:
    """The case from its start, or from a crash on: all that is known are the first events of an earlier play."""
    simulation = _Simulation(plan_of(case), _inputs_of(case), {}, seed, concurrency)
    simulation.enter(_Place(_world_of(case), BLOCKS))
    if earlier and known:
        simulation.remember(earlier.trace.events[:known])
    trace = simulation.run(None)
    return Played(trace, tuple(run.key for run in simulation.scheduler.queued()), known)


@cache
def plan_of(case: Case) -> Plan:
    """The plan; 200 schedules of one case compile it once."""
    return compile_plan(numbered(case.graph, _numbers(case)), BLOCKS)


@cache
def _inputs_of(case: Case) -> Mapping[str, Any]:
    return resolve_inputs(input_nodes(case.graph), case.inputs)


@cache
def _world_of(case: Case) -> World:
    """The other graphs, and what people decide; where the case says nothing nobody ever does."""
    numbers = _numbers(case)
    asks = {node.key: None for node in case.graph.nodes if node.block == "logic.approve"}
    return World(
        decisions=asks | case.text.get("decisions", {}),
        graphs={numbers[name]: numbered(spec, numbers) for name, spec in case.graphs.items()},
    )


def _numbers(case: Case) -> dict[str, int]:
    return {name: number for number, name in enumerate(case.graphs, 1)}


def seen(played: Played) -> Seen:
    """What happened."""
    trace = played.trace
    rows = {key: _outcome(row, is_known=played.known > 0) for key, row in trace.rows.items()}
    rows |= {(node, (), 0): Outcome("skipped", skip.reason) for node, skip in trace.skipped.items()}
    rows |= {key: Outcome("cancelled") for key in played.queued}
    values: dict[tuple[str, str], list[Any]] = {}
    for key in sorted(trace.rows):
        for port, value in trace.rows[key].outputs:
            values.setdefault((key[0], port), []).append(value)
    return Seen(
        status=trace.status.value,
        reason=(trace.reason or ""),
        error=(trace.error or {}).get("message", ""),
        outputs=trace.outputs,
        rows=rows,
        counts={name: getattr(trace.counts, name) for name in COUNTED},
        values=values,
        spans={key: (row.started, row.ended) for key, row in trace.rows.items()},
    )


def _outcome(row: Row, *, is_known: bool) -> Outcome:
    """Of a run that ended before a crash only the errors say which attempt it was."""
    error = row.error or {}
    attempt = error.get("attempt", 0 if is_known else row.attempt)
    return Outcome("handled" if row.handled else row.status.value, error.get("message", ""), attempt)

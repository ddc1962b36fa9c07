"""Play a case in memory, to its end or from a crash on, and see what happened."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from agentflow.graphs.spec import GraphSpec
from blocks import registry
from executions.engine.plan import Plan, compile_plan
from executions.engine.simulate import Event, Row, Trace, simulate
from executions.inputs import input_nodes, resolve_inputs
from tests.engine.cases.judging import COUNTED, Seen
from tests.engine.cases.reading import Case, Outcome, numbered

BLOCKS = registry.load(["tests.case_blocks"])


def play(case: Case, *, seed: int, concurrency: int = 100, known: Sequence[Event] = ()) -> Trace:
    """The case from its start, or from a crash on: all that is known are the first events of an earlier play."""
    return simulate(
        plan_of(case),
        BLOCKS,
        _inputs_of(case),
        seed=seed,
        concurrency=concurrency,
        decisions=case.text.get("decisions", {}),
        graphs=_graphs_of(case),
        known=known,
    )


@cache
def plan_of(case: Case) -> Plan:
    """The plan; 200 schedules of one case compile it once."""
    return compile_plan(numbered(case.graph, _numbers(case)), BLOCKS)


@cache
def _inputs_of(case: Case) -> Mapping[str, Any]:
    return resolve_inputs(input_nodes(case.graph), case.inputs)


@cache
def _graphs_of(case: Case) -> Mapping[int, GraphSpec]:
    """The other graphs, by number."""
    numbers = _numbers(case)
    return {numbers[name]: numbered(spec, numbers) for name, spec in case.graphs.items()}


def _numbers(case: Case) -> dict[str, int]:
    return {name: number for number, name in enumerate(case.graphs, 1)}


def seen(trace: Trace, *, is_known: bool = False) -> Seen:
    """What happened; of what is known from before a crash the attempts are not."""
    rows = {key: _outcome(row, is_known=is_known) for key, row in trace.rows.items()}
    rows |= {(node, (), 0): Outcome("skipped", skip.reason) for node, skip in trace.skipped.items()}
    rows |= {key: Outcome("cancelled") for key in trace.queued}
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

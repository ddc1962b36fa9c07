"""Play a case in memory, to its end or from a crash on, and see what happened."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from blocks import registry
from executions.engine.commands import Command, Run, Start
from executions.engine.inputs import assemble
from executions.engine.plan import NodePlan, Plan, compile_plan
from executions.engine.simulate import Event, Row, SimulatedContext, Trace, _run_block, _Simulation, _without
from executions.engine.status import Status
from executions.inputs import input_nodes, resolve_inputs
from tests.engine.cases.judging import COUNTED, Seen
from tests.engine.cases.reading import Case, Key, Outcome

BLOCKS = registry.load(["tests.case_blocks"])
_ENDS = {"complete": Status.COMPLETED, "fail": Status.FAILED, "stopped": Status.CANCELLED}


def play(case: Case, *, seed: int, concurrency: int = 100) -> tuple[Trace, Seen]:
    """The case from its start."""
    simulation = _Played(case, seed, concurrency)
    return simulation.run(None), simulation.seen()


def play_on(case: Case, trace: Trace, events: int, *, seed: int, concurrency: int = 100) -> Seen:
    """The case from a crash on: all that is known are the first events of an earlier play."""
    simulation = _Played(case, seed, concurrency)
    simulation.recover(trace.events[:events], trace.rows)
    return simulation.seen()


@cache
def plan_of(case: Case) -> Plan:
    """The plan; 200 schedules of one case compile it once."""
    return compile_plan(case.graph, BLOCKS)


@cache
def _inputs_of(case: Case) -> Mapping[str, Any]:
    return resolve_inputs(input_nodes(case.graph), case.inputs)


class _Played(_Simulation):
    """A simulation that knows the number of the attempt and what was recorded before a crash."""

    def __init__(self, case: Case, seed: int, concurrency: int) -> None:
        super().__init__(plan_of(case), _inputs_of(case), {}, seed, concurrency)
        self.recorded: dict[Key, list[tuple[str, Any]]] = {}

    def begin(self, node: NodePlan, run: Run) -> Iterator[tuple[str, Any]]:
        values = self.trace.rows[run.key].input = assemble(node, run.arrivals)
        context = SimulatedContext(run.node, run.path, str(run.key), self.inputs, run.indices)
        context.attempt = self.attempts.get(run, 0) + 1
        known = [] if run in self.attempts else self.recorded.get(run.key, [])
        return _without(_run_block(node, values, context), known)

    def recover(self, events: Sequence[Event], rows: Mapping[Key, Row]) -> None:
        """Tell a fresh scheduler the events, then go on to the end; `rows` know when runs had started."""
        commands = self.tell(events)
        self.trace.events += events
        self.time = events[-1].time if events else 0.0
        ended = {event.run: event for event in events if event.run and event.kind in _ENDS}
        self.obey([one for one in commands if not (isinstance(one, Start) and one.run.key in ended)])
        for key, event in ended.items():
            self.trace.rows[key] = Row(_ENDS[event.kind], rows[key].started, event.time, rows[key].handled)
        for key, kept in self.recorded.items():
            self.trace.rows[key].outputs += kept
        while self.pending and self.trace.status is Status.RUNNING:
            self.time, _, _, run = heapq.heappop(self.pending)
            assert run
            self.step(run)

    def tell(self, events: Sequence[Event]) -> list[Command]:
        """What the scheduler says to the events."""
        runs: dict[Key, Run] = {}
        said: list[Command] = []

        def hear(commands: list[Command]) -> None:
            said.extend(commands)
            runs.update({one.run.key: one.run for one in commands if isinstance(one, Start)})

        hear(self.scheduler.start(only={event.run for event in events if event.run}))
        for event in events:
            assert event.run
            run = runs[event.run]
            match event.kind:
                case "emit":
                    self.recorded.setdefault(run.key, []).append((event.port, event.value))
                    hear(self.scheduler.emit(run, event.port, event.value, event.ref))
                case "fail":
                    hear(self.scheduler.fail(run, event.value, event.ref))
                case "complete":
                    hear(self.scheduler.complete(run))
                case _:
                    hear(self.scheduler.stopped(run))
        hear(self.scheduler.release())
        return said

    def seen(self) -> Seen:
        """What happened."""
        errors = {event.run: event.value for event in self.trace.events if event.kind == "fail"}
        rows = {key: _outcome(row, errors.get(key) or {}) for key, row in self.trace.rows.items()}
        rows |= {(node, (), 0): Outcome("skipped", skip.reason) for node, skip in self.trace.skipped.items()}
        rows |= {run.key: Outcome("cancelled") for run in self.scheduler.queued()}
        values: dict[tuple[str, str], list[Any]] = {}
        for key in sorted(self.trace.rows):
            for port, value in self.trace.rows[key].outputs:
                values.setdefault((key[0], port), []).append(value)
        return Seen(
            status=self.trace.status.value,
            reason=(self.trace.reason or ""),
            error=(self.trace.error or {}).get("message", ""),
            outputs=self.trace.outputs,
            rows=rows,
            counts={name: getattr(self.scheduler.counts, name) for name in COUNTED},
            values=values,
            spans={key: (row.started, row.ended) for key, row in self.trace.rows.items()},
        )


def _outcome(row: Row, error: Mapping[str, Any]) -> Outcome:
    return Outcome("handled" if row.handled else row.status.value, error.get("message", ""), error.get("attempt", 0))

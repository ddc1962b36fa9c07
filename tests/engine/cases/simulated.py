"""Play a case in memory, to its end or from a crash on, and see what happened."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from agentflow.graphs.spec import GraphSpec
from blocks import registry
from blocks.base import BlockError, read_input
from blocks.context import Answer
from executions.engine.commands import Command, Run, Start, Stop
from executions.engine.inputs import assemble
from executions.engine.plan import NodePlan, Plan, compile_plan
from executions.engine.scheduler import Scheduler
from executions.engine.simulate import Event, Row, _Simulation
from executions.engine.status import Status
from executions.inputs import input_nodes, resolve_inputs
from tests.engine.cases.judging import COUNTED, Seen
from tests.engine.cases.reading import Case, Key, Outcome, numbered
from tests.engine.cases.waiting import Child, Question, Timer, Wait, WaitingContext, Waits, Work, steps

BLOCKS = registry.load(["tests.case_blocks"])
_ENDS = {"complete": Status.COMPLETED, "fail": Status.FAILED, "stopped": Status.CANCELLED}


def play(case: Case, *, seed: int, concurrency: int = 100) -> "Played":
    """The case from its start."""
    simulation = Played(case, seed, concurrency)
    simulation.run(None)
    return simulation


def play_on(earlier: "Played", events: int, *, seed: int, concurrency: int = 100) -> "Played":
    """The case from a crash on: all that is known are the first events of an earlier play."""
    simulation = Played(earlier.case, seed, concurrency)
    simulation.recover(earlier, events)
    return simulation


@cache
def plan_of(case: Case) -> Plan:
    """The plan; 200 schedules of one case compile it once."""
    return compile_plan(numbered(case.graph, _numbers(case)), BLOCKS)


@cache
def _inputs_of(case: Case) -> Mapping[str, Any]:
    return resolve_inputs(input_nodes(case.graph), case.inputs)


@cache
def _others(case: Case) -> Mapping[int, tuple[GraphSpec, Plan]]:
    """The other graphs of the case, by number."""
    numbers = _numbers(case)
    specs = {numbers[name]: numbered(spec, numbers) for name, spec in case.graphs.items()}
    return {number: (spec, compile_plan(spec, BLOCKS)) for number, spec in specs.items()}


def _numbers(case: Case) -> dict[str, int]:
    return {name: number for number, name in enumerate(case.graphs, 1)}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a graph runs among the graphs of its case."""

    depth: int = 0
    depth_limit: int = 1_000
    node_limit: int | None = None


class Played(_Simulation):
    """A simulation that waits, counts attempts, and knows what was recorded before a crash."""

    def __init__(
        self,
        case: Case,
        seed: int,
        concurrency: int,
        plan: Plan | None = None,
        inputs: Mapping[str, Any] | None = None,
        place: _Place = _Place(),
    ) -> None:
        super().__init__(plan or plan_of(case), inputs or _inputs_of(case), {}, seed, concurrency)
        self.scheduler = Scheduler(self.plan, concurrency=concurrency, node_limit=place.node_limit)
        self.case = case
        self.place = replace(place, depth_limit=min(place.depth_limit, self.plan.limits.depth))
        self.recorded: dict[Key, list[tuple[str, Any]]] = {}
        #: Runs that wait or have waited and were not started again, and what they waited for.
        self.parked: dict[Run, Any] = {}
        #: Node executions of other graphs.
        self.below: Counter[Key] = Counter()

    def begin(self, node: NodePlan, run: Run) -> Iterator[tuple[str, Any]]:
        values = self.trace.rows[run.key].input = assemble(node, run.arrivals)
        context = WaitingContext(run.node, run.path, str(run.key), self.inputs, run.indices)
        context.attempt = self.attempts.get(run, 0) + 1
        known = Counter(port for port, _ in self.recorded.get(run.key, [])) if context.attempt == 1 else Counter()
        if node.block.resumes:
            context.recorded = {port: [v for p, v in self.recorded[run.key] if p == port] for port in known}
            known = Counter()
        return Work(steps(node.block().run(read_input(node.block, values), context)), known)

    def step(self, run: Run) -> None:
        if run in self.parked and run not in self.stopping:
            self.obey(self.scheduler.resume(run))
            return
        try:
            super().step(run)
        except Waits as waits:
            self.wait(run, waits.wait)

    def wait(self, run: Run, wait: Wait) -> None:
        """The run waits; what it waits for comes after a while, or never."""
        seconds = wait.seconds if isinstance(wait, Timer) else self.random.random()
        self.parked[run] = None
        if isinstance(wait, Question) and (run.node, run.path) not in self.case.decisions:
            self.obey(self.scheduler.wait(run))
            return
        if isinstance(wait, Question):
            decision = self.case.decisions[run.node, run.path]
            payload = decision.get("payload", wait.payload)
            self.parked[run] = Answer(decision["decision"], payload, decision.get("comment", ""))
        elif isinstance(wait, Child):
            self.parked[run] = self.child(run, wait)
        heapq.heappush(self.pending, (self.time + seconds, self.random.random(), -1, run))
        self.obey(self.scheduler.wait(run))

    def child(self, run: Run, wait: Child) -> Mapping[str, Any] | BlockError:
        """The outputs of another graph, or why there are none."""
        limit = self.place.depth_limit
        if self.place.depth + 1 > limit:
            return BlockError(f"Graphs run each other {limit} deep, which is the limit of this graph.", retry=False)
        if wait.graph not in _others(self.case):
            return BlockError(f"There is no graph {wait.graph} that you may run.", retry=False)
        spec, plan = _others(self.case)[wait.graph]
        place = _Place(self.place.depth + 1, limit, self.scheduler.node_executions_left - self.below[run.key])
        inputs = resolve_inputs(input_nodes(spec), wait.inputs)
        played = Played(self.case, self.random.randrange(1_000), 100, plan, inputs, place)
        trace = played.run(None)
        self.below[run.key] += len(trace.rows) + played.scheduler.charged
        if trace.status is Status.COMPLETED:
            return trace.outputs
        message = str((trace.error or {}).get("message")).rstrip(".")
        return BlockError(f"The run of “{spec.name}” failed: {message}.", retry=False)

    def obey(self, commands: list[Command]) -> None:
        again = [one.run for one in commands if isinstance(one, Start) and one.run in self.parked]
        stopped = [one.run for one in commands if isinstance(one, Stop) and one.run in self.parked]
        super().obey([one for one in commands if not (isinstance(one, Start) and one.run in self.parked)])
        for run in again:
            work = self.work[run]
            assert isinstance(work, Work)
            work.answer = self.parked.pop(run)
        for run in again + stopped:
            self.later(run)

    def end(self, run: Run, kind: str, status: Status, error: dict[str, Any] | None = None) -> None:
        self.scheduler.charge(self.below[run.key])
        super().end(run, kind, status, error)

    def recover(self, earlier: "Played", known: int) -> None:
        """Tell a fresh scheduler so many events of an earlier play, then go on to the end."""
        events = earlier.trace.events[:known]
        ended = {event.run: event for event in events if event.run and event.kind in _ENDS}
        self.below.update({key: earlier.below[key] for key in ended})
        commands = self.tell(events)
        self.trace.events += events
        self.time = events[-1].time if events else 0.0
        self.obey([one for one in commands if not (isinstance(one, Start) and one.run.key in ended)])
        for key, event in ended.items():
            before = earlier.trace.rows[key]
            self.trace.rows[key] = Row(_ENDS[event.kind], before.started, event.time, before.handled)
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
            if event.kind in ("wait", "resume"):  # who waited begins anew
                continue
            run = runs[event.run]
            if event.kind in _ENDS:
                self.scheduler.charge(self.below[run.key])
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

"""Run a whole graph in memory: fake clock, seeded timing, real blocks or given behaviours, decisions that were made before.

There are two times. `time` orders what happens: a step takes up to 1 of it, by chance. Limits of time look at `waited`, which
only waits let pass: whether a limit is reached is not chance.
"""

import heapq
import json
import math
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentflow.graphs.ports import Registry
from agentflow.graphs.spec import GraphSpec
from blocks.base import BlockError, Effect
from blocks.context import Answer, Files
from blocks.core import SHORT_SECONDS
from executions.engine.commands import Command, Counts, Finish, Path, PortError, Run, Skip, Start, Stop
from executions.engine.inputs import InputError, assemble
from executions.engine.plan import NodePlan, Plan, PlanError, compile_plan
from executions.engine.scheduler import Scheduler
from executions.engine.simulated import (
    Child,
    Defect,
    Output,
    Overtime,
    Question,
    SimulatedContext,
    SimulatedFiles,
    Timer,
    Wait,
    go_on,
    steps_of,
    without,
)
from executions.engine.status import FINAL, Reason, Status
from executions.inputs import InputsRefused, input_nodes, resolve_inputs

__all__ = [
    "Behaviour",
    "Child",
    "Event",
    "Question",
    "Row",
    "SimulatedContext",
    "Timer",
    "Trace",
    "World",
    "replay",
    "simulate",
]

#: Seconds before the first retry, doubled for each further one, and the most: as on a worker.
RETRY_SECONDS, MAX_RETRY_SECONDS = 0.5, 60.0

#: What a node does instead of running its block: the run's input -> the values it yields, and what it waits for; it may raise BlockError.
Behaviour = Callable[[Run, dict[str, Any]], Iterable[tuple[str, Any] | Wait]]
RunKey = tuple[str, Path, int]
#: What a person decides: `{decision, payload?, comment?}`; None: nobody ever decides.
Decision = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What the scheduler was told, in order: enough to tell it again."""

    kind: str  # emit, complete, fail, stopped, wait, resume, cancel, timeout
    time: float
    run: RunKey | None = None
    port: str = ""
    #: The value, the error of a failure, or what is waited for: timer, retry, approval, graph.
    value: Any = None
    ref: int = 0
    #: Node executions of other graphs that a run which ends has started.
    charged: int = 0
    #: Time that only waits let pass.
    waited: float = 0.0


#: Kinds of events that end a run, and its status then.
ENDS = {"complete": Status.COMPLETED, "fail": Status.FAILED, "stopped": Status.CANCELLED}


@dataclass(slots=True)
class Row:
    """One node execution."""

    status: Status
    started: float
    ended: float = 0.0
    handled: bool = False
    input: dict[str, Any] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    #: Times that it waited: for a timer, a person, another graph, the next attempt.
    waited: int = 0
    #: Of the last attempt.
    attempt: int = 1
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class Trace:
    """All that happened in a simulated execution."""

    #: WAITING: it waits for decisions that never come; see `questions`.
    status: Status = Status.RUNNING
    reason: Reason | None = None
    error: dict[str, Any] | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    rows: dict[RunKey, Row] = field(default_factory=dict)
    skipped: dict[str, Skip] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    #: Node executions of other graphs.
    charged: int = 0
    #: Runs that were made and never started.
    queued: tuple[RunKey, ...] = ()
    #: What nobody has answered.
    questions: dict[RunKey, Question] = field(default_factory=dict)
    #: Executions of other graphs that runs have started, in order.
    children: dict[RunKey, list["Trace"]] = field(default_factory=dict)

    @property
    def made(self) -> int:
        """Node executions, those of other graphs included."""
        return len(self.rows) + self.charged

    def paths(self, node: str) -> list[Path]:
        """Paths of the node's runs, in order."""
        return sorted(path for name, path, _ in self.rows if name == node)

    def values(self, node: str, port: str) -> list[Any]:
        """What the node yielded on this port: by path, then ordinal, then order."""
        keys = sorted(key for key in self.rows if key[0] == node)
        return [value for key in keys for name, value in self.rows[key].outputs if name == port]


@dataclass(frozen=True, slots=True)
class World:
    """What there is outside a simulated graph."""

    #: By node key, or `key [0,2]` for the node at one path; nobody decides where none is named.
    decisions: Mapping[str, Decision | None] = field(default_factory=dict)
    #: Other graphs, by number.
    graphs: Mapping[int, GraphSpec] = field(default_factory=dict)
    http: Any = None
    files: Files = field(default_factory=SimulatedFiles)

    def decide(self, run: Run, question: Question) -> Answer | None:
        """What the person who is asked answers."""
        place = f"{run.node} [{','.join(map(str, run.path))}]"
        decision = self.decisions.get(place, self.decisions.get(run.node))
        if decision is None:
            return None
        payload = decision.get("payload", question.payload)
        return Answer(decision.get("decision", "approved"), payload, decision.get("comment", ""))


def simulate(
    graph: GraphSpec | Plan,
    registry: Registry,
    inputs: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    behaviours: Mapping[str, Behaviour] | None = None,
    concurrency: int = 100,
    cancel_at: float | None = None,
    decisions: Mapping[str, Decision | None] | None = None,
    graphs: Mapping[int, GraphSpec] | None = None,
    http: Any = None,
    files: Files | None = None,
    known: Sequence[Event] = (),
) -> Trace:
    """Run the graph to its end; the seed decides how long everything takes, so another seed is another order.

    Time limits look at waits only: what a step itself takes is chance.

    Args:
        graph: the graph, or its plan.
        registry: where its blocks are.
        inputs: the execution's inputs, for `io.input`.
        seed: of the timing.
        behaviours: by node key, what to do instead of running the block.
        concurrency: runs at a time.
        cancel_at: when a user cancels; steps take up to 1.
        decisions: by node key or `key [path]`, what people decide: `{decision: "approved" or "rejected", payload, comment}`,
            also in the other graphs; what nobody decides leaves the execution WAITING, with `Trace.questions`.
        graphs: the other graphs that this one may run, by number.
        http: the client that blocks get.
        files: the files that blocks get.
        known: go on after a crash: all that is known are these first events of an earlier trace.

    Raises:
        PlanError: the graph has errors.
    """
    plan = graph if isinstance(graph, Plan) else compile_plan(graph, registry)
    world = World(decisions or {}, graphs or {}, http, files or SimulatedFiles())
    simulation = _Simulation(plan, inputs or {}, behaviours or {}, seed, concurrency)
    simulation.enter(_Place(world, registry))
    if known:
        simulation.remember(known)
    return simulation.run(cancel_at)


def replay(plan: Plan, events: Sequence[Event], *, concurrency: int = 100) -> tuple[Scheduler, list[Command]]:
    """A scheduler that was told these events, and all it said."""
    scheduler = Scheduler(plan, concurrency=concurrency)
    teller = _Teller(scheduler)
    teller.hear(scheduler.start())
    for event in events:
        teller.tell(event)
    return scheduler, teller.said


class _Teller:
    """Tells a scheduler events of an earlier run of the same graph."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.said: list[Command] = []
        self.runs: dict[RunKey, Run] = {}

    def hear(self, commands: list[Command]) -> None:
        self.said += commands
        self.runs.update({command.run.key: command.run for command in commands if isinstance(command, Start)})

    def tell(self, event: Event) -> None:
        scheduler = self.scheduler
        if event.run is None:
            is_limit = event.kind == "timeout"
            self.hear(scheduler.abort(Reason.TIMEOUT, event.value) if is_limit else scheduler.cancel())
            return
        run = self.runs[event.run]
        scheduler.charge(event.charged)
        match event.kind:
            case "emit":
                self.hear(scheduler.emit(run, event.port, event.value, event.ref))
            case "fail":
                self.hear(scheduler.fail(run, event.value, event.ref))
            case "wait":
                self.hear(scheduler.wait(run))
            case "resume":
                self.hear(scheduler.resume(run))
            case "complete":
                self.hear(scheduler.complete(run))
            case _:
                self.hear(scheduler.stopped(run))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a graph runs among the graphs that run each other."""

    world: World = field(default_factory=World)
    registry: Registry | None = None
    depth: int = 0
    depth_limit: int = 1_000
    node_limit: int | None = None


ONCE = "A block that must not be repeated cannot wait: its run would begin anew."
#: In place of something that happens.
_NEVER = (math.inf, 0.0, 0, None, math.inf)


class _Simulation:
    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        behaviours: Mapping[str, Behaviour],
        seed: int,
        concurrency: int,
    ) -> None:
        self.plan = plan
        self.inputs = inputs
        self.behaviours = behaviours
        self.seed = seed
        self.concurrency = concurrency
        self.random = random.Random(seed)  # noqa: S311 - seeded chance, not secrets
        self.scheduler = Scheduler(plan, concurrency=concurrency)
        self.trace = Trace()
        self.time = 0.0
        #: Time that only waits let pass: the one that limits look at.
        self.waited = 0.0
        self.pending: list[tuple[float, float, int, Run | None, float]] = []
        self.work: dict[Run, Iterator[Any]] = {}
        #: Attempts of a run that failed.
        self.attempts: dict[Run, int] = {}
        self.stopping: set[Run] = set()
        #: Runs that wait, or want to go on and were not started again.
        self.paused: set[Run] = set()
        #: What a wait has brought, for when the run goes on.
        self.answers: dict[Run, Any] = {}
        #: What runs have asked last.
        self.asked: dict[Run, Question] = {}
        #: Node executions of other graphs, by the run that has started them.
        self.charges: Counter[Run] = Counter()
        #: Executions of other graphs that have not ended, and when they began.
        self.open: dict[Run, tuple[Child, float]] = {}
        #: What runs have waited for, by name of the wait: further attempts get it at once.
        self.known: dict[Run, dict[str, Any]] = {}
        #: Waits of the attempt of a run, by kind.
        self.calls: dict[Run, Counter[str]] = {}
        #: Seconds that the attempt of a run has slept without giving up its slot.
        self.slept: dict[Run, float] = {}
        #: Runs whose attempt has taken too long.
        self.late: set[Run] = set()
        #: Runs that were begun before a crash and whose first values are recorded.
        self.lost: set[RunKey] = set()
        #: When waits that were begun before a crash began.
        self.since: dict[RunKey, list[float]] = {}
        self.around = _Place()
        self.begun = False
        self.count = 0

    def enter(self, place: _Place) -> None:
        """Run in this place."""
        self.around = place
        if place.node_limit is not None:
            self.scheduler = Scheduler(self.plan, concurrency=self.concurrency, node_limit=place.node_limit)

    def run(self, cancel_at: float | None) -> Trace:
        if cancel_at is not None:
            heapq.heappush(self.pending, (cancel_at, 0.0, 0, None, 0.0))
        if not self.begun:
            self.obey(self.scheduler.start())
        while self.trace.status is Status.RUNNING and (self.pending or self.is_limited):
            self.advance()
        if self.trace.status is Status.RUNNING and self.scheduler.waiting():
            self.trace.status = Status.WAITING
        self.trace.counts, self.trace.charged = self.scheduler.counts, self.scheduler.charged
        self.trace.queued = tuple(run.key for run in self.scheduler.queued())
        waiting = self.scheduler.waiting()
        self.trace.questions = {run.key: self.asked[run] for run in waiting if run in self.asked}
        return self.trace

    @property
    def is_limited(self) -> bool:
        """A time limit is still to be reached."""
        return bool(self.plan.limits.seconds and not self.scheduler.is_halted)

    def advance(self) -> None:
        """Let the next thing happen."""
        time, _, _, run, waited = heapq.heappop(self.pending) if self.pending else _NEVER
        limit = self.plan.limits.seconds
        if self.is_limited and waited > limit:
            self.time, self.waited = min(time, self.time + limit - self.waited), limit
            self.time_over()
        else:
            self.time, self.waited = time, max(self.waited, waited)
            if run is None:
                self.note("cancel", None)
                self.obey(self.scheduler.cancel())
        if run is not None:
            self.step(run)

    def time_over(self) -> None:
        message = f"The run took longer than this graph's limit of {self.plan.limits.seconds:g} s."
        error = {"message": message, "kind": "timeout"}
        self.note("timeout", None, value=error)
        self.obey(self.scheduler.abort(Reason.TIMEOUT, error))

    def remember(self, known: Sequence[Event]) -> None:
        """Take over what is known of an earlier run of the graph: runs that had not ended are begun anew."""
        self.begun = True
        teller = _Teller(self.scheduler)
        teller.hear(self.scheduler.start(only={event.run for event in known if event.run}))
        for event in known:
            if event.kind not in ("wait", "resume"):
                teller.tell(event)
        teller.hear(self.scheduler.release())
        self.trace.events += known
        self.time, self.waited = known[-1].time, known[-1].waited
        ended = {event.run for event in known if event.kind in ENDS}
        self.obey([said for said in teller.said if not (isinstance(said, Start) and said.run.key in ended)])
        for event in known:
            if event.run:
                self.retell(event, teller.runs[event.run])
        self.lost = {key for key, row in self.trace.rows.items() if key not in ended and row.outputs}

    def retell(self, event: Event, run: Run) -> None:
        """What an event that is known says of its run."""
        row = self.trace.rows.setdefault(run.key, Row(Status.RUNNING, event.time))
        if event.kind == "emit":
            row.outputs.append((event.port, event.value))
        elif event.kind == "wait" and event.value == "retry":
            self.attempts[run] = self.attempts.get(run, 0) + 1
            self.since.pop(run.key, None)
        elif event.kind == "wait":
            self.since.setdefault(run.key, []).append(event.waited)
        elif event.kind in ENDS:
            row.status, row.ended, row.error = ENDS[event.kind], event.time, event.value
            row.handled = event.kind == "fail" and self.scheduler.handled(run.node, event.value or {})
            try:
                row.input = assemble(self.plan.nodes[run.node], run.arrivals)
            except InputError:
                row.input = {}

    def later(self, run: Run, seconds: float | None = None, *, waited: float = 0.0) -> None:
        """Step the run again after a while, or after so long, of which so much counts for limits."""
        self.count += 1
        after = self.time + (self.random.random() if seconds is None else seconds)
        entry = (after, self.random.random(), self.count, run, self.waited + waited)
        heapq.heappush(self.pending, entry)

    def note(self, kind: str, run: Run | None, port: str = "", value: Any = None) -> int:
        ref = len(self.trace.events)
        charged = self.charges[run] if run and kind in ENDS else 0
        key = run.key if run else None
        self.trace.events.append(Event(kind, self.time, key, port, value, ref, charged, self.waited))
        return ref

    def obey(self, commands: list[Command]) -> None:
        self.trace.commands += commands
        for command in commands:
            match command:
                case Start(run) if run in self.paused:
                    self.paused.discard(run)
                    self.trace.rows[run.key].status = Status.RUNNING
                    self.later(run)
                case Start(run):
                    self.trace.rows[run.key] = Row(Status.RUNNING, self.time)
                    self.later(run)
                case Stop(run):
                    self.stopping.add(run)
                    if run in self.paused:
                        self.later(run)
                case Skip():
                    self.trace.skipped[command.node] = command
                case Finish(status, reason, error, outputs):
                    self.trace.status, self.trace.reason = status, reason
                    self.trace.error, self.trace.outputs = error, outputs

    def step(self, run: Run) -> None:
        """Let one run go on to its next value or wait."""
        if self.trace.rows[run.key].status in FINAL:  # a timer of a run that was stopped
            return
        if run in self.stopping:
            self.end(run, "stopped", Status.CANCELLED)
            return
        if run in self.paused:
            self.note("resume", run)
            self.obey(self.scheduler.resume(run))
            return
        node = self.plan.nodes[run.node]
        try:
            found = self.next_of(node, run)
            if isinstance(found, Wait):
                self.await_(node, run, found)
            else:
                self.emit(run, *found)
        except StopIteration:
            self.end(run, "complete", Status.COMPLETED)
        except _PROBLEMS as error:
            self.fail(node, run, error)

    def next_of(self, node: NodePlan, run: Run) -> Any:
        """The next value or wait of the run's attempt."""
        if run in self.late:
            self.late.discard(run)
            raise Overtime(f"It took longer than the limit of {node.policy.timeout_seconds:g} s.")
        if run not in self.work:
            self.work[run] = self.again(node, run) if run.key in self.lost else self.begin(node, run)
        self.open.pop(run, None)
        return go_on(self.work[run], self.answers.pop(run, None))

    def emit(self, run: Run, port: str, value: Any) -> None:
        """The run yields a value.

        Raises:
            BlockError: the value is larger than the graph's limit.
            PortError: the ports do not allow it.
        """
        if self.plan.limits.value_bytes:
            _refuse_large(value, self.plan.limits.value_bytes)
        ref = self.note("emit", run, port, value)
        try:
            commands = self.scheduler.emit(run, port, value, ref)
        except PortError:
            self.trace.events.pop()
            raise
        self.trace.rows[run.key].outputs.append((port, value))
        self.later(run)
        self.obey(commands)

    # Tries

    def begin(self, node: NodePlan, run: Run) -> Iterator[Any]:
        """The values of a new try of the run."""
        self.calls.pop(run, None)
        row = self.trace.rows[run.key]
        values = row.input = assemble(node, run.arrivals)
        if behaviour := self.behaviours.get(node.key):
            return iter(behaviour(run, values))
        world = self.around.world
        recorded: dict[str, list[Any]] = {}
        for port, value in row.outputs if node.block.resumes else ():
            recorded.setdefault(port, []).append(value)
        context = SimulatedContext(run.node, run.path, str(run.key), self.inputs, run.indices, recorded=recorded)
        context.attempt = self.attempts.get(run, 0) + 1
        context.http, context.files = world.http, world.files
        return steps_of(node, values, context)

    def again(self, node: NodePlan, run: Run) -> Iterator[Any]:
        """The same for a run some of whose values are recorded."""
        resumes = node.block.resumes and node.key not in self.behaviours
        recorded = () if resumes else tuple(self.trace.rows[run.key].outputs)
        return without(self.begin(node, run), recorded)

    def fail(self, node: NodePlan, run: Run, error: Exception) -> None:
        """An attempt has failed: another one is made after a while, or this was the last."""
        attempt = self.attempts[run] = self.attempts.get(run, 0) + 1
        self.slept.pop(run, None)
        kind, may_retry = _kind(node, error)
        if may_retry and attempt <= node.policy.retries:
            self.since.pop(run.key, None)
            self.work[run] = self.again(node, run)
            delay = min(RETRY_SECONDS * 2 ** (attempt - 1), MAX_RETRY_SECONDS) * self.random.uniform(0.5, 1.0)
            self.pause(run, "retry", delay, waited=delay)
            return
        message = f"{error}." if isinstance(error, PortError) else str(error)
        value = {"message": message, "kind": kind, "block": node.block_id, "attempt": attempt}
        self.end(run, "fail", Status.FAILED, value)

    def end(self, run: Run, kind: str, status: Status, error: dict[str, Any] | None = None) -> None:
        row = self.trace.rows[run.key]
        row.status, row.ended, row.error = status, self.time, error
        row.attempt = self.attempts.get(run, 0) + (error is None)
        row.handled = error is not None and self.scheduler.handled(run.node, error)
        if run in self.open:
            self.cut(run)
        ref = self.note(kind, run, value=error)
        self.scheduler.charge(self.charges[run])
        if error is not None:
            self.obey(self.scheduler.fail(run, error, ref))
        else:
            self.obey((self.scheduler.stopped if kind == "stopped" else self.scheduler.complete)(run))

    # Waits

    def await_(self, node: NodePlan, run: Run, wait: Wait) -> None:
        """The block waits for something; it comes after a while, or never."""
        if isinstance(wait, Timer) and wait.seconds <= SHORT_SECONDS:
            self.doze(node, run, wait.seconds)
            return
        if node.effect is Effect.ONCE:
            raise BlockError(ONCE, retry=False)
        calls, known = self.calls.setdefault(run, Counter()), self.known.setdefault(run, {})
        calls[type(wait).__name__] += 1
        key = wait.key or f"{type(wait).__name__} {calls[type(wait).__name__]}"
        if key in known:  # an earlier attempt has waited for it
            self.answers[run] = known[key]
            self.later(run, 0.0)
            return
        self.wait_for(run, wait)
        if node.block.resumes:
            known.clear()
        known[key] = self.answers.get(run)

    def wait_for(self, run: Run, wait: Wait) -> None:
        """The run gives up its slot until what it waits for is there."""
        match wait:
            case Timer(seconds):
                left = max(0.0, seconds - self.gone(run))
                self.pause(run, "timer", left, waited=left)
            case Question():
                self.gone(run)
                answer = self.answers[run] = self.around.world.decide(run, wait)
                self.asked[run] = wait
                self.pause(run, "approval", None if answer is None else self.random.random())
            case Child():
                self.gone(run)
                self.answers[run], after, waited = self.other(run, wait)
                self.pause(run, "graph", after, waited=waited)

    def doze(self, node: NodePlan, run: Run, seconds: float) -> None:
        """A short sleep keeps the run's slot, and the time limit of the attempt goes on."""
        left = (node.policy.timeout_seconds or math.inf) - self.slept.get(run, 0.0)
        self.slept[run] = self.slept.get(run, 0.0) + seconds
        if seconds > left:
            self.late.add(run)
        self.later(run, min(seconds, left), waited=min(seconds, left))

    def gone(self, run: Run) -> float:
        """Seconds that the run's next wait had lasted when a crash ended it."""
        since = self.since.get(run.key)
        return self.waited - since.pop(0) if since else 0.0

    def pause(self, run: Run, what: str, seconds: float | None, *, waited: float = 0.0) -> None:
        """The run waits so long, of which so much counts for limits; None: for ever."""
        row = self.trace.rows[run.key]
        row.status = Status.WAITING
        row.waited += 1
        self.paused.add(run)
        if seconds is not None:
            self.later(run, seconds, waited=waited)
        self.note("wait", run, value=what)
        self.obey(self.scheduler.wait(run))

    def other(self, run: Run, wait: Child) -> tuple[Mapping[str, Any] | BlockError, float | None, float]:
        """The outputs of another graph, or why there are none, how long it takes, and what of it counts for limits.

        None: it never ends.
        """
        try:
            simulation = self.begin_other(run, wait)
        except BlockError as refused:
            return refused, 0.0, 0.0
        trace = simulation.run(None)
        self.open[run] = wait, self.time
        self.trace.children.setdefault(run.key, []).append(trace)
        self.charges[run] += trace.made
        if trace.status is Status.WAITING:
            return {}, None, 0.0
        if trace.status is Status.COMPLETED:
            return trace.outputs, simulation.time, simulation.waited
        name = self.around.world.graphs[wait.graph].name
        message = str((trace.error or {}).get("message")).rstrip(".")
        error = BlockError(f"The run of “{name}” failed: {message}.", retry=False)
        return error, simulation.time, simulation.waited

    def cut(self, run: Run) -> None:
        """The run ends before the other graph that it waits for: that one is cancelled, too."""
        wait, began = self.open.pop(run)
        traces = self.trace.children[run.key]
        self.charges[run] -= traces.pop().made
        traces.append(self.begin_other(run, wait).run(self.time - began))
        self.charges[run] += traces[-1].made

    def begin_other(self, run: Run, wait: Child) -> "_Simulation":
        """The simulation of another graph.

        Raises:
            BlockError: there is none, its inputs do not fit, or graphs run each other too deep.
        """
        around = self.around
        depth_limit = min(around.depth_limit, self.plan.limits.depth)
        left = self.scheduler.node_executions_left - self.charges[run]
        spec = around.world.graphs.get(wait.graph)
        if around.depth + 1 > depth_limit:
            raise BlockError(
                f"Graphs run each other {depth_limit} deep, which is the limit of this graph.", retry=False
            )
        if left < 1:
            raise BlockError("The node executions that this graph may have are used up (node_executions).", retry=False)
        if spec is None or around.registry is None:
            raise BlockError(f"There is no graph {wait.graph} in this simulation.", retry=False)
        try:
            plan = compile_plan(spec, around.registry)
            inputs = resolve_inputs(input_nodes(spec), wait.inputs)
        except PlanError as error:
            raise BlockError(f"The graph cannot be started: {error}", retry=False) from error
        except InputsRefused as error:
            details = " ".join(problem["detail"] for problem in error.problems)
            raise BlockError(f"The graph cannot be started: {details}", retry=False) from error
        # The same child whenever it is run: also when its parent is begun anew after a crash.
        seed = zlib.crc32(f"{run.key} {wait}".encode())
        simulation = _Simulation(plan, inputs, {}, seed, self.concurrency)
        simulation.enter(_Place(around.world, around.registry, around.depth + 1, depth_limit, left))
        return simulation


_PROBLEMS = (BlockError, InputError, PortError, Defect, Overtime)


def _kind(node: NodePlan, error: Exception) -> tuple[str, bool]:
    """The kind of a failed attempt, and whether another one may be made: as on a worker."""
    if isinstance(error, Defect | Overtime):
        return "bug" if isinstance(error, Defect) else "timeout", node.effect is not Effect.ONCE
    return "block", isinstance(error, BlockError) and error.retry


def _refuse_large(value: Any, limit: int) -> None:
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > limit:
        message = f"A value of {size:,} bytes is larger than this graph's limit of {limit:,} bytes (value_bytes)."
        raise BlockError(message, retry=False)

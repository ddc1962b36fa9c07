"""Run a whole graph in memory: fake clock, seeded timing, real blocks or given behaviours."""

import heapq
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentflow.graphs.ports import Registry
from agentflow.graphs.spec import GraphSpec
from blocks.base import BlockError
from blocks.context import Answer, Files
from executions.engine.commands import Command, Finish, Path, PortError, Run, Skip, Start, Stop
from executions.engine.inputs import InputError, assemble
from executions.engine.plan import NodePlan, Plan, compile_plan
from executions.engine.scheduler import Scheduler
from executions.engine.status import Reason, Status

#: What a node does instead of running its block: the run's input -> the values it yields; it may raise BlockError.
Behaviour = Callable[[Run, dict[str, Any]], Iterable[tuple[str, Any]]]
RunKey = tuple[str, Path, int]


@dataclass(frozen=True, slots=True)
class Event:
    """What the scheduler was told, in order: enough to tell it again."""

    kind: str  # emit, complete, fail, stopped, cancel
    time: float
    run: RunKey | None = None
    port: str = ""
    #: The value, or the error of a failure.
    value: Any = None
    ref: int = 0


@dataclass(slots=True)
class Row:
    """One node execution."""

    status: Status
    started: float
    ended: float = 0.0
    handled: bool = False
    input: dict[str, Any] = field(default_factory=dict)
    outputs: list[tuple[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Trace:
    """All that happened in a simulated execution."""

    status: Status = Status.RUNNING
    reason: Reason | None = None
    error: dict[str, Any] | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    rows: dict[RunKey, Row] = field(default_factory=dict)
    skipped: dict[str, Skip] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    def paths(self, node: str) -> list[Path]:
        """Paths of the node's runs, in order."""
        return sorted(path for name, path, _ in self.rows if name == node)

    def values(self, node: str, port: str) -> list[Any]:
        """What the node yielded on this port: by path, then ordinal, then order."""
        keys = sorted(key for key in self.rows if key[0] == node)
        return [value for key in keys for name, value in self.rows[key].outputs if name == port]


_WAITS = "This block waits for something outside: give it a behaviour to simulate it"


class SimulatedFiles:
    """No files."""

    def read(self, name: str) -> bytes:
        raise BlockError(f"There is no file {name} in a simulation", retry=False)


@dataclass(slots=True)
class SimulatedContext:
    """What a block may use in a simulation: no network, no files, nothing shown."""

    node: str
    path: Path
    idempotency_key: str
    execution_inputs: Mapping[str, Any]
    indices: Mapping[str, tuple[int, ...]]
    attempt: int = 1
    execution_id: str = "simulated"
    user: Any = None
    http: Any = None
    files: Files = field(default_factory=SimulatedFiles)
    recorded: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        """Return at once: how long a run takes is the simulation's to say."""

    async def ask(self, instructions: str, payload: Any = None, *, key: str = "") -> Answer:
        """There is nobody to ask."""
        raise BlockError(_WAITS, retry=False)

    async def run_graph(self, graph: int, inputs: Mapping[str, Any], *, key: str = "") -> Mapping[str, Any]:
        """There is no other graph."""
        raise BlockError(_WAITS, retry=False)

    def log(self, message: str, level: str = "info") -> None:
        """Drop the line."""

    def progress(self, fraction: float, text: str = "") -> None:
        """Drop the news."""


def simulate(
    spec: GraphSpec,
    registry: Registry,
    inputs: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    behaviours: Mapping[str, Behaviour] | None = None,
    concurrency: int = 100,
    cancel_at: float | None = None,
) -> Trace:
    """Run the graph to its end; the seed decides how long everything takes, so another seed is another order.

    Args:
        spec: the graph.
        registry: where its blocks are.
        inputs: the execution's inputs, for `io.input`.
        seed: of the timing.
        behaviours: by node key, what to do instead of running the block.
        concurrency: runs at a time.
        cancel_at: when a user cancels; steps take up to 1.

    Raises:
        PlanError: the graph has errors.
    """
    plan = compile_plan(spec, registry)
    return _Simulation(plan, inputs or {}, behaviours or {}, seed, concurrency).run(cancel_at)


def replay(plan: Plan, events: Sequence[Event], *, concurrency: int = 100) -> tuple[Scheduler, list[Command]]:
    """A scheduler that was told these events, and all it said."""
    scheduler = Scheduler(plan, concurrency=concurrency)
    said = scheduler.start()
    for event in events:
        runs = {run.key: run for run in scheduler.running()}
        if event.run is None:
            said += scheduler.cancel()
        elif event.kind == "emit":
            said += scheduler.emit(runs[event.run], event.port, event.value, event.ref)
        elif event.kind == "fail":
            said += scheduler.fail(runs[event.run], event.value, event.ref)
        else:
            said += (scheduler.complete if event.kind == "complete" else scheduler.stopped)(runs[event.run])
    return scheduler, said


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
        self.random = random.Random(seed)  # noqa: S311 - seeded chance, not secrets
        self.scheduler = Scheduler(plan, concurrency=concurrency)
        self.trace = Trace()
        self.time = 0.0
        self.pending: list[tuple[float, float, int, Run | None]] = []
        self.work: dict[Run, Iterator[tuple[str, Any]]] = {}
        self.attempts: dict[Run, int] = {}
        self.stopping: set[Run] = set()
        self.count = 0

    def run(self, cancel_at: float | None) -> Trace:
        if cancel_at is not None:
            heapq.heappush(self.pending, (cancel_at, 0.0, 0, None))
        self.obey(self.scheduler.start())
        while self.pending and self.trace.status is Status.RUNNING:
            self.time, _, _, run = heapq.heappop(self.pending)
            if run is None:
                self.note("cancel", None)
                self.obey(self.scheduler.cancel())
            else:
                self.step(run)
        return self.trace

    def later(self, run: Run) -> None:
        self.count += 1
        heapq.heappush(self.pending, (self.time + self.random.random(), self.random.random(), self.count, run))

    def note(self, kind: str, run: Run | None, port: str = "", value: Any = None) -> int:
        ref = len(self.trace.events)
        self.trace.events.append(Event(kind, self.time, run.key if run else None, port, value, ref))
        return ref

    def obey(self, commands: list[Command]) -> None:
        self.trace.commands += commands
        for command in commands:
            match command:
                case Start(run):
                    self.trace.rows[run.key] = Row(Status.RUNNING, self.time)
                    self.later(run)
                case Stop(run):
                    self.stopping.add(run)
                case Skip():
                    self.trace.skipped[command.node] = command
                case Finish(status, reason, error, outputs):
                    self.trace.status, self.trace.reason = status, reason
                    self.trace.error, self.trace.outputs = error, outputs

    def step(self, run: Run) -> None:
        """Let one run go on to its next value."""
        if run in self.stopping:
            self.end(run, "stopped", Status.CANCELLED)
            return
        node = self.plan.nodes[run.node]
        try:
            if run not in self.work:
                self.work[run] = self.begin(node, run)
            port, value = next(self.work[run])
            ref = self.note("emit", run, port, value)
            try:
                commands = self.scheduler.emit(run, port, value, ref)
            except PortError:
                self.trace.events.pop()
                raise
        except StopIteration:
            self.end(run, "complete", Status.COMPLETED)
        except (BlockError, InputError, PortError) as error:
            self.fail(node, run, error)
        else:
            self.trace.rows[run.key].outputs.append((port, value))
            self.later(run)
            self.obey(commands)

    def begin(self, node: NodePlan, run: Run) -> Iterator[tuple[str, Any]]:
        values = self.trace.rows[run.key].input = assemble(node, run.arrivals)
        if behaviour := self.behaviours.get(node.key):
            return iter(behaviour(run, values))
        return _run_block(node, values, SimulatedContext(run.node, run.path, str(run.key), self.inputs, run.indices))

    def fail(self, node: NodePlan, run: Run, error: Exception) -> None:
        attempt = self.attempts[run] = self.attempts.get(run, 0) + 1
        if attempt <= node.policy.retries and isinstance(error, BlockError) and error.retry:
            self.work[run] = _without(self.begin(node, run), self.trace.rows[run.key].outputs)
            self.later(run)
            return
        kind = "input" if isinstance(error, InputError) else "block"
        value = {"message": str(error), "kind": kind, "block": node.block_id, "attempt": attempt}
        self.end(run, "fail", Status.FAILED, value)

    def end(self, run: Run, kind: str, status: Status, error: dict[str, Any] | None = None) -> None:
        row = self.trace.rows[run.key]
        row.status, row.ended = status, self.time
        row.handled = error is not None and self.scheduler.handled(run.node)
        ref = self.note(kind, run, value=error)
        if error is not None:
            self.obey(self.scheduler.fail(run, error, ref))
        else:
            self.obey((self.scheduler.stopped if kind == "stopped" else self.scheduler.complete)(run))


def _run_block(node: NodePlan, values: dict[str, Any], context: SimulatedContext) -> Iterator[tuple[str, Any]]:
    """What the block yields; whatever it raises is a failure of its run."""
    try:
        result = node.block().run(node.block.Input.model_validate(values), context)
        yield from _drive(result) if hasattr(result, "__anext__") else iter(result)
    except BlockError:
        raise
    except Exception as error:
        raise BlockError(f"{type(error).__name__}: {error}", retry=False) from error


def _drive(values: AsyncIterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Items of an async generator that never really waits."""
    while True:
        step = values.__anext__().__await__()
        try:
            next(step)
        except StopAsyncIteration:
            return
        except StopIteration as result:
            yield result.value
        else:
            raise BlockError(_WAITS, retry=False)


def _without(values: Iterator[tuple[str, Any]], recorded: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The values of a retry that are not recorded yet: the first ones of each port are."""
    left: dict[str, int] = {}
    for port, _ in recorded:
        left[port] = left.get(port, 0) + 1
    for port, value in values:
        if left.get(port):
            left[port] -= 1
        else:
            yield port, value

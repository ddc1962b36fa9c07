"""One execution's decisions: events in, commands out.

The same events in the same order give the same commands; an event costs what the links that it touches cost.
"""

import sys
from collections import deque
from collections.abc import Container, Mapping
from itertools import chain
from typing import Any

from agentflow.graphs.spec import Join, OnError
from executions.engine.closing import Closing
from executions.engine.commands import (
    NO_INDICES,
    Arrival,
    Command,
    Counts,
    Finish,
    Path,
    PortError,
    Run,
    Skip,
    Start,
    Stop,
)
from executions.engine.matching import Bundle, Item
from executions.engine.outputs import Outputs
from executions.engine.reach import MISSING, error_parts, parts_of
from executions.engine.state import Items, NodeState
from executions.engine.status import Reason, Status
from executions.engine.tables import LinkPlan, LoopPlan, NodePlan, OutPlan, Plan
from executions.engine.throttle import Emission, Windows

__all__ = [
    "Arrival",
    "Command",
    "Counts",
    "Finish",
    "PortError",
    "Run",
    "Scheduler",
    "Skip",
    "Start",
    "Stop",
]


class Scheduler:
    """Decides what runs next. Not thread-safe; one per execution."""

    def __init__(self, plan: Plan, *, concurrency: int = 100, node_limit: int | None = None) -> None:
        self.plan = plan
        self.counts = Counts()
        self._concurrency = concurrency or sys.maxsize
        self._closing = Closing(plan, on_closed_link=self._close_gate, on_closed_unit=self._unit_is_over)
        self._windows = Windows(self._closing, release=self._release_item)
        self._states: dict[int, NodeState] = {}
        #: Node -> it has run.
        self._ran = bytearray(len(plan.order))
        #: Node with streams -> paths at which its loop has been: a run completed, or gave an item.
        self._looped: dict[int, set[Path]] = {}
        self._outputs = Outputs(plan)
        #: Running -> the ports it has yielded, as bits.
        self._running: dict[Run, int] = {}
        self._items: dict[Run, Items] = {}
        #: Waiting for something outside -> the ports it has yielded.
        self._waiting: dict[Run, int] = {}
        #: Has waited and wants to go on -> the ports it has yielded.
        self._resumed: dict[Run, int] = {}
        self._ready: deque[Run] = deque()
        #: While records are replayed: the runs that had started, and the others that are ready.
        self._only: Container[tuple[str, Path, int]] | None = None
        self._held_back: deque[Run] = deque()
        #: Ready runs that nobody was told about.
        self._fresh: dict[Run, None] = {}
        self._commands: list[Command] = []
        self._made = 0
        #: Node executions of other graphs that this one has started.
        self.charged = 0
        self._most = min(plan.limits.node_executions, node_limit or sys.maxsize)
        self._most_items = plan.limits.items
        #: The first unhandled failure.
        self._error: dict[str, Any] | None = None
        #: Set when nothing may start any more: how the execution will end.
        self._halted: Finish | None = None
        self._finished = False

    # Events

    def start(self, only: Container[tuple[str, Path, int]] | None = None) -> list[Command]:
        """Make the first runs; call once. With `only`, no runs but those with these keys start before `release`."""
        self._only = only
        for node in self.plan.order:
            if not node.slots:
                self._make_run(node, (), ())
        self._closing.start()
        return self._settle()

    def emit(self, run: Run, port: str, value: Any, ref: int = 0) -> list[Command]:
        """A running run yielded a value; `ref` goes into the arrivals that it makes.

        Raises:
            PortError: the port does not exist, had its value or all the items that it may have already, or a link reaches into a value of the wrong kind;
                then nothing has changed.
        """
        yielded = self._running[run]
        node = self.plan.nodes[run.node]
        out = node.outs.get(port)
        if out is None and node.block.open_outputs:
            return []  # nobody has linked it
        if out is None or out is node.error_out:
            raise PortError(f"There is no output port “{port}”")
        if yielded & out.bit and not out.stream:
            raise PortError(f"A second value for “{port}”: the port is no stream")
        parts = parts_of(out, value) if out.parted else None
        path = run.path
        if out.stream:
            path = self._number_item(node, run, out)
        else:
            self._running[run] = yielded | out.bit
        if out.is_output:
            self._outputs.put(run, value)
        if self._halted:
            return []
        if node.throttle and out.stream and self._windows.holds(node, Emission(out, path, run, value, parts, ref)):
            return []
        if out.links:
            self._send(out, run, path, value, parts, ref)
        if out.tracked and out.stream:
            self._closing.pass_item(out.stream, out.endings, path)
        return self._settle()

    def complete(self, run: Run) -> list[Command]:
        """A running run has ended well."""
        node = self._release(run)
        self.counts.completed += 1
        if node.remembers:
            self._looped.setdefault(node.number, set()).add(run.path)
        return self._end(node, run)

    def fail(self, run: Run, error: Mapping[str, Any], ref: int = 0) -> list[Command]:
        """A running run has failed for good; a linked error port carries the error with this `ref`.

        One that could not be paid for ends the execution, whatever its policy says.
        """
        node = self._release(run)
        out = node.error_out
        if self.handled(run.node, error):
            self.counts.handled += 1
            if not self._halted:
                value = dict(error)
                self._send(out, run, run.path, value, error_parts(out, value) if out.parted else None, ref)
            return self._end(node, run)
        self.counts.failed += 1
        if self._error is None:
            self._error = {**error, "node": run.node, "path": list(run.path)}
        if error.get("kind") == Reason.BUDGET:
            self._halt(Finish(Status.FAILED, Reason.BUDGET, {**error, "node": run.node, "path": list(run.path)}))
        elif node.policy.on_error is OnError.STOP:
            self._halt(Finish(Status.FAILED, Reason.NODE, self._error))
        return self._end(node, run)

    def stopped(self, run: Run) -> list[Command]:
        """A run that was told to stop has ended."""
        node = self._release(run)
        self.counts.cancelled += 1
        return self._end(node, run)

    def wait(self, run: Run) -> list[Command]:
        """A running run waits for something outside; others may run meanwhile."""
        self._waiting[run] = self._running.pop(run)
        self.counts.running -= 1
        self.counts.waiting += 1
        self._free_slot(run)
        return self._settle()

    def resume(self, run: Run) -> list[Command]:
        """A waiting run wants to go on: `Start` is said of it again when there is room."""
        if self._halted:
            return []
        self._resumed[run] = self._waiting.pop(run)
        self.counts.waiting -= 1
        self.counts.queued += 1
        self._ready.append(run)
        return self._settle()

    def release(self) -> list[Command]:
        """The records are replayed: whatever is ready may start."""
        self._only = None
        self._ready.extend(self._held_back)
        self._held_back.clear()
        return self._settle()

    def charge(self, node_executions: int) -> None:
        """Count runs of other graphs that this one has started towards its limit; the run's end, told next, may be too much."""
        self._made += node_executions
        self.charged += node_executions

    def cancel(self) -> list[Command]:
        """A user cancels: nothing starts any more, what runs is told to stop."""
        self._halt(Finish(Status.CANCELLED))
        return self._settle()

    def abort(self, reason: Reason, error: Mapping[str, Any]) -> list[Command]:
        """The execution fails for a reason that no node gave: a time limit, a budget."""
        self._halt(Finish(Status.FAILED, reason, dict(error)))
        return self._settle()

    # Questions

    @property
    def is_halted(self) -> bool:
        """Nothing starts any more: something failed, reached a limit or was cancelled."""
        return self._halted is not None

    def handled(self, node: str, error: Mapping[str, Any]) -> bool:
        """This failure of the node is handled: its error port is linked. One that could not be paid for never is."""
        return bool(self.plan.nodes[node].error_out.links) and error.get("kind") != Reason.BUDGET

    def running(self) -> tuple[Run, ...]:
        """Runs that were started, have not ended and do not wait, oldest first."""
        return tuple(self._running)

    def waiting(self) -> tuple[Run, ...]:
        """Runs that wait for something outside."""
        return tuple(self._waiting)

    @property
    def node_executions_left(self) -> int:
        """How many more runs the limit allows."""
        return max(0, self._most - self._made)

    def queued(self) -> tuple[Run, ...]:
        """Runs held back by a concurrency limit; once the execution stops: the ones that will never start. O(runs)."""
        parked = chain.from_iterable(state.parked for state in self._states.values())
        return (*parked, *self._ready, *self._held_back)

    def newly_queued(self) -> tuple[Run, ...]:
        """Runs held back that no earlier call has told; O(runs told)."""
        fresh = tuple(self._fresh)
        self._fresh.clear()
        return fresh

    # Values

    def _state(self, number: int) -> NodeState:
        state = self._states.get(number)
        if state is None:
            state = self._states[number] = NodeState(self.plan.order[number])
        return state

    def _send(self, out: OutPlan, run: Run, path: Path, value: Any, parts: list[Any] | None, ref: int) -> None:
        """Let a value travel on every link of the port."""
        for position, link in enumerate(out.links):
            if parts is not None:
                value = parts[position]
                if value is MISSING:
                    part = ".".join((out.name, *link.parts))
                    self._state(link.sink).lacks[link.slot] = f"“{self.plan.nodes[run.node].name}” gave no “{part}”"
                    continue
            node = self.plan.order[link.sink]
            arrival = Arrival(link.index, value, ref)
            if node.simple:
                self._make_run(node, path, (arrival,))
            elif node.slots[link.slot].waits:
                self._state(link.sink).gates[link.slot].put(path, arrival, place=link.place, ordinal=run.ordinal)
            else:
                self._put(node, link.slot, path, arrival)

    def _put(self, node: NodePlan, slot: int, path: Path, item: Item) -> None:
        inbox = self._state(node.number).inbox
        for match_path, items in inbox.put(slot, path, item):
            self._make_run(node, match_path, items)
        if node.join is Join.CROSS:
            for opened in inbox.opened():
                self._closing.expect(node.unit, opened)

    def _make_run(self, node: NodePlan, path: Path, items: tuple[Item, ...]) -> None:
        if self._halted:
            return
        ordinal = 0
        if node.repeats:
            ordinals = self._state(node.number).ordinals
            ordinal = ordinals.get(path, 0)
            if ordinal >= self.plan.limits.laps:
                self._halt_at_limit(node, path, f"“{node.name}” ran {ordinal:,} times at one place", "laps")
                return
            ordinals[path] = ordinal + 1
        if self._made >= self._most:
            self._halt_at_limit(node, path, f"There were {self._made:,} node executions", "node_executions")
            return
        self._made += 1
        self._ran[node.number] = 1
        self._closing.begin(node.unit, path)
        run = _bundled(node, path, ordinal, items) if node.bundles else Run(node.key, path, ordinal, items, NO_INDICES)  # type: ignore[arg-type]  # no slot of it gives bundles
        self.counts.queued += 1
        if self._only is None or run.key in self._only:
            self._ready.append(run)
        else:
            self._held_back.append(run)
        self._fresh[run] = None

    def _number_item(self, node: NodePlan, run: Run, out: OutPlan) -> Path:
        """The path of the next item of a stream; refuses one beyond the limit."""
        items = self._items.get(run)
        if items is None:
            items = self._items[run] = Items()
            self._looped.setdefault(node.number, set()).add(run.path)
        position = items.yielded.get(out.name, 0)
        if position >= self._most_items:
            what = f"More than {position:,} items for “{out.name}”"
            raise PortError(f"{what}, which is the limit of this graph (items)")
        items.yielded[out.name] = position + 1
        if position < len(items.numbers):
            return (*run.path, items.numbers[position])
        number = position
        if node.repeats:
            shared = self._state(node.number).next_items
            number = shared.get(run.path, 0)
            shared[run.path] = number + 1
        items.numbers.append(number)
        path = (*run.path, number)
        if node.throttle and not self._halted:
            self._windows.begin(node, node.throttle, run, path)
        for other in node.tracked:
            if other is not out and other.stream:
                self._closing.owe(other.stream, path)
        return path

    # Ends

    def _release(self, run: Run) -> NodePlan:
        """The run is over."""
        if run in self._waiting:
            del self._waiting[run]
            self.counts.waiting -= 1
            return self.plan.nodes[run.node]
        del self._running[run]
        self.counts.running -= 1
        return self._free_slot(run)

    def _free_slot(self, run: Run) -> NodePlan:
        """The run does not hold its node's slot any more: the next one of the node is ready."""
        node = self.plan.nodes[run.node]
        if node.policy.concurrency:
            state = self._state(node.number)
            state.running -= 1
            if state.parked and not self._halted:
                self._ready.appendleft(state.parked.popleft())
        return node

    def _end(self, node: NodePlan, run: Run) -> list[Command]:
        """What a run's end means for others."""
        items = self._items.pop(run, None) if self._items else None
        if self._made > self._most:  # graphs that it ran were charged
            what = f"There were {self._made:,} node executions, those of other graphs included"
            self._halt(Finish(Status.FAILED, Reason.LIMIT, _limit_error(what, "node_executions")))
        if not self._halted:
            if items is not None and node.tracked:
                self._pass_missing(node, run, items)
            self._closing.end(node.unit, run.path)
        return self._settle()

    def _pass_missing(self, node: NodePlan, run: Run, items: Items) -> None:
        """The run's streams end: items that only some of them had will not come on the others."""
        for out in node.tracked:
            for number in items.numbers[items.yielded.get(out.name, 0) :]:
                missing = Emission(out, (*run.path, number))
                if not (node.throttle and self._windows.holds(node, missing)):
                    self._release_item(missing)

    def _release_item(self, emission: Emission) -> None:
        """An item of a stream travels, or will not come."""
        out, path, run, value, parts, ref = emission
        if run is not None:
            self._send(out, run, path, value, parts, ref)
        if out.tracked and out.stream:
            self._closing.pass_item(out.stream, out.endings, path)

    def _close_gate(self, link: LinkPlan, path: Path) -> None:
        """A link can bring nothing more to a Collect or Gather; after the last one, it gets its values."""
        node, slot = self.plan.order[link.sink], link.slot
        gate = self._state(node.number).gates[slot]
        if gate.close(path):
            bundle = gate.take(path)
            if bundle.arrivals or self._loop_ran(node.slots[slot].loop, path):
                self._put(node, slot, path, bundle)

    def _loop_ran(self, loop: LoopPlan | None, path: Path) -> bool:
        """The loop that a Collect closes was there at the path around it, if empty."""
        if loop is None:
            return False
        if loop.crossed_by >= 0:
            met = self._state(loop.crossed_by).inbox.met(loop.place, path)
            return met and self._loop_ran(loop.parts[0], path[: loop.depth])
        if loop.parts:
            return all(self._loop_ran(part, path) for part in loop.parts)
        return path in self._looped.get(loop.producers[0], ())

    def _unit_is_over(self, unit: int, position: int, path: Path) -> None:
        """Nothing more can happen in a unit at a path: its nodes that never ran are skipped, or an item is quiet."""
        plan = self.plan.units[unit]
        if not self._halted:
            for number in plan.quiets[position]:
                node = self.plan.order[number]
                if node.throttle:
                    self._windows.quiet(node, node.throttle, path)
        for number in plan.nodes if not path else ():
            if not self._ran[number] and not self._halted:
                node = self.plan.order[number]
                state = self._state(number)
                slot = state.inbox.lacking()
                self.counts.skipped += 1
                self._commands.append(Skip(node.key, self._skip_reason(node, state, slot), node.slots[slot].port))

    def _skip_reason(self, node: NodePlan, state: NodeState, slot: int) -> str:
        plan = node.slots[slot]
        port = f"{plan.port}.{plan.member}" if plan.member else plan.port
        why = state.lacks.get(slot, "no value arrived")
        if plan.loop:
            loops = " and ".join(f"“{self.plan.order[producer].name}”" for producer in plan.loop.producers)
            why = f"the loop of {loops} never ran"
        return f"“{port}” stayed empty: {why}."

    # Starting and finishing

    def _settle(self) -> list[Command]:
        """Carry out what an event caused and return its commands."""
        self._closing.settle()
        running, ready = self._running, self._ready
        if ready and not self._halted:
            while ready and (len(running) < self._concurrency or self._only is not None):
                self._start(ready.popleft())
        if not running and not self._finished and self._is_over():
            self._finished = True
            self._commands.append(self._halted or self._end_naturally())
        commands, self._commands = self._commands, []
        return commands

    def _is_over(self) -> bool:
        """Given that nothing runs."""
        return not self._waiting and (self._halted is not None or not (self._ready or self._held_back))

    def _start(self, run: Run) -> None:
        limit = self.plan.nodes[run.node].policy.concurrency
        if limit:
            state = self._state(self.plan.nodes[run.node].number)
            if state.running >= limit and self._only is None:
                state.parked.append(run)
                return
            state.running += 1
        self._running[run] = self._resumed.pop(run, 0) if self._resumed else 0
        self._fresh.pop(run, None)
        self.counts.queued -= 1
        self.counts.running += 1
        self._commands.append(Start(run))

    def _end_naturally(self) -> Finish:
        outputs = self._outputs.read({self.plan.order[number].key for number in self._looped})
        if self._error is None:
            return Finish(Status.COMPLETED, outputs=outputs)
        return Finish(Status.FAILED, Reason.NODE, {**self._error, "failed": self.counts.failed}, outputs)

    def _halt(self, finish: Finish) -> None:
        """Start nothing more and stop what runs; the first cause wins."""
        if self._halted or self._finished:
            return
        self._halted = finish
        self._closing.abandon()
        self._waiting |= self._resumed
        self.counts.waiting += len(self._resumed)
        self.counts.queued -= len(self._resumed)
        self._resumed.clear()
        self.counts.cancelled += self.counts.queued
        self.counts.queued = 0
        self._commands += [Stop(run) for run in (*self._running, *self._waiting)]

    def _halt_at_limit(self, node: NodePlan, path: Path, what: str, limit: str) -> None:
        error = {**_limit_error(what, limit), "node": node.key, "path": list(path)}
        self._halt(Finish(Status.FAILED, Reason.LIMIT, error))


def _limit_error(what: str, limit: str) -> dict[str, Any]:
    return {"message": f"{what}, which is the limit of this graph ({limit}).", "kind": "limit", "limit": limit}


def _bundled(node: NodePlan, path: Path, ordinal: int, items: tuple[Item, ...]) -> Run:
    """The run of a node that collects or gathers."""
    arrivals: list[Arrival] = []
    indices = {}
    for slot, item in zip(node.slots, items, strict=True):
        if isinstance(item, Bundle):
            arrivals += item.arrivals
            indices[slot.port] = item.numbers
        else:
            arrivals.append(item)
    return Run(node.key, path, ordinal, tuple(arrivals), indices)

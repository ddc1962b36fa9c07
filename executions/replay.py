"""Rebuild an execution's state after a crash: the recorded events are told to a fresh scheduler in `seq` order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from blocks.base import ERROR_PORT
from executions.engine.commands import Command, Finish, Run, Skip, Start
from executions.engine.scheduler import Scheduler
from executions.engine.status import FINAL, Status

RunKey = tuple[str, tuple[int, ...], int]


class ReplayError(Exception):
    """The records do not follow from the graph: they are damaged, or the engine's rules changed."""


@dataclass(slots=True)
class Recorded:
    """What is known of a run that was not over."""

    attempt: int
    status: Status
    row: Mapping[str, Any]
    #: Values already recorded, by port.
    yielded: dict[str, list[Any]] = field(default_factory=dict)
    #: Number of the next output.
    next_index: int = 0


@dataclass(slots=True)
class Replayed:
    """A scheduler where the records end, and what is still to be done."""

    #: Runs that had started or that the records' end makes start, oldest first.
    open_runs: list[Run]
    recorded: Mapping[RunKey, Recorded]
    #: Nodes whose skipping is not recorded yet.
    skips: list[Skip]
    finish: Finish | None
    #: All that had started, by key.
    runs: Mapping[RunKey, Run]


def replay(
    scheduler: Scheduler,
    nodes: Sequence[Mapping[str, Any]],
    outputs: Iterable[Mapping[str, Any]],
    values: Mapping[int, Any],
    *,
    time_over: Callable[[], list[Command]],
) -> Replayed:
    """Tell the scheduler everything that is recorded.

    Runs that had not started before the end of the records do not start now: `scheduler.release` lets them.

    Args:
        scheduler: a fresh one.
        nodes: rows of node executions.
        outputs: rows of outputs.
        values: the outputs' values by `seq`.
        time_over: tells the scheduler that the time limit was reached: the one event that leaves no row of its own.

    Raises:
        ReplayError: an event that the scheduler does not expect.
    """
    teller = _Teller(scheduler, time_over)
    by_id = {row["id"]: row for row in nodes}
    recorded = {run_key(row): Recorded(row["attempt"], Status(row["status"]), row) for row in nodes}
    error_refs: dict[UUID, int] = {}
    events: list[tuple[int, Mapping[str, Any], Mapping[str, Any] | None]] = []
    for output in outputs:
        row = by_id[output["node_execution_id"]]
        known = recorded[run_key(row)]
        known.next_index += 1
        if output["port"] == ERROR_PORT:
            error_refs[row["id"]] = output["seq"]
        else:
            known.yielded.setdefault(output["port"], []).append(values[output["seq"]])
            events.append((output["seq"], row, output))
    ended = (row for row in nodes if row["status"] in FINAL and row["status"] != Status.SKIPPED)
    events += [(row["seq"], row, None) for row in ended]
    teller.hear(scheduler.start({run_key(row) for row in nodes if row["started_at"] is not None}))
    for seq, row, event in sorted(events, key=lambda entry: entry[0]):
        teller.tell(row, event, seq, values, error_refs)
    skipped = {row["node"] for row in nodes if row["status"] == Status.SKIPPED}
    skips = [skip for skip in teller.skips if skip.node not in skipped]
    return Replayed(list(scheduler.running()), recorded, skips, teller.finish, teller.runs)


class _Teller:
    """Finds the run that an event is about."""

    def __init__(self, scheduler: Scheduler, time_over: Callable[[], list[Command]]) -> None:
        self.scheduler = scheduler
        self.time_over = time_over
        self.runs: dict[RunKey, Run] = {}
        self.skips: list[Skip] = []
        self.finish: Finish | None = None

    def hear(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Start(run):
                    self.runs[run.key] = run
                case Skip():
                    self.skips.append(command)
                case Finish():
                    self.finish = command

    def tell(
        self,
        row: Mapping[str, Any],
        output: Mapping[str, Any] | None,
        seq: int,
        values: Mapping[int, Any],
        error_refs: Mapping[UUID, int],
    ) -> None:
        run = self.runs.get(run_key(row))
        if run is None:
            if row["status"] == Status.CANCELLED:  # it was queued and never started
                return
            raise ReplayError(f"event {seq}: {row['node']} {row['path']} #{row['ordinal']} was not expected to run")
        if output is None and row["usage"]:
            self.scheduler.charge(row["usage"].get("node_executions", 0))
        if output is not None:
            self.hear(self.scheduler.emit(run, output["port"], values[seq], seq))
        elif row["status"] == Status.COMPLETED:
            self.hear(self.scheduler.complete(run))
        elif row["status"] == Status.FAILED:
            self.hear(self.scheduler.fail(run, row["error"] or {}, error_refs.get(row["id"], seq)))
        else:
            if not self.scheduler.is_halted:
                self.hear(self.time_over())
            self.hear(self.scheduler.stopped(run))


def run_key(row: Mapping[str, Any]) -> RunKey:
    """What names the run of a node execution's row."""
    return row["node"], tuple(row["path"]), row["ordinal"]

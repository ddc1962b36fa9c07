"""The product's processes, forked within milliseconds from one that has imported everything, and traps for them.

As a program it is that process: it has no threads, no event loop and no connections, so what it forks is as good as
started anew. It reads orders from its input, one JSON a line, and answers each with one line.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Trap:
    """Where the next process that comes by is to die."""

    point: str
    #: Only while it is busy with this node.
    node: str = ""
    #: Only when it writes a row of that node with this status; without a node: when it writes an end, or a parking.
    writes: str = ""
    #: How often the process must have come by.
    times: int = 1
    #: Its parent dies with it.
    with_parent: bool = False

    def __str__(self) -> str:
        return "-".join(filter(None, [self.point, self.node, self.writes]))

    def is_sprung_by(self, point: str, about: Any) -> bool:
        if point != self.point or about == []:  # a sweep that found nothing
            return False
        if self.writes:
            return any(self._is_in(batch) for batch in about.values())
        return not self.node or _node_of(about) == self.node

    def _is_in(self, batch: Any) -> bool:
        if not self.node:
            return bool(getattr(batch, self.writes))
        return any(row.node == self.node and row.status == self.writes for row in batch.nodes)


def _node_of(about: Any) -> str:
    payload = getattr(about, "payload", None)
    return str(payload["context"]["node"] if payload else about.node)


def _victim(trap: Path) -> Path:
    return trap.with_suffix(".victim")


class Forks:
    """The test's side."""

    def __init__(self, process: "subprocess.Popen[str]", trap: Path) -> None:
        self._process = process
        self._trap = trap
        #: Processes of which nobody knows yet that they have ended.
        self.living: set[int] = set()

    def set_trap(self, trap: Trap) -> None:
        """The process that gets there dies, once; all of them may get there."""
        _victim(self._trap).unlink(missing_ok=True)
        fresh = self._trap.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(trap)))
        fresh.replace(self._trap)

    @property
    def is_sprung(self) -> bool:
        return _victim(self._trap).exists()

    @property
    def victim(self) -> UUID:
        """The node execution that the isolated process which fell into the trap ran."""
        return UUID(_victim(self._trap).read_text())

    def remove_trap(self) -> None:
        self._trap.unlink(missing_ok=True)

    def fork(self, act: str, *arguments: str) -> int:
        """Id of a process that does one of ACTS."""
        process = int(self._ask({"act": act, "arguments": arguments}))
        self.living.add(process)
        return process

    def exit_code(self, process: int) -> int | None:
        """How it ended, negative for a signal; None: it lives."""
        answer = self._ask({"process": process})
        if answer is None:
            return None
        self.living.discard(process)
        return int(answer)

    def wait(self, process: int, seconds: float = 20) -> int:
        """How it ended."""
        (code,) = until(lambda: [code for code in [self.exit_code(process)] if code is not None], seconds=seconds)
        return code

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def forks(environment: Mapping[str, str], trap: Path) -> Iterator[Forks]:
    """The process that forks; what it has forked ends with it."""
    command = [sys.executable, "-m", "tests.faults.forks", str(trap)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == "ready"
        yield Forks(process, trap)
    finally:
        process.kill()
        process.communicate()


# The other side


def main(trap: Path) -> None:
    import django

    django.setup()
    acts = _acts()
    assert threading.active_count() == 1
    _say("ready")
    for line in sys.stdin:
        _say(_answer(json.loads(line), acts, trap))


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _acts() -> dict[str, Any]:
    """What forked processes do; importing it all takes two seconds, once."""
    from django.core.management import call_command

    from agentflow.graphs.models import Graph
    from blocks.registry import registry
    from executions import approvals, crew, keeping, processor, services
    from executions.management.commands import rqworker
    from executions.models import Approval, Execution

    registry()
    assert rqworker.WORKER_CLASSES
    keeping.BEAT_SECONDS = 0.1
    crew.IDLE_SECONDS = 0.1
    processor.LINGER_SECONDS = 0.1

    def start(graph: str) -> None:
        found = Graph.objects.get(pk=graph)
        services.start_execution(found, user=found.owner, inputs={})

    def cancel(execution: str) -> None:
        found = Execution.objects.get(pk=execution)
        services.cancel_execution(found, user=found.owner)

    def decide(approval: str, decision: str) -> None:
        found = Approval.objects.get(pk=approval)
        approvals.decide(found, user=found.execution.owner, decision=decision)

    def work(*queues: str) -> None:
        call_command("rqworker", *queues)

    return {"start": start, "cancel": cancel, "decide": decide, "work": work}


def _answer(order: dict[str, Any], acts: Mapping[str, Any], trap: Path) -> Any:
    if "process" in order:
        found, status = os.waitpid(order["process"], os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if found else None
    child = os.fork()
    if child:
        return child
    try:
        _become(trap)
        acts[order["act"]](*order["arguments"])
        os._exit(0)
    finally:
        os._exit(1)


def _become(trap: Path) -> None:
    """A process of its own, which falls into the trap."""
    from executions import crash_points
    from executions.orphans import die_with_parent

    die_with_parent()
    random.seed()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    hits = 0

    def look(point: str, about: Any) -> None:
        nonlocal hits
        try:
            found = Trap(**json.loads(trap.read_text()))
        except FileNotFoundError:
            return
        if found.is_sprung_by(point, about):
            hits += 1
            if hits >= found.times:
                trap.unlink()  # a second process that comes by at the same time fails: one dies in each trap
                _victim(trap).write_text(str(getattr(about, "node_execution_id", "")))
                if found.with_parent:
                    os.kill(os.getppid(), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)

    crash_points.hook = look


if __name__ == "__main__":
    main(Path(sys.argv[1]))

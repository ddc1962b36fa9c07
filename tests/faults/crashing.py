"""A stage for crashes: a process that forks workers, a trap for them, graphs whose steps leave traces, and one oracle."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from agentflow.graphs.models import Graph
from executions import services
from executions.approvals import decide
from executions.engine.status import FINAL, Status
from executions.keeping import NEVER
from executions.models import Approval, Charge, Execution, NodeExecution, NodeJob, Output, Worker
from tests.executions.hosting import drawn, ended, hosting
from tests.faults.crash_blocks import PARTS, result
from tests.faults.forks import Forks, Trap
from tests.faults.workers import environment
from tests.waiting import until

#: Nobody's lease ends by itself, however slow the machine is: the test ends it when the process is dead.
QUICK = {
    "AGENTFLOW_BLOCK_MODULES": "tests.faults.crash_blocks",
    "AGENTFLOW_LEASE_SECONDS": "60",
    "AGENTFLOW_LEASE_RENEW_SECONDS": "10",
    "AGENTFLOW_SWEEP_SECONDS": "0.1",
    "AGENTFLOW_NODE_PROCESSES": "1",  # so that one node falls with its worker
    "LOG_LEVEL": "ERROR",
}
KILLED = -9


def quick_environment() -> dict[str, str]:
    return environment() | QUICK


@contextmanager
def rescuer() -> Iterator[None]:
    """A worker in the test's own process, into which no trap reaches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.SWEEP_SECONDS", 0.05)
        patch.setattr("executions.isolated.POLL_SECONDS", 0.1)
        with hosting():
            yield


@dataclass(slots=True)
class Stage:
    """Where executions are crashed and rescued."""

    forks: Forks
    owner: User
    #: What steps did to the outside world.
    file: Path
    #: Of the process that runs isolated nodes.
    nodes_worker: int = 0
    _graphs: dict[str, Graph] = field(default_factory=dict)
    _outputs: dict[int, Any] = field(default_factory=dict)

    def graph(self, name: str, nodes: dict[str, Any], links: str) -> Graph:
        """The graph of this name, made once; steps know the file."""
        if name not in self._graphs:
            told = {
                key: (block, config | ({"file": str(self.file)} if block.startswith("crash.") else {}), *rest)
                for key, (block, config, *rest) in nodes.items()
            }
            self._graphs[name] = drawn(self.owner, told, links)
        return self._graphs[name]

    def start(self, graph: Graph, **more: Any) -> Execution:
        return services.start_execution(graph, user=self.owner, **({"inputs": {}} | more))

    def crash(self, trap: Trap, *executions: Execution) -> None:
        """A worker comes, takes what is queued, and dies in the trap; what must be durable then is."""
        self.forks.set_trap(trap)
        self.bury(self.forks.fork("work", "default"))
        assert self.forks.is_sprung
        for execution in executions:
            self.assert_nothing_was_done_too_early(execution)

    def bury(self, worker: int) -> None:
        """The worker is killed; its lease ends at once."""
        assert self.forks.wait(worker) == KILLED
        Worker.objects.filter(process_id=worker, stopped_at=None).update(expires_at=Now())

    def silence(self, node_execution: UUID) -> None:
        """The process that ran it is gone, and nobody who could say so lives: it is silent at once."""
        NodeJob.objects.filter(node_execution_id=node_execution, ended_at=None).update(beat_at=NEVER)

    def rescue(self, execution: Execution) -> Execution:
        """Another worker ends it; a person is asked about exactly those steps whose outcome nobody can know."""
        unknown = self.unknown(execution)
        with rescuer():
            self.settle(execution, unknown)
            execution = ended(execution)
        self.assert_sound(execution, unknown)
        return execution

    def settle(self, execution: Execution, unknown: "set[UUID]") -> None:
        """Tell what became of these steps, as somebody does who has looked outside."""
        asked = Approval.objects.filter(kind="outcome", node_execution__in=unknown, decided_at=None)
        until(lambda: asked.count() == len(unknown))
        until(lambda: not self.children_of_nodes_worker())  # what a dead host has left behind ends itself
        happened = {line["key"]: result(line["value"], line["size"]) for line in self.lines(execution)}
        for approval in asked:
            key = str(approval.node_execution_id)
            if key in happened:
                payload = {"part": PARTS, "value": happened[key]}
                decide(approval, user=self.owner, decision="happened", payload=payload)
            else:
                decide(approval, user=self.owner, decision="repeat")

    def unknown(self, execution: Execution) -> "set[UUID]":
        """Steps that must not be repeated and were under way when their worker died."""
        under_way = NodeExecution.objects.filter(execution__in=family(execution), block__startswith="crash.once")
        return set(under_way.filter(status__in=[Status.RUNNING, Status.WAITING]).values_list("pk", flat=True))

    def children_of_nodes_worker(self) -> str:
        children = Path(f"/proc/{self.nodes_worker}/task/{self.nodes_worker}/children")
        return children.read_text().strip() if self.nodes_worker else ""

    def fault_free(self, graph: Graph) -> Any:
        """What the graph gives when nothing happens to it."""
        if graph.pk not in self._outputs:
            with rescuer():
                execution = ended(self.start(graph))
            self.assert_sound(execution)
            assert execution.status == Status.COMPLETED, execution.error
            self._outputs[graph.pk] = execution.outputs
        return self._outputs[graph.pk]

    def lines(self, execution: Execution) -> list[dict[str, Any]]:
        """What its steps, and those of the executions that it started, did outside."""
        lines = [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []
        ids = set(map(str, family(execution)))
        return [line for line in lines if line["execution"] in ids]

    # What holds

    def assert_nothing_was_done_too_early(self, execution: Execution) -> None:
        """At any moment: intents of steps that happen once, and what others that are not pure were given, are durable."""
        rows = {str(row.pk): row for row in NodeExecution.objects.filter(execution__in=family(execution))}
        for line in self.lines(execution):
            spec = Execution.objects.get(pk=line["execution"]).version.spec
            block = next(node["block"] for node in spec["nodes"] if node["key"] == line["node"])
            if ".once" in block:
                assert rows[line["key"]].status in {Status.RUNNING, Status.WAITING, Status.COMPLETED}
            for link in spec["links"]:
                if link["sink"] == line["node"] and ".pure" not in block:
                    assert is_durable(line, link["source"], link["source_port"])
        for id in family(execution):
            assert_questions_are_waited_for(id)

    def assert_sound(self, execution: Execution, unknown: "set[UUID] | frozenset[UUID]" = frozenset()) -> None:
        """When all is over: nothing lost, nothing double, nothing left, nobody asked without need."""
        asked = Approval.objects.filter(execution__in=family(execution), kind="outcome")
        assert sorted(asked.values_list("node_execution", flat=True)) == sorted(unknown)
        for id in family(execution):
            assert_records(Execution.objects.get(pk=id))
            assert_questions_are_waited_for(id)
        done = NodeExecution.objects.filter(
            execution__in=family(execution), block__startswith="crash.", status=Status.COMPLETED, reused=False
        )
        self.assert_effects(self.lines(execution), done)
        for id in family(execution):
            assert_paid_once(id)

    def assert_effects(self, lines: list[dict[str, Any]], done: Iterable[NodeExecution]) -> None:
        """Every step happened; again only under the same key, and never again if it must not."""
        times = Counter(line["key"] for line in lines)
        places = defaultdict(set)
        for line in lines:
            places[line["execution"], line["node"], tuple(line["path"])].add(line["key"])
        assert all(len(keys) == 1 for keys in places.values())
        for row in done:
            assert times[str(row.pk)] == 1 if ".once" in row.block else times[str(row.pk)] >= 1, row.node


def family(execution: Execution) -> list[UUID]:
    """The execution and those that it has started."""
    found = [execution.pk]
    for id in found:
        found += Execution.objects.filter(parent=id).values_list("pk", flat=True)
    return found


def assert_paid_once(execution: UUID) -> None:
    """Each step that completed is in the ledger, once, and the run costs their sum."""
    steps = NodeExecution.objects.filter(execution=execution, block__startswith="crash.", status=Status.COMPLETED)
    charges = Charge.objects.filter(execution=execution)
    assert set(charges.values_list("pk", flat=True)) == set(steps.filter(reused=False).values_list("pk", flat=True))
    assert Execution.objects.get(pk=execution).cost == sum(charge.amount for charge in charges)


def is_durable(line: Mapping[str, Any], source: str, port: str) -> bool:
    """The value that came to this run from there: of the same place, an item of a stream, or from outside its loops."""
    outputs = Output.objects.filter(execution=line["execution"], node_execution__node=source, port=port)
    *outer, last = line["path"] or [0]
    same, stream = outputs.filter(node_execution__path=line["path"]), outputs.filter(node_execution__path=outer)
    return same.exists() or stream.count() > last


def assert_questions_are_waited_for(execution: UUID) -> None:
    """Nobody is asked what nobody wants to know."""
    for approval in Approval.objects.filter(execution=execution).select_related("node_execution"):
        waits = approval.node_execution.waits.values()
        assert str(approval.pk) in {wait.get("approval") for wait in waits}


def assert_records(execution: Execution) -> None:
    rows = list(execution.node_executions.all())
    outputs = list(Output.objects.filter(execution=execution).values_list("node_execution", "index", "seq"))
    assert execution.status in FINAL
    assert execution.holder_id is None
    assert {row.status for row in rows} <= FINAL
    assert len({(row.node, tuple(row.path), row.ordinal) for row in rows}) == len(rows)
    numbers = [row.seq for row in rows] + [seq for *_, seq in outputs]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers, default=0) <= execution.seq
    indices = defaultdict(list)
    for node, index, _ in outputs:
        indices[node].append(index)
    assert all(sorted(found) == list(range(len(found))) for found in indices.values())
    assert execution.counts.get("total", 0) == len(rows)
    assert not NodeJob.objects.filter(execution=execution).exists()
    assert not Approval.objects.filter(execution=execution, decided_at=None, closed_at=None).exists()

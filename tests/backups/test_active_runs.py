"""What was going on when a backup was made goes on after it is restored, and ends as it would have ended."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec
from executions import approvals, services
from executions.engine.status import Status
from executions.models import Approval, Blob, Execution, NodeExecution, Output
from tests.backups.conftest import Installation, Installed
from tests.executions.hosting import ended, spec_of
from tests.faults.conftest import MakeRig
from tests.faults.rig import QUICK, Rig
from tests.waiting import until

pytestmark = pytest.mark.faults

BLOCKS = "tests.backups.blocks,tests.faults.blocks"
ITEMS = 8


def loop(number: int) -> GraphSpec:
    """Items through a short wait each, collected, and a value so large that it is a blob."""
    nodes = (
        NodeSpec("items", "core.value", {"value": list(range(number, number + ITEMS))}),
        NodeSpec("each", "logic.for_each", {"at_once": 2}),
        NodeSpec("slow", "fault.slow", {"seconds": 0.1}),
        NodeSpec("all", "logic.collect"),
        NodeSpec("large", "core.value", {"value": f"{number} " * 20_000}),
        NodeSpec("out", "io.output", {"name": "items"}),
    )
    links = (
        LinkSpec("items", "value", "each", "items"),
        LinkSpec("each", "item", "slow", "value"),
        LinkSpec("slow", "value", "all", "items"),
        LinkSpec("all", "items", "out", "value"),
    )
    return GraphSpec(name=f"Loop {number}", nodes=nodes, links=links)


def lose_everything(rig: Rig) -> None:
    """Workers and database are gone; an empty database is there."""
    for worker in rig.workers:
        worker.stop()
    rig.redis.flush()
    connections.close_all()
    with rig.postgres.connect("postgres") as server:
        server.execute("DROP DATABASE agentflow WITH (FORCE)")
        server.execute("CREATE DATABASE agentflow")


def work_on(rig: Rig, installation: Installation) -> None:
    """A worker of the other installation, to which the keys of credentials were brought by hand, as is said."""
    keys = Path(rig.workers[0].environment["AGENTFLOW_DATA"]) / "credential-keys"
    brought = {"AGENTFLOW_CREDENTIAL_KEYS": keys.read_text().strip()}
    rig.add_worker({"AGENTFLOW_DATA": str(installation.data), **brought}).until_ready()


def results(ids: set[Any]) -> dict[Any, Any]:
    return {run.pk: (run.status, run.outputs) for run in Execution.objects.filter(pk__in=ids)}


def assert_sound() -> None:
    """One row per run, every number once."""
    for run in Execution.objects.all():
        rows = NodeExecution.objects.filter(execution=run).values_list("node", "path", "ordinal", "seq")
        numbers = [row[3] for row in rows] + list(Output.objects.filter(execution=run).values_list("seq", flat=True))
        assert len({(node, tuple(path), ordinal) for node, path, ordinal, _ in rows}) == len(rows) == 5 + ITEMS
        assert len(numbers) == len(set(numbers))


class Load(threading.Thread):
    """Starts executions one after the other until told to stop."""

    def __init__(self, rig: Rig, graphs: list[Any]) -> None:
        super().__init__(daemon=True)
        self._rig, self._graphs = rig, graphs
        self.is_over = threading.Event()
        self.started = 0

    def run(self) -> None:
        while not self.is_over.wait(0.1):
            key = f"key {self.started}"
            services.start_execution(
                self._graphs[self.started % len(self._graphs)], user=self._rig.owner, inputs={}, idempotency_key=key
            )
            self.started += 1
        connection.close()


@pytest.mark.slow  # a minute of work, and on a machine that is not idle now and then no run is open at the snapshot
def test_runs_of_a_backup_made_under_load_end_as_they_did(make_rig: MakeRig, installed: Installed, tmp_path: Path):
    rig = make_rig(workers=2, environment=QUICK, block_modules=BLOCKS)
    here, there = installed(rig, "here"), installed(rig, "there")
    here.data = Path(rig.workers[0].environment["AGENTFLOW_DATA"])
    load = Load(rig, [create_graph(owner=rig.owner, spec=loop(number)) for number in range(3)])
    load.start()
    until(lambda: Execution.objects.filter(status=Status.COMPLETED).count() >= 3)
    file = tmp_path / "backup.zip"
    assert "rows" in here.run("backup", file)
    load.is_over.set()
    load.join()
    until(lambda: not Execution.objects.filter(ended_at=None).exists(), seconds=60)
    before = results(set(Execution.objects.values_list("pk", flat=True)))
    keys = dict(Execution.objects.values_list("pk", "idempotency_key"))

    lose_everything(rig)
    there.run("restore", file)
    active = set(Execution.objects.filter(ended_at=None).values_list("pk", flat=True))
    assert active, "the backup was made between two runs"
    work_on(rig, there)
    until(lambda: not Execution.objects.filter(ended_at=None).exists(), seconds=60)
    after = results(set(Execution.objects.values_list("pk", flat=True)))
    assert after == {id: before[id] for id in after}
    assert {status for status, _ in after.values()} == {Status.COMPLETED}
    assert len(active) < len(after) <= len(before)
    assert_sound()
    for blob in Blob.objects.all():
        assert (there.data / "blobs" / blob.storage_name).stat().st_size == blob.size
    for run in Execution.objects.select_related("graph"):
        same = services.start_execution(run.graph, user=rig.owner, inputs={}, idempotency_key=keys[run.pk])
        assert same.pk == run.pk
    assert {event["kind"] for run in Execution.objects.filter(pk__in=active) for event in run.events} >= {
        "restored",
        "resumed",
    }


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def paying(rig: Rig, folder: Path, *, until: str = "") -> Execution:
    """A run that comes to a step that must happen once when the gate opens."""
    nodes = {
        "gate": ("backup.gate", {"file": str(folder / "gate"), "value": 1}),
        "pay": ("backup.pay", {"file": str(folder / "paid"), "until": until}),
        "out": ("io.output", {"name": "paid"}),
    }
    graph = create_graph(owner=rig.owner, spec=spec_of(nodes, "gate.value -> pay.value; pay.value -> out.value"))
    return services.start_execution(graph, user=rig.owner, inputs={})


def question_of(execution: Execution) -> Approval:
    found = until(lambda: Approval.objects.filter(execution=execution, decided_at=None).first())
    assert found is not None
    return found


def test_step_that_happened_after_the_backup_is_not_repeated_unasked(
    make_rig: MakeRig, installed: Installed, tmp_path: Path
):
    rig = make_rig(workers=1, environment=QUICK, block_modules=BLOCKS)
    here, there, file = installed(rig, "here"), installed(rig, "there"), tmp_path / "backup.zip"
    execution = paying(rig, tmp_path)
    until(lambda: NodeExecution.objects.filter(node="gate", status=Status.RUNNING).exists())
    here.manage("backup", file)
    (tmp_path / "gate").touch()
    assert ended(execution).status == Status.COMPLETED
    assert len(lines(tmp_path / "paid")) == 1

    lose_everything(rig)
    there.manage("restore", file)
    work_on(rig, there)
    question = question_of(execution)
    assert "restored from a backup" in question.instructions
    approvals.decide(question, user=rig.owner, decision="happened", payload={"value": "yes"})
    execution = ended(execution)
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"paid": "yes"})
    assert len(lines(tmp_path / "paid")) == 1


def test_step_that_ran_while_the_backup_was_made_asks_and_keeps_its_key(
    make_rig: MakeRig, installed: Installed, tmp_path: Path
):
    rig = make_rig(workers=1, environment=QUICK, block_modules=BLOCKS)
    here, there, file = installed(rig, "here"), installed(rig, "there"), tmp_path / "backup.zip"
    (tmp_path / "gate").touch()
    execution = paying(rig, tmp_path, until=str(tmp_path / "paid well"))
    until(lambda: lines(tmp_path / "paid"))
    here.manage("backup", file)

    lose_everything(rig)
    there.manage("restore", file)
    (tmp_path / "paid well").touch()
    work_on(rig, there)
    question = question_of(execution)
    assert "worker was lost" in question.instructions
    approvals.decide(question, user=rig.owner, decision="repeat")
    assert ended(execution).status == Status.COMPLETED
    first, second = lines(tmp_path / "paid")
    assert first == second


def test_nothing_is_asked_where_nothing_has_run_since_the_backup(
    make_rig: MakeRig, installed: Installed, tmp_path: Path
):
    rig = make_rig(workers=1, environment=QUICK, block_modules=BLOCKS)
    here, there, file = installed(rig, "here"), installed(rig, "there"), tmp_path / "backup.zip"
    execution = paying(rig, tmp_path)
    until(lambda: NodeExecution.objects.filter(node="gate", status=Status.RUNNING).exists())
    for worker in rig.workers:
        worker.stop()
    here.manage("backup", file)

    lose_everything(rig)
    there.manage("restore", file, "--nothing-ran-since")
    (tmp_path / "gate").touch()
    work_on(rig, there)
    assert ended(execution).status == Status.COMPLETED
    assert len(lines(tmp_path / "paid")) == 1

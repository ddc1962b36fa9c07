"""Workers of the release before and of this one share a database that this one has migrated, and lose nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from agentflow.graphs.models import Graph
from agentflow.graphs.services import create_graph
from executions import services
from executions.engine.status import Status
from executions.models import Execution, NodeExecution, Output
from tests.executions.hosting import spec_of
from tests.faults.conftest import MakeRig
from tests.faults.processes import Process
from tests.faults.rig import QUICK, Rig, _hosts
from tests.upgrades import previous
from tests.waiting import until

pytestmark = pytest.mark.faults

ITEMS = 12
ROUNDS = 6
START = """
import json
from django.contrib.auth.models import User
from agentflow.graphs.models import Graph
from executions.services import start_execution
graph, user = Graph.objects.get(pk={graph}), User.objects.get(pk={user})
print(json.dumps([str(start_execution(graph, user=user, inputs={{}}).pk) for _ in range({many})]))
"""


class Before:
    """The release before on the rig's servers."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self._rig = rig
        self._code = previous.unpack(folder)
        self._environment = {
            **os.environ,
            "DATABASE_URL": rig.postgres.url,
            "REDIS_URL": rig.redis.url,
            "REDIS_PREFIX": rig._environment["REDIS_PREFIX"],
            "DJANGO_SETTINGS_MODULE": "agentflow.settings",
            "AGENTFLOW_DATA": rig._environment["AGENTFLOW_DATA"],
            "PYTHONPATH": str(self._code),
            "PYTHONUNBUFFERED": "1",
            **QUICK,
        }

    def worker(self) -> Process:
        """A hosting worker that runs."""
        arguments = (sys.executable, str(self._code / "manage.py"), "rqworker")
        process = self._rig._process(f"before-{len(self._rig.workers)}", arguments, self._environment, _hosts)
        self._rig.workers.append(process)
        process.start()
        process.until_ready()
        return process

    def start(self, graph: Graph, many: int) -> list[UUID]:
        """Executions that its code starts."""
        said = self.manage("shell", "-c", START.format(graph=graph.pk, user=self._rig.owner.pk, many=many))
        return [UUID(id) for id in json.loads(said.splitlines()[-1])]

    def manage(self, *arguments: str) -> str:
        """What a command of it says; it must succeed."""
        command = (sys.executable, str(self._code / "manage.py"), *arguments)
        done = subprocess.run(
            command, env=self._environment, cwd=self._code, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def loop(rig: Rig) -> Graph:
    """Items one by one through a short wait, three seconds in all, a large value, a condition: what both releases have."""
    nodes = {
        "items": ("core.value", {"value": list(range(ITEMS))}),
        "each": ("logic.for_each", {"at_once": 1}),
        "wait": ("core.delay", {"seconds": 0.25}),
        "all": ("logic.collect", {}),
        "large": ("core.value", {"value": "x" * 50_000}),
        "out": ("io.output", {"name": "items"}),
    }
    links = "items.value -> each.items; each.item -> wait.value; wait.value -> all.items; all.items -> out.value"
    return create_graph(owner=rig.owner, spec=spec_of(nodes, links))


def start(rig: Rig, graph: Graph, many: int) -> list[UUID]:
    return [services.start_execution(graph, user=rig.owner, inputs={}).pk for _ in range(many)]


def held_by(worker: Process) -> int:
    return Execution.objects.filter(holder__process_id=worker.pid or 0, ended_at=None).count()


def done(run: Execution) -> int:
    return NodeExecution.objects.filter(execution=run, node="wait", status=Status.COMPLETED).count()


def is_in_the_middle(worker: Process) -> bool:
    """It holds a run that has begun and will not end so soon."""
    runs = Execution.objects.filter(holder__process_id=worker.pid or 0, ended_at=None)
    return any(0 < done(run) < ITEMS // 3 for run in runs)


def assert_all_went_well(ids: list[UUID]) -> None:
    until(lambda: not Execution.objects.filter(pk__in=ids, ended_at=None).exists(), seconds=120)
    for run in Execution.objects.filter(pk__in=ids):
        assert (run.status, run.outputs) == (Status.COMPLETED, {"items": list(range(ITEMS))}), run.error
        rows = NodeExecution.objects.filter(execution=run).values_list("node", "path", "ordinal", "status", "seq")
        numbers = [row[4] for row in rows] + list(Output.objects.filter(execution=run).values_list("seq", flat=True))
        assert len({(node, tuple(path), ordinal) for node, path, ordinal, *_ in rows}) == len(rows) == 5 + ITEMS
        assert len(numbers) == len(set(numbers))


def resumed(ids: list[UUID]) -> int:
    return sum(any(event["kind"] == "resumed" for event in run.events) for run in Execution.objects.filter(pk__in=ids))


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig(workers=0, environment=QUICK)


def test_workers_of_two_releases_go_on_with_each_others_runs(rig: Rig, tmp_path: Path):
    before, graph = Before(rig, tmp_path / "before"), loop(rig)
    old = before.worker()
    ids = before.start(graph, 3) + start(rig, graph, 3)
    until(lambda: is_in_the_middle(old))
    old.stop()  # as an upgrade does: it hands over
    new = rig.add_worker()
    assert_all_went_well(ids)
    assert resumed(ids)

    before.manage("prepare")
    old = before.worker()
    both = before.start(graph, 2)

    def work_for_both() -> bool:
        both.extend(start(rig, graph, 2))
        return bool(held_by(old)) and is_in_the_middle(new)

    until(work_for_both)
    new.stop()  # as going back does
    assert_all_went_well(both)
    assert resumed(both)


@pytest.mark.slow
def test_releases_replace_each_other_under_load(rig: Rig, tmp_path: Path):
    """Both releases host at the same time; in each round one worker of each is killed or asked to stop."""
    before, graph = Before(rig, tmp_path / "before"), loop(rig)
    workers = [before.worker(), rig.add_worker(), before.worker(), rig.add_worker()]
    ids: list[UUID] = []
    for number in range(ROUNDS):
        for worker in workers:
            worker.until_ready()
        ids += before.start(graph, 20) + start(rig, graph, 20)
        until(
            lambda: all(held_by(worker) for worker in workers) or not Execution.objects.filter(ended_at=None).exists()
        )
        for worker in workers[number % 2 :: 2]:
            worker.kill() if number % 3 else worker.terminate()
    assert_all_went_well(ids)
    assert resumed(ids)

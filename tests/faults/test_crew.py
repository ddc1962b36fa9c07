"""One `nodes` worker runs nodes side by side in processes that it keeps, unless a block has left something in one."""

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from executions import services
from executions.models import Execution, NodeJob, Worker
from tests.executions.hosting import drawn, ended, run
from tests.faults.rig import QUICK, Rig
from tests.faults.servers import Servers
from tests.faults.stamps import FILE, stamps
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.faults]

MODULES = "tests.faults.stamps,tests.faults.poison,tests.executions.blocks"
PROCESSES, RUNS = 2, 4


@pytest.fixture(scope="module")
def rig(
    rig_servers: Servers, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("crew")
    environment = {
        **QUICK,
        FILE: str(folder / "stamps"),
        "AGENTFLOW_NODE_PROCESSES": str(PROCESSES),
        "AGENTFLOW_NODE_PROCESS_RUNS": str(RUNS),
    }
    with django_db_blocker.unblock():
        rig = Rig(rig_servers, folder, workers=1, node_workers=1, block_modules=MODULES, environment=environment)
        with rig:
            yield rig


@pytest.fixture(autouse=True)
def _fresh_worker(rig: Rig) -> None:
    """No process is left of the test before."""
    (worker,) = rig.node_workers
    worker.until_ready(other_than=worker.kill())


def processes(rig: Rig) -> set[int]:
    pid = rig.node_workers[0].pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def process_of(rig: Rig) -> int:
    """The process that has run a node for this."""
    execution = run(rig.owner, {"p": ("stamp.process", {"seconds": 0})})
    (stamp,) = [stamp for stamp in stamps(rig.folder / "stamps") if stamp.execution == str(execution.pk)]
    return stamp.pid


def test_nodes_run_side_by_side_and_no_more_than_may(rig: Rig) -> None:
    nodes = {f"n{number}": ("stamp.process", {"seconds": 0.3}) for number in range(6)}
    execution = services.start_execution(drawn(rig.owner, nodes), user=rig.owner, inputs={})
    seen = set()

    def at_once() -> bool:
        running = NodeJob.objects.filter(execution=execution, ended_at=None).exclude(claimed_at=None)
        seen.add(running.count())
        return Execution.objects.get(pk=execution.pk).ended_at is not None

    until(at_once, seconds=30)
    assert ended(execution).status == "completed"
    assert max(seen) == PROCESSES
    assert Worker.objects.get(process_id=rig.node_workers[0].pid or 0).capacity == PROCESSES
    assert (
        len({stamp.pid for stamp in stamps(rig.folder / "stamps") if stamp.execution == str(execution.pk)}) == PROCESSES
    )


def test_process_runs_several_nodes_and_then_is_replaced(rig: Rig) -> None:
    used = [process_of(rig) for _ in range(RUNS + 1)]
    assert len(set(used[:RUNS])) == 1
    assert used[RUNS] != used[0]


@pytest.mark.parametrize("how", ["close descriptors", "change folder", "signals", "thread", "child"])
def test_process_in_which_a_block_has_left_something_is_replaced(rig: Rig, how: str) -> None:
    before = process_of(rig)
    run(rig.owner, {"p": ("poison.process", {"how": how})})
    until(lambda: before not in processes(rig), seconds=5)
    assert process_of(rig) != before


def test_process_that_fails_as_it_should_is_kept(rig: Rig) -> None:
    before = process_of(rig)
    run(rig.owner, {"p": ("test.process", {"fail": True})})
    assert process_of(rig) == before


def test_processes_share_nothing_with_their_worker(rig: Rig) -> None:
    pid = process_of(rig)
    worker = rig.node_workers[0].pid
    assert open_sockets(pid)
    assert not open_sockets(pid) & open_sockets(worker or 0)


def is_gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def open_sockets(pid: int) -> set[str]:
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return {link for link in links if link.startswith("socket:")}


def test_processes_end_with_their_worker_however_it_ends(rig: Rig) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        (worker,) = rig.node_workers
        process = process_of(rig)
        worker.until_ready(other_than=worker._signal(number))
        until(partial(is_gone, process), seconds=5)

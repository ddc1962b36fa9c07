"""The rig itself: its processes run executions, are broken, and come back."""

import signal
from pathlib import Path

import pytest

from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec
from executions import services
from executions.engine.status import Status
from tests.executions.hosting import ended
from tests.faults.conftest import MakeRig
from tests.faults.rig import QUICK, Rig

pytestmark = pytest.mark.faults


def run_one(rig: Rig) -> None:
    nodes = (NodeSpec("a", "fault.slow", {"value": 7}), NodeSpec("out", "io.output", {"name": "n"}))
    spec = GraphSpec(name="One", nodes=nodes, links=(LinkSpec("a", "value", "out", "value"),))
    graph = create_graph(owner=rig.owner, spec=spec)
    execution = ended(services.start_execution(graph, user=rig.owner, inputs={}))
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"n": 7})


def test_processes_and_services_are_broken_and_come_back(make_rig: MakeRig) -> None:
    rig = make_rig(workers=1, node_workers=1, web=True, environment=QUICK)
    run_one(rig)
    with rig.postgres.connect() as witness:
        writers = {writer for (writer,) in witness.execute("SELECT DISTINCT writer FROM faults_row")}
    assert writers == {rig.workers[0].pid}
    killed = [(process, process.kill()) for process in rig.processes]
    for process, pid in killed:
        assert pid is not None
        assert process.until_dead(pid).code == -signal.SIGKILL
        assert process.until_ready(other_than=pid) != pid
    run_one(rig)
    with rig.postgres.away():
        pass
    rig.redis.flush()
    with rig.redis.away():
        rig.redis.empty()
    run_one(rig)
    for server in (rig.postgres, rig.redis):
        assert Path(server.socket_path).is_socket()
    (worker,) = rig.workers
    pid = worker.terminate()
    assert pid is not None
    assert worker.until_dead(pid).code == 0
    worker.until_ready(other_than=pid)

"""Poison in the product's own processes: blocks that end them, jobs that nobody can read, rows that nobody can write."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker
from rq import Queue
from rq.serializers import JSONSerializer, PickleSerializer

from agentflow import wake
from agentflow.graphs.models import GraphVersion
from agentflow.graphs.services import delete_graph
from agentflow.graphs.spec import OnError, Policy
from executions import services
from executions.engine.status import Status
from executions.models import Execution, NodeJob
from tests.executions.hosting import drawn, ended, error_of, run, value
from tests.faults.rig import QUICK, Rig
from tests.faults.servers import Servers
from tests.faults.stamps import FILE
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.faults]

MODULES = "tests.faults.blocks,tests.faults.stamps,tests.faults.poison,tests.executions.blocks"
CONTINUE = Policy(on_error=OnError.CONTINUE)
CULPRIT_ENDS_WITHIN_SECONDS = 5.0


@pytest.fixture(scope="module")
def rig(
    rig_servers: Servers, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("poison")
    environment = {**QUICK, FILE: str(folder / "stamps"), "AGENTFLOW_NODE_MEMORY_BYTES": str(256 * 1024**2)}
    with django_db_blocker.unblock():
        rig = Rig(rig_servers, folder, workers=2, node_workers=2, block_modules=MODULES, environment=environment)
        with rig:
            yield rig


@pytest.fixture(autouse=True)
def _everybody_at_work(rig: Rig) -> None:
    for process in rig.processes:
        process.until_ready()


@contextmanager
def neighbours(rig: Rig, number: int = 20) -> Iterator[None]:
    """Executions on the same workers, before, meanwhile and after; each ends with its own result."""
    nodes = {"a": ("stamp.loop", {"seconds": 1.5, "value": 7}), "out": ("io.output", {"name": "n"})}
    executions = [
        services.start_execution(drawn(rig.owner, nodes, "a.value -> out.value"), user=rig.owner, inputs={})
        for _ in range(number)
    ]
    until(lambda: not Execution.objects.filter(pk__in=[each.pk for each in executions], status=Status.QUEUED).exists())
    yield
    for execution in executions:
        execution = ended(execution, 60)
        assert (execution.status, execution.outputs) == (Status.COMPLETED, {"n": 7}), execution.error


PROCESS = [
    ("raise Unforeseen", "bug", "author did not expect"),
    ("raise GeneratorExit", "bug", "author did not expect"),
    ("raise BlockError without words", "block", "without words"),
    ("recurse", "bug", "author did not expect"),
    ("huge error", "block", "xxx"),
    ("memory", "block", "more than 256 MB of memory"),
    ("exit", "block", "ended 3 times"),
    ("killed by the kernel", "block", "ended 3 times"),
    ("triple", "bug", "author did not expect"),
]


@pytest.mark.parametrize(("how", "kind", "says"), PROCESS)
def test_poison_in_a_process_fails_its_node(rig: Rig, how: str, kind: str, says: str) -> None:
    begun_at = time.monotonic()
    execution = run(rig.owner, {"p": ("poison.process", {"how": how}, CONTINUE), "o": ("core.value", {"value": 1})})
    assert (execution.status, execution.counts["completed"]) == (Status.FAILED, 1)
    assert says in error_of(execution, "p")["message"]
    assert time.monotonic() - begun_at <= CULPRIT_ENDS_WITHIN_SECONDS * 2


@pytest.mark.parametrize(
    "how", ["close descriptors", "change folder", "signals", "thread", "stdout", "5 MB", "huge log"]
)
def test_oddities_in_a_process_do_no_harm(rig: Rig, how: str) -> None:
    assert run(rig.owner, {"p": ("poison.process", {"how": how})}).status == Status.COMPLETED


def test_programs_that_a_process_has_started_end_with_it(rig: Rig) -> None:
    execution = run(rig.owner, {"p": ("poison.process", {"how": "child"})})
    child = value(execution, "p")
    until(lambda: not Path(f"/proc/{child}").exists(), seconds=5)


def test_process_that_holds_pythons_lock_ends_when_its_time_is_over(rig: Rig) -> None:
    policy = Policy(timeout_seconds=1, on_error=OnError.CONTINUE)
    execution = services.start_execution(
        drawn(rig.owner, {"p": ("poison.process", {"how": "hold the lock"}, policy)}), user=rig.owner, inputs={}
    )
    job = until(lambda: NodeJob.objects.filter(execution=execution, claimed_at__isnull=False).first())
    assert job is not None
    execution = ended(execution, 10)
    assert error_of(execution, "p")["kind"] == "timeout"
    until(lambda: not Path(f"/proc/{job.claimed_by.rpartition('-')[2]}").exists(), seconds=5)


def test_step_that_blocks_its_worker_fails_and_others_go_on(rig: Rig) -> None:
    with neighbours(rig):
        execution = run(rig.owner, {"p": ("poison.loop", {"how": "sleep"})})
    assert (execution.status, execution.reason) == (Status.FAILED, "limit")
    assert "kept the worker from everything else" in (execution.error or {})["detail"]


@pytest.mark.parametrize("how", ["close descriptors", "change folder", "signals", "child"])
def test_oddities_on_the_loop_hurt_nobody(rig: Rig, how: str) -> None:
    with neighbours(rig):
        execution = run(rig.owner, {"p": ("poison.loop", {"how": how}, CONTINUE)})
    assert execution.status == (Status.FAILED if how == "signals" else Status.COMPLETED), execution.error


def test_worker_that_a_block_ended_is_replaced_and_others_go_on(rig: Rig) -> None:
    with neighbours(rig):
        execution = services.start_execution(
            drawn(rig.owner, {"p": ("poison.loop", {"how": "exit"})}), user=rig.owner, inputs={}
        )
        until(lambda: any(e["kind"] == "worker_lost" for e in Execution.objects.get(pk=execution.pk).events))
        services.cancel_execution(execution, user=rig.owner)
        assert ended(execution).status == Status.CANCELLED


@pytest.mark.slow
@pytest.mark.parametrize("block", ["poison.loop", "poison.thread"])
@pytest.mark.parametrize("how", ["exit", "killed by the kernel", "hold the lock"])
def test_what_ends_worker_after_worker_fails_and_its_neighbours_do_not(rig: Rig, block: str, how: str) -> None:
    nodes = {"a": ("core.delay", {"seconds": 4}), "b": ("stamp.loop", {"seconds": 240})}
    long = [
        services.start_execution(drawn(rig.owner, nodes, "a.value -> b.value"), user=rig.owner, inputs={})
        for _ in range(20)
    ]
    execution = services.start_execution(drawn(rig.owner, {"p": (block, {"how": how})}), user=rig.owner, inputs={})
    execution = ended(execution, 300)
    assert (execution.status, execution.reason) == (Status.FAILED, "lost")
    assert [ended(each, 400).status for each in long] == [Status.COMPLETED] * len(long)


def send_garbage(client: Any, file: Path) -> None:
    """Jobs that are no tickets of ours, in both queues."""
    for name in ("default", "nodes"):
        queue = Queue(name, connection=client, serializer=JSONSerializer)
        queue.enqueue_call("os.system", (f"touch {file}",), job_id=f"forbidden-{name}")
        queue.enqueue_call("executions.jobs.run_node", ("no uuid",), job_id=f"no-uuid-{name}")
        queue.enqueue_call("executions.jobs.admit", (), job_id=f"no-arguments-{name}")
        Queue(name, connection=client, serializer=PickleSerializer).enqueue_call(
            "executions.jobs.admit", ("x",), job_id=f"pickled-{name}"
        )
        client.lpush(queue.key, b"\xff\xfe")
        client.lpush(queue.key, "job-that-never-was")
        client.hset(f"rq:job:torn-{name}", mapping={"created_at": "yesterday", "data": b"\x80\x04"})
        client.lpush(queue.key, f"torn-{name}")
    for message in (b"\xff", b"cancel:", b"cancel:nobody", b"answer:x:y", b"node:z", b"work:" * 10_000, b""):
        client.publish(wake.CONTROL_CHANNEL, message)


def test_jobs_and_messages_that_nobody_can_read_stop_no_worker(rig: Rig, tmp_path: Path) -> None:
    before = [process.pid for process in rig.processes]
    with rig.redis.client() as client:
        send_garbage(client, tmp_path / "was here")
        until(lambda: not client.llen("rq:queue:default") and not client.llen("rq:queue:nodes"))
    assert run(rig.owner, {"p": ("test.process", {}), "v": ("core.value", {"value": 1})}).status == Status.COMPLETED
    assert [process.pid for process in rig.processes] == before
    assert not (tmp_path / "was here").exists()


def test_version_that_cannot_be_read_fails_its_execution(rig: Rig) -> None:
    graph = drawn(rig.owner, {"v": ("core.value", {"value": 1})})
    specs: list[Any] = [[], {"nodes": 7}, {"nodes": [{"key": "x", "block": "gone.away"}]}, 1, "", {"nodes": [[]]}]
    with neighbours(rig, 5):
        for number, spec in enumerate(specs, 100):
            version = GraphVersion.objects.create(graph=graph, number=number, spec=spec, content_hash=f"{number:064d}")
            execution = ended(Execution.objects.create(graph=graph, version=version, owner=rig.owner))
            assert (execution.status, execution.reason) == (Status.FAILED, "invalid")
            assert len((execution.error or {})["detail"]) > 10


def test_rows_that_vanish_under_a_run_stop_no_worker(rig: Rig) -> None:
    """A graph is deleted while its executions run, steps in processes among them."""
    with neighbours(rig, 5):
        graph = drawn(rig.owner, {"s": ("stamp.loop", {"seconds": 2}), "p": ("test.process", {"seconds": 2})})
        for _ in range(5):
            services.start_execution(graph, user=rig.owner, inputs={})
        until(lambda: Execution.objects.filter(graph=graph, status=Status.RUNNING).exists())
        delete_graph(graph, by=rig.owner)
    assert run(rig.owner, {"p": ("test.process", {})}).status == Status.COMPLETED

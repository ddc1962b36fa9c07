"""Blocks that break the rules end as failures of their own node; nothing else is hurt."""

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User

from agentflow.graphs.spec import Limits, OnError, Policy
from executions import host as hosts
from executions import node_run, services
from executions.engine.scheduler import Scheduler
from executions.engine.status import Status
from executions.models import Execution, NodeExecution, Output
from tests.executions import blocks
from tests.executions.hosting import ended, error_of, row, run, started, value
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "host")]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("exit", "bug"),
        ("cancel itself", "bug"),
        ("time out by itself", "bug"),
        ("odd words", "block"),
        ("odd port", "block"),
        ("no pair", "bug"),
    ],
)
def test_misbehaving_block_fails_its_node_only(owner: User, how: str, kind: str) -> None:
    policy = Policy(on_error=OnError.CONTINUE)
    execution = run(owner, {"m": ("test.misbehave", {"how": how}, policy), "v": ("core.value", {"value": 1})})
    assert (execution.status, execution.counts["completed"]) == (Status.FAILED, 1)
    assert error_of(execution, "m")["kind"] == kind


def test_block_that_does_not_stop_is_left_to_itself(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.processor.STOP_SECONDS", 0.1)
    nodes = {"m": ("test.misbehave", {"how": "never stop", "name": "m"}), "after": ("core.value", {})}
    execution = started(owner, nodes, "m.value -> after.value")
    until(lambda: blocks.TRIES["m"])
    services.cancel_execution(execution, user=owner)
    execution = ended(execution, 5)
    blocks.GATES["m"].set()
    assert (execution.status, row(execution, "m").status) == (Status.CANCELLED, Status.CANCELLED)
    assert not Output.objects.filter(execution=execution).exists()


def test_what_travels_is_what_was_recorded(owner: User) -> None:
    nodes = {"m": ("test.misbehave", {"how": "change what was given"}), "all": ("logic.collect", {})}
    execution = run(owner, nodes, "m.item -> all.items")
    assert value(execution, "all", "items") == [[0], [0, 1], [0, 1, 2]]


def test_step_that_must_happen_once_is_not_retried_after_a_time_out(owner: User) -> None:
    policy = Policy(retries=3, timeout_seconds=0.05)
    execution = run(owner, {"o": ("test.once", {"name": "o", "hang": True}, policy)})
    assert (execution.status, blocks.TRIES["o"]) == (Status.FAILED, 1)


def test_long_stream_is_written_as_it_comes(owner: User, host: hosts.Host) -> None:
    nodes = {"v": ("core.value", {"value": list(range(3_000))}), "each": ("logic.for_each", {})}
    before = host.manager.metrics()["flushes"] if host.manager else 0
    execution = run(owner, nodes, "v.value -> each.items")
    assert Output.objects.filter(execution=execution, port="item").count() == 3_000
    assert host.manager is not None
    assert host.manager.metrics()["flushes"] - before >= 3


def test_progress_is_shown_whatever_the_thread(owner: User) -> None:
    from agentflow import wake

    with wake.connection().pubsub(ignore_subscribe_messages=True) as messages:
        messages.subscribe(wake.WAKE_CHANNEL)
        execution = run(owner, {"p": ("test.progress", {"text": "half"})})
        heard = until(lambda: next(filter(None, map(_transient, [messages.get_message(timeout=1)])), None))
    assert heard == f't:{execution.pk}:{{"node":"p","path":[],"progress":0.5,"text":"half"}}'


def _transient(message: Any) -> str | None:
    text = message["data"].decode() if message else ""
    return text if text.startswith("t:") else None


@pytest.mark.parametrize("event", ["emit", "complete", "start"])
def test_defect_of_ours_ends_its_execution_and_no_other(
    owner: User, host: hosts.Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, event: str
) -> None:
    neighbour = started(owner, {"g": ("test.gate", {"name": "g"})})
    until(lambda: blocks.TRIES["g"])
    sound = getattr(Scheduler, event)

    def broken(scheduler: Scheduler, *args: Any) -> Any:
        if "bad" in scheduler.plan.nodes:
            raise KeyError("a defect")
        return sound(scheduler, *args)

    monkeypatch.setattr(Scheduler, event, broken)
    with caplog.at_level(logging.CRITICAL):
        execution = run(owner, {"bad": ("core.value", {"value": 1}), "g": ("test.gate", {"name": "shut"})})
    assert (execution.status, execution.reason, execution.counts.get("running", 0)) == (Status.FAILED, "invalid", 0)
    assert not NodeExecution.objects.filter(execution=execution, status=Status.RUNNING).exists()
    blocks.GATES["g"].set()
    assert ended(neighbour).status == Status.COMPLETED


def test_defect_while_cancelling_ends_the_execution(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = started(owner, {"g": ("test.gate", {"name": "shut"})})
    until(lambda: blocks.TRIES["shut"])
    monkeypatch.setattr(Scheduler, "cancel", lambda scheduler: 1 / 0)
    services.cancel_execution(execution, user=owner)
    assert ended(execution).status == Status.FAILED


def test_storage_that_fails_is_named(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(encoded: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(node_run, "save_blob", full)
    execution = run(owner, {"g": ("test.give", {"what": "big"})})
    assert "No space left on device. See to the disk" in error_of(execution, "g")["message"]


def test_step_that_must_happen_once_is_not_repeated_for_a_full_disk(
    owner: User, monkeypatch: pytest.MonkeyPatch, settings
) -> None:
    def full(encoded: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(node_run, "save_blob", full)
    settings.INLINE_VALUE_BYTES = 10
    execution = run(owner, {"o": ("test.once", {"name": "full disk"}, Policy(retries=3))})
    assert (execution.status, blocks.TRIES["full disk"]) == (Status.FAILED, 1)


def test_claim_whose_answer_was_lost_is_found(owner: User, host: hosts.Host) -> None:
    """The database says that this worker holds it, and the worker does not know."""
    execution = started(owner, {"v": ("core.value", {"value": 1})})
    ended(execution)
    stray = Execution.objects.create(
        graph=execution.graph, version=execution.version, owner=owner, status="running", epoch=1, holder_id=host.id
    )
    stray = ended(stray)
    assert (stray.status, [event["kind"] for event in stray.events]) == (Status.COMPLETED, ["handed_over", "resumed"])


def test_value_beyond_the_limit_of_the_graph_fails_its_node(owner: User) -> None:
    nodes = {"a": ("core.value", {"value": "x" * 200})}
    assert run(owner, nodes, limits=Limits(value_bytes=202)).status == Status.COMPLETED
    execution = run(owner, nodes, limits=Limits(value_bytes=201))
    assert execution.status == Status.FAILED
    assert "(value_bytes)" in error_of(execution, "a")["message"]

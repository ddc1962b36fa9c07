"""Workers that stop, hand over, take over; tickets that come twice; Redis that is away."""

import time
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User

from agentflow import wake
from agentflow.graphs.spec import Limits, Policy
from executions import services
from executions.engine.status import Status
from executions.host import Host
from executions.models import Execution
from executions.tickets import enqueue_ticket
from tests.executions import blocks
from tests.executions.hosting import ended, hosting, row, run, started, value
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "odd_blocks")]

FAN = "a.value -> b.value; a.value -> g.value; b.value -> all.values; g.value -> all.values"


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


@pytest.fixture
def redis_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers where Redis should be."""
    nowhere = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(settings, "REDIS_URL", nowhere)
    monkeypatch.setattr(wake, "connection", lambda: redis.Redis.from_url(nowhere))


def begin_stop(host: Host) -> None:
    """Return when the worker starts nothing any more."""
    host.begin_stop()
    until(lambda: host.manager is not None and host.manager.free_slots == 0)


def test_stopping_worker_hands_over_and_nothing_runs_twice(owner: User) -> None:
    nodes = {"o": ("test.once", {"name": "o"}), "g": ("test.gate", {"name": "g"}), "end": ("core.value", {})}
    with hosting():
        execution = started(owner, nodes, "o.key -> g.value; g.value -> end.value")
        until(lambda: blocks.TRIES["g"])
    execution.refresh_from_db()
    assert (execution.status, execution.holder) == (Status.QUEUED, None)
    blocks.GATES["g"].set()
    with hosting():
        execution = ended(execution)
    assert (execution.status, blocks.TRIES["o"]) == (Status.COMPLETED, 1)
    assert value(execution, "end") == str(row(execution, "o").pk)
    assert [event["kind"] for event in execution.events] == ["handed_over", "resumed"]


def test_counts_are_right_after_a_handover(owner: User) -> None:
    nodes: dict[str, Any] = {"a": ("core.value", {"value": 1}), "b": ("core.value", {})}
    nodes |= {"g": ("test.gate", {"name": "g"}), "all": ("logic.gather", {})}
    with hosting():
        execution = started(owner, nodes, FAN)
        until(lambda: blocks.TRIES["g"])
    blocks.GATES["g"].set()
    with hosting():
        execution = ended(execution)
    assert (execution.counts["total"], execution.counts["completed"]) == (4, 4)
    assert execution.node_executions.count() == 4


def test_what_is_done_is_handed_over_before_what_still_runs(owner: User) -> None:
    """A long step of one run must not hold up another run's hand-over."""
    with hosting(drain_seconds=30) as stopping:
        slow = started(owner, {"g": ("test.gate", {"name": "slow"})})
        other = started(
            owner, {"g": ("test.gate", {"name": "other"}), "end": ("core.value", {})}, "g.value -> end.value"
        )
        until(lambda: blocks.TRIES["slow"] and blocks.TRIES["other"])
        begin_stop(stopping)
        blocks.GATES["other"].set()
        until(lambda: Execution.objects.get(pk=other.pk).status == Status.QUEUED)
        slow.refresh_from_db()
        assert slow.status == Status.RUNNING
        with hosting():
            assert ended(other).status == Status.COMPLETED
        blocks.GATES["slow"].set()
        slow = ended(slow)
    assert (slow.status, blocks.TRIES["slow"]) == (Status.COMPLETED, 1)


def test_step_that_waits_for_its_next_try_does_not_hold_up_the_stop(owner: User) -> None:
    flaky = {"f": ("test.flaky", {"name": "f"}, Policy(retries=2))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("executions.node_run.RETRY_SECONDS", 2)
        with hosting(drain_seconds=30):
            execution = started(owner, flaky)
            until(lambda: execution.node_executions.filter(status=Status.WAITING).exists())
            stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < 5
    assert Execution.objects.get(pk=execution.pk).status == Status.QUEUED
    with hosting():
        execution = ended(execution)
    assert (execution.status, row(execution, "f").attempt) == (Status.COMPLETED, 2)


def test_cancel_while_a_stopping_worker_holds_back_starts(owner: User) -> None:
    with hosting(drain_seconds=30) as stopping:
        nodes = {"g": ("test.gate", {"name": "g"}), "s": ("test.gate", {"name": "shut"}), "end": ("core.value", {})}
        execution = started(owner, nodes, "g.value -> end.value")
        until(lambda: blocks.TRIES["g"] and blocks.TRIES["shut"])
        begin_stop(stopping)
        blocks.GATES["g"].set()
        until(lambda: row(execution, "g").status == Status.COMPLETED)
        services.cancel_execution(execution, user=owner)
        execution = ended(execution, 5)
    assert execution.status == Status.CANCELLED
    assert not execution.node_executions.filter(status__in=[Status.RUNNING, Status.QUEUED]).exists()


def test_time_limit_counts_on_after_a_handover(owner: User) -> None:
    nodes = {"g": ("test.gate", {"name": "shut"}), "s": ("test.gate", {"name": "shut too"})}
    with hosting():
        execution = started(owner, nodes, limits=Limits(seconds=0.5))
        until(lambda: blocks.TRIES["shut"])
    with hosting():
        execution = ended(execution)
    assert (execution.status, execution.reason) == (Status.FAILED, "timeout")


def test_tickets_that_come_again_change_nothing(owner: User) -> None:
    with hosting(), hosting():
        execution = started(owner, {"o": ("test.once", {"name": "o"})})
        for _ in range(3):
            enqueue_ticket(execution.pk)
            wake.ring(wake.CONTROL_CHANNEL, "work", "work")
        ended(execution)
        enqueue_ticket(execution.pk)
    execution.refresh_from_db()
    assert (execution.status, execution.epoch, blocks.TRIES["o"]) == (Status.COMPLETED, 1, 1)


@pytest.mark.usefixtures("redis_away")
def test_run_completes_while_redis_is_away(owner: User) -> None:
    nodes = {"a": ("core.value", {"value": 1}), "g": ("test.gate", {"name": "g"})}
    with hosting():
        execution = started(owner, nodes, "a.value -> g.value")
        until(lambda: blocks.TRIES["g"])
        blocks.GATES["g"].set()
        assert ended(execution).status == Status.COMPLETED


@pytest.mark.usefixtures("redis_away")
def test_cancel_arrives_while_redis_is_away(owner: User) -> None:
    with hosting():
        execution = started(owner, {"g": ("test.gate", {"name": "shut"})})
        until(lambda: blocks.TRIES["shut"])
        services.cancel_execution(execution, user=owner)
        assert ended(execution, 5).status == Status.CANCELLED


def test_worker_takes_no_more_than_its_slots(owner: User) -> None:
    with hosting(slots=1):
        first = started(owner, {"g": ("test.gate", {"name": "g"})})
        until(lambda: blocks.TRIES["g"])
        second = started(owner, {"v": ("core.value", {"value": 1})})
        third = started(owner, {"v": ("core.value", {"value": 1})})
        assert Execution.objects.get(pk=second.pk).status == Status.QUEUED
        blocks.GATES["g"].set()
        assert {ended(each).status for each in (first, second, third)} == {Status.COMPLETED}


def test_finished_worker_leaves_nothing_behind(owner: User) -> None:
    """What `--burst` does: everything that is queued is worked on first."""
    executions = [started(owner, {"v": ("core.value", {"value": 1})}) for _ in range(3)]
    with hosting() as host:
        host.finish()
        assert {Execution.objects.get(pk=each.pk).status for each in executions} == {Status.COMPLETED}


def test_run_of_many_is_complete(owner: User) -> None:
    with hosting():
        execution = run(
            owner,
            {"v": ("core.value", {"value": list(range(300))}), "e": ("logic.for_each", {}), "c": ("logic.collect", {})},
            "v.value -> e.items; e.item -> c.items",
        )
    assert value(execution, "c", "count") == 300

"""Poison: a block or a value that would take its worker along. Only its own node fails, soon, and says why."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db.models import Max

from agentflow.graphs.spec import OnError, Policy
from blocks.registry import configure
from executions import services
from executions.engine.status import Status
from executions.models import Execution, Output
from tests.executions import blocks
from tests.executions.hosting import ended, error_of, row, run, started
from tests.faults.poison import GATES, RAISED
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "host")]

CULPRIT_ENDS_WITHIN_SECONDS = 5.0


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


@pytest.fixture(scope="module")
def odd_blocks() -> Iterator[None]:
    configure(["tests.executions.blocks", "tests.faults.poison"])
    yield
    configure(())


@contextmanager
def neighbours(owner: User, number: int = 5) -> Iterator[None]:
    """Executions on the same worker that have begun before and end after; nothing happens to them."""
    nodes = {"g": ("test.gate", {"name": "neighbours"}), "after": ("core.value", {})}
    executions = [started(owner, nodes, "g.value -> after.value") for _ in range(number)]
    until(lambda: blocks.TRIES["neighbours"] == number)
    yield
    blocks.GATES["neighbours"].set()
    for execution in map(ended, executions):
        most = execution.node_executions.aggregate(most=Max("attempt"))["most"]
        assert (execution.status, execution.epoch, most) == (Status.COMPLETED, 1, 1)
        assert execution.events == []


def poisoned(owner: User, block: str, how: str, policy: Policy | None = None) -> Execution:
    """The execution with one poisonous node and one that has nothing to do with it."""
    policy = policy or Policy(on_error=OnError.CONTINUE)
    nodes = {"p": (block, {"how": how}, policy), "other": ("core.value", {"value": 1})}
    with neighbours(owner):
        begun_at = time.monotonic()
        execution = run(owner, nodes)
        assert time.monotonic() - begun_at <= CULPRIT_ENDS_WITHIN_SECONDS
    assert row(execution, "other").status == Status.COMPLETED
    return execution


@pytest.mark.parametrize("block", ["poison.loop", "poison.thread"])
@pytest.mark.parametrize("name", [*RAISED])
def test_whatever_a_block_raises_fails_its_node(owner: User, block: str, name: str) -> None:
    execution = poisoned(owner, block, f"raise {name}")
    assert (execution.status, execution.reason) == (Status.FAILED, "node")
    assert error_of(execution, "p")["kind"] == ("block" if name.startswith("BlockError") else "bug")
    assert len(error_of(execution, "p")["message"]) > 10


@pytest.mark.parametrize(
    ("how", "kind", "says"),
    [
        ("recurse", "bug", "author did not expect"),
        ("huge error", "block", "xxx…"),
        ("wordless port", "bug", "author did not expect"),
        ("nothing", "bug", "author did not expect"),
        ("triple", "bug", "author did not expect"),
        ("function", "block", "function is no JSON value"),
        ("wordless value", "block", "Wordless is no JSON value"),
        ("above the limit", "block", "larger than the limit"),
    ],
)
@pytest.mark.parametrize("block", ["poison.loop", "poison.thread"])
def test_garbage_fails_its_node(owner: User, block: str, how: str, kind: str, says: str) -> None:
    execution = poisoned(owner, block, how)
    error = error_of(execution, "p")
    assert (execution.status, error["kind"]) == (Status.FAILED, kind)
    assert error["message"].endswith(says) or says in error["message"]
    assert len(error["message"]) <= 10_000


@pytest.mark.parametrize("how", ["huge log", "odd log", "odd port", "5 MB", "64 MB", "stdout", "change folder"])
@pytest.mark.parametrize("block", ["poison.loop", "poison.thread"])
def test_oddities_that_do_no_harm(owner: User, monkeypatch: pytest.MonkeyPatch, block: str, how: str) -> None:
    monkeypatch.chdir(".")  # put back at the end
    execution = poisoned(owner, block, how)
    assert execution.status == Status.COMPLETED, execution.error


@pytest.fixture
def _end_of_steps() -> Iterator[None]:
    GATES.clear()
    yield
    GATES["poison"].set()


@pytest.mark.usefixtures("_end_of_steps")
@pytest.mark.parametrize(
    ("block", "how"),
    [("poison.loop", "hang"), ("poison.loop", "ignore cancellation"), ("poison.thread", "wait for the test")],
)
def test_step_that_never_ends_is_over_when_its_time_is(owner: User, block: str, how: str) -> None:
    execution = poisoned(owner, block, how, Policy(on_error=OnError.CONTINUE, timeout_seconds=0.3))
    assert (execution.status, error_of(execution, "p")["kind"]) == (Status.FAILED, "timeout")
    GATES["poison"].set()
    assert not Output.objects.filter(execution=execution, node_execution__node="p").exists()


@pytest.mark.usefixtures("_end_of_steps")
def test_threads_that_are_held_for_ever_starve_nobody(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.threads.LONG_SECONDS", 0.05)
    nodes = {f"n{number}": ("poison.thread", {"how": "wait for the test"}) for number in range(40)}
    held = started(owner, nodes)
    until(lambda: held.node_executions.filter(status=Status.RUNNING).count() == len(nodes))
    for _ in range(3):
        assert run(owner, {"t": ("test.thread", {})}).status == Status.COMPLETED
    services.cancel_execution(held, user=owner)
    assert ended(held, 5).status == Status.CANCELLED


@pytest.mark.parametrize("how", ["exit in a task", "exit in a task that nobody waits for"])
def test_task_of_a_block_that_exits_does_not_end_the_worker(owner: User, how: str) -> None:
    execution = poisoned(owner, "poison.loop", how)
    assert execution.status == (Status.FAILED if how == "exit in a task" else Status.COMPLETED)


def test_question_that_cannot_be_written_is_asked_in_other_words(owner: User) -> None:
    with neighbours(owner):
        execution = started(owner, {"p": ("poison.loop", {"how": "odd question"})})
        asked = until(lambda: execution.approvals.first())
    assert asked is not None
    assert asked.instructions == "?" * 100


def test_endless_values_end_at_the_limit(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.node_run.MOST_VALUES", 3_000)
    execution = poisoned(owner, "poison.loop", "many")
    assert (execution.status, error_of(execution, "p")["message"]) == (Status.FAILED, "It gave more than 3,000 values.")
    assert Output.objects.filter(execution=execution, port="item").count() == 3_000


def test_step_that_holds_the_loop_up_is_reported(owner: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "executions.watchdog"):
        execution = poisoned(owner, "poison.loop", "sleep a moment")
    assert execution.status == Status.COMPLETED
    held = [record for record in caplog.records if getattr(record, "action", "") == "loop_held_up"]
    assert f"the event loop is held up by {execution.pk} p" in {record.getMessage() for record in held}
    assert max(getattr(record, "seconds", 0) for record in held) >= 0.5

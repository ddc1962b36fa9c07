"""Tickets and messages come three times, late, out of order, as nonsense, or not at all: each execution runs exactly once."""

import random
import time

import pytest
from django_rq import get_queue

from agentflow import wake
from executions import services, tickets
from executions.engine.status import Status
from executions.ids import uuid7
from executions.models import Execution, NodeExecution
from tests.executions.hosting import drawn
from tests.faults.conftest import MakeRig
from tests.waiting import until

pytestmark = pytest.mark.faults

LOST_SHARE = 0.3
COPIES = 3
AT_ONCE = 200
#: A worker looks by itself once a second; what is started at once takes a moment to run.
POLL_SECONDS, RUN_SECONDS = 1.2, 8.0
NONSENSE = ("", "work:work", "cancel:", "cancel:nobody", "answer:::", "node:0", "\0", "x" * 10_000)


class Courier:
    """Delivers tickets and rings as badly as it may."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._waiting: list[str] = []
        self._old: list[str] = []
        self.lost = self.sent = 0

    def announce(self, *executions: Execution) -> None:
        """In the place of `starting.announce`: 30 % are forgotten, the others are written down three times."""
        for execution in executions:
            if self._chance.random() < LOST_SHARE:
                self.lost += 1
            else:
                self._waiting += [str(execution.pk)] * COPIES

    def deliver(self) -> None:
        """Everything written down, in any order, with old ones and nonsense in between; few of the rings."""
        old = self._chance.sample(self._old, min(len(self._old), len(self._waiting)))
        letters = [*self._waiting, *old]
        self._chance.shuffle(letters)
        self._old += self._waiting
        self._waiting.clear()
        queue = get_queue(tickets.TICKETS, connection=wake.connection())
        prepared = [
            queue.prepare_data("executions.jobs.admit", (id,), result_ttl=0, timeout=60, job_id=f"t-{uuid7()}")
            for id in letters
        ]
        queue.enqueue_many(prepared)
        self.sent += len(letters)
        for message in self._chance.sample(NONSENSE, 3):
            wake.ring(wake.CONTROL_CHANNEL, message)
        for id in letters[:5]:
            messages = (f"answer:{id}:{uuid7()}", f"node:{uuid7()}", f"cancel:{uuid7()}")
            wake.ring(wake.CONTROL_CHANNEL, *(m for m in messages if self._chance.random() > LOST_SHARE))


@pytest.mark.parametrize("number", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_each_execution_runs_once_however_tickets_come(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    rig = make_rig(workers=2)
    courier = Courier(random.Random(7))
    monkeypatch.setattr(services, "announce", courier.announce)
    nodes = {"a": ("core.value", {"value": 7}), "out": ("io.output", {"name": "n"})}
    graph = drawn(rig.owner, nodes, "a.value -> out.value")
    slowest = 0.0
    for first in range(0, number, AT_ONCE):
        batch = services.start_executions(graph, user=rig.owner, inputs_list=[{}] * min(AT_ONCE, number - first))
        started_at = time.monotonic()
        courier.deliver()
        until(lambda: not Execution.objects.filter(ended_at=None).exists(), seconds=60)
        slowest = max(slowest, time.monotonic() - started_at)
        assert len(batch) == min(AT_ONCE, number - first)
    courier.deliver()
    until(lambda: get_queue(tickets.TICKETS, connection=wake.connection()).is_empty(), seconds=120)
    assert_each_ran_once(number)
    with capsys.disabled():
        print(f"\n{number} executions, {courier.sent} tickets, {courier.lost} lost: all over after {slowest:.1f} s")  # noqa: T201
    assert slowest <= POLL_SECONDS + RUN_SECONDS


def assert_each_ran_once(number: int) -> None:
    """Claimed once, two rows each with one attempt, the right outputs."""
    found = Execution.objects.values_list("status", "epoch", "events", "outputs")
    assert list(found) == [(Status.COMPLETED, 1, [], {"n": 7})] * number
    rows = NodeExecution.objects.values_list("status", "attempt", "ordinal")
    assert list(rows) == [(Status.COMPLETED, 1, 0)] * (2 * number)

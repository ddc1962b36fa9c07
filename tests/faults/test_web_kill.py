"""The web process is killed while starts are on their way: what it has acknowledged is there, once; who repeats gets the same."""

import threading
import time
from collections import Counter
from uuid import uuid4

import httpx
import pytest

from agentflow.graphs.models import Graph
from executions.engine.status import Status
from executions.models import Execution
from tests.executions.hosting import drawn
from tests.faults.caller import caller
from tests.faults.conftest import MakeRig
from tests.faults.rig import QUICK, Rig
from tests.waiting import until

pytestmark = pytest.mark.faults

CLIENTS = 4


class Starter(threading.Thread):
    """Starts one execution after the other, each with a key of its own, and asks again until it is told that it was taken."""

    def __init__(self, rig: Rig, graph: Graph) -> None:
        super().__init__(name="starter", daemon=True)
        #: By idempotency key, every id that was ever answered.
        self.answered: dict[str, list[str]] = {}
        self.broken = 0
        self.is_over = threading.Event()
        self._address = f"/api/v1/graphs/{graph.pk}/execute/"
        self._client = caller(rig)

    def run(self) -> None:
        with self._client:
            while not self.is_over.is_set():
                key = uuid4().hex
                self.answered[key] = [self._until_taken(key) for _ in range(2)]

    def _until_taken(self, key: str) -> str:
        while True:
            try:
                answer = self._client.post(self._address, json={}, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                self.broken += 1
                time.sleep(0.02)
                continue
            assert answer.status_code in (200, 202), answer.text
            return str(answer.json()["id"])


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_every_start_that_was_acknowledged_exists_once(make_rig: MakeRig, kills: int) -> None:
    rig = make_rig(workers=1, web=True, environment={**QUICK, "AGENTFLOW_API_RATE": "10000"})
    graph = drawn(rig.owner, {"a": ("core.value", {"value": 1})})
    starters = [Starter(rig, graph) for _ in range(CLIENTS)]
    for starter in starters:
        starter.start()
    assert rig.web is not None
    for _ in range(kills):
        known = sum(len(starter.answered) for starter in starters)
        until(lambda known=known: sum(len(starter.answered) for starter in starters) > known + CLIENTS)  # type: ignore[misc]
        pid = rig.web.kill()
        rig.web.until_ready(other_than=pid)
    for starter in starters:
        starter.is_over.set()
    for starter in starters:
        starter.join()
    assert sum(starter.broken for starter in starters) >= kills
    answered = {key: ids for starter in starters for key, ids in starter.answered.items()}
    assert all(len(set(ids)) == 1 for ids in answered.values())
    assert_all_there(answered)


def assert_all_there(answered: dict[str, list[str]]) -> None:
    """Each key has one execution, the one that was answered, and all of them complete."""
    until(lambda: not Execution.objects.filter(ended_at=None).exists(), seconds=60)
    stored = list(Execution.objects.values_list("idempotency_key", "pk", "status"))
    assert Counter(key for key, *_ in stored) == Counter(list(answered))
    assert {key: str(id) for key, id, _ in stored} == {key: ids[0] for key, ids in answered.items()}
    assert {status for *_, status in stored} == {Status.COMPLETED}

"""Keeps a rig busy: starts executions, answers what people are asked, until all are over, whatever breaks meanwhile."""

import json
import random
import secrets
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from agentflow.accounts.services import create_token
from agentflow.graphs.models import Graph
from executions import approvals, services
from executions.models import Approval, Execution
from tests.faults.effects import Effects
from tests.faults.rig import Rig
from tests.faults.workload import Inputs, Workload

#: A person looks at the other side this long after they are asked.
LOOKS_AFTER_SECONDS = 1.0
POLL_SECONDS = 0.2
#: A service that is away is back by then.
PATIENCE_SECONDS = 120.0
#: This share of the executions is started through the web process, if there is one.
OVER_HTTP = 0.3

T = TypeVar("T")
#: Starts an execution of a graph with inputs; with the same key, the same one.
Start = Callable[[Graph, Inputs, str], Execution]


def steadily(act: Callable[[], T]) -> T:
    """What it gives, tried again while the database is away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


class Load:
    """Executions of all shapes, `count` at least, `at_once` of them active; with a web process some start over HTTP."""

    def __init__(
        self, rig: Rig, workload: Workload, effects: Effects, *, count: int, at_once: int, chance: random.Random
    ) -> None:
        self.started: list[Execution] = []
        self._rig = rig
        self._workload = workload
        self._effects = effects
        self._count = count
        self._chance = chance
        self._token = create_token(user=rig.owner, name="load", scope="write")[1]
        self._is_enough = threading.Event()
        self._is_over = threading.Event()
        over_http = round(at_once * OVER_HTTP) if rig.web else 0
        self._starters = [
            threading.Thread(target=self._keep_active, args=(start, many), name=f"starter {number}", daemon=True)
            for number, (start, many) in enumerate(
                [(self._start_here, at_once - over_http), (self._start_over_http, over_http)]
            )
        ]
        self._answerer = threading.Thread(target=self._answer, name="answerer", daemon=True)

    def run(self, *, more: Callable[[], bool], seconds: float) -> None:
        """Keep them active while `more` and until `count` were started; return when all are over.

        Also when none has ended for so long: those that are left are stuck.
        """
        for thread in (self._answerer, *self._starters):
            thread.start()
        while more() or len(self.started) < self._count:
            time.sleep(POLL_SECONDS)
        self._is_enough.set()
        for thread in self._starters:
            thread.join()
        active, deadline = -1, 0.0
        while active and (active < 0 or time.monotonic() < deadline):
            before, active = active, steadily(Execution.objects.filter(ended_at=None).count)
            if active != before:
                deadline = time.monotonic() + seconds
            time.sleep(POLL_SECONDS)
        self._is_over.set()
        self._answerer.join()

    def _keep_active(self, start: Start, many: int) -> None:
        """Until there are enough."""
        active: list[UUID] = []
        while not self._is_enough.wait(POLL_SECONDS) and many:
            active = _still_active(active)
            for _ in range(many - len(active)):
                graph, inputs = self._workload.choose(self._chance)
                execution = start(graph, inputs, f"load-{secrets.token_hex(8)}")
                self.started.append(execution)
                active.append(execution.pk)
        connection.close()

    def _start_here(self, graph: Graph, inputs: Inputs, key: str) -> Execution:
        version = self._workload.versions[graph.pk]

        def start() -> Execution:
            return services.start_execution(
                graph, user=self._rig.owner, inputs=inputs, version=version, idempotency_key=key
            )

        return steadily(start)

    def _start_over_http(self, graph: Graph, inputs: Inputs, key: str) -> Execution:
        """The web process may be killed at any moment: the same key makes the repeated start the same."""
        request = urllib.request.Request(  # noqa: S310 - our own
            f"{self._rig.url}/api/v1/graphs/{graph.pk}/execute/",
            json.dumps({"inputs": inputs}).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "Idempotency-Key": key},
        )
        id = _answered(request)["id"]
        return steadily(lambda: Execution.objects.get(pk=id))

    def _answer(self) -> None:
        while not self._is_over.wait(POLL_SECONDS):
            steadily(self._answer_all)
        connection.close()

    def _answer_all(self) -> None:
        for asked in Approval.objects.filter(decided_at=None, closed_at=None).annotate(now=Now())[:200]:
            if asked.kind == Approval.Kind.APPROVAL:
                self._decide(asked, "approved")
            elif (asked.now - asked.created_at).total_seconds() >= LOOKS_AFTER_SECONDS:
                self._tell_truth(asked)

    def _tell_truth(self, asked: Approval) -> None:
        """What became of a step that must happen once: the other side knows."""
        if seen := self._effects.of(str(asked.node_execution_id)):
            self._decide(asked, "happened", payload={"value": seen[0].value})
        else:
            self._decide(asked, "repeat")

    def _decide(self, asked: Approval, decision: str, payload: Any = approvals.UNCHANGED) -> None:
        with suppress(approvals.AlreadyDecided):  # by an answer of ours that was lost
            approvals.decide(asked, user=self._rig.owner, decision=decision, payload=payload)


def _still_active(ids: list[UUID]) -> list[UUID]:
    found = Execution.objects.filter(pk__in=ids, ended_at=None).values_list("pk", flat=True)
    return steadily(lambda: list(found.all()))


def _answered(request: urllib.request.Request) -> Any:
    """The JSON that a web process answers, asked again while it is away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own
                return json.loads(answer.read())
        except (OSError, HTTPException):  # also an answer of 5xx
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)

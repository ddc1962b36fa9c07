"""Those who watch runs: they read "everything since n" again and again, as sockets and polling clients do."""

import json
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from executions.live import read_changes
from executions.models import Execution, NodeExecution
from tests.faults.load import steadily

AT_ONCE = 6
#: Between two looks at one run.
LOOK_SECONDS = 0.2
FINAL = frozenset({"completed", "failed", "cancelled", "skipped"})


@dataclass(slots=True)
class Followed:
    """What one client knows of one run."""

    id: UUID
    since: int = 0
    is_over: bool = False
    execution: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Read what is new."""
        changes = read_changes(self.id, self.since)
        if changes is None:
            self.complaints.append("the execution is gone")
            self.is_over = True
            return
        message = json.loads(changes.message("frame"))
        if message["seq"] < self.since:
            self.complaints.append(f"went back from {self.since} to {message['seq']}")
        for row in message["nodes"]:
            self._take(row)
        self.since, self.execution = message["seq"], message["execution"]
        self.is_over = changes.is_final and changes.is_complete

    def _take(self, row: dict[str, Any]) -> None:
        before = self.nodes.get(row["id"])
        if row["seq"] <= self.since:
            self.complaints.append(f"{row['node']} #{row['seq']} is no news after {self.since}")
        if before and before["status"] in FINAL and before["status"] != row["status"]:
            self.complaints.append(f"{row['node']} went from {before['status']} to {row['status']}")
        self.nodes[row["id"]] = row

    def problems(self) -> list[str]:
        """Where what it has seen differs from what is recorded."""
        if not self.is_over:
            return [f"{self.id}: the follower never saw the end"]
        recorded = {
            str(id): (status, seq)
            for id, status, seq in NodeExecution.objects.filter(execution=self.id).values_list("id", "status", "seq")
        }
        seen = {id: (row["status"], row["seq"]) for id, row in self.nodes.items()}
        found = [f"{self.id}: {complaint}" for complaint in self.complaints]
        if seen != recorded:
            found.append(f"{self.id}: seen {seen.items() - recorded.items()}, missed {recorded.items() - seen.items()}")
        return found


class Followers(threading.Thread):
    """Follows a sample of the executions of a load from their start to their end."""

    def __init__(self, executions: Sequence[Execution], chance: random.Random) -> None:
        super().__init__(name="followers", daemon=True)
        self.followed: list[Followed] = []
        self._executions = executions
        self._chance = chance
        self._is_over = threading.Event()

    def run(self) -> None:
        known = 0
        active: list[Followed] = []
        while not self._is_over.wait(LOOK_SECONDS):
            fresh, known = self._executions[known:], len(self._executions)
            chosen = self._chance.sample(fresh, min(len(fresh), AT_ONCE - len(active)))
            active += [Followed(execution.pk) for execution in chosen]
            self.followed += _look(active)
            active = [one for one in active if not one.is_over]
        _look(active)
        self.followed += active
        connection.close()

    def finish(self) -> list[str]:
        """Look for the last time, once all is over; what went wrong."""
        self._is_over.set()
        self.join()
        return [problem for one in self.followed for problem in one.problems()]


def _look(active: Sequence[Followed]) -> list[Followed]:
    """Have each look; those that have seen the end."""
    for one in active:
        steadily(one.look)
    return [one for one in active if one.is_over]

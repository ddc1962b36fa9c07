"""A browser's socket on the rig's web process: what it was shown, and when."""

import json
import threading
import time
from typing import Any, Self

from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from executions.engine.status import FINAL
from executions.models import Execution
from tests.executions.sockets import session_of
from tests.faults.rig import Rig
from tests.waiting import until


class Watcher(threading.Thread):
    """Follows one execution as the canvas does, until it is over; a context that ends with it."""

    def __init__(self, rig: Rig, execution: Execution) -> None:
        super().__init__(name="watcher", daemon=True)
        #: When frames came, by the clock that the database has, too.
        self.seen_at: list[float] = []
        self.rows: dict[str, dict[str, Any]] = {}
        self.status = ""
        self._address = f"{rig.url.replace('http', 'ws', 1)}/ws/executions/{execution.pk}/"
        self._origin = rig.url
        self._cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(rig.owner)}"

    def __enter__(self) -> Self:
        self.start()
        until(lambda: self.seen_at)
        return self

    def __exit__(self, *_: object) -> None:
        self.join()

    def run(self) -> None:
        with connect(self._address, origin=Origin(self._origin), additional_headers={"Cookie": self._cookie}) as wire:
            while self.status not in FINAL:
                try:
                    self._take(json.loads(wire.recv()))
                except ConnectionClosed:
                    return
                wire.send(json.dumps({"type": "ack", "seq": self._seq}))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] in ("snapshot", "frame"):
            self.seen_at.append(time.time())
            self._seq, self.status = message["seq"], message["execution"]["status"]
            self.rows |= {row["id"]: row for row in message["nodes"]}

    @property
    def longest_gap(self) -> float:
        """Seconds between two frames."""
        return max((b - a for a, b in zip(self.seen_at, self.seen_at[1:], strict=False)), default=0.0)

"""The other side of effects: a small HTTP server that keeps every request, and can be slow or fail."""

import json
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

#: Where blocks find it.
VARIABLE = "FAULTS_EFFECTS"


@dataclass(frozen=True, slots=True)
class Effect:
    """One request that was carried out: `path` names block and node."""

    path: str
    key: str
    value: Any
    at: float


class Effects:
    """A server on loopback; inside the context it answers."""

    def __init__(self, *, delay_seconds: float = 0.0, failing: float = 0.0, seed: int = 0) -> None:
        #: How long an effect takes after it has happened.
        self.delay_seconds = delay_seconds
        #: The share of requests that are refused with 503: nothing happens then.
        self.failing = failing
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._seen: dict[str, list[Effect]] = defaultdict(list)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.effects = self
        self._thread = threading.Thread(target=self._server.serve_forever, name="effects", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What workers need to reach it."""
        port = self._server.server_address[1]
        return {VARIABLE: f"http://127.0.0.1:{port}", "AGENTFLOW_HTTP_ALLOW": f"127.0.0.1:{port}"}

    def of(self, key: str) -> list[Effect]:
        """All effects with this idempotency key, in their order."""
        with self._lock:
            return list(self._seen.get(key, ()))

    def by_key(self) -> dict[str, list[Effect]]:
        with self._lock:
            return {key: list(effects) for key, effects in self._seen.items()}

    def take(self, path: str, key: str, value: Any) -> bool:
        """Let it happen; False: it is refused."""
        with self._lock:
            if self._random.random() < self.failing:
                return False
            self._seen[key].append(Effect(path, key, value, time.time()))
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    effects: Effects

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed in the middle is what this is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        effects = self.server.effects
        happened = effects.take(self.path, self.headers.get("Idempotency-Key", ""), json.loads(body))
        if happened and effects.delay_seconds:
            time.sleep(effects.delay_seconds)
        self.send_response(200 if happened else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

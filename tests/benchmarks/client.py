"""A caller of the API over one connection that stays open, and what it reads of the product's processes."""

import http.client
import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.05
#: A connection that nothing was said on for so long is made anew.
KEPT_SECONDS = 3.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Credentials(NamedTuple):
    """Who calls and who watches."""

    token: str
    #: Keys of sessions of users who see everything; one user may hold only so many sockets.
    sessions: list[str]


class Api:
    """Calls with a token that may write; also knows the product's processes."""

    def __init__(self, url: str, credentials: Credentials, data: Path, environment: dict[str, str]) -> None:
        self.url = url
        self.credentials = credentials
        self.data = data
        #: For further commands.
        self.environment = environment
        self._headers = {"Authorization": f"Bearer {credentials.token}", "Content-Type": "application/json"}
        self._called_at = time.monotonic()
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's JSON."""
        content = None if body is None else json.dumps(body)
        if time.monotonic() - self._called_at > KEPT_SECONDS:
            self._connection.close()  # the server has, or is about to
        self._connection.request(method, f"/api/v1/{path}", content, self._headers | headers)
        response = self._connection.getresponse()
        self._called_at = time.monotonic()
        text = response.read()
        if response.status >= 400:
            raise SystemExit(f"{method} {path}: {response.status} {text[:500]!r}")
        return json.loads(text)

    def graph(self, name: str, spec: dict[str, Any]) -> int:
        """A new graph's id."""
        made: int = self.call("POST", "graphs/", {"name": name, "spec": spec})["id"]
        return made

    def run(self, graph: int) -> float:
        """Seconds from the call to the answer with the result."""
        began = time.perf_counter()
        execution = self.call("POST", f"graphs/{graph}/execute/", {"inputs": {}}, Prefer=f"wait={PATIENCE_SECONDS}")
        seconds = time.perf_counter() - began
        self.check(execution)
        return seconds

    def run_many(self, graph: int, count: int) -> float:
        """Seconds from the call that starts so many to the end of the last, by what the executions tell."""
        began = time.time()
        body: dict[str, Any] = {"inputs_list": [{} for _ in range(count)]}
        started = self.call("POST", f"graphs/{graph}/execute/", body)["executions"]
        batch = self.call("GET", f"executions/{started[0]['id']}/")["batch"]
        active = "&".join(f"status={status}" for status in ("queued", "running", "waiting"))
        while self.call("GET", f"executions/?batch={batch}&{active}")["results"]:
            time.sleep(LOOK_SECONDS)
        for execution in started[:: max(1, count // 20)]:
            self.check(self.call("GET", f"executions/{execution['id']}/"))
        return max(self._ended_at(batch)) - began

    def _ended_at(self, batch: str) -> list[float]:
        found: list[float] = []
        path = f"executions/?batch={batch}"
        while path:
            page = self.call("GET", path)
            found += [datetime.fromisoformat(row["ended_at"]).timestamp() for row in page["results"]]
            path = (page["next"] or "").partition("/api/v1/")[2]
        return found

    @staticmethod
    def check(execution: dict[str, Any]) -> None:
        """End the benchmark unless it completed."""
        if execution["status"] != "completed":
            raise SystemExit(f"{execution['id']}: {execution['status']} {execution['error']}")

    def processes(self) -> dict[str, int]:
        """Process ids by name: web, worker, nodes, …"""
        return {file.stem: int(file.read_text().split()[0]) for file in sorted((self.data / "pids").iterdir())}

    def services(self) -> dict[str, str]:
        """Addresses of its database and its Redis."""
        pairs = (line.partition("=") for line in (self.data / "env").read_text().splitlines())
        return {name: value for name, _, value in pairs}

    def megabytes(self, *names: str) -> float:
        """What these processes hold in memory that they share with nobody, and their part of what they share."""
        return sum(_proportional_kilobytes(self.processes()[name]) for name in names) / 1024

    def cpu_seconds(self, *names: str) -> float:
        """Processor time of these processes so far."""
        return sum(_cpu_seconds(self.processes()[name]) for name in names)


def resident_megabytes(pid: int) -> float:
    """VmRSS."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _proportional_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

"""One of the product's processes, started again whenever it dies: to be killed, paused, stopped, watched."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from agentflow.processes.programs import Program, popen_options
from tests.faults.servers import ROOT
from tests.waiting import until

READY_SECONDS = 60.0
#: Between a death and the next start.
PAUSE_SECONDS = 0.1
#: More than a worker may take to hand over.
STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Death:
    """One end of a process: its id, its exit code (negative: the signal), and when, by the monotonic clock."""

    pid: int
    code: int
    at: float


class Process:
    """A program kept running in its own process group; `environment` may be changed before a (re)start."""

    def __init__(
        self,
        name: str,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        log: Path,
        spawner: ThreadPoolExecutor,
        is_ready: Callable[[int], bool],
        descriptors: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.environment = dict(environment)
        #: Whether it is started again when it ends.
        self.is_kept = True
        self.deaths: list[Death] = []
        self.log = log
        self._arguments = arguments
        self._spawner = spawner
        self._is_ready = is_ready
        self._descriptors = descriptors
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"keeper of {name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Its id; None while it is between a death and the next start."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def is_at_work(self) -> bool:
        """It has come so far after its last start."""
        return bool(self.pid and self._is_ready(self.pid))

    def start(self) -> None:
        """Start it and keep it running; `until_ready` waits for it."""
        self._process = self._spawner.submit(self._spawn).result()
        self._keeper.start()

    def until_ready(self, *, other_than: int | None = None, seconds: float = READY_SECONDS) -> int:
        """Return its id when it is at work; `other_than`: the process that was killed must have been replaced."""

        def ready() -> int | None:
            pid = self.pid
            return pid if pid and pid != other_than and self._is_ready(pid) else None

        return until(ready, seconds=seconds) or 0

    def kill(self) -> int | None:
        """SIGKILL: no chance to tidy up; the id of what was killed."""
        return self._signal(signal.SIGKILL)

    def terminate(self) -> int | None:
        """SIGTERM: it hands over and ends, and is started again if it is kept."""
        return self._signal(signal.SIGTERM)

    def pause(self) -> int | None:
        """SIGSTOP: it keeps its connections and does nothing."""
        return self._signal(signal.SIGSTOP)

    def resume(self) -> int | None:
        """SIGCONT: it goes on as if no time had passed."""
        return self._signal(signal.SIGCONT)

    def until_dead(self, pid: int, seconds: float = STOP_SECONDS) -> Death:
        """Wait for the end of this process of it."""
        found = until(lambda: next((death for death in self.deaths if death.pid == pid), None), seconds=seconds)
        assert found is not None
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it for good: in order, or by another signal."""
        self.is_kept = False
        self._is_over.set()
        if not self._keeper.is_alive():
            return
        for last in (number, signal.SIGKILL):
            self._signal(signal.SIGCONT)
            self._signal(last)
            self._keeper.join(STOP_SECONDS)
            if not self._keeper.is_alive():
                return

    def _signal(self, number: signal.Signals) -> int | None:
        process = self._process
        if process is None or process.poll() is not None:
            return None
        process.send_signal(number)
        return process.pid

    def _keep(self) -> None:
        while True:
            process = self._process
            assert process is not None
            code = process.wait()
            self.deaths.append(Death(process.pid, code, time.monotonic()))
            if not self.is_kept or self._is_over.wait(PAUSE_SECONDS):
                return
            self._process = self._spawner.submit(self._spawn).result()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        program = Program(
            name=self.name,
            arguments=self._arguments,
            environment=self.environment,
            folder=str(ROOT),
            stop_signal=signal.SIGKILL,  # if the harness itself dies
            descriptors=self._descriptors,
        )
        with self.log.open("ab") as log:
            return subprocess.Popen(program.arguments, stdout=log, stderr=log, **popen_options(program))

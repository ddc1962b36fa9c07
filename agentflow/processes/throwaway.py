"""Servers for one test run: in a temporary folder, quick instead of durable, gone afterwards."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from agentflow.processes.errors import ServiceFailed
from agentflow.processes.places import make_private
from agentflow.processes.programs import Program, popen_options, service_account
from agentflow.processes.services import Service, ServiceKind

START_SECONDS = 30


class Servers:
    """Throw-away servers of the given kinds; their addresses are known before they run."""

    def __init__(self, kinds: Sequence[ServiceKind]) -> None:
        account = service_account()
        self._folder = make_private(Path(tempfile.mkdtemp(prefix="agentflow-servers-")), account)
        self._services: list[Service] = [kind(self._folder, account, lasting=False) for kind in kinds]
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def environment(self) -> dict[str, str]:
        """The variables that name the servers."""
        return {service.variable: service.url for service in self._services}

    def start(self) -> None:
        """Start them and wait until they answer.

        Raises:
            ServiceFailed: one ended or stayed silent; the message names its log file.
        """
        if self._running:
            return
        for service in self._services:
            service.prepare()
            self._running.append((service.program(), self._spawn(service.program())))
        for service, (_, process) in zip(self._services, self._running, strict=True):
            self._wait(service, process)

    def stop(self) -> None:
        """Stop them and remove what they wrote."""
        for program, process in self._running:
            process.send_signal(program.stop_signal)
        for program, process in self._running:
            try:
                process.wait(program.grace_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        self._running.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with self._log(program.name).open("wb") as log:
            return subprocess.Popen(program.arguments, stdout=log, stderr=log, **popen_options(program))

    def _wait(self, service: Service, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not service.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServiceFailed(f"{service.title} did not start: {self._log(service.name).read_text()[-2000:]}")
            time.sleep(0.02)

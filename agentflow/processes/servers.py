"""Servers of ours that run for as long as something needs them, without supervision."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from agentflow.processes.errors import ServiceFailed
from agentflow.processes.programs import Program, popen_options
from agentflow.processes.services import Service

START_SECONDS = 30


class Servers:
    """Started together, stopped together; their addresses are known before they run."""

    def __init__(self, services: Sequence[Service], logs: Path) -> None:
        self._services = services
        self._logs = logs
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def environment(self) -> dict[str, str]:
        """The variables that name the servers."""
        return {service.variable: service.url for service in self._services}

    def start(self) -> None:
        """Start them and wait until they answer.

        Raises:
            ServiceFailed: one ended or stayed silent; the message has the end of its log.
        """
        if self._running:
            return
        for service in self._services:
            service.prepare()
            self._running.append((service.program(), self._spawn(service.program())))
        for service, (_, process) in zip(self._services, self._running, strict=True):
            self._wait(service, process)

    def stop(self) -> None:
        """Stop them."""
        for program, process in self._running:
            process.send_signal(program.stop_signal)
        for program, process in self._running:
            try:
                process.wait(program.grace_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with self._log(program.name).open("ab") as log:
            return subprocess.Popen(program.arguments, stdout=log, stderr=log, **popen_options(program))

    def _wait(self, service: Service, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not service.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServiceFailed(f"{service.title} did not start: {self._log(service.name).read_text()[-2000:]}")
            time.sleep(0.02)

"""Runs our programs as real processes, reads what they say, and sees what they leave behind."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agentflow import env
from agentflow.processes.leftovers import started_at

PATIENCE_SECONDS = 60
POLL_SECONDS = 0.02


def wait_until(claim: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        threading.Event().wait(POLL_SECONDS)


class Running:
    """A started program; its lines can be waited for."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        # Children of nohup(1) ignore the signal; ours begin like those of a terminal.
        heard = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.process = subprocess.Popen(
            command,
            cwd=env.BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        signal.signal(signal.SIGHUP, heard)
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, text: str) -> str:
        """The first line, now or later, that contains the text."""
        with self._changed:
            self._changed.wait_for(lambda: self._find(text) or not self._reader.is_alive(), PATIENCE_SECONDS)
            if line := self._find(text):
                return line
        raise AssertionError(f"never said {text!r}: {self.lines}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code

    def _find(self, text: str) -> str | None:
        return next((line for line in self.lines if text in line), None)

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout:
            for line in self.process.stdout:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


def pid_of(folder: Path, name: str) -> int:
    """The process id that the supervisor noted; 0 while there is none."""
    try:
        return int((folder / "pids" / f"{name}.pid").read_text())
    except (FileNotFoundError, ValueError):
        return 0


def pids_in(folder: Path) -> dict[str, int]:
    return {path.stem: pid_of(folder, path.stem) for path in (folder / "pids").glob("*.pid")}


def runs(pid: int) -> bool:
    return started_at(pid) != ""


def descendants(pid: int) -> set[int]:
    """Ids of all processes below this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.parent.name)] = int(fields[1])
    found: set[int] = set()
    newest = {pid}
    while newest := {child for child, parent in parents.items() if parent in newest} - found:
        found |= newest
    return found


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)

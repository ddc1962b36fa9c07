"""Process ids on disk, and the processes that an earlier `manage.py up` left behind when it was killed."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from agentflow.processes.places import write_private
from agentflow.processes.programs import Program

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Noted:
    """A running process: ids come round again, so the time of its start belongs to it."""

    pid: int
    started: str
    stop_signal: int
    grace_seconds: float

    def is_running(self) -> bool:
        """Whether this very process still runs."""
        return self.started != "" and started_at(self.pid) == self.started


class ProcessNotes:
    """`pids/<name>.pid`, one number each, for people and tools; `processes.json` for our own next start."""

    def __init__(self, folder: Path) -> None:
        self._pids = folder / "pids"
        self._file = folder / "processes.json"
        self._pids.mkdir(parents=True, exist_ok=True)
        self._noted: dict[str, Noted] = self._read()

    def note(self, program: Program, pid: int) -> None:
        """Remember a started process."""
        noted = Noted(pid, started_at(pid), int(program.stop_signal), program.grace_seconds)
        self._noted[program.name] = noted
        write_private(self._pids / f"{program.name}.pid", f"{pid}\n")
        self._write()

    def forget(self, name: str) -> None:
        """Forget a process that has ended."""
        self._noted.pop(name, None)
        (self._pids / f"{name}.pid").unlink(missing_ok=True)
        self._write()

    def stop_leftovers(self) -> list[str]:
        """Stop what an earlier run left behind, the last started first; the names of what still ran."""
        names = [name for name, noted in reversed(self._noted.items()) if noted.is_running()]
        for name in names:
            _stop(self._noted[name])
        for name in list(self._noted):
            self.forget(name)
        return names

    def _read(self) -> dict[str, Noted]:
        try:
            return {name: Noted(**fields) for name, fields in json.loads(self._file.read_text()).items()}
        except (FileNotFoundError, ValueError, TypeError):  # never written, or not by this version
            return {}

    def _write(self) -> None:
        write_private(self._file, json.dumps({name: asdict(noted) for name, noted in self._noted.items()}))


def started_at(pid: int) -> str:
    """When the process started, in whatever unit the system has; empty if it does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _started_by_ps(pid)
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]  # proc(5): field 22 is the start in clock ticks after boot


def children() -> list[int]:
    """Ids of our own child processes, dead ones left out; empty where there is no /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(parent) == os.getpid() and state != "Z":
                found.append(int(folder.name))
    return found


def _started_by_ps(pid: int) -> str:
    command = ["ps", "-p", str(pid), "-o", "lstart="]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _stop(noted: Noted) -> None:
    """Ask it to stop, then make it."""
    with suppress(ProcessLookupError):
        os.kill(noted.pid, noted.stop_signal)
        deadline = time.monotonic() + noted.grace_seconds
        while noted.is_running() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if noted.is_running():
            os.killpg(noted.pid, signal.SIGKILL)

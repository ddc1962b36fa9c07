"""One `manage.py up` per installation; the system frees the lock when its holder dies, however it dies."""

import fcntl
import json
import os
from pathlib import Path
from typing import Self, TextIO

from agentflow.processes.errors import AlreadyRunning


class UpLock:
    """Held while `manage.py up` runs; says where it runs."""

    def __init__(self, data: Path) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another one holds it; the message has its address.
        """
        self._pid_file = data / "pids" / "up.pid"
        self._file = (data / "up.lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with self._file:
                raise AlreadyRunning(_holder(self._file)) from None
        self._file.truncate(0)
        self._pid_file.parent.mkdir(exist_ok=True)
        self._pid_file.write_text(f"{os.getpid()}\n")

    def write(self, address: str) -> None:
        """Tell others our address."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "address": address}, self._file)
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pid_file.unlink(missing_ok=True)
        self._file.close()


def _holder(file: TextIO) -> str:
    file.seek(0)
    try:
        holder = json.load(file)
    except ValueError:  # it holds the lock and has not written yet
        return "agentflow is already being started in this checkout."
    where = f" at {holder['address']}" if holder["address"] else ""
    return f"agentflow is already running{where} (process {holder['pid']}); stop it there with Ctrl-C."

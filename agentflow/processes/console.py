"""What a person sees: steps with seconds, the lines of the processes, and their log files."""

import logging
import os
import sys
import time
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

LOG_BYTES = 10_000_000
LOG_FILES = 3
#: Lines of one process that are kept to explain its end.
KEPT_LINES = 20
COLOURS = (36, 35, 33, 32, 34)


class Console:
    """One terminal for all processes; each line says whose it is."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._started = time.monotonic()
        self._coloured = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._colours: dict[str, int] = {}

    def step(self, text: str) -> None:
        """A line of progress, with the seconds since the start."""
        self.line(f"[{time.monotonic() - self._started:5.1f} s] {text}")

    def of(self, name: str, text: str) -> None:
        """A line of a process."""
        self.line(f"{self._painted(name)} | {text}")

    def line(self, text: str) -> None:
        """A line as it is. A reader that has gone away (`make up | head`) stops nothing."""
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except BrokenPipeError:
            self._stream = Path(os.devnull).open("w")  # noqa: SIM115  stays open as long as we run

    def _painted(self, name: str) -> str:
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        return f"\033[{colour}m{name:8}\033[0m" if self._coloured else f"{name:8}"


class Log:
    """The lines of one process: into its file, to the terminal if asked, the last ones kept."""

    def __init__(self, name: str, folder: Path, console: Console | None) -> None:
        self._name = name
        self._console = console
        folder.mkdir(parents=True, exist_ok=True)
        self._file = RotatingFileHandler(folder / f"{name}.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1)
        self.tail: deque[str] = deque(maxlen=KEPT_LINES)

    def write(self, line: str) -> None:
        """One whole line."""
        self.tail.append(line)
        self._file.emit(logging.makeLogRecord({"msg": line}))
        if self._console:
            self._console.of(self._name, line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

"""One child process: started, listened to, started again when it ends, stopped."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

from agentflow.processes.leftovers import ProcessNotes
from agentflow.processes.programs import Program, popen_options

#: A process that lived this long has started well; one that did not waits longer each time.
GOOD_LIFE_SECONDS = 10
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30
CHUNK_BYTES = 65_536


def next_pause(pause: float, lived_seconds: float) -> float:
    """Seconds to wait before the next start, after a pause of `pause` and a life of `lived_seconds`."""
    if lived_seconds >= GOOD_LIFE_SECONDS:
        return FIRST_PAUSE_SECONDS
    return min(max(pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


def ending(code: int) -> str:
    """How a process ended, in words: `exit code 1`, `SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


class Child:
    """A program kept running. `poll` must be called whenever the process may have ended."""

    def __init__(self, program: Program, each_line: Callable[[str], None], notes: ProcessNotes) -> None:
        self.program = program
        #: Ends in a row that came too soon after the start.
        self.failures = 0
        self._each_line = each_line
        self._unfinished = b""
        self._notes = notes
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process else None

    async def run_once(self) -> int:
        """Start it and wait for its end; the exit code."""
        loop = asyncio.get_running_loop()
        self._ended.clear()
        process, pipe = self._start()
        loop.add_reader(pipe, self._read, pipe)
        self.poll()
        await self._ended.wait()
        self._read(pipe)
        loop.remove_reader(pipe)
        os.close(pipe)
        if self._unfinished:
            self._feed(b"\n")
        self._process = None
        self._notes.forget(self.program.name)
        return process.returncode

    def _start(self) -> tuple[subprocess.Popen[bytes], int]:
        """The started process and our end of the pipe with its output."""
        ours, its = os.pipe()
        os.set_blocking(ours, False)
        try:
            process = subprocess.Popen(self.program.arguments, stdout=its, stderr=its, **popen_options(self.program))
        finally:
            os.close(its)
        self._process = process
        self._notes.note(self.program, process.pid)
        return process, ours

    async def keep_running(self) -> None:
        """Start it again whenever it ends, until `stop`."""
        loop = asyncio.get_running_loop()
        pause = 0.0
        while not self._stopping.is_set():
            started = loop.time()
            code = await self.run_once()
            if self._stopping.is_set():
                break
            lived = loop.time() - started
            self.failures = 0 if lived >= GOOD_LIFE_SECONDS else self.failures + 1
            pause = next_pause(pause, lived)
            self._each_line(f"ended with {ending(code)} after {lived:.1f} s; it starts again in {pause:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def stop(self) -> None:
        """Ask it to stop and wait; after its grace end it with everything in its process group."""
        self._stopping.set()
        if not self._process:
            return
        self._process.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self._ended.wait(), self.program.grace_seconds)
        except TimeoutError:
            self._each_line(f"did not stop within {self.program.grace_seconds:g} s and is killed")
            self.kill()
            await self._ended.wait()

    def kill(self) -> None:
        """End it and its process group at once, for good."""
        self._stopping.set()
        if self._process and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def poll(self) -> bool:
        """Whether its process has just been found to have ended."""
        if not self._process or self._process.poll() is None or self._ended.is_set():
            return False
        self._ended.set()
        return True

    def _read(self, pipe: int) -> None:
        """Pass on what the pipe holds. A grandchild may keep it open after our child's end."""
        with suppress(BlockingIOError):
            while chunk := os.read(pipe, CHUNK_BYTES):
                self._feed(chunk)
            asyncio.get_running_loop().remove_reader(pipe)

    def _feed(self, chunk: bytes) -> None:
        """Cut what came through the pipe into lines."""
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        for line in lines:
            self._each_line(line.decode(errors="replace").rstrip("\r"))

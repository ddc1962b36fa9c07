"""Keeps programs running together and stops them in order; nothing that they started survives us."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path

from agentflow.processes.child import Child
from agentflow.processes.console import Console, Log
from agentflow.processes.leftovers import ProcessNotes, children
from agentflow.processes.programs import Program

#: prctl(2): orphans among our descendants become our children instead of init's.
PR_SET_CHILD_SUBREAPER = 36
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Signals that come this close together are one request: a terminal, make and timeout(1) may each send one.
SAME_REQUEST_SECONDS = 1


class Supervisor:
    """Runs in one event loop, whose SIGCHLD it owns."""

    def __init__(self, data: Path, console: Console) -> None:
        self._logs = data / "logs"
        self._open_logs: dict[str, Log] = {}
        self._console = console
        self._children: list[Child] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked_at = 0.0
        #: A program could not be run at all.
        self.has_failed = False
        self.notes = ProcessNotes(data)
        #: Set by Ctrl-C, SIGTERM or SIGHUP.
        self.stop_asked = asyncio.Event()

    def listen(self) -> None:
        """Begin to take signals, and to adopt orphans."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup(1) asks
                loop.add_signal_handler(number, self._ask_to_stop)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)

    async def unless_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Do the work; give it up when we are asked to stop."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self.stop_asked.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        task.cancel()  # no effect on finished work
        with suppress(asyncio.CancelledError):
            await task

    def keep(self, program: Program) -> Child:
        """Start a program and keep it running until `stop`."""
        log = Log(program.name, self._logs, self._console if program.shown else None)
        self._open_logs[program.name] = log
        child = self._child(program, log.write)
        task = asyncio.create_task(child.keep_running(), name=program.name)
        self._tasks.add(task)
        task.add_done_callback(self._kept)
        return child

    async def run(self, program: Program, each_line: Callable[[str], None]) -> int:
        """Run a program to its end; the exit code. Its lines go to `each_line` and nowhere else."""
        child = self._child(program, each_line)
        try:
            return await child.run_once()
        finally:
            self._children.remove(child)

    async def stop(self, *names: str) -> None:
        """Stop these programs at the same time; none named: all that are left, the last started first."""
        if names:
            await asyncio.gather(*(child.stop() for child in self._children if child.program.name in names))
            return
        for child in reversed(self._children):
            await child.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for log in self._open_logs.values():
            log.close()
        _kill(set(children()))

    def tail(self, name: str) -> str:
        """The last lines of a program's output."""
        return "\n".join(self._open_logs[name].tail)

    def _child(self, program: Program, each_line: Callable[[str], None]) -> Child:
        child = Child(program, each_line, self.notes)
        self._children.append(child)
        return child

    def _kept(self, task: asyncio.Task[None]) -> None:
        """Keeping a program running has ended: as asked, or for a reason that ends everything."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._console.step(f"{task.get_name()} cannot be run: {error}")
            self.has_failed = True
            self.stop_asked.set()

    def _ask_to_stop(self) -> None:
        """The first time in order, and without waiting if asked again: by a person, not by make passing a signal on."""
        now = asyncio.get_running_loop().time()
        if not self.stop_asked.is_set():
            self._asked_at = now
            self.stop_asked.set()
        elif now - self._asked_at > SAME_REQUEST_SECONDS:
            for child in self._children:
                child.kill()

    def _reap(self) -> None:
        """A child has ended: one of ours, or an orphan that we adopted from one of ours."""
        ended = [child for child in self._children if child.poll()]
        ours = {child.pid for child in self._children}
        if ended:
            _kill({pid for pid in children() if pid not in ours})
        with suppress(ChildProcessError):
            while (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and dead.si_pid not in ours:
                os.waitpid(dead.si_pid, os.WNOHANG)


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

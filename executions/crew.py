"""The processes of a `nodes` worker: forked when there is work, kept for more of it, watched, replaced, ended.

Two threads are at it. RQ's main thread hands tokens of jobs out and forks; the crew's own thread hears what the processes
report (`executions.serving`), says in the database that they live, ends those that nobody wants and tidies up behind them.
"""

import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from multiprocessing.connection import wait
from uuid import UUID

from django.db import Error, connection

from agentflow.database.limits import patience
from executions import keeping, serving
from executions.orphans import kill_group, kill_orphans
from executions.serving import REPORT_BYTES, At, serve
from executions.watchdog import crash

logger = logging.getLogger(__name__)

#: A process that nobody has needed for so long ends.
IDLE_SECONDS = 60.0
#: A process that was given a token takes the job, or says that it cannot, within so long.
ANSWER_SECONDS = 10.0
#: What a node may still take when its worker is asked to stop.
DRAIN_SECONDS = 10.0


class NodeProcess:
    """One of them, as the worker sees it."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self.channel = channel
        self.at = At.NOTHING
        #: When it came to be at that, by the monotonic clock.
        self.since = time.monotonic()
        #: The job whose block it runs, or whose result it writes.
        self.job: UUID = serving.NOBODY
        #: It must end.
        self.is_unwanted = False

    @property
    def seconds(self) -> float:
        """For how long it has been at the same thing."""
        return time.monotonic() - self.since

    @property
    def is_silent(self) -> bool:
        """Whether it should have answered."""
        return self.at is At.ASKED and self.seconds > ANSWER_SECONDS

    def give(self, token: UUID) -> bool:
        """Whether it was there to be given the token."""
        self.at, self.since = At.ASKED, time.monotonic()
        try:
            self.channel.sendall(token.bytes)
        except OSError:
            self.is_unwanted = True
        return not self.is_unwanted

    def hear(self) -> bool:
        """Take the last of what it reports, if it does; what it must not say, or that it says no more, is its end."""
        try:
            said = self.channel.recv(REPORT_BYTES * 1_000, socket.MSG_DONTWAIT)
            at, job = At(said[-REPORT_BYTES:][:1]), UUID(bytes=said[-REPORT_BYTES + 1 :])
        except BlockingIOError:
            return False
        except (OSError, ValueError):
            self.is_unwanted = True
            return False
        self.at, self.job, self.since = at, job, time.monotonic()
        return True

    def take_no_more(self) -> None:
        """It ends when it has nothing to do."""
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_WR)

    def has_ended(self) -> bool:
        """Whether it is there only to be buried."""
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True


class Crew(threading.Thread):
    """At most `size` processes. `still` keeps other threads of this process from what a fork must not copy half done."""

    def __init__(self, size: int, still: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__(name="crew", daemon=True)
        self._size = size
        self._still = still
        #: Held by the crew's thread while it is at something of that kind.
        self._busy = threading.Lock()
        self._members: list[NodeProcess] = []
        self._free: deque[NodeProcess] = deque()
        #: Rung by either thread to wake the other one.
        self._room, self._ring_room = socket.socketpair()
        self._bell, self._ring_bell = socket.socketpair()
        for end in (self._room, self._ring_room, self._bell, self._ring_bell):
            end.settimeout(0)
        self._has_to_end = False
        #: When nodes are taken from processes that still run, by the monotonic clock.
        self._deadline: float | None = None
        #: When it last looked, and when the database last answered then.
        self._looked_at = self._heard_at = time.monotonic()

    # RQ's thread

    @property
    def is_full(self) -> bool:
        """Whether no process is free and none may be added."""
        return not self._free and len(self._members) >= self._size

    def wait_for_room(self, seconds: float) -> None:
        """Return when there may be room, at the latest after so long. A signal's handler may raise here."""
        if select.select([self._room], [], [], seconds)[0]:
            _silence(self._room)

    def hand(self, token: UUID) -> None:
        """Have one of the processes run the job."""
        while (free := self._a_free_one()) is not None:
            if free.give(token):
                break
        else:
            self._fork().give(token)  # one that ends at once is no reason for the next: the host offers the job again
        _ring(self._ring_bell)

    def stop_within(self, seconds: float) -> None:
        """Take no more; what still runs after so long is begun anew by another worker. For handlers of signals."""
        self._deadline = time.monotonic() + seconds
        self.end()

    def end(self) -> None:
        """Each process ends after the node that it runs, and the crew with the last of them."""
        self._has_to_end = True
        _ring(self._ring_bell)

    def _a_free_one(self) -> NodeProcess | None:
        try:
            return self._free.pop()
        except IndexError:
            return None

    def _fork(self) -> NodeProcess:
        """A new process; no thread is at anything meanwhile that it would wait for."""
        ours, its = socket.socketpair()
        with self._still(), self._busy:
            pid = os.fork()
            if not pid:
                serve(its)
            process = NodeProcess(pid, ours)
            self._members.append(process)
        its.close()
        return process

    # The crew's thread

    def run(self) -> None:
        """Watch until all have ended; nobody watches in the place of a watch that fails, so the worker ends with it."""
        try:
            self._watch()
        except Exception:
            logger.exception("the crew is not watched", extra={"action": "crew_unwatched"})
            crash("its processes are not watched any more")

    def _watch(self) -> None:
        while self._members or not self._has_to_end:
            if not self._at_work():
                self._looked_at = self._heard_at = time.monotonic()  # the first look is due one beat after work began
            wait([self._bell, *(member.channel for member in self._members)], self._until_next_look())
            _silence(self._bell)
            for member in list(self._members):
                self._hear(member)
            with self._busy:
                if time.monotonic() - self._looked_at >= keeping.BEAT_SECONDS:
                    self._look()
                self._bury()

    def _at_work(self) -> dict[UUID, NodeProcess]:
        return {member.job: member for member in list(self._members) if member.at in (At.JOB, At.RESULT)}

    def _until_next_look(self) -> float | None:
        """Seconds; None when there is nothing to look at."""
        if self._has_to_end or any(member.at is not At.NOTHING for member in self._members):
            return keeping.BEAT_SECONDS
        return IDLE_SECONDS if self._members else None

    def _hear(self, member: NodeProcess) -> None:
        if member.hear() and member.at is At.NOTHING:
            self._free.append(member)
            _ring(self._ring_room)
        if self._has_to_end or (member.at is At.NOTHING and member.seconds > IDLE_SECONDS and self._withdraw(member)):
            member.take_no_more()

    def _withdraw(self, member: NodeProcess) -> bool:
        """Whether it was free, and is not any more."""
        try:
            self._free.remove(member)
        except ValueError:
            return False
        return True

    def _look(self) -> None:
        """Say which jobs run; find which processes must end."""
        self._looked_at = time.monotonic()
        at_work = self._at_work()
        try:
            unwanted = self._unwanted(at_work) if at_work else set()
            self._heard_at = time.monotonic()
        except Error:
            connection.close()
            is_cut_off = time.monotonic() - self._heard_at > keeping.SILENT_SECONDS
            unwanted = set(at_work) if is_cut_off else set()
        for job in unwanted:
            member = at_work[job]
            self._hear(member)  # the job's row may be gone because its result was read
            member.is_unwanted |= member.at is At.JOB and member.job == job
        for member in self._members:
            member.is_unwanted |= member.is_silent or member.has_ended()

    def _unwanted(self, at_work: dict[UUID, NodeProcess]) -> set[UUID]:
        """Jobs that nobody wants any more, or that another worker shall begin anew."""
        with patience(keeping.SILENT_SECONDS / 2):
            wanted = keeping.beat(at_work)
            if self._deadline is not None and time.monotonic() > self._deadline:
                wanted = {job for job in wanted if not keeping.may_begin_anew(job)}
        return at_work.keys() - wanted

    def _bury(self) -> None:
        """End those that must, with whatever they have started, and settle what they have not done."""
        ended = [member for member in self._members if member.is_unwanted]
        for member in ended:
            kill_group(member.pid)
            with suppress(ChildProcessError):
                os.waitpid(member.pid, 0)
            member.channel.close()
            self._withdraw(member)
            self._members.remove(member)
        if ended:
            kill_orphans([member.pid for member in self._members])
            _ring(self._ring_room)
        for member in ended:
            if member.at is not At.NOTHING:
                keeping.settle(member.pid, is_taken_away=self._deadline is not None)
        if not self._members:
            connection.close()


def _ring(bell: socket.socket) -> None:
    with suppress(BlockingIOError):  # it rings already
        bell.send(b"!")


def _silence(bell: socket.socket) -> None:
    with suppress(BlockingIOError):
        bell.recv(4_096)


#: The crew of this process, once it has one.
current: Crew | None = None

"""The other side of `executions.crew`: a forked process that runs isolated nodes one after the other.

The worker sends the token of a job, 16 bytes, and closes its end when there will be no more. The process reports what it
is at: one letter and the token.
"""

import gc
import logging
import os
import random
import select
import signal
import socket
import sys
from contextlib import suppress
from enum import Enum
from typing import NoReturn
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connections

from agentflow import wake
from executions import node_job
from executions.footprint import Footprint, Size, let_go_of_descriptors, limit_memory
from executions.models import NodeJob
from executions.orphans import adopt_orphans, die_with_parent
from executions.tickets import NodeQueue

logger = logging.getLogger(__name__)

NOBODY = UUID(int=0)
TOKEN_BYTES = 16
REPORT_BYTES = 1 + TOKEN_BYTES


class At(Enum):
    """What a process is at."""

    #: It was given a token and has not answered.
    ASKED = b"?"
    #: It runs the job's block.
    JOB = b"J"
    #: The block has ended, its result is being written.
    RESULT = b"R"
    #: It waits for a token.
    NOTHING = b"N"


def serve(channel: socket.socket) -> NoReturn:
    """Be the process: run what the worker gives, then what waits, until there is no more or a block has left traces."""
    status = 1
    try:
        _begin(channel)
        _Server(channel).run()
        status = 0
    except BaseException:  # it must not go on as its parent
        logger.exception("a process of isolated nodes failed", extra={"action": "node_process_failed"})
    finally:
        with suppress(BaseException):
            logging.shutdown()
            sys.stdout.flush()
        os._exit(status)


def _begin(channel: socket.socket) -> None:
    """Share nothing with the parent; end with it, and let nothing that is started here outlive this process."""
    die_with_parent()
    adopt_orphans()
    os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's is for the worker
    gc.freeze()
    random.seed()
    let_go_of_descriptors(channel.fileno())
    wake.connection.cache_clear()
    connections.close_all()
    limit_memory()


class _Server:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._runs_left = settings.NODE_PROCESS_RUNS
        self._size = Size.now()

    def run(self) -> None:
        """Until the worker has closed its end, or this process may run no further node."""
        while token := self._channel.recv(TOKEN_BYTES, socket.MSG_WAITALL):
            close_old_connections()
            job = node_job.take(UUID(bytes=token)) or self._take_waiting()
            while job:
                if not self._carry_out(job):
                    return
                job = self._take_waiting()
            self._report(At.NOTHING)

    def _carry_out(self, job: NodeJob) -> bool:
        """Run it; whether this process may run another one."""
        self._report(At.JOB, job.token)
        before = Footprint.now()
        after = None

        def look() -> None:
            nonlocal after
            after = Footprint.now()
            self._report(At.RESULT, job.token)

        is_sound = node_job.carry_out(job, before_result=look)
        self._runs_left -= 1
        is_clean = before is not None and before == after and not Size.now().has_grown_much(self._size)
        return is_sound and is_clean and self._runs_left > 0

    def _take_waiting(self) -> NodeJob | None:
        """The job that waits longest, whose ticket is of no use any more; none if the worker wants this process back."""
        if select.select([self._channel], [], [], 0)[0]:
            return None
        if job := node_job.take_oldest():
            with suppress(Exception):  # a ticket that stays only rings
                NodeQueue().withdraw(job.token)
        return job

    def _report(self, at: At, token: UUID = NOBODY) -> None:
        self._channel.sendall(at.value + token.bytes)

"""The lease of a worker that hosts nothing: a row that says that the process lives, renewed by a thread of its own."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import psycopg
from django.conf import settings

import agentflow
from agentflow.database.silence import PatientConnection
from executions.database import conninfo
from executions.ids import uuid7
from executions.store import SIGN_OFF

logger = logging.getLogger(__name__)

#: Signs on, renews, and signs on again if the row is gone.
RENEW = """
    INSERT INTO executions_worker (id, name, host, process_id, queue, capacity, version, expires_at)
    VALUES (%(id)s, %(name)s, %(host)s, %(process_id)s, %(queue)s, %(capacity)s, %(version)s,
        clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
"""
#: What signing off may take.
STOP_SECONDS = 3.0
#: Longest silence of the database: jobs are not begun meanwhile.
SILENCE_SECONDS = 3.0


class Lease(threading.Thread):
    """Kept for as long as the context lasts; a database that is away costs the lease, never the worker."""

    def __init__(self, queue: str, *, capacity: int) -> None:
        super().__init__(name="lease", daemon=True)
        self._row = {
            "id": uuid7(),
            "name": f"{socket.gethostname()}-{os.getpid()}",
            "host": socket.gethostname(),
            "process_id": os.getpid(),
            "queue": queue,
            "capacity": capacity,
            "version": agentflow.__version__,
            "seconds": settings.LEASE_SECONDS,
        }
        self._stopped = threading.Event()
        #: Held while the thread is at something that a fork must not copy half done.
        self._busy = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        self.join(STOP_SECONDS)

    def run(self) -> None:
        """Renew until stopped, then sign off."""
        self._say(RENEW)
        while not self._stopped.wait(settings.LEASE_RENEW_SECONDS):
            self._say(RENEW)
        self._say(SIGN_OFF, (self._row["id"],))
        if self._connection is not None:
            self._connection.close()

    @contextmanager
    def still(self) -> Iterator[None]:
        """The thread does nothing meanwhile, so that the process may be forked."""
        with self._busy:
            yield

    def _say(self, statement: Any, parameters: Any = None) -> None:
        with self._busy:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = PatientConnection.connect(
                        conninfo("agentflow lease"), silence_seconds=SILENCE_SECONDS, autocommit=True
                    )
                self._connection.execute(statement, parameters or self._row)
            except psycopg.Error as error:
                self._connection = None
                logger.warning("lease not renewed: %s", error, extra={"action": "lease_failed"})

"""What the processes that must go on, web and workers, ask of every connection; commands may take their time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection, connections
from psycopg import errors

from agentflow.database.silence import PatientConnection

#: For so long a pool tries to connect, waiting longer each time; then the next who wants a connection makes it try anew.
RECONNECT_SECONDS = 3.0


def limit_connections() -> None:
    """Let Django's connections of this process end instead of waiting for ever, and give up locks when they are left."""
    options: dict[str, Any] = connections.settings["default"]["OPTIONS"]
    options["silence_seconds"] = settings.DATABASE_SECONDS
    options["options"] = session_options(settings.DATABASE_SECONDS)


def share_connections() -> None:
    """Let all threads of this process share a pool of limited connections.

    Under ASGI every request has a new thread: without a pool each would open a connection and leave it behind.
    Only a server calls this; commands and workers, which fork, keep one connection per thread.
    """
    limit_connections()
    database = connections.settings["default"]
    database["CONN_MAX_AGE"] = 0
    database["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": settings.WEB_CONNECTIONS,
        "timeout": settings.DATABASE_SECONDS / 2,
        "reconnect_timeout": RECONNECT_SECONDS,
        "connection_class": PatientConnection,
    }


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Inside, this thread bears so long a silence of Django's database; 0: any."""
    connection.ensure_connection()
    patient: Any = connection.connection
    usual, patient.silence_seconds = patient.silence_seconds, seconds
    try:
        yield
    finally:
        patient.silence_seconds = usual


def session_options(idle_seconds: float) -> str:
    """What the server shall do by itself when it does not hear of us in the middle of a transaction.

    A machine that is cut off, or a process that is halted, must not keep the rows that it has locked from others.
    """
    return f"-c idle_in_transaction_session_timeout={int(idle_seconds * 1_000)}"


def is_away(error: BaseException | None) -> bool:
    """Whether an error of Django's database says that it cannot be asked now: later it may be."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, InternalError) and isinstance(error.__cause__, PASSING)


#: Psycopg's errors that say so, though they belong to classes that otherwise mean a mistake of ours: a server that is
#: read-only while another takes over, a session that was ended because it was left in a transaction.
PASSING = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout)

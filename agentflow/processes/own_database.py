"""The database for a command that may run while nothing else does: `manage.py up` starts PostgreSQL, but is stopped."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from agentflow import env
from agentflow.processes.errors import AlreadyRunning, ProcessesError
from agentflow.processes.leftovers import ProcessNotes
from agentflow.processes.lock import UpLock
from agentflow.processes.places import data_folder, service_folder
from agentflow.processes.programs import service_account
from agentflow.processes.servers import Servers
from agentflow.processes.services import Postgres


@contextmanager
def reachable(*, alone: bool) -> Iterator[None]:
    """The database that the environment names, else that of a running `up`, else ours, started for the time being.

    Must be entered before the settings are read.

    Args:
        alone: `up` must not run meanwhile.

    Raises:
        AlreadyRunning: it does.
        ProcessesError: PostgreSQL cannot be started.
    """
    env.read_file(env.dotenv_file())
    data = data_folder()
    try:
        lock = UpLock(data)
    except AlreadyRunning:
        if alone:
            raise
        yield  # the settings find its services
        return
    with lock:
        lock.write("")
        ProcessNotes(data).stop_leftovers()
        if env.text(Postgres.variable):
            yield
            return
        with _started(data):
            yield


@contextmanager
def _started(data: Path) -> Iterator[None]:
    account = service_account()
    (data / "logs").mkdir(exist_ok=True)
    server = Servers([Postgres(service_folder(data, account), account)], data / "logs")
    try:
        server.start()
        os.environ |= server.environment()
        yield
    finally:
        server.stop()


def main(command: Callable[[], None], *, alone: bool) -> int:
    """Run the command with the database within reach; the exit code."""
    try:
        with reachable(alone=alone):
            command()
    except (ProcessesError, ImproperlyConfigured) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0

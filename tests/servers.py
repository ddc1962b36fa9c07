"""Which PostgreSQL and Redis the tests use: those named in the environment, else throw-away ones started on demand."""

import atexit
import os
import shutil
import tempfile

from agentflow.processes import services
from agentflow.processes.throwaway import ThrowawayServers

#: Set in this process and its children: the environment is prepared.
MARK = "AGENTFLOW_TEST_RUN"

_servers: list[ThrowawayServers] = []


def prepare_environment() -> None:
    """Name the servers and a data folder of this run in the environment, before the settings read it."""
    if MARK in os.environ:
        return
    data = tempfile.mkdtemp(prefix="agentflow-tests-")
    os.environ |= {MARK: data, "AGENTFLOW_DATA": data, "AGENTFLOW_ENV_FILE": os.devnull}
    os.environ.setdefault("REDIS_PREFIX", "agentflow-tests")
    if kinds := services.unnamed(os.environ):
        _servers.append(ThrowawayServers(kinds))
        os.environ |= _servers[0].environment()
    atexit.register(_clean_up, data, os.getpid())


def start() -> None:
    """Start the servers that are ours to start."""
    for servers in _servers:
        servers.start()


def _clean_up(data: str, process_id: int) -> None:
    if os.getpid() == process_id:  # not in a forked child
        for servers in _servers:
            servers.stop()
        shutil.rmtree(data, ignore_errors=True)

"""The whole product as separate processes on services of its own, all of which may be broken.

A rig is a context. Inside, this process's Django (ORM, services, Redis) is on the rig's database, too:

    with Servers() as servers, Rig(servers, folder, workers=2, node_workers=1, environment=QUICK) as rig:
        execution = services.start_execution(graph, user=rig.owner, inputs={})
        rig.workers[0].kill()              # SIGKILL; it is started again by itself
        rig.workers[1].pause()             # SIGSTOP; `resume` lets it go on
        with rig.postgres.away(): ...      # crashed inside, back afterwards
        rig.redis.flush()

In pytest the fixture `make_rig` does both and needs no other database fixture. A worker on the other side of a proxy:
`rig.add_worker(environment={"DATABASE_URL": …})`, where the proxy leads to `rig.postgres.socket_path`.
"""

import os
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Self

import rq
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections

from agentflow import wake
from agentflow.settings import _database
from blocks.registry import configure
from executions import starting
from executions.models import Execution, Worker
from tests.faults import audit
from tests.faults.processes import Process
from tests.faults.servers import ROOT, Servers

#: Short leases and looks, so that a test need not wait long for what time heals.
QUICK = {
    "AGENTFLOW_LEASE_SECONDS": "4",
    "AGENTFLOW_LEASE_RENEW_SECONDS": "1",
    "AGENTFLOW_SWEEP_SECONDS": "0.5",
}
BLOCK_MODULE = "tests.faults.blocks"


class Rig:
    """Hosting workers, node workers and perhaps a web process on the servers given."""

    #: The environment variable by which the rig's processes, and theirs, are known.
    MARK = "AGENTFLOW_FAULTS_RIG"

    def __init__(
        self,
        servers: Servers,
        folder: Path,
        *,
        workers: int = 1,
        node_workers: int = 0,
        web: bool = False,
        environment: Mapping[str, str] | None = None,
        block_modules: str = BLOCK_MODULE,
    ) -> None:
        self.postgres = servers.postgres
        self.redis = servers.redis
        #: One log file a process.
        self.folder = folder
        self.workers: list[Process] = []
        self.node_workers: list[Process] = []
        self.web: Process | None = None
        #: Where the web process listens.
        self.url = ""
        self.mark = token_hex(8)
        self._servers = servers
        self._numbers = (workers, node_workers, web)
        self._block_modules = block_modules
        self._environment = {
            **os.environ,
            **servers.environment(),
            "DJANGO_SETTINGS_MODULE": "agentflow.settings",
            "REDIS_PREFIX": settings.REDIS_PREFIX,
            "AGENTFLOW_BLOCK_MODULES": block_modules,
            "AGENTFLOW_DATA": str(settings.DATA_DIR),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            self.MARK: self.mark,
            **(environment or {}),
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(_django_on(self._servers, self._block_modules.split(",")))
            if not self._servers.renew():
                call_command("migrate", verbosity=0)
                connections.close_all()
                self._servers.keep_template()
            with self.postgres.connect() as connection:
                audit.install(connection)
            self.owner = User.objects.create_superuser("alice", password="open-sesame")
            stack.callback(self._stop)
            workers, node_workers, web = self._numbers
            started = [self.add_worker() for _ in range(workers)]
            started += [self.add_node_worker() for _ in range(node_workers)]
            started += [self._add_web(stack)] if web else []
            for process in started:
                process.until_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def processes(self) -> list[Process]:
        return [*self.workers, *self.node_workers, *([self.web] if self.web else [])]

    def add_worker(self, environment: Mapping[str, str] | None = None) -> Process:
        """One more hosting worker; `until_ready` waits for it."""
        return self._added(self.workers, f"worker-{len(self.workers)}", (), _hosts, environment)

    def add_node_worker(self, environment: Mapping[str, str] | None = None) -> Process:
        """One more worker for isolated nodes."""
        name = f"nodes-{len(self.node_workers)}"
        return self._added(self.node_workers, name, ("nodes",), self._takes_nodes, environment)

    def holder_of(self, execution: Execution) -> Process | None:
        """The worker that holds an execution, if it is one that runs now."""
        held_by = Worker.objects.filter(executions=execution).values_list("process_id", flat=True).first()
        return next((worker for worker in self.workers if worker.pid == held_by), None)

    def _added(
        self,
        group: list[Process],
        name: str,
        queue: tuple[str, ...],
        is_ready: Callable[[int], bool],
        environment: Mapping[str, str] | None,
    ) -> Process:
        arguments = (sys.executable, str(ROOT / "manage.py"), "rqworker", *queue)
        process = self._process(name, arguments, {**self._environment, **(environment or {})}, is_ready)
        group.append(process)
        process.start()
        return process

    def _add_web(self, stack: ExitStack) -> Process:
        """The socket is the rig's, so that its address outlives the process."""
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        options = ("--fd", str(listener.fileno()), "--loop", "uvloop", "--ws", "websockets-sansio")
        quiet = ("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3")
        arguments = (sys.executable, "-m", "uvicorn", "agentflow.asgi:application", *options, *quiet)
        self.web = self._process("web", arguments, self._environment, self._answers, (listener.fileno(),))
        self.web.start()
        return self.web

    def _process(
        self,
        name: str,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        is_ready: Callable[[int], bool],
        descriptors: tuple[int, ...] = (),
    ) -> Process:
        return Process(
            name,
            arguments,
            environment,
            log=self.folder / f"{name}.log",
            spawner=self._servers.spawner,
            is_ready=is_ready,
            descriptors=descriptors,
        )

    def _stop(self) -> None:
        for process in self.processes:
            process.is_kept = False
            process.kill()
        for process in self.processes:
            process.stop()

    def _takes_nodes(self, pid: int) -> bool:
        with self.redis.client() as client:
            return any(worker.pid == pid for worker in rq.Worker.all(client))

    def _answers(self, _pid: int) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except OSError:
            return False


def _hosts(pid: int) -> bool:
    return Worker.objects.filter(process_id=pid, stopped_at=None).exists()


@contextmanager
def _django_on(servers: Servers, block_modules: list[str]) -> Iterator[None]:
    """This process's Django uses the servers inside: the settings are changed in place, and put back."""
    database = connections.settings["default"]
    kept = dict(database)
    redis_url = settings.REDIS_URL
    _forget()
    database |= {**_database(servers.postgres.url), "CONN_MAX_AGE": 0}
    _use_redis(servers.redis.url)
    configure(block_modules)
    try:
        yield
    finally:
        _forget()
        database.clear()
        database |= kept
        _use_redis(redis_url)
        configure(())


def _use_redis(url: str) -> None:
    settings.REDIS_URL = url
    for queue in settings.RQ_QUEUES.values():
        queue["URL"] = url


def _forget() -> None:
    """What this process remembers of the servers."""
    connections.close_all()
    wake.connection.cache_clear()
    starting._checks.cache_clear()

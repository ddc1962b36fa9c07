"""`manage.py up`: the whole of agentflow on one machine, from services to the address, until Ctrl-C."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from agentflow import env
from agentflow.processes import address, services
from agentflow.processes.child import Child
from agentflow.processes.console import Console
from agentflow.processes.errors import ProcessesError, ServiceFailed, StartFailed
from agentflow.processes.lock import UpLock
from agentflow.processes.places import data_folder, service_folder, write_private
from agentflow.processes.programs import Program, service_account
from agentflow.processes.supervisor import Supervisor

SERVICE_SECONDS = 60
READY_SECONDS = 120
ANSWER_SECONDS = 1
POLL_SECONDS = 0.03
#: A process may end this often before its first answer.
START_FAILURES = 3
#: Longer than a worker takes to let go of what it runs.
WORKER_GRACE_SECONDS = 40
#: Queues, each with a worker of its own: `default` hosts executions, `nodes` runs isolated nodes.
WORKERS = {"worker": (), "nodes": ("nodes",)}


def main() -> int:
    """Run until stopped; the exit code."""
    console = Console()
    try:
        env.read_file(env.dotenv_file())
        return asyncio.run(Up(console, env.text("HOST", "127.0.0.1"), env.integer("PORT", 8000)).run())
    except (ProcessesError, ImproperlyConfigured) as error:
        console.line(str(error))
        return 1
    except KeyboardInterrupt:  # before the supervisor listened for it
        return 130


class Up:
    """One start of everything."""

    def __init__(self, console: Console, host: str, port: int) -> None:
        self._console = console
        self._host = host
        self._port = port
        self._url = address.url(host, port)
        self._data = data_folder()
        self._supervisor = Supervisor(self._data, console)
        self._environment = environment(os.environ, host)
        #: What the first start has to tell and must not write anywhere: the administrator's password.
        self._credentials: list[str] = []

    async def run(self) -> int:
        """Start everything, say where it is, wait, stop everything."""
        with UpLock(self._data) as lock:
            if left := self._supervisor.notes.stop_leftovers():  # they may hold our port
                self._console.step(f"Stopped what an earlier start left behind: {', '.join(left)}")
            with address.listen(self._host, self._port) as listener:
                lock.write(self._url)
                await self._run(listener)
        return 1 if self._supervisor.has_failed else 0

    async def _run(self, listener: socket.socket) -> None:
        self._supervisor.listen()
        try:
            await self._supervisor.unless_stopped(self._start(listener))
            await self._supervisor.stop_asked.wait()
        finally:
            self._show_credentials()
            await self._stop()

    async def _start(self, listener: socket.socket) -> None:
        await self._start_services()
        # The web process imports while the database is prepared; it answers when both are done.
        web = self._supervisor.keep(self._web(listener.fileno()))
        await self._prepare_database()
        self._console.step("Starting the web server and the workers")
        for name, queue in WORKERS.items():
            self._supervisor.keep(self._worker(name, queue))
        await self._until_ready(web)
        self._console.step("Ready; Ctrl-C stops everything")
        self._show_credentials()
        self._console.line(f"agentflow runs at {self._url}")

    async def _start_services(self) -> None:
        kinds = services.unnamed(self._environment)
        if not kinds:
            return
        self._console.step(f"Starting {' and '.join(kind.title for kind in kinds)}")
        account = service_account()
        folder = service_folder(self._data, account)
        running = [kind(folder, account) for kind in kinds]
        children = {}
        for service in running:
            service.prepare()
            children[service] = self._supervisor.keep(service.program())
        for service, child in children.items():
            await self._until_answers(service, child)
        offered = {service.variable: service.url for service in running}
        self._environment |= offered
        write_private(env.services_file(), "".join(f"{name}={value}\n" for name, value in offered.items()))

    async def _until_answers(self, service: services.Service, child: Child) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SERVICE_SECONDS
        while not service.is_ready():
            if child.failures >= START_FAILURES or loop.time() > deadline:
                raise ServiceFailed(f"{service.title} does not come up:\n{self._supervisor.tail(service.name)}")
            await asyncio.sleep(POLL_SECONDS)

    async def _prepare_database(self) -> None:
        self._console.step("Preparing the database")
        code = await self._supervisor.run(self._manage("prepare", "prepare", "--backup"), self._take_line)
        if code:
            raise StartFailed("The database could not be prepared.")

    def _take_line(self, line: str) -> None:
        if line.startswith(("user: ", "password: ")):
            self._credentials.append(line)
        else:
            self._console.step(line)

    def _show_credentials(self) -> None:
        for line in self._credentials:
            self._console.line(line)
        self._credentials.clear()

    async def _until_ready(self, web: Child) -> None:
        """Wait for the first good answer over HTTP."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        while not await _answers(self._host, self._port):
            if web.failures >= START_FAILURES or loop.time() > deadline:
                raise StartFailed(f"The web server does not come up; see {self._data}/logs/web.log.")
            await asyncio.sleep(POLL_SECONDS)

    async def _stop(self) -> None:
        """Web first, so that nothing new comes in; then the workers, which let go of their runs; then the services."""
        self._console.step("Stopping")
        await self._supervisor.stop("web")
        await self._supervisor.stop(*WORKERS)
        env.services_file().unlink(missing_ok=True)
        await self._supervisor.stop()
        self._console.step("Stopped")

    def _web(self, descriptor: int) -> Program:
        options = ("--fd", str(descriptor), "--loop", "uvloop", "--ws", "websockets-sansio", "--no-access-log")
        return Program(
            name="web",
            arguments=(
                *(sys.executable, "-m", "uvicorn", "agentflow.asgi:application", *options),
                *("--no-server-header", "--log-level", "warning", "--timeout-graceful-shutdown", "3"),
                *("--ws-max-size", "16384"),  # clients only acknowledge
                *("--ws-per-message-deflate", "false"),  # frames are small, and each would be packed for each socket
            ),
            environment=self._environment,
            folder=str(env.BASE_DIR),
            descriptors=(descriptor,),
        )

    def _worker(self, name: str, queue: tuple[str, ...]) -> Program:
        return self._manage(name, "rqworker", *queue)

    def _manage(self, name: str, *command: str) -> Program:
        return Program(
            name=name,
            arguments=(sys.executable, str(env.BASE_DIR / "manage.py"), *command),
            environment=self._environment,
            folder=str(env.BASE_DIR),
            grace_seconds=WORKER_GRACE_SECONDS,
        )


def environment(base: Mapping[str, str], host: str) -> dict[str, str]:
    """What our processes get: ours, unbuffered output, and the host that people will type."""
    made = {**base, "PYTHONUNBUFFERED": "1"}
    made.setdefault("AGENTFLOW_LOG_FORMAT", "text")  # people read its terminal and its log files
    if not address.is_loopback(host) and host not in address.WILDCARDS:
        made.setdefault("ALLOWED_HOSTS", f"{host},localhost,127.0.0.1,[::1]")
    return made


async def _answers(host: str, port: int) -> bool:
    """Whether the web process says, within a second, that it can serve."""
    target = "127.0.0.1" if host == "0.0.0.0" else "::1" if host == "::" else host  # noqa: S104  recognised, not used
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(target, port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split()[1:2] == [b"200"]

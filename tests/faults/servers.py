"""PostgreSQL and Valkey with durable settings, made to be crashed, with a fresh migrated database whenever asked."""

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Self
from urllib.parse import unquote, urlsplit

import psycopg
import redis
from django.db import connections

from agentflow.processes import services
from agentflow.processes.places import make_private
from agentflow.processes.programs import popen_options, service_account

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
#: The migrated database that fresh ones are copied from.
TEMPLATE = "migrated"


class Server:
    """One service: `crash`, `start`, or `away` for a while."""

    #: What kills it without a chance to tidy up.
    crash_signal = signal.SIGKILL

    def __init__(self, service: services.Service, log: Path, spawner: ThreadPoolExecutor) -> None:
        self._service = service
        self._log = log
        self._spawner = spawner
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address for DATABASE_URL or REDIS_URL."""
        return self._service.url

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Return when it answers."""
        self._process = self._spawner.submit(self._spawn).result()
        deadline = time.monotonic() + READY_SECONDS
        while not self._service.is_ready():
            assert self._process.poll() is None, f"{self._service.title} ended: {self._log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{self._service.title} does not answer"
            time.sleep(0.02)

    def crash(self) -> None:
        """End it at once, as a crash would, and wait until it is gone; `start` begins it anew."""
        self._end(self.crash_signal)

    def stop(self) -> None:
        """End it in order."""
        self._end(self._service.program().stop_signal)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(READY_SECONDS)

    def pause(self) -> None:
        """It keeps its connections and says nothing more (the server's own process only)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Crashed inside, back afterwards."""
        self.crash()
        try:
            yield
        finally:
            self.start()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        program = self._service.program()
        with self._log.open("ab") as log:
            return subprocess.Popen(program.arguments, stdout=log, stderr=log, **popen_options(program))


class PostgresServer(Server):
    """A crash is an immediate stop: nothing is written, recovery at the next start."""

    crash_signal = signal.SIGQUIT

    def start(self) -> None:
        """Return when it answers; the caller's thread has a new connection then, other threads see to theirs."""
        super().start()
        connections.close_all()

    @property
    def socket_path(self) -> str:
        """Where a proxy reaches it."""
        folder = unquote(urlsplit(self.url).netloc.rpartition("@")[2])
        return f"{folder}/.s.PGSQL.{services.PORT}"

    def connect(self, database: str = "") -> "psycopg.Connection":
        """A connection of the harness' own, in autocommit mode."""
        url = urlsplit(self.url)
        return psycopg.connect(url._replace(path=f"/{database}").geturl() if database else self.url, autocommit=True)


class RedisServer(Server):
    """A crash is SIGKILL; `empty` makes the next start begin with nothing."""

    def __init__(self, service: services.Service, log: Path, spawner: ThreadPoolExecutor, data: Path) -> None:
        super().__init__(service, log, spawner)
        self._data = data

    @property
    def socket_path(self) -> str:
        """Where a proxy reaches it."""
        return unquote(urlsplit(self.url).path)

    def client(self) -> "redis.Redis":
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def flush(self) -> None:
        """Empty it while it runs."""
        with self.client() as client:
            client.flushall()

    def empty(self) -> None:
        """Remove what it has on disk, while it is away."""
        for path in self._data.iterdir():
            rmtree(path) if path.is_dir() else path.unlink()


class Servers:
    """The two services of a rig, in a folder of their own; made once, used by one rig after the other."""

    def __init__(self) -> None:
        account = service_account()
        self.folder = make_private(Path(tempfile.mkdtemp(prefix="agentflow-faults-")), account)
        # A process that asks to end with its parent ends with the thread that started it: this one stays.
        self.spawner = ThreadPoolExecutor(1, thread_name_prefix="spawner")
        postgres, valkey = (kind(self.folder, account) for kind in services.KINDS)
        for service in (postgres, valkey):
            service.prepare()
        self.postgres = PostgresServer(postgres, self.folder / "postgres.log", self.spawner)
        self.redis = RedisServer(valkey, self.folder / "valkey.log", self.spawner, self.folder / "valkey")

    def __enter__(self) -> Self:
        self.postgres.start()
        self.redis.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self.redis, self.postgres):
            server.resume()
            server.stop()
        self.spawner.shutdown()
        rmtree(self.folder, ignore_errors=True)

    def environment(self) -> Mapping[str, str]:
        """The variables that name them."""
        return {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url}

    def renew(self) -> bool:
        """Begin with an empty Redis and an empty, migrated database; False: there is none yet to copy."""
        self.redis.flush()
        with self.postgres.connect("postgres") as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone()
            if found:
                connection.execute(f'DROP DATABASE "{services.NAME}" WITH (FORCE)')
                connection.execute(f'CREATE DATABASE "{services.NAME}" TEMPLATE {TEMPLATE}')
        return bool(found)

    def keep_template(self) -> None:
        """The database as it is now is what later rigs begin with; nobody may be connected to it."""
        with self.postgres.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE {TEMPLATE} TEMPLATE "{services.NAME}"')

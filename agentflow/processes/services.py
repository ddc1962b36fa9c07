"""PostgreSQL and Valkey as programs of ours: made ready once, then run on private unix sockets with a password."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from agentflow.processes import binaries
from agentflow.processes.errors import ServiceFailed
from agentflow.processes.places import make_private, socket_folder, write_private
from agentflow.processes.programs import Account, Program, rights

#: The database, its owner, and the port in the name of the unix socket.
NAME = "agentflow"
PORT = "5432"
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "unix_socket_permissions": "0700",
    "log_checkpoints": "off",
    "wal_compression": "on",
}
#: For data that nobody will miss.
POSTGRES_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
#: The first version whose own collations know every letter's case, whatever the system has.
BUILTIN_LOCALES = 17


class Service(Protocol):
    """A server that others reach by `url`, told to them by the environment variable `variable`."""

    name: str
    title: str
    variable: str
    url: str

    def prepare(self) -> None:
        """Make its data folder ready; the first time this takes a moment."""

    def program(self) -> Program:
        """What to run."""

    def is_ready(self) -> bool:
        """Whether it answers."""


class Postgres:
    """A PostgreSQL cluster with one database."""

    name = "postgres"
    title = "PostgreSQL"
    variable = "DATABASE_URL"

    def __init__(self, folder: Path, account: Account | None, *, lasting: bool = True) -> None:
        self._folder = folder
        self._data = folder / "postgres"
        self._account = account
        self._lasting = lasting
        self._sockets = socket_folder(folder)
        self._programs = binaries.postgres_folder(account)
        self._password = _password(folder, account)
        self.url = f"postgresql://{NAME}:{self._password}@{quote(str(self._sockets), safe='')}/{NAME}"

    def prepare(self) -> None:
        """Make the cluster and the database, all or nothing.

        Raises:
            ServiceFailed: the data are of another major version, or PostgreSQL refused.
        """
        if self._data.exists():
            self._check_version()
            return
        unfinished = self._folder / "postgres-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        arguments = ["--username", NAME, "--encoding", "UTF8", "--auth", "scram-sha-256", *self._locale()]
        arguments += [f"--pwfile={self._folder / 'password'}", *([] if self._lasting else ["--no-sync"])]
        self._run("initdb", "--pgdata", str(unfinished), *arguments)
        self._run("postgres", "--single", "-D", str(unfinished), "postgres", text=f"CREATE DATABASE {NAME}\n")
        unfinished.rename(self._data)

    def program(self) -> Program:
        settings = POSTGRES_SETTINGS | ({} if self._lasting else POSTGRES_FAST)
        settings["unix_socket_directories"] = str(self._sockets)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name=self.name,
            arguments=(str(self._programs / "postgres"), "-D", str(self._data), "-p", PORT, *options),
            environment=_environment(),
            account=self._account,
            stop_signal=signal.SIGINT,  # "fast": end sessions, write everything, stop
            grace_seconds=30,
            shown=False,
        )

    def is_ready(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-h", str(self._sockets), "-p", PORT, "-d", NAME]
        done = subprocess.run(command, cwd="/", env=_environment(), check=False, **rights(self._account))
        return done.returncode == 0

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text().strip()
        if int(made_by) != self._version():
            raise ServiceFailed(
                f"The data in {self._data} were made by PostgreSQL {made_by}, this one is {self._version()}: "
                f"install {made_by} again to dump them, or move the folder away to begin anew."
            )

    def _version(self) -> int:
        """The programs' major version, from e.g. `postgres (PostgreSQL) 18.6`."""
        return int(self._run("postgres", "--version").split(")")[-1].split()[0].split(".")[0])

    def _locale(self) -> list[str]:
        if self._version() >= BUILTIN_LOCALES:
            return ["--locale-provider=builtin", "--locale=C.UTF-8", "--lc-collate=C", "--lc-ctype=C"]
        return ["--locale=C.UTF-8"]

    def _run(self, name: str, *arguments: str, text: str = "") -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [self._programs / name, *arguments],
            input=text,
            capture_output=True,
            text=True,
            cwd="/",
            env=_environment(),
            check=False,
            **rights(self._account),
        )
        if done.returncode:
            raise ServiceFailed(f"PostgreSQL's {name} failed: {_last_lines(done.stderr or done.stdout)}")
        return done.stdout


class Valkey:
    """A Valkey server that keeps an append-only file."""

    name = "valkey"
    title = "Valkey"
    variable = "REDIS_URL"

    def __init__(self, folder: Path, account: Account | None, *, lasting: bool = True) -> None:
        self._folder = folder
        self._account = account
        self._lasting = lasting
        self._server = binaries.valkey_server(account)
        self._socket = socket_folder(folder) / "valkey.sock"
        self._password = _password(folder, account)
        self.url = f"unix://:{self._password}@{quote(str(self._socket))}?db=0"

    def prepare(self) -> None:
        """Write its configuration; the password must not show in the list of processes."""
        data = make_private(self._folder / "valkey", self._account)
        lines = [
            "port 0",
            f'unixsocket "{self._socket}"',
            "unixsocketperm 700",
            f'dir "{data}"',
            f"requirepass {self._password}",
            f"appendonly {'yes' if self._lasting else 'no'}",
            'save ""',
            "maxmemory-policy noeviction",
        ]
        write_private(self._folder / "valkey.conf", "\n".join(lines) + "\n", self._account)

    def program(self) -> Program:
        return Program(
            name=self.name,
            arguments=(str(self._server), str(self._folder / "valkey.conf")),
            environment=_environment(),
            account=self._account,
            shown=False,
        )

    def is_ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._socket))
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False


#: In the order in which they start.
ServiceKind = type[Postgres] | type[Valkey]
KINDS: tuple[ServiceKind, ...] = (Postgres, Valkey)


def unnamed(environment: Mapping[str, str]) -> tuple[ServiceKind, ...]:
    """The services that the environment does not name, so that we run them ourselves."""
    return tuple(kind for kind in KINDS if not environment.get(kind.variable))


def _password(folder: Path, account: Account | None) -> str:
    """The services' password, made once and kept beside their data."""
    path = folder / "password"
    if not path.exists():
        write_private(path, secrets.token_hex(24), account)
    return path.read_text().strip()


def _environment() -> dict[str, str]:
    """What a server needs to know of ours."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _last_lines(output: str) -> str:
    return " ".join(output.strip().splitlines()[-3:])

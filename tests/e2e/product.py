"""The whole product, started as a user starts it: `manage.py up` on a database of its own."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Product:
    """A running product and its first user."""

    url: str
    user: str
    password: str
    data: Path
    #: For further commands on the same database.
    environment: dict[str, str]


@contextmanager
def running_product(data: Path, *, own_services: bool = False, **environment: str) -> Iterator[Product]:
    """Start `manage.py up`, wait for its address and password, and stop it at the end.

    On the servers that the tests use; with `own_services` on those that it starts itself, which are durable.
    """
    environ = {**os.environ, "AGENTFLOW_DATA": str(data), "PORT": str(_free_port()), "PYTHONUNBUFFERED": "1"}
    for name in ("DJANGO_SETTINGS_MODULE", *(("DATABASE_URL", "REDIS_URL") if own_services else ())):
        environ.pop(name, None)
    environ |= environment if own_services else _own_database() | environment
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    readers: list[threading.Thread] = []
    try:
        product = _announced(process, environ, data / "up.log")
        readers.append(_drain(process, data / "up.log"))
        yield product
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        for thread in readers:
            thread.join(timeout=10)
        if process.stdout is not None:
            process.stdout.close()
        if own_services:
            _remove_services(data)
        else:
            _drop(environ["DATABASE_URL"])


def _remove_services(data: Path) -> None:
    """As root the servers' data lie outside of the data folder."""
    if (note := data / "services-folder").exists():
        shutil.rmtree(note.read_text().strip(), ignore_errors=True)


def _announced(process: "subprocess.Popen[str]", environ: dict[str, str], log: Path) -> Product:
    found: dict[str, str] = {}
    patterns = {"url": r"(http://\S+?)/?\s*$", "user": r"user:\s*(\S+)", "password": r"password:\s*(\S+)"}
    deadline = time.monotonic() + START_SECONDS
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        for name, pattern in patterns.items():
            if match := re.search(pattern, line.strip()):
                found.setdefault(name, match.group(1))
        if len(found) == len(patterns):
            log.write_text("".join(lines))
            return Product(found["url"], found["user"], found["password"], log.parent, environ)
        assert time.monotonic() < deadline, "".join(lines)
    raise AssertionError("`up` ended before it was ready:\n" + "".join(lines))


def _drain(process: "subprocess.Popen[str]", log: Path) -> threading.Thread:
    """Keep reading what the processes print, so that a full pipe never stops them."""

    def read() -> None:
        assert process.stdout is not None
        with log.open("a") as file:
            for line in process.stdout:
                file.write(line)
                file.flush()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _drop(url: str) -> None:
    parts = urlsplit(url)
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{parts.path[1:]}" WITH (FORCE)')


def _own_database() -> dict[str, str]:
    """A fresh database on the server that the tests use, and another number on their Redis."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = f"e2e_{secrets.token_hex(4)}"
    maintenance = parts._replace(path="/postgres").geturl()
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    redis = urlsplit(os.environ["REDIS_URL"])
    return {
        "DATABASE_URL": parts._replace(path=f"/{name}").geturl(),
        "REDIS_URL": redis._replace(query="db=9").geturl(),  # also for a unix socket
        "REDIS_PREFIX": name,
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port

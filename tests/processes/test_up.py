import http.client
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentflow import env
from tests.processes.rig import Running, descendants, kill, pid_of, pids_in, runs, wait_until

MANAGE = (sys.executable, str(env.BASE_DIR / "manage.py"))
ADDRESS = "agentflow runs at "


@dataclass
class Installation:
    """A data folder and a port of its own, services included."""

    data: Path
    port: int

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        own = {"AGENTFLOW_DATA": str(self.data), "AGENTFLOW_ENV_FILE": os.devnull, "PORT": str(self.port)}
        return kept | own | {"DJANGO_SETTINGS_MODULE": "agentflow.settings", "REDIS_PREFIX": "agentflow"}

    def up(self) -> Running:
        return Running((*MANAGE, "up"), self.environment())

    def manage(self, *arguments: str) -> str:
        running = Running((*MANAGE, *arguments), self.environment())
        code = running.process.wait(60)
        running.stop()
        assert code == 0, running.lines
        return "\n".join(running.lines)

    def refused(self, *arguments: str) -> str:
        running = Running((*MANAGE, *arguments), self.environment())
        code = running.process.wait(60)
        running.stop()
        assert code == 1, running.lines
        return "\n".join(running.lines)

    def remove_services(self) -> None:
        elsewhere = self.data / "services-folder"  # root's services keep their data outside
        if elsewhere.exists():
            shutil.rmtree(elsewhere.read_text())

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = Installation(tmp_path_factory.mktemp("up"), port)
    yield made
    made.remove_services()


@pytest.fixture(scope="module")
def first(installation: Installation) -> Iterator[Running]:
    """The first start, up and running."""
    running = installation.up()
    running.wait_for(ADDRESS)
    yield running
    running.stop()


def test_first_start_tells_password_and_address(first: Running, installation: Installation):
    shown = first.lines.index(first.wait_for(ADDRESS))
    assert first.lines[shown - 2] == "user: admin"
    assert re.fullmatch(r"password: \S{12,}", first.lines[shown - 1])
    assert first.lines[shown].endswith(f"http://127.0.0.1:{installation.port}")


def test_password_is_written_to_no_log(first: Running, installation: Installation):
    password = first.wait_for("password: ").removeprefix("password: ")
    logs = [path.read_text() for path in (installation.data / "logs").iterdir()]
    assert not [text for text in logs if password in text]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(first: Running, installation: Installation, path: str):
    assert installation.get(path) == 200


def test_commands_find_the_running_services(first: Running, installation: Installation):
    command = "from django.contrib.auth.models import User; print(User.objects.get().username)"
    assert installation.manage("shell", "--no-imports", "-c", command) == "admin"


def test_backup_is_made_while_everything_runs_and_restored_only_when_nothing_does(
    first: Running, installation: Installation, tmp_path: Path
):
    file = tmp_path / "backup.zip"
    assert str(file) in installation.manage("backup", str(file))
    said = installation.refused("restore", str(file), "--replace")
    assert f"already running at http://127.0.0.1:{installation.port}" in said


def test_second_start_says_where_the_first_one_runs(first: Running, installation: Installation):
    second = installation.up()
    assert second.process.wait(60) == 1
    assert second.wait_for(f"already running at http://127.0.0.1:{installation.port}")
    second.stop()


def test_port_in_use_is_said_before_anything_starts(first: Running, installation: Installation, tmp_path: Path):
    other = Installation(tmp_path, installation.port)
    running = other.up()
    assert running.process.wait(60) == 1
    assert running.wait_for(f"Port {installation.port} on 127.0.0.1 is taken").endswith(
        f"PORT={installation.port + 1} make up."
    )
    assert len(running.lines) == 1


@pytest.mark.faults
@pytest.mark.parametrize("name", ["web", "worker", "nodes", "valkey", "postgres"])
def test_killed_process_comes_back(first: Running, installation: Installation, name: str):
    before = pid_of(installation.data, name)
    kill(before)
    wait_until(lambda: pid_of(installation.data, name) not in (0, before), f"{name} runs again")
    wait_until(lambda: installation.get("/readyz") == 200, "the web server is ready")


@pytest.mark.faults
def test_second_start_cleans_up_after_a_killed_first_one_and_keeps_the_data(first: Running, installation: Installation):
    left = pids_in(installation.data)
    first.stop(signal.SIGKILL)
    second = installation.up()
    try:
        second.wait_for(ADDRESS)
    finally:
        everything = descendants(second.process.pid)
        code = second.stop()
    assert not [name for name, pid in left.items() if runs(pid)]
    assert not [line for line in second.lines if line.startswith("password: ")]
    assert code == 0
    assert not [pid for pid in everything if runs(pid)]
    assert pids_in(installation.data) == {}
    assert not (installation.data / "env").exists()


def test_backup_and_restore_need_nothing_that_runs(first: Running, installation: Installation, tmp_path: Path):
    first.stop()
    file = tmp_path / "backup.zip"
    assert str(file) in installation.manage("backup", str(file))
    assert "--replace backs them up" in installation.refused("restore", str(file))
    assert "Restored as of" in installation.manage("restore", str(file), "--replace")
    assert len(list((installation.data / "backups").glob("before-restoring-*.zip"))) == 1
    fresh = Installation(tmp_path / "fresh", installation.port)
    try:
        assert "the database is empty" in fresh.refused("backup").lower()
        assert "Restored as of" in fresh.manage("restore", str(file))
        assert pids_in(fresh.data) == {}
    finally:
        fresh.remove_services()

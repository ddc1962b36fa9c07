"""`manage.py prepare`: a backup before migrations, and migrations that hold nobody up."""

import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management import call_command
from django.db import connection
from django.db.migrations import Migration
from django.db.models import Index

from agentflow import env, migrating
from agentflow.graphs.models import Graph
from agentflow.graphs.services import create_graph
from tests.backups.conftest import Installation, Installed
from tests.executions.hosting import spec_of
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig
from tests.waiting import until

pytestmark = pytest.mark.faults

#: The one before a migration that changes a table.
BEFORE = "0005"


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A database of the release before."""
    made = make_rig(workers=0)
    call_command("migrate", "executions", BEFORE, verbosity=0)
    return made


@pytest.fixture
def here(rig: Rig, installed: Installed) -> Installation:
    return installed(rig, "here")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are given up and asked for again within a moment."""
    monkeypatch.setattr("agentflow.migrating.LOCK_SECONDS", 0.2)
    monkeypatch.setattr("agentflow.migrating.PAUSE_SECONDS", 0.1)


@pytest.fixture
def long_query(rig: Rig) -> Iterator["psycopg.Connection"]:
    """Somebody who reads executions for as long as the connection is open."""
    with rig.postgres.connect() as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM executions_execution")
        yield other


def is_migrated() -> bool:
    return not migrating.pending()


def test_backup_is_made_before_migrating_and_leads_back(here: Installation, rig: Rig):
    create_graph(owner=rig.owner, spec=spec_of({}))
    said = here.manage("prepare", "--backup")
    (file,) = (here.data / "backups").glob("before-migrating-*.zip")
    assert f"manage.py restore {file} --replace" in said
    assert is_migrated()
    Graph.objects.all().delete()
    here.manage("restore", file, "--replace")
    assert Graph.objects.exists()


def test_no_backup_without_migrations_or_without_data(here: Installation, rig: Rig):
    with connection.cursor() as cursor:  # Django would look into tables that are not there yet
        cursor.execute("DELETE FROM auth_user WHERE id = %s", [rig.owner.pk])
    assert "Backed up" not in here.manage("prepare", "--backup")
    assert "Backed up" not in here.manage("prepare", "--backup")
    assert not (here.data / "backups").exists()


def test_newest_backups_are_kept(here: Installation, settings):
    settings.BACKUPS_KEPT = 2
    here.manage("backup")
    for _ in range(3):
        here.manage("prepare", "--backup")
        call_command("migrate", "executions", BEFORE, verbosity=0)
    names = sorted(path.name.partition("-2")[0] for path in (here.data / "backups").iterdir())
    assert names == ["agentflow", "before-migrating", "before-migrating"]


def test_nothing_is_migrated_when_the_disk_takes_no_backup(here: Installation):
    command = (sys.executable, str(env.BASE_DIR / "manage.py"), "prepare", "--backup")
    done = subprocess.run(
        command,
        env=here.environment,
        cwd=env.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)),
    )
    assert done.returncode == 1
    assert "Nothing was migrated, because the backup before it failed" in done.stderr
    assert "could not be written: File too large" in done.stderr
    assert list((here.data / "backups").iterdir()) == []
    assert not is_migrated()


def in_thread(work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        work()
        connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.usefixtures("quick")
def test_migration_that_waits_for_a_lock_lets_others_pass(rig: Rig, long_query: "psycopg.Connection"):
    said: list[str] = []
    migration = in_thread(lambda: migrating.migrate(said.append))
    until(lambda: said)
    with rig.postgres.connect() as reader:
        reader.execute("SET statement_timeout = '5s'")
        for _ in range(20):
            reader.execute("SELECT count(*) FROM executions_execution")
    assert said[0].startswith("executions.0006_restored_at waits for a lock: the oldest open transaction")
    long_query.execute("COMMIT")
    migration.join(20)
    assert is_migrated()


@pytest.mark.usefixtures("quick", "long_query")
def test_migration_that_never_gets_its_lock_says_who_has_it(here: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agentflow.migrating.TRIES", 2)
    assert "could not get its locks in 2 tries: the oldest open transaction is that of" in here.refused("prepare")
    assert not is_migrated()


def test_index_that_was_never_finished_is_made_anew(rig: Rig):
    class Concurrent(Migration):
        atomic = False
        operations = [AddIndexConcurrently("execution", Index(fields=["trigger"], name="execution_trigger"))]

    with rig.postgres.connect() as server:
        server.execute("CREATE INDEX execution_trigger ON executions_execution (trigger)")
        migrating._drop_unfinished(Concurrent("0007", "executions"))
        assert server.execute("SELECT to_regclass('execution_trigger')").fetchone() != (None,)
        server.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'execution_trigger'::regclass")
        migrating._drop_unfinished(Concurrent("0007", "executions"))
        assert server.execute("SELECT to_regclass('execution_trigger')").fetchone() == (None,)


def test_two_prepare_one_after_the_other(rig: Rig):
    said: list[str] = []
    with rig.postgres.connect() as first:
        first.execute("SELECT pg_advisory_lock(%s)", (migrating.PREPARE_LOCK,))

        def second() -> None:
            with migrating.alone(said.append):
                said.append("alone")

        thread = in_thread(second)
        until(lambda: said)
        assert said == ["Waiting: somebody else prepares this database"]
    thread.join(20)
    assert said[-1] == "alone"

"""Migrating while others work: one at a time, and never waiting so long for a lock that everybody queues behind it."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management import call_command
from django.core.management.sql import emit_pre_migrate_signal
from django.db import OperationalError, connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from psycopg.errors import LockNotAvailable

#: Serialises preparations of the same database: any number of ours will do.
PREPARE_LOCK = 7_236_113
POLL_SECONDS = 0.2
#: A statement that waits for a lock makes everybody wait who comes after it: it gives up, and tries again later.
LOCK_SECONDS = 2
#: Tries of one migration, and the pauses between them, with jitter.
TRIES = 30
PAUSE_SECONDS = 3.0

#: Who has had a transaction open for longer than the others.
OLDEST = """
    SELECT pid, coalesce(nullif(application_name, ''), usename, ''),
        extract(epoch FROM clock_timestamp() - xact_start)::int
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    ORDER BY xact_start LIMIT 1
"""
INVALID = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid"

Tell = Callable[[str], None]


class Blocked(Exception):
    """Somebody has held a lock for so long that a migration was given up; what was not migrated is as before."""


@contextmanager
def alone(tell: Tell) -> Iterator[None]:
    """Nobody else prepares or restores this database meanwhile.

    The lock is asked for again and again: a session that waits for one holds a snapshot, for which the other one
    would wait when it makes an index concurrently.
    """
    with connection.cursor() as cursor:
        has_told = False
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [PREPARE_LOCK])
            if cursor.fetchone()[0]:
                break
            if not has_told:
                tell("Waiting: somebody else prepares this database")
                has_told = True
            time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        connection.close()  # with its lock and its settings


def pending() -> list[Migration]:
    """Migrations to apply, in order."""
    executor = MigrationExecutor(connection)
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def migrate(tell: Tell) -> None:
    """Apply what is pending, one migration after the other.

    Raises:
        Blocked: a lock could not be had.
    """
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    emit_pre_migrate_signal(verbosity=0, interactive=False, db=connection.alias, plan=plan)
    state: ProjectState | None = None
    for step in plan:
        state = _apply(executor, step, state, tell)
    _set_lock_timeout(0)
    call_command("migrate", verbosity=0, interactive=False)  # nothing is left; its signals make permissions


def _apply(
    executor: MigrationExecutor, step: tuple[Migration, bool], state: ProjectState | None, tell: Tell
) -> ProjectState:
    """The state after the migration, which is tried again when a lock cannot be had."""
    migration, _ = step
    for attempt in range(1, TRIES + 1):
        _drop_unfinished(migration)
        # Making an index concurrently blocks nobody, and must wait for old transactions.
        _set_lock_timeout(LOCK_SECONDS if migration.atomic else 0)
        try:
            return executor.migrate([], [step], state.clone() if state else None)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
        if attempt == 1:
            tell(f"{migration} waits for a lock: {_oldest()}")
        time.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
    raise Blocked(f"{migration} could not get its locks in {TRIES} tries: {_oldest()} and start again.")


def _drop_unfinished(migration: Migration) -> None:
    """An index that was being made concurrently when its maker died is there and useless: it is made anew."""
    for operation in migration.operations:
        if isinstance(operation, AddIndexConcurrently):
            with connection.cursor() as cursor:
                cursor.execute(INVALID, [operation.index.name])
                if cursor.fetchone():
                    cursor.execute(f"DROP INDEX CONCURRENTLY {connection.ops.quote_name(operation.index.name)}")


def _set_lock_timeout(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(seconds * 1000)}ms"])


def _oldest() -> str:
    with connection.cursor() as cursor:
        cursor.execute(OLDEST)
        row = cursor.fetchone()
    if row is None:
        return "nothing else is open now; wait a moment"
    pid, who, seconds = row
    return f"the oldest open transaction is that of {who} (process {pid}, {seconds} s): let it end"

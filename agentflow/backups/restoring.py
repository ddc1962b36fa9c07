"""Restoring an archive: into a schema beside the tables in use, which it replaces in one transaction when all is right."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any

import psycopg
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import Error, InternalError, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

import agentflow
from agentflow.backups import tables
from agentflow.backups.archive import ArchiveReader
from agentflow.backups.errors import BackupError, Damaged, InUse
from agentflow.backups.making import fingerprint
from agentflow.backups.manifest import Node
from agentflow.migrating import alone
from executions.restored import mark_restored
from executions.values import blob_name

#: Where the tables are made; one left behind by a restore that was killed is dropped by the next one.
STAGING = "agentflow_restoring"
#: Somebody who holds a table for longer than this still works with it.
SWAP_SECONDS = 10
#: Larger blobs go through a file on their way.
SPOOLED_BYTES = 16_000_000
WORKERS = """
    SELECT name FROM executions_worker WHERE stopped_at IS NULL AND expires_at > clock_timestamp() ORDER BY name
"""
#: People make these; a database without them has only what migrations have put there.
MADE_BY_PEOPLE = ("auth_user", "graphs_graph", "executions_execution")

Tell = Callable[[str], None]


class Restoring:
    """One restore: `check` first, then `carry_out`."""

    def __init__(self, archive: ArchiveReader, tell: Tell) -> None:
        self._archive = archive
        self._manifest = archive.manifest
        self._tell = tell

    def check(self) -> None:
        """Read the whole archive and compare; nothing is changed.

        Raises:
            Damaged: it is not as it was written.
            NotForThisRelease: it was made by a newer release.
        """
        known = MigrationExecutor(connection).loader.graph.nodes
        self._manifest.refuse_newer(agentflow.__version__, known)
        self._archive.verify()

    def carry_out(self, *, ask_once: bool) -> None:
        """Replace what is in the database. Until the last step everything stays as it was.

        Args:
            ask_once: steps that must happen once, of runs that were active, ask a person before they go on.

        Raises:
            BackupError: it could not be done; the database is as before.
        """
        self._restore_blobs()
        try:
            with alone(self._tell), connection.cursor() as cursor:
                schema = tables.schema_of(cursor)
                with _staged(cursor):
                    self._load(cursor)
                    _migrate()
                    mark_restored(self._manifest.made_at, ask_once=ask_once)
                    self._swap(cursor, schema)
            call_command("migrate", verbosity=0, interactive=False)  # its signals: permissions of newer models
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        except (Error, psycopg.Error) as error:
            raise BackupError(f"The database was not replaced: {' '.join(str(error).split())}") from error
        self._warn()

    def _restore_blobs(self) -> None:
        """Before the rows that name them."""
        for digest in self._archive.blobs:
            name = blob_name(digest)
            if _digest_of(name) != digest:
                default_storage.delete(name)
                with SpooledTemporaryFile(SPOOLED_BYTES) as content:
                    content.writelines(self._archive.chunks(f"blobs/{digest}"))
                    default_storage.save(name, File(content, name))

    def _load(self, cursor: Any) -> None:
        """Tables as they were when the archive was made, with their rows."""
        executor = MigrationExecutor(connection)
        executor.migrate(_newest(self._manifest.applied, executor))
        made = set(tables.ours(cursor, STAGING))
        if unknown := sorted(self._manifest.tables.keys() - made):
            raise Damaged(f"The archive has tables that its migrations do not make: {', '.join(unknown)}.")
        with transaction.atomic():
            for name in made - tables.LEFT_OUT.keys():  # what migrations have put there is in the archive, too
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(STAGING, name)))
            for name, table in self._manifest.tables.items():
                rows = tables.rows_in(cursor, STAGING, name, table.columns, self._archive.chunks(f"tables/{name}"))
                _compare(f"rows of {name}", rows, table.rows)
            for column, (name, _) in tables.sequences(cursor, STAGING).items():
                if last := self._manifest.sequences.get(column):
                    cursor.execute("SELECT setval(%s::regclass, %s)", (name, last))
        cursor.execute("SELECT count(*) FROM executions_blob")
        _compare("blobs", cursor.fetchone()[0], self._manifest.blobs + len(self._manifest.missing_blobs))
        cursor.execute("SELECT status, count(*) FROM executions_execution GROUP BY status")
        _compare("executions", dict(cursor.fetchall()), self._manifest.executions)

    def _swap(self, cursor: Any, schema: str) -> None:
        """The tables in use go, those beside them come."""
        with transaction.atomic():
            cursor.execute(f"SET LOCAL lock_timeout = '{SWAP_SECONDS}s'")
            if old := tables.ours(cursor, schema):
                names = sql.SQL(", ").join(sql.Identifier(schema, name) for name in old)
                try:
                    cursor.execute(sql.SQL("DROP TABLE {}").format(names))
                except InternalError as error:
                    raise InUse(
                        f"Something that is not ours needs the tables: {_detail(error)}. Drop it first."
                    ) from error
            for name in tables.ours(cursor, STAGING):
                moved = sql.SQL("ALTER TABLE {} SET SCHEMA {}")
                cursor.execute(moved.format(sql.Identifier(STAGING, name), sql.Identifier(schema)))
            for name in tables.functions(cursor, STAGING):
                cursor.execute(sql.SQL("DROP FUNCTION IF EXISTS {}()").format(sql.Identifier(schema, name)))
                moved = sql.SQL("ALTER FUNCTION {}() SET SCHEMA {}")
                cursor.execute(moved.format(sql.Identifier(STAGING, name), sql.Identifier(schema)))

    def _warn(self) -> None:
        for digest in self._manifest.missing_blobs:
            self._tell(f"Blob {digest} was not in the archive: the value that it held is lost.")
        if self._manifest.secret_key != fingerprint(settings.SECRET_KEY):
            self._tell(
                "The secret key is another one than where the backup was made. To have the same, set SECRET_KEY or put "
                f"the old file at {settings.DATA_DIR / 'secret-key'}."
            )


def refuse_live_workers() -> None:
    """Raise InUse while workers are alive: they would go on writing about runs that are gone."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('executions_worker') IS NOT NULL")
            if cursor.fetchone()[0]:
                cursor.execute(WORKERS)
                if names := [name for (name,) in cursor.fetchall()]:
                    raise InUse(
                        f"Workers are running: {', '.join(names)}. Stop agentflow first (a worker that was killed "
                        f"counts as running for {settings.LEASE_SECONDS:g} s)."
                    )
    except OperationalError as error:
        raise BackupError(f"The database does not answer: {' '.join(str(error).split())}") from error


def is_in_use() -> bool:
    """Whether there is anything in the database that somebody made."""
    with connection.cursor() as cursor:
        for table in MADE_BY_PEOPLE:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (table,))
            if cursor.fetchone()[0]:
                cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table)))
                if cursor.fetchone()[0]:
                    return True
    return False


@contextmanager
def _staged(cursor: Any) -> Iterator[None]:
    """An empty schema in which this connection works; nothing of it is left."""
    cursor.execute(f"DROP SCHEMA IF EXISTS {STAGING} CASCADE")
    cursor.execute(f"CREATE SCHEMA {STAGING}")
    try:
        for statement in (*tables.SESSION, f"SET search_path = {STAGING}"):
            cursor.execute(statement)
        yield
    finally:
        connection.close()  # with all its settings
        with connection.cursor() as fresh:
            fresh.execute(f"DROP SCHEMA IF EXISTS {STAGING} CASCADE")


def _migrate() -> None:
    """To this release's tables."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def _newest(applied: set[Node], executor: MigrationExecutor) -> list[Node]:
    """Of each app the migrations that no other one of the archive follows."""
    nodes = executor.loader.graph.node_map
    return [
        node
        for node in sorted(applied)
        if not any(child.key in applied and child.key[0] == node[0] for child in nodes[node].children)
    ]


def _compare(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise Damaged(f"The archive does not hold what it says: {what}: {found}, not {expected}.")


def _detail(error: InternalError) -> str:
    """What PostgreSQL says besides the error itself."""
    cause = error.__cause__
    return (cause.diag.message_detail if isinstance(cause, psycopg.Error) else None) or str(error)


def _digest_of(name: str) -> str:
    """Digest of a file in the storage; empty: there is none."""
    digest = hashlib.sha256()
    try:
        with default_storage.open(name) as file:
            for chunk in file.chunks():
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()

"""Making a backup: the database as it is at one moment, and the blobs that its rows name, while everything goes on."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.files.storage import default_storage
from psycopg import IsolationLevel

import agentflow
from agentflow.backups import tables
from agentflow.backups.archive import ArchiveWriter, read_file
from agentflow.backups.errors import NotWritten
from agentflow.backups.manifest import Manifest, Table
from executions.database import conninfo
from executions.values import blob_name

BLOBS = "SELECT sha256 FROM executions_blob ORDER BY sha256"
EXECUTIONS = "SELECT status, count(*) FROM executions_execution GROUP BY status ORDER BY status"


@dataclass(frozen=True, slots=True)
class Made:
    """A finished archive."""

    path: Path
    size: int
    manifest: Manifest


def make_backup(path: Path, tell: Callable[[str], None]) -> Made:
    """Write everything into a new file at `path`.

    Raises:
        NotWritten: the file cannot be written, or the database cannot be read; nothing is left of it.
    """
    try:
        with ArchiveWriter(path) as archive, psycopg.connect(conninfo("agentflow backup")) as connection:
            connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
            with connection.cursor() as cursor:
                manifest = _write(archive, cursor, tell)
            size = archive.finish(manifest)
    except psycopg.Error as error:
        raise NotWritten(f"The database could not be read: {' '.join(str(error).split())}") from error
    return Made(path, size, manifest)


def fingerprint(secret_key: str) -> str:
    """Tells whether a key is this one, and nothing about it."""
    return hmac.digest(secret_key.encode(), b"agentflow backup", hashlib.sha256).hex()


def _write(archive: ArchiveWriter, cursor: Any, tell: Callable[[str], None]) -> Manifest:
    """All members but the manifest, which says what they are. The first statement takes the snapshot."""
    for statement in tables.SESSION:
        cursor.execute(statement)
    cursor.execute("SELECT statement_timestamp()")
    made_at = cursor.fetchone()[0].isoformat()
    schema = tables.schema_of(cursor)
    migrations = tables.applied(cursor, schema)
    if not migrations:
        raise NotWritten("The database is empty: there is nothing to back up.")
    for name in tables.others(cursor, schema):
        tell(f"The table {name} is not ours and not in the archive.")
    written = {
        name: _table(archive, cursor, schema, name)
        for name in tables.ours(cursor, schema)
        if name not in tables.LEFT_OUT
    }
    sequences = {column: last for column, (_, last) in tables.sequences(cursor, schema).items() if last is not None}
    blobs = _Blobs(archive, tell)
    if "executions_blob" in written:
        cursor.execute(BLOBS)
        blobs.add(digest for (digest,) in cursor.fetchall())
    cursor.execute(EXECUTIONS)
    return Manifest(
        release=agentflow.__version__,
        made_at=made_at,
        server=str(cursor.connection.info.parameter_status("server_version")),
        migrations=[list(node) for node in migrations],
        tables=written,
        sequences=sequences,
        blobs=blobs.count,
        blob_bytes=blobs.bytes,
        missing_blobs=blobs.missing,
        secret_key=fingerprint(settings.SECRET_KEY),
        executions=dict(cursor.fetchall()),
    )


def _table(archive: ArchiveWriter, cursor: Any, schema: str, name: str) -> Table:
    columns = tables.columns(cursor, schema, name)
    written = archive.add(f"tables/{name}", tables.rows_out(cursor, schema, name, columns))
    return Table(columns=columns, rows=cursor.rowcount, bytes=written.bytes, sha256=written.sha256)


class _Blobs:
    """Files of the storage into the archive. A file is there before the row that names it, so all of them are."""

    def __init__(self, archive: ArchiveWriter, tell: Callable[[str], None]) -> None:
        self._archive = archive
        self._tell = tell
        self.count = 0
        self.bytes = 0
        self.missing: list[str] = []

    def add(self, digests: Iterable[str]) -> None:
        for digest in digests:
            if reason := _harm(digest):
                self.missing.append(digest)
                self._tell(f"Blob {digest} is not in the archive: {reason}.")
            else:
                self.bytes += self._archive.add(f"blobs/{digest}", _content(digest)).bytes
                self.count += 1


def _harm(digest: str) -> str:
    """What is wrong with a stored blob; empty: nothing. Only a second reading can say that before it is written."""
    found = hashlib.sha256()
    try:
        for chunk in _content(digest):
            found.update(chunk)
    except OSError as error:
        return f"the storage cannot give it ({error.strerror or error})"
    return "" if found.hexdigest() == digest else "its content is not what was stored"


def _content(digest: str) -> Iterator[bytes]:
    with default_storage.open(blob_name(digest)) as file:
        yield from read_file(file)

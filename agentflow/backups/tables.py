"""The tables of an installation, and their rows in and out by COPY, which every version of PostgreSQL reads alike."""

from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import sql

#: Tables whose rows an archive does not have, and why.
LEFT_OUT = {
    "django_migrations": "restoring migrates",
    "django_session": "a session's key lets anybody in",
}
#: Rows look the same whatever the server's settings are.
SESSION = (
    "SET client_encoding = 'UTF8'",
    "SET datestyle = 'ISO'",
    "SET intervalstyle = 'iso_8601'",
    "SET timezone = 'UTC'",
    "SET extra_float_digits = 1",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET lock_timeout = '60s'",
)
TABLES = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
COLUMNS = """
    SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = %s::regnamespace AND c.relname = %s
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum
"""
SEQUENCES = """
    SELECT t.relname || '.' || a.attname, s.oid::regclass::text, pg_sequence_last_value(s.oid)
    FROM pg_depend d
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_class t ON t.oid = d.refobjid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.deptype IN ('a', 'i') AND t.relnamespace = %s::regnamespace
"""
#: Functions of triggers, which belong to no table.
FUNCTIONS = "SELECT proname FROM pg_proc WHERE pronamespace = %s::regnamespace AND prorettype = 'trigger'::regtype"


def schema_of(cursor: Any) -> str:
    """The schema in which the session makes tables."""
    cursor.execute("SELECT current_schema()")
    return str(cursor.fetchone()[0])


def applied(cursor: Any, schema: str) -> list[tuple[str, str]]:
    """Migrations that have been applied, in that order; none in an empty schema."""
    if "django_migrations" not in _all(cursor, schema):
        return []
    cursor.execute(sql.SQL("SELECT app, name FROM {} ORDER BY id").format(sql.Identifier(schema, "django_migrations")))
    return [(app, name) for app, name in cursor.fetchall()]


def ours(cursor: Any, schema: str) -> list[str]:
    """Tables that migrations have made: Django names them after their app."""
    prefixes = _prefixes(cursor, schema)
    return [name for name in _all(cursor, schema) if name.startswith(prefixes)]


def others(cursor: Any, schema: str) -> list[str]:
    """Tables that somebody else keeps in our schema."""
    prefixes = _prefixes(cursor, schema)
    return [name for name in _all(cursor, schema) if not name.startswith(prefixes)]


def functions(cursor: Any, schema: str) -> list[str]:
    """Functions that triggers call."""
    cursor.execute(FUNCTIONS, (schema,))
    return [name for (name,) in cursor.fetchall()]


def columns(cursor: Any, schema: str, table: str) -> list[str]:
    """Names of the columns that hold data of their own."""
    cursor.execute(COLUMNS, (schema, table))
    return [name for (name,) in cursor.fetchall()]


def sequences(cursor: Any, schema: str) -> dict[str, tuple[str, int | None]]:
    """By `table.column`: the sequence that numbers it, and the last number that it gave."""
    cursor.execute(SEQUENCES, (schema,))
    return {column: (name, last) for column, name, last in cursor.fetchall()}


def rows_out(cursor: Any, schema: str, table: str, names: Iterable[str]) -> Iterator[memoryview]:
    """The rows as COPY writes them; their number is `cursor.rowcount` afterwards."""
    with cursor.copy(_copy("COPY {} ({}) TO STDOUT", schema, table, names)) as rows:
        yield from rows


def rows_in(cursor: Any, schema: str, table: str, names: Iterable[str], chunks: Iterable[bytes]) -> int:
    """Write rows that COPY has read; how many."""
    with cursor.copy(_copy("COPY {} ({}) FROM STDIN", schema, table, names)) as rows:
        for chunk in chunks:
            rows.write(chunk)
    return int(cursor.rowcount)


def _prefixes(cursor: Any, schema: str) -> tuple[str, ...]:
    return tuple({f"{app}_" for app, _ in applied(cursor, schema)} | {"django_"})


def _all(cursor: Any, schema: str) -> list[str]:
    cursor.execute(TABLES, (schema,))
    return [name for (name,) in cursor.fetchall()]


def _copy(statement: str, schema: str, table: str, names: Iterable[str]) -> sql.Composed:
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    return sql.SQL(statement).format(sql.Identifier(schema, table), listed)

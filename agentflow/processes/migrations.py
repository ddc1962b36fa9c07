"""Whether the database is as this release needs it, without reading the migrations from disk each time."""

from functools import cache

from django.db import ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

Name = tuple[str, str]


def is_migrated() -> bool:
    """Every migration of this release is applied; further ones, of a later release, do no harm."""
    try:
        applied = set(MigrationRecorder.Migration.objects.values_list("app", "name"))
    except ProgrammingError:  # nothing was ever applied
        connection.close()
        return False
    return all(name in applied or replaced and replaced <= applied for name, replaced in _needed().items())


@cache
def _needed() -> dict[Name, frozenset[Name]]:
    """The migrations of this release, each with those that it stands for; they change only with the process."""
    return {name: frozenset(found.replaces) for name, found in MigrationLoader(None).disk_migrations.items() if found}

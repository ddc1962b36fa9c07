"""What an archive says of itself: which release made it, from which migrations, how much there is, and its checksums."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from agentflow.backups.errors import Damaged, NotForThisRelease

#: Raised when archives become unreadable for the releases before.
FORMAT = 1

Node = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table as they are in the archive."""

    columns: list[str]
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Written last: an archive without one was cut off."""

    release: str
    #: When the snapshot was taken, by the database's clock.
    made_at: str
    #: Version of the PostgreSQL server.
    server: str
    #: Migrations that had been applied: [app, name].
    migrations: list[list[str]]
    tables: dict[str, Table]
    #: Last numbers given by the sequences, by `table.column`.
    sequences: dict[str, int]
    blobs: int
    blob_bytes: int
    #: Digests of blobs that the database names and the storage had not, or not unharmed.
    missing_blobs: list[str]
    #: Tells whether a secret key is the same without giving it away.
    secret_key: str
    #: Executions by status.
    executions: dict[str, int]
    format: int = field(default=FORMAT)

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())

    @property
    def applied(self) -> set[Node]:
        """The migrations that had been applied."""
        return {(app, name) for app, name in self.migrations}

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """The manifest of an archive.

        Raises:
            NotForThisRelease: a newer release made it in a way that this one does not know.
            Damaged: it is no manifest.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            if data["format"] > FORMAT:
                raise NotForThisRelease(_too_new(data.get("release", "?")))
            tables = {name: Table(**table) for name, table in data.pop("tables").items()}
            return cls(tables=tables, **data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Damaged(f"The archive's manifest cannot be read: {error!r}.") from error

    def refuse_newer(self, release: str, known: Iterable[Node]) -> None:
        """Raise NotForThisRelease if a newer release than this one, with these migrations, made the archive."""
        unknown = sorted(f"{app}.{name}" for app, name in self.applied - set(known))
        if unknown:
            shown = ", ".join(unknown[:3]) + (" and more" if len(unknown) > 3 else "")
            raise NotForThisRelease(f"{_too_new(self.release)} It has migrations that are not here: {shown}.")
        if _numbers(self.release) > _numbers(release):
            raise NotForThisRelease(_too_new(self.release))


def _too_new(release: str) -> str:
    return f"The archive was made by a newer release, {release}: install that one or a later one, then restore it."


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())

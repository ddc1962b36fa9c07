import errno
import stat
import zipfile
from pathlib import Path

import pytest

from agentflow.backups.archive import ArchiveReader, ArchiveWriter
from agentflow.backups.errors import Damaged, NotForThisRelease, NotWritten
from agentflow.backups.manifest import FORMAT, Manifest, Table

ROWS = b"1\tone\n2\ttwo\n"


def manifest(table: Table, **changed: object) -> Manifest:
    fields: dict[str, object] = {
        "release": "1.2.0",
        "made_at": "2026-01-01T00:00:00+00:00",
        "server": "18.1",
        "migrations": [["graphs", "0001_initial"]],
        "tables": {"graphs_graph": table},
        "sequences": {},
        "blobs": 0,
        "blob_bytes": 0,
        "missing_blobs": [],
        "secret_key": "",
        "executions": {},
    }
    return Manifest(**(fields | changed))  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An archive with one table."""
    path = tmp_path / "backup.zip"
    with ArchiveWriter(path) as archive:
        written = archive.add("tables/graphs_graph", [ROWS[:5], ROWS[5:]])
        archive.finish(manifest(Table(["id", "name"], 2, written.bytes, written.sha256)))
    return path


def test_archive_gives_back_what_was_written(file: Path):
    with ArchiveReader(file) as archive:
        archive.verify()
        assert b"".join(archive.chunks("tables/graphs_graph")) == ROWS
        assert archive.manifest.tables["graphs_graph"].rows == 2


def test_only_the_owner_reads_it(file: Path):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_existing_file_is_not_overwritten(file: Path):
    before = file.read_bytes()
    with pytest.raises(NotWritten, match="exists; name another file"):
        ArchiveWriter(file)
    assert file.read_bytes() == before


def test_nothing_is_left_of_a_backup_that_failed(tmp_path: Path):
    def full_disk():
        yield ROWS
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NotWritten, match="No space left on device"), ArchiveWriter(tmp_path / "b.zip") as archive:
        archive.add("tables/graphs_graph", full_disk())
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(NotWritten, match="No such file or directory"):
        ArchiveWriter(tmp_path / "missing" / "b.zip")


def test_file_that_was_cut_off_is_refused(file: Path):
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(Damaged, match="only a part of one"):
        ArchiveReader(file)


def test_other_files_are_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("readme", "hello")
    with pytest.raises(Damaged, match="no archive of agentflow"):
        ArchiveReader(tmp_path / "other.zip")
    with pytest.raises(Damaged, match="There is no file"):
        ArchiveReader(tmp_path / "missing.zip")


@pytest.mark.parametrize("place", [0, 30 + len("tables/graphs_graph") + 20 + 4])
def test_changed_byte_is_found(file: Path, place: int):
    """Of the first member: in its header, and behind header, name and sizes in its content."""
    content = bytearray(file.read_bytes())
    content[place] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(Damaged), ArchiveReader(file) as archive:
        archive.verify()


def test_content_that_is_not_what_was_written_is_found(tmp_path: Path):
    with ArchiveWriter(tmp_path / "b.zip") as archive:
        archive.add("tables/graphs_graph", [ROWS])
        archive.finish(manifest(Table(["id", "name"], 2, len(ROWS), "0" * 64)))
    with ArchiveReader(tmp_path / "b.zip") as read, pytest.raises(Damaged, match="checksum of tables/graphs_graph"):
        read.verify()


KNOWN = [("graphs", "0001_initial"), ("graphs", "0002_pinned")]
EMPTY = Table([], 0, 0, "")


def test_archives_of_this_and_of_older_releases_are_taken():
    for release in ("1.2.0", "1.1.9", "0.9"):
        manifest(EMPTY, release=release).refuse_newer("1.2.0", KNOWN)


@pytest.mark.parametrize("release", ["1.3.0", "1.10.0", "2.0"])
def test_archives_of_newer_releases_are_refused(release: str):
    with pytest.raises(NotForThisRelease, match=f"made by a newer release, {release}: install that one"):
        manifest(EMPTY, release=release).refuse_newer("1.2.0", KNOWN)


def test_unknown_migrations_are_named():
    made = manifest(EMPTY, migrations=[["graphs", "0009_future"]])
    with pytest.raises(NotForThisRelease, match=r"not here: graphs\.0009_future"):
        made.refuse_newer("1.2.0", KNOWN)


def test_archives_of_a_newer_format_are_refused():
    with pytest.raises(NotForThisRelease, match="newer release"):
        Manifest.from_json(manifest(EMPTY, format=FORMAT + 1).to_json())

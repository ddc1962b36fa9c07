"""The file of a backup: a zip that only its owner reads, there whole or not at all, with a checksum for each member."""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from agentflow.backups.errors import Damaged, NotWritten
from agentflow.backups.manifest import Manifest

MANIFEST = "manifest.json"
CHUNK_BYTES = 1 << 18
#: zlib's: higher ones take much longer for little.
COMPRESSION_LEVEL = 3


@dataclass(slots=True)
class Written:
    """What has gone into a member."""

    bytes: int = 0
    sha256: str = ""


class ArchiveWriter:
    """Writes beside the file, and renames at the end."""

    def __init__(self, path: Path) -> None:
        """Begin.

        Raises:
            NotWritten: there is such a file, or none can be made there.
        """
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        if path.exists():
            raise NotWritten(f"{path} exists; name another file.")
        with _said(path):
            self._unfinished.unlink(missing_ok=True)
            descriptor = os.open(self._unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close; what was not finished is removed."""
        if self._unfinished.exists():
            for part in (self._zip, self._file):
                with suppress(OSError, ValueError):  # a full disk says so again
                    part.close()
            self._unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise NotWritten(f"{self._path} could not be written: {error.strerror or error}.") from error

    def add(self, name: str, chunks: Iterable[bytes | memoryview]) -> Written:
        """Write a member."""
        digest, written = hashlib.sha256(), Written()
        with self._zip.open(name, "w", force_zip64=True) as member:
            for chunk in _joined(chunks):
                member.write(chunk)
                digest.update(chunk)
                written.bytes += len(chunk)
        written.sha256 = digest.hexdigest()
        return written

    def finish(self, manifest: Manifest) -> int:
        """Write the manifest and give the file its name, durably; its size."""
        self.add(MANIFEST, [manifest.to_json()])
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        self._unfinished.rename(self._path)
        _sync_folder(self._path.parent)
        return size


class ArchiveReader:
    """An archive whose manifest could be read."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            Damaged: it is no archive of ours, or was cut off.
            NotForThisRelease: it says that it is for a newer one.
        """
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise Damaged(f"There is no file {path}.") from None
        except (zipfile.BadZipFile, OSError) as error:
            raise Damaged(f"{path} is no archive of agentflow, or only a part of one: {error}.") from error
        if MANIFEST not in self._zip.namelist():
            raise Damaged(f"{path} is no archive of agentflow: it has no manifest.")
        self.manifest = Manifest.from_json(self._whole(MANIFEST))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def blobs(self) -> list[str]:
        """Digests of the blobs that are in it."""
        return [name.removeprefix("blobs/") for name in self._zip.namelist() if name.startswith("blobs/")]

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a member.

        Raises:
            Damaged: it is not there or not whole.
        """
        try:
            with self._zip.open(name) as member:
                while chunk := member.read(CHUNK_BYTES):
                    yield chunk
        except (KeyError, zipfile.BadZipFile, EOFError, OSError) as error:
            raise Damaged(f"{self._path} is damaged: {name} cannot be read ({error}).") from error
        except Exception as error:
            if type(error).__module__ != "zlib":
                raise
            raise Damaged(f"{self._path} is damaged: {name} cannot be unpacked ({error}).") from error

    def verify(self) -> None:
        """Read everything once.

        Raises:
            Damaged: a checksum differs, or a member is missing.
        """
        for name, table in self.manifest.tables.items():
            self._compare(f"tables/{name}", table.sha256)
        if len(self.blobs) != self.manifest.blobs:
            raise Damaged(f"{self._path} is damaged: {len(self.blobs)} of {self.manifest.blobs} blobs are in it.")
        for digest in self.blobs:
            self._compare(f"blobs/{digest}", digest)

    def _compare(self, name: str, sha256: str) -> None:
        digest = hashlib.sha256()
        for chunk in self.chunks(name):
            digest.update(chunk)
        if digest.hexdigest() != sha256:
            raise Damaged(f"{self._path} is damaged: the checksum of {name} is not the one that was written.")

    def _whole(self, name: str) -> bytes:
        return b"".join(self.chunks(name))


def read_file(file: IO[bytes]) -> Iterator[bytes]:
    """The content of an open file, in chunks."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _joined(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The same bytes in larger chunks: COPY gives them row by row."""
    parts: list[bytes | memoryview] = []
    size = 0
    for chunk in chunks:
        parts.append(bytes(chunk))
        size += len(chunk)
        if size >= CHUNK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(f"{path} could not be written: {error.strerror or error}.") from error


def _sync_folder(folder: Path) -> None:
    """A rename is durable when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Where blobs lie on a disk."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.files.storage import FileSystemStorage


class WholeFileStorage(FileSystemStorage):
    """Files that are there whole or not at all, also after a crash: a row may name a file as soon as it exists."""

    def _save(self, name: str, content: Any) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = None
        try:
            with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                unfinished = Path(file.name)
                file.writelines(content.chunks())
                file.flush()
                os.fsync(file.fileno())
            unfinished.chmod(0o644 if self.file_permissions_mode is None else self.file_permissions_mode)
            unfinished.replace(path)
        except BaseException:
            if unfinished is not None:  # on a full disk it would take the room that is left
                unfinished.unlink(missing_ok=True)
            raise
        for folder in (path.parent, *path.parent.parents):
            _make_durable(folder)
            if folder == Path(self.location):
                break
        return name


def _make_durable(folder: Path) -> None:
    """The names in the folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

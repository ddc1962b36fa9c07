"""Blobs on a disk: a row may name a file as soon as it is saved."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from executions.storage import WholeFileStorage


def test_file_and_its_name_outlive_a_loss_of_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = tmp_path / "blobs"
    synced: list[Path] = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").resolve()))
    WholeFileStorage(location=location).save("ab/cd/abcd", ContentFile(b"value"))
    unfinished, *folders = synced
    assert unfinished.parent == location / "ab" / "cd"
    assert folders == [location / "ab" / "cd", location / "ab", location]
    assert [file.name for file in (location / "ab" / "cd").iterdir()] == ["abcd"]

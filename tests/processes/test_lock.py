from pathlib import Path

import pytest

from agentflow.processes.errors import AlreadyRunning
from agentflow.processes.lock import UpLock


def test_second_holder_learns_the_address(tmp_path: Path):
    with UpLock(tmp_path) as lock:
        lock.write("http://127.0.0.1:8000")
        with pytest.raises(AlreadyRunning, match=r"already running at http://127\.0\.0\.1:8000 \(process \d+\)"):
            UpLock(tmp_path)


def test_second_holder_hears_of_a_start_that_has_no_address_yet(tmp_path: Path):
    with UpLock(tmp_path), pytest.raises(AlreadyRunning, match="being started"):
        UpLock(tmp_path)


def test_lock_is_free_after_its_holder(tmp_path: Path):
    with UpLock(tmp_path):
        pass
    with UpLock(tmp_path):
        assert (tmp_path / "pids" / "up.pid").exists()
    assert not (tmp_path / "pids" / "up.pid").exists()

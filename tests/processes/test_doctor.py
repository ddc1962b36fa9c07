"""`manage.py doctor`: each finding says what to do, and the exit status says whether there is anything."""

import json
import os
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from agentflow.processes import doctor
from agentflow.processes.doctor import Level
from executions.models import Execution, Worker
from tests import factories
from tests.executions import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path


def level(check: str) -> Level:
    return max((each.level for each in doctor.examine() if each.check == check), key=list(Level).index)


def worker(**fields: Any) -> Worker:
    given = {"name": "w", "host": "h", "process_id": 1, "queue": "default", "capacity": 9, "version": "1"}
    later = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    return Worker.objects.create(**{**given, "expires_at": later, **fields})


def test_everything_wrong_has_a_fix() -> None:
    assert all(each.fix for each in doctor.examine() if each.level is not Level.OK)


def test_without_a_worker_something_is_to_be_mended() -> None:
    with pytest.raises(CommandError, match="to mend"):
        call_command("doctor", stdout=StringIO())


def test_with_a_worker_its_check_passes() -> None:
    worker()
    assert level("workers") is Level.OK


def test_programs_read_json() -> None:
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", "--json", stdout=output)
    assert {"check", "level", "text", "fix"} == set(json.loads(output.getvalue())[0])


def test_a_folder_that_others_read_is_an_error(data: Path) -> None:
    assert level("data folder") is Level.OK
    (data / "secret-key").write_text("x")
    (data / "secret-key").chmod(0o644)
    assert level("data folder") is Level.ERROR


def test_an_old_backup_is_a_warning(data: Path) -> None:
    assert level("backups") is Level.WARNING
    (data / "backups").mkdir(mode=0o700)
    made = data / "backups" / "agentflow-1.zip"
    made.touch()
    assert level("backups") is Level.OK
    os.utime(made, (time.time() - 5 * 86_400,) * 2)
    assert level("backups") is Level.WARNING


def test_a_full_disk_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=100e9, used=99e9, free=1e9)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    assert level("disk") is Level.WARNING


def test_a_clock_that_differs_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert level("clock") is Level.OK
    now = time.time()
    monkeypatch.setattr("agentflow.processes.doctor.time.time", lambda: now - 60)
    assert level("clock") is Level.WARNING


def test_an_old_queue_is_a_warning() -> None:
    queued = recorded.execution(factories.graph(factories.user("alice")), status="queued")
    assert level("queue") is Level.OK
    Execution.objects.filter(pk=queued.pk).update(queued_at=timezone.now() - timedelta(minutes=5))
    assert level("queue") is Level.WARNING


def test_a_redis_that_is_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "redis://:geheim@127.0.0.1:1/0")
    assert level("redis") is Level.ERROR
    assert "geheim" not in "".join(each.text for each in doctor.examine())


def test_debug_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DEBUG", True)
    assert level("settings") is not Level.OK


def test_lost_keys_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "lost_keys", lambda: {"old"})
    assert level("keys") is Level.ERROR

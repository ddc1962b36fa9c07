"""Lines of workers: whose they are, and how few."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from blocks.registry import configure
from executions.models import Worker
from tests import factories
from tests.executions.hosting import hosting, run
from tests.faults.workers import ROOT, environment
from tests.logs.conftest import Lines
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


@pytest.fixture(autouse=True)
def _odd_blocks():
    configure(["tests.executions.blocks"])
    yield
    configure(())


def test_line_of_a_block_says_whose_it_is(lines: Lines) -> None:
    alice = factories.user("alice")
    with hosting():
        loud = run(alice, {"loud": ("test.loud", {"message": "hello"})})
        failed = run(alice, {"bug": ("test.bug", {})})
    assert lines(event="hello", logger="some.library", node="loud", execution=str(loud.pk), graph=loud.graph_id)
    assert lines(action="block_bug", node="bug", execution=str(failed.pk), user=alice.pk)


def test_nodes_write_no_lines_of_their_own(lines: Lines) -> None:
    assert logging.getLogger().level == logging.INFO
    alice = factories.user("alice")
    with hosting():
        items = {"value": list(range(50))}
        run(alice, {"items": ("core.value", items), "each": ("logic.for_each", {})}, "items.value -> each.items")
    assert lines() == []


def test_lines_of_a_worker_process_are_json_and_name_it(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    command = [sys.executable, "manage.py", "rqworker", "--verbosity", "2"]
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=file, stdout=file)
    try:
        until(lambda: Worker.objects.filter(process_id=process.pid).exists(), seconds=60)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()
    found = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["worker"] for line in found} == {f"{os.uname().nodename}-{process.pid}"}
    assert any(line["logger"].startswith("rq") for line in found)


@pytest.mark.parametrize(("options", "has_access_log"), [((), True), (("--no-access-log",), False)])
def test_lines_of_a_web_process_are_json(tmp_path: Path, options: tuple[str, ...], has_access_log: bool) -> None:
    log = tmp_path / "web.log"
    command = [sys.executable, "-m", "uvicorn", "agentflow.asgi:application", "--port", "0", *options]
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=file, stdout=file)
    try:
        found = until(lambda: re.search(r"running on (http://[\w.:]+)", log.read_text()), seconds=60)
        assert found is not None
        assert httpx.get(f"{found[1]}/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()
    loggers = {json.loads(line)["logger"] for line in log.read_text().splitlines()}
    assert "uvicorn.error" in loggers
    assert ("uvicorn.access" in loggers) == has_access_log

"""The product's own worker processes, to be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from executions.models import Worker
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    """What the processes need to work on the test's own database."""
    chosen = connection.settings_dict
    host = str(chosen["HOST"]).replace("/", "%2F")
    password = f":{chosen['PASSWORD']}" if chosen["PASSWORD"] else ""
    port = f":{chosen['PORT']}" if chosen["PORT"] else ""
    url = f"postgresql://{chosen['USER']}{password}@{host}{port}/{chosen['NAME']}"
    return os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "agentflow.settings",
        "AGENTFLOW_BLOCK_MODULES": "tests.executions.blocks",
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def worker(queue: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """A `manage.py rqworker` process that is ready; killed at the end if it still lives."""
    command = [sys.executable, "manage.py", "rqworker", *filter(None, [queue])]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), start_new_session=True)
    try:
        if not queue:
            until(lambda: Worker.objects.filter(process_id=process.pid, stopped_at=None).exists(), seconds=60)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

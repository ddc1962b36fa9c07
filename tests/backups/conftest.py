"""The rig of the fault tests, and the product's commands on its database."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from agentflow import env
from tests.faults.conftest import make_rig, rig_servers
from tests.faults.rig import Rig

__all__ = ["Installation", "Installed", "installed", "make_rig", "rig_servers"]


@dataclass
class Installation:
    """A data folder, and commands that work on it and on the rig's database."""

    rig: Rig
    data: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.rig.postgres.url,
            "REDIS_URL": self.rig.redis.url,
            "DJANGO_SETTINGS_MODULE": "agentflow.settings",
            "AGENTFLOW_DATA": str(self.data),
        }

    def run(self, *arguments: str | Path) -> str:
        """What the command says, as a process; it must succeed."""
        command = (sys.executable, str(env.BASE_DIR / "manage.py"), *map(str, arguments))
        done = subprocess.run(
            command, env=self.environment, cwd=env.BASE_DIR, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def manage(self, *arguments: str | Path) -> str:
        """What the command says, inside this process; it must succeed."""
        said = StringIO()
        blobs = {"BACKEND": "executions.storage.WholeFileStorage", "OPTIONS": {"location": self.data / "blobs"}}
        storages = {**settings.STORAGES, "default": blobs}
        secret = f"secret of {self.data.name}"
        with override_settings(DATA_DIR=self.data, STORAGES=storages, SECRET_KEY=secret):
            call_command(*map(str, arguments), stdout=said, stderr=said)
        return said.getvalue()

    def refused(self, *arguments: str | Path) -> str:
        """Why the command is refused."""
        with pytest.raises(CommandError) as refusal:
            self.manage(*arguments)
        return str(refusal.value)


#: `installed(rig, "name")`: a data folder of this name.
Installed = Callable[[Rig, str], Installation]


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    def make(rig: Rig, name: str) -> Installation:
        folder = tmp_path / name
        folder.mkdir()
        return Installation(rig, folder)

    return make

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from pytest_django.fixtures import Settings


def ids() -> set[str]:
    return {message.id for message in run_checks() if message.id and message.id.startswith("agentflow.")}


def test_default_configuration_is_right():
    assert ids() == set()


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("LEASE_RENEW_SECONDS", 5, "agentflow.E001"),
        ("HTTP_ALLOW", ["10.0.0.0/99"], "agentflow.E002"),
        ("RQ_QUEUES", {"default": {"URL": "redis://"}}, "agentflow.E003"),
    ],
)
def test_wrong_setting_is_found(settings: Settings, name: str, value: object, found: str):
    setattr(settings, name, value)
    assert found in ids()


def test_a_secure_installation_passes_all_checks_of_deployment(tmp_path: Path) -> None:
    """In a process of its own, because these settings are read when it starts."""
    environment = {
        **os.environ,
        "SECURE": "1",
        "ALLOWED_HOSTS": "flow.example.org",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "AGENTFLOW_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "agentflow.settings",
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

"""Signing in by OpenID Connect needs other settings, so its tests have a process of their own."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

from tests.accounts.oidc.provider import CLIENT, SECRET, provider

LOADED = """
import sys, django
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
print([name for name in sys.modules if name.partition(".")[0] in ("allauth", "jwt")])
"""


def test_without_a_provider_nothing_of_it_is_loaded() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "agentflow.settings", "OIDC_ISSUER": ""}
    done = subprocess.run([sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_people_sign_in_by_a_provider(services: None) -> None:
    with provider() as server:
        environment = {
            **os.environ,
            "DATABASE_URL": _other_database(os.environ["DATABASE_URL"]),
            "OIDC_ISSUER": server.issuer,
            "OIDC_CLIENT_ID": CLIENT,
            "OIDC_CLIENT_SECRET": SECRET,
            "OIDC_NAME": "The firm",
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/accounts/oidc/signing_in.py"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-6_000:]
    assert " passed" in done.stdout


def _other_database(url: str) -> str:
    """Tests name theirs after it."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path}_oidc").geturl()

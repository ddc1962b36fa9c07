"""Keys of credentials: the right ones open, wrong ones stop the start."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from agentflow import env
from agentflow.credentials import services
from agentflow.credentials.key_check import lost_keys, require_keys
from agentflow.credentials.models import Credential, KeyCheck
from agentflow.credentials.sealing import NotOpened, Seal

pytestmark = pytest.mark.django_db
OLD, NEW = env.new_key(), env.new_key()


@pytest.fixture
def token(alice: User, settings: Any) -> Credential:
    settings.CREDENTIAL_KEYS = [OLD]
    return services.make_credential(owner=alice, kind="bearer", name="Service", fields={"token": "s3cret"})


def test_sealed_text_opens_with_any_of_the_keys():
    id = uuid4()
    assert Seal([NEW, OLD]).open(id, Seal([OLD]).close(id, {"token": "x"})) == {"token": "x"}


def test_sealed_text_of_another_credential_does_not_open():
    with pytest.raises(NotOpened):
        Seal([OLD]).open(uuid4(), Seal([OLD]).close(uuid4(), {"token": "x"}))


def test_row_holds_no_secret(token: Credential):
    row = Credential.objects.filter(pk=token.pk).values().get()
    assert "s3cret" not in str(row)


def test_first_start_writes_the_key_down(settings: Any):
    settings.CREDENTIAL_KEYS = [OLD]
    require_keys()
    settings.CREDENTIAL_KEYS = [NEW]
    with pytest.raises(ImproperlyConfigured, match="AGENTFLOW_CREDENTIAL_KEYS"):
        require_keys()


def test_added_key_is_fine(token: Credential, settings: Any):
    require_keys()
    settings.CREDENTIAL_KEYS = [NEW, OLD]
    require_keys()
    assert not lost_keys()


def test_wrong_key_is_a_system_check(token: Credential, settings: Any):
    settings.CREDENTIAL_KEYS = [NEW]
    found = [message.id for message in run_checks(databases=["default"], tags=["database"])]
    assert "agentflow.E005" in found


def test_right_key_is_no_problem(token: Credential):
    require_keys()
    assert KeyCheck.objects.count() == 1
    assert "agentflow.E005" not in [message.id for message in run_checks(databases=["default"], tags=["database"])]


@pytest.mark.parametrize("value", ["short", "a,b", "é" * 43])
def test_malformed_key_stops_the_start(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_KEYS", value)
    with pytest.raises(ImproperlyConfigured, match="SOME_KEYS"):
        env.keys("SOME_KEYS", tmp_path / "keys")


def test_key_file_is_made_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOME_KEYS", raising=False)
    first = env.keys("SOME_KEYS", tmp_path / "keys")
    assert first == env.keys("SOME_KEYS", tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]

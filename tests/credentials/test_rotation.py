"""New keys for old: everything is encrypted anew, or what is lost is said."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from agentflow import env
from agentflow.credentials import services
from agentflow.credentials.key_check import lost_keys, require_keys
from agentflow.credentials.models import Credential

pytestmark = pytest.mark.django_db
OLD, NEW = env.new_key(), env.new_key()


@pytest.fixture
def token(alice: User, settings: Any) -> Credential:
    settings.CREDENTIAL_KEYS = [OLD]
    require_keys()
    return services.make_credential(owner=alice, kind="bearer", name="Service", fields={"token": "s3cret"})


def rotate(*arguments: str) -> str:
    said = StringIO()
    call_command("rotate_credential_keys", *arguments, stdout=said)
    return said.getvalue().strip()


def test_after_rotation_the_old_key_is_needed_no_more(token: Credential, settings: Any):
    settings.CREDENTIAL_KEYS = [NEW, OLD]
    assert rotate() == "1 encrypted anew, 0 given up."
    settings.CREDENTIAL_KEYS = [NEW]
    assert not lost_keys()
    token.refresh_from_db()
    assert services.secrets_of(token) == {"token": "s3cret"}


def test_rotating_twice_changes_nothing(token: Credential, settings: Any):
    settings.CREDENTIAL_KEYS = [NEW, OLD]
    rotate()
    assert rotate() == "0 encrypted anew, 0 given up."


def test_lost_key_stops_the_rotation(token: Credential, settings: Any):
    settings.CREDENTIAL_KEYS = [NEW]
    with pytest.raises(CommandError, match="1 open with none of the keys: Service"):
        rotate()
    assert lost_keys()


def test_what_is_lost_can_be_given_up_and_given_again(token: Credential, alice: User, settings: Any):
    settings.CREDENTIAL_KEYS = [NEW]
    assert rotate("--give-up-lost") == "0 encrypted anew, 1 given up."
    assert not lost_keys()
    token.refresh_from_db()
    assert token.problem
    changed = services.change_credential(token, by=alice, is_owner=True, fields={"token": "again"})
    assert (changed.problem, services.secrets_of(changed)) == ("", {"token": "again"})


def test_new_key_is_printed(settings: Any):
    settings.CREDENTIAL_KEYS = [rotate("--new")]
    require_keys()

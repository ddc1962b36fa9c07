import pytest
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

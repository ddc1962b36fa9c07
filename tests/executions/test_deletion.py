"""Deleting those whom executions belong to."""

import pytest
from django.contrib.auth.models import User
from django.db.models import RestrictedError

from executions.models import Execution
from tests import factories
from tests.executions import recorded

pytestmark = pytest.mark.django_db


def test_user_goes_with_graphs_and_their_runs(alice: User) -> None:
    run = recorded.execution(factories.graph(alice, "a"))
    recorded.record(run, "a")
    alice.delete()
    assert not Execution.objects.exists()


def test_version_that_ran_cannot_go_alone(alice: User) -> None:
    run = recorded.execution(factories.graph(alice, "a"))
    with pytest.raises(RestrictedError):
        run.version.delete()

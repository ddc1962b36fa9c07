"""The page of one run: the canvas on the version that ran."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.executions import recorded
from tests.graphs.test_canvas_page import boot_of

pytestmark = pytest.mark.django_db


def test_page_of_a_run_names_the_run_and_its_version(client: Client, alice: User) -> None:
    run = recorded.execution(factories.graph(alice, "a -> b"))
    client.force_login(alice)
    boot = boot_of(client.get(reverse("execution", args=[run.pk])).content.decode())
    assert boot["execution"] == str(run.pk)
    assert boot["version"] == run.version.number


def test_stranger_finds_no_run(client: Client, alice: User, charlie: User) -> None:
    run = recorded.execution(factories.graph(alice))
    client.force_login(charlie)
    assert client.get(reverse("execution", args=[run.pk])).status_code == 404


def test_unknown_run_is_not_found(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("execution", args=[uuid4()])).status_code == 404

"""The canvas page: who may open it, and what the front end is given."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from agentflow.graphs.models import Role
from tests import factories

pytestmark = pytest.mark.django_db


def boot_of(html: str) -> Any:
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_page_carries_the_draft_for_its_owner(client: Client, alice: User) -> None:
    graph = factories.graph(alice, "a -> b", name="</script><b>Sales")
    client.force_login(alice)
    boot = boot_of(client.get(reverse("canvas", args=[graph.pk])).content.decode())
    assert boot["graph"]["name"] == "</script><b>Sales"
    assert [node["key"] for node in boot["graph"]["spec"]["nodes"]] == ["a", "b"]
    assert boot["graph"]["role"] == "owner"
    assert boot["graph"]["ports"].keys() == {"a", "b"}
    assert boot["urls"]["api"] == "/api/v1/"


def test_page_opens_on_the_run_that_the_address_names(client: Client, alice: User) -> None:
    graph = factories.graph(alice)
    client.force_login(alice)
    run = str(uuid4())
    boot = boot_of(client.get(reverse("canvas", args=[graph.pk]), {"execution": run}).content.decode())
    assert boot["execution"] == run
    assert boot["version"] is None


def test_page_sets_the_cookie_that_its_calls_need(client: Client, alice: User) -> None:
    graph = factories.graph(alice)
    client.force_login(alice)
    assert "csrftoken" in client.get(reverse("canvas", args=[graph.pk])).cookies


def test_every_script_of_the_page_is_ours_or_carries_the_nonce(client: Client, alice: User) -> None:
    graph = factories.graph(alice)
    client.force_login(alice)
    answer = client.get(reverse("canvas", args=[graph.pk]))
    scripts = re.findall(r"<script([^>]*)>", answer.content.decode())
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    assert "unsafe" not in policy
    assert all(f'nonce="{nonce[1]}"' in script or "application/json" in script for script in scripts)


def test_viewer_of_a_share_is_told_the_role(client: Client, alice: User, bob: User) -> None:
    graph = factories.graph(alice)
    factories.share(graph, bob, Role.VIEWER)
    client.force_login(bob)
    assert boot_of(client.get(reverse("canvas", args=[graph.pk])).content.decode())["graph"]["role"] == "viewer"


def test_stranger_finds_no_page(client: Client, alice: User, charlie: User) -> None:
    graph = factories.graph(alice)
    client.force_login(charlie)
    assert client.get(reverse("canvas", args=[graph.pk])).status_code == 404


def test_nobody_is_sent_to_the_login(client: Client, alice: User) -> None:
    address = reverse("canvas", args=[factories.graph(alice).pk])
    assert client.get(address).headers["Location"] == f"/accounts/login/?next={address}"

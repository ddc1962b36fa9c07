"""The Import button of the list of graphs."""

import json
import re

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agentflow.graphs.models import Graph

pytestmark = pytest.mark.django_db
SPEC = {"name": "Brought along", "nodes": [{"key": "a", "block": "core.value", "config": {"value": 1}}], "links": []}


@pytest.fixture
def visitor(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def submit(visitor: Client, content: bytes) -> str:
    """Send the form to where the page sends it; the address that follows."""
    form = re.search(r'<form[^>]*action="([^"]+)"[^>]*class="import"', visitor.get("/graphs/").content.decode())
    assert form is not None
    answer = visitor.post(form[1], {"file": SimpleUploadedFile("graph.json", content, "application/json")})
    assert answer.status_code == 302
    return answer["Location"]


def test_imported_graph_opens(visitor: Client, alice: User) -> None:
    address = submit(visitor, json.dumps(SPEC).encode())
    made = Graph.objects.get(owner=alice)
    assert (made.name, address) == ("Brought along", f"/graphs/{made.pk}/canvas/")


def test_bad_file_is_explained(visitor: Client) -> None:
    assert submit(visitor, b"{nope") == "/graphs/"
    assert "graph.json is not a JSON file. Nothing was imported." in visitor.get("/graphs/").content.decode()

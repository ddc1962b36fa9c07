"""Credentials in the API: written, never read."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from agentflow.accounts.models import AuditEntry
from agentflow.credentials import services, sharing
from agentflow.credentials.models import Credential

pytestmark = pytest.mark.django_db
URL = "/api/v1/credentials/"
KEY = {"name": "Service", "kind": "api_key", "fields": {"key": "s3cret-key", "base_url": "https://api.example.com/v1"}}


def made(api: APIClient, **more: Any) -> dict[str, Any]:
    answer = api.post(URL, {**KEY, **more})
    assert answer.status_code == 201, answer.data
    return dict(answer.data)


def secrets(id: str) -> dict[str, str]:
    return services.secrets_of(Credential.objects.get(pk=id))


def test_secret_goes_in_and_never_comes_out(alice_api: APIClient):
    credential = made(alice_api)
    assert credential["settings"] == {"header": "Authorization", "base_url": "https://api.example.com/v1"}
    assert (credential["secret_names"], credential["hosts"]) == (["key"], ["api.example.com"])
    for url in (URL, f"{URL}{credential['id']}/"):
        assert "s3cret" not in alice_api.get(url).content.decode()
    assert "s3cret" not in str(list(AuditEntry.objects.values()))
    assert secrets(credential["id"]) == {"key": "s3cret-key"}


def test_patch_keeps_what_is_not_given(alice_api: APIClient):
    id = made(alice_api)["id"]
    answer = alice_api.patch(f"{URL}{id}/", {"name": "Other", "fields": {"header": "X-Key"}})
    assert (answer.data["name"], answer.data["settings"]["header"]) == ("Other", "X-Key")
    assert secrets(id) == {"key": "s3cret-key"}
    alice_api.patch(f"{URL}{id}/", {"fields": {"key": "new-key"}})
    assert secrets(id) == {"key": "new-key"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"fields": {}}, "#/fields/key"),
        ({"fields": {"key": ""}}, "#/fields/key"),
        ({"fields": {"key": "a\r\nX: y"}}, "#/fields/key"),
        ({"fields": {"key": "a", "colour": "red"}}, "#/fields/colour"),
        ({"fields": {"key": {"a": 1}}}, "#/fields/key"),
        ({"fields": {"key": "a", "base_url": "file:///etc/passwd"}}, "#/fields/base_url"),
        ({"fields": {"key": "a", "header": "Host"}}, "#/fields/header"),
        ({"hosts": ["api.example.com", "*"]}, "#/hosts/1"),
        ({"kind": "spell"}, "#/kind"),
        ({"name": " "}, "#/name"),
    ],
)
def test_what_is_wrong_is_pointed_at(alice_api: APIClient, body: dict[str, Any], pointer: str):
    answer = alice_api.post(URL, {**KEY, **body})
    assert answer.status_code in (400, 422)
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_name_is_there_once_per_owner(alice_api: APIClient, bob_api: APIClient):
    made(alice_api)
    made(bob_api)
    assert alice_api.post(URL, KEY).status_code == 422


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_stranger_gets_404(alice_api: APIClient, charlie_api: APIClient, method: str):
    id = made(alice_api)["id"]
    assert getattr(charlie_api, method)(f"{URL}{id}/").status_code == 404
    assert charlie_api.post(f"{URL}{id}/test/").status_code == 404
    assert charlie_api.get(URL).data["results"] == []


@pytest.mark.parametrize(
    ("role", "statuses"), [("viewer", (200, 403, 403)), ("runner", (200, 403, 403)), ("editor", (200, 200, 403))]
)
def test_group_does_what_its_role_says(
    alice: User, bob: User, alice_api: APIClient, bob_api: APIClient, role: str, statuses: tuple[int, ...]
):
    id = made(alice_api)["id"]
    share(id, alice, bob, role)
    url = f"{URL}{id}/"
    answers = (bob_api.get(url), bob_api.patch(url, {"name": "Mine"}), bob_api.delete(url))
    assert tuple(answer.status_code for answer in answers) == statuses


def share(id: str, owner: User, member: User, role: str) -> None:
    group = Group.objects.create(name="Team")
    member.groups.add(group)
    sharing.share(Credential.objects.get(pk=id), group=group, role=role, by=owner)


@pytest.mark.parametrize("elsewhere", [{"hosts": ["evil.test"]}, {"fields": {"base_url": "https://evil.test"}}])
def test_editor_cannot_send_a_secret_elsewhere_without_knowing_it(
    alice: User, bob: User, alice_api: APIClient, bob_api: APIClient, elsewhere: dict[str, Any]
):
    id = made(alice_api)["id"]
    share(id, alice, bob, "editor")
    answer = bob_api.patch(f"{URL}{id}/", elsewhere)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/fields/key"
    known = {**elsewhere, "fields": {**elsewhere.get("fields", {}), "key": "own"}}
    assert bob_api.patch(f"{URL}{id}/", known).status_code == 200
    assert alice_api.patch(f"{URL}{id}/", {"hosts": ["other.example.com"]}).status_code == 200


def test_list_by_kind_and_use(alice: User, bob: User, alice_api: APIClient, bob_api: APIClient):
    id = made(alice_api)["id"]
    share(id, alice, bob, "viewer")
    assert len(bob_api.get(URL).data["results"]) == 1
    assert len(bob_api.get(f"{URL}?usable=true").data["results"]) == 0
    assert len(alice_api.get(f"{URL}?usable=true&kind=api_key,bearer").data["results"]) == 1
    assert len(alice_api.get(f"{URL}?kind=smtp").data["results"]) == 0


def test_test_button_reaches_no_private_address(alice_api: APIClient):
    fields = {"key": "s3cret-key", "base_url": "http://127.0.0.1:1/v1"}
    id = made(alice_api, fields=fields)["id"]
    answer = alice_api.post(f"{URL}{id}/test/")
    assert answer.data["works"] is False
    assert "private addresses" in answer.data["detail"]


def test_database_on_a_private_address_is_not_tried(alice_api: APIClient):
    body = {"name": "DB", "kind": "sql", "fields": {"url": "postgresql://me:s3cret@127.0.0.1/x?host=127.0.0.1"}}
    id = alice_api.post(URL, body).data["id"]
    answer = alice_api.post(f"{URL}{id}/test/")
    assert answer.data["works"] is False
    assert "not on the open internet" in answer.data["detail"]
    assert "s3cret" not in answer.content.decode()


def test_headers_are_taken_away_by_null(alice_api: APIClient):
    body = {"name": "H", "kind": "headers", "fields": {"X-A": "one1", "X-B": "two2"}, "hosts": ["api.example.com"]}
    id = alice_api.post(URL, body).data["id"]
    answer = alice_api.patch(f"{URL}{id}/", {"fields": {"X-A": None}})
    assert answer.data["secret_names"] == ["X-B"]
    assert alice_api.patch(f"{URL}{id}/", {"fields": {"X-B": None}}).status_code == 422

"""Requests: each has an id that its lines carry, and the user once he is known."""

import logging
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from rest_framework.test import APIClient

from agentflow.accounts.services import create_token
from tests.logs.conftest import Lines


def test_request_has_an_id_in_answer_and_lines(lines: Lines, db: None) -> None:
    answer = Client().get("/nowhere/")
    name = answer["X-Request-ID"]
    assert UUID(name).version == 4
    (line,) = lines(event="Not Found: /nowhere/")
    assert (line["request"], line["logger"], line["status_code"]) == (name, "django.request", 404)


def test_id_of_a_proxy_is_kept(db: None) -> None:
    assert Client().get("/nowhere/", headers={"X-Request-ID": "edge-7.a"})["X-Request-ID"] == "edge-7.a"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "ü", 'a"}'])
def test_odd_id_is_replaced(db: None, given: str) -> None:
    assert Client().get("/nowhere/", headers={"X-Request-ID": given})["X-Request-ID"] != given


async def test_request_to_the_server_has_one_too(lines: Lines, transactional_db: None) -> None:
    answer = await AsyncClient().get("/nowhere/")
    assert lines(request=answer["X-Request-ID"], event="Not Found: /nowhere/")


def test_user_is_named_whether_by_session_or_token(lines: Lines, alice: User, client: Client) -> None:
    client.force_login(alice)
    client.get("/graphs/99999/canvas/")
    by_token = APIClient(headers={"Authorization": f"Bearer {create_token(user=alice, name='t')[1]}"})
    by_token.get("/api/v1/graphs/99999/")
    assert [line.get("user") for line in lines(logger="django.request")] == [alice.pk, alice.pk]


def test_nothing_of_a_request_is_left_behind(lines: Lines, db: None) -> None:
    Client().get("/nowhere/")
    logging.getLogger("x").warning("later")
    assert "request" not in lines(event="later")[0]

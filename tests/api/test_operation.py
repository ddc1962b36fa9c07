"""Throttles, metrics, schema: what keeps the API in operation."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from agentflow.accounts.services import create_token
from agentflow.api import throttling
from agentflow.api.throttling import Buckets, CallerThrottle


def test_a_bucket_lets_a_burst_pass_and_then_fills_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(throttling, "monotonic", lambda: now[0])
    buckets = Buckets(rate=2, burst=3)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    now[0] += 0.5
    assert (buckets.take("a"), buckets.take("a")) == (0, 0.5)
    assert buckets.take("b") == 0


def test_silent_callers_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "MOST_CALLERS", 2)
    buckets = Buckets(rate=0.001, burst=1)
    waits = [buckets.take(caller) for caller in "abca"]
    assert waits == [0, 0, 0, 0]


def test_too_many_requests_are_told_when_to_come_back(alice_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CallerThrottle, "users", Buckets(rate=0.1, burst=1))
    alice_api.get("/api/v1/tokens/")
    answer = alice_api.get("/api/v1/tokens/")
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert 9 <= int(answer["Retry-After"]) <= 11


@pytest.mark.parametrize(
    ("extra", "status"),
    [({}, 200), ({"HTTP_X_FORWARDED_FOR": "1.2.3.4"}, 404), ({"REMOTE_ADDR": "10.0.0.7"}, 404)],
)
def test_metrics_are_for_this_machine(client: Client, db: None, extra: dict[str, Any], status: int) -> None:
    assert client.get("/metrics", **extra).status_code == status


def test_metrics_are_for_staff(client: Client, admin: User) -> None:
    client.force_login(admin)
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 200


def test_metrics_are_for_a_token_of_staff(client: Client, admin: User, alice: User) -> None:
    def asked(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return client.get("/metrics", REMOTE_ADDR="10.0.0.7", headers=headers).status_code

    tokens = [create_token(user=user, name="scraper", scope="read")[1] for user in (admin, alice)]
    assert [asked(token) for token in (*tokens, "af_unknown")] == [200, 404, 404]


def test_metrics_are_not_for_everybody(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 404


def test_the_schema_is_open(client: Client, db: None) -> None:
    schema = client.get("/api/v1/schema/?format=json").json()
    answers = schema["paths"]["/api/v1/graphs/{id}/"]["put"]["responses"]
    assert {"200", "400", "401", "403", "404", "412", "422", "428", "429"} <= answers.keys()


def test_the_schema_is_valid_and_nothing_in_it_is_guessed(tmp_path: Path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))

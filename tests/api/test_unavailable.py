"""What people and programs are told while the database is away."""

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Nobody reaches the database."""

    def refuse(_: BaseDatabaseWrapper) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", refuse)
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32
    return client


def test_programs_are_told_to_try_again(away: Client) -> None:
    answer = away.get("/api/v1/graphs/", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (answer["Retry-After"], answer.json()["status"]) == ("5", 503)


def test_people_are_told_that_nothing_is_lost(away: Client) -> None:
    answer = away.get("/graphs/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Nothing is lost" in answer.text


def test_process_lives_and_is_not_ready(away: Client) -> None:
    assert (away.get("/healthz").status_code, away.get("/readyz").status_code) == (200, 503)

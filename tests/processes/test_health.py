import json

import pytest
from django.test import Client
from pytest_django.fixtures import Settings


def test_process_is_alive_without_any_service(client: Client):
    assert client.get("/healthz").status_code == 200


@pytest.mark.redis
@pytest.mark.django_db
def test_ready_when_every_service_answers(client: Client):
    answer = client.get("/readyz")
    assert (answer.status_code, json.loads(answer.content)["checks"]) == (
        200,
        {"database": "ok", "migrations": "ok", "redis": "ok"},
    )


@pytest.mark.django_db
def test_not_ready_without_redis(client: Client, settings: Settings):
    settings.REDIS_URL = "unix:///nowhere.sock"
    answer = client.get("/readyz")
    assert (answer.status_code, json.loads(answer.content)["checks"]["redis"]) == (503, "failed")


@pytest.mark.redis
@pytest.mark.django_db
def test_a_load_balancer_may_ask_by_address(client: Client):
    assert client.get("/readyz", headers={"host": "10.1.2.3:8000"}).status_code == 200

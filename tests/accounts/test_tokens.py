"""API tokens: made, used, refused."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from agentflow.accounts.models import ApiToken
from agentflow.accounts.services import create_token, revoke_token

TOKENS = "/api/v1/tokens/"


def bearer(text: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {text}"})


def test_a_token_is_shown_once(alice_api: APIClient) -> None:
    answer = alice_api.post(TOKENS, {"name": "cron", "scope": "write"})
    text = answer.json()["token"]
    assert (answer.status_code, text[:3], len(text)) == (201, "af_", 46)
    assert text not in alice_api.get(TOKENS).content.decode()
    assert text not in str(ApiToken.objects.values().get())


def test_a_token_stands_for_its_user(alice: User) -> None:
    _, text = create_token(user=alice, name="t")
    assert bearer(text).get("/api/v1/graphs/").status_code == 200


def test_use_is_noted(alice: User) -> None:
    token, text = create_token(user=alice, name="t")
    bearer(text).get("/api/v1/graphs/")
    token.refresh_from_db()
    assert token.last_used_at is not None


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer x", "bearer af_x", "Bearer \x7f", "Bearer " + "x" * 5000]
)
def test_an_unknown_token_is_refused(api: APIClient, db: None, header: str) -> None:
    answer = api.get("/api/v1/graphs/", headers={"Authorization": header})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_revoked_token_is_refused(alice: User) -> None:
    token, text = create_token(user=alice, name="t")
    revoke_token(token, by=alice)
    assert bearer(text).get("/api/v1/graphs/").status_code == 401


def test_an_expired_token_is_refused(alice: User) -> None:
    _, text = create_token(user=alice, name="t", expires_at=timezone.now() - timedelta(seconds=1))
    assert bearer(text).get("/api/v1/graphs/").status_code == 401


def test_a_token_of_a_closed_account_is_refused(alice: User) -> None:
    _, text = create_token(user=alice, name="t")
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert bearer(text).get("/api/v1/graphs/").status_code == 401


def test_a_token_cannot_make_tokens(alice: User) -> None:
    _, text = create_token(user=alice, name="t", scope="write")
    assert bearer(text).post(TOKENS, {"name": "more"}).status_code == 403


def test_a_token_is_revoked_by_its_owner_only(alice: User, alice_api: APIClient, bob_api: APIClient) -> None:
    token, _ = create_token(user=alice, name="t")
    assert bob_api.delete(f"{TOKENS}{token.pk}/").status_code == 404
    assert alice_api.delete(f"{TOKENS}{token.pk}/").status_code == 204
    assert alice_api.get(TOKENS).json()["results"] == []


def test_everybody_sees_their_own_tokens(alice: User, bob_api: APIClient) -> None:
    create_token(user=alice, name="t")
    assert bob_api.get(TOKENS).json()["results"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "t", "scope": "all"},
        {"name": "t", "expires_at": "2020-01-01T00:00Z"},
    ],
)
def test_a_bad_token_is_not_made(alice_api: APIClient, body: dict[str, str]) -> None:
    answer = alice_api.post(TOKENS, body)
    assert (answer.status_code, ApiToken.objects.count()) == (400, 0)
    assert answer.json()["errors"][0]["pointer"].startswith("#/")


def test_a_browser_must_send_the_csrf_token(alice: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post(TOKENS, {"name": "t"})
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert "CSRF" in answer.json()["detail"]


def test_nobody_is_told_how_to_log_in(api: APIClient) -> None:
    answer = api.get("/api/v1/graphs/")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")

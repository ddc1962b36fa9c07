"""Login and account pages."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agentflow.accounts import new_token
from agentflow.accounts.models import ApiToken
from agentflow.accounts.services import create_token
from tests.factories import PASSWORD

ACCOUNT = "/account/"
LOGIN = "/accounts/login/"
CRON = {"name": "cron", "scope": "run", "days": "30"}


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


def test_the_account_page_needs_a_login(client: Client, db: None) -> None:
    answer = client.get(ACCOUNT)
    assert (answer.status_code, answer["Location"]) == (302, f"{LOGIN}?next={ACCOUNT}")


def test_a_person_logs_in_and_out(client: Client, alice: User) -> None:
    answer = client.post(f"{LOGIN}?next={ACCOUNT}", {"username": "alice", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, ACCOUNT)
    assert client.get(ACCOUNT).status_code == 200
    assert client.post("/accounts/logout/")["Location"] == LOGIN


def test_a_token_is_made_and_shown_once(page: Client) -> None:
    answer = page.post(f"{ACCOUNT}tokens/", CRON, follow=True)
    shown = re.search(r'id="token">(af_[\w-]{43})<', answer.content.decode())
    assert shown is not None
    assert shown[1] not in page.get(ACCOUNT).content.decode()
    assert ApiToken.objects.get().expires_at is not None


def test_loading_the_page_of_a_new_token_again_makes_no_other(page: Client) -> None:
    answer = page.post(f"{ACCOUNT}tokens/", CRON)
    assert (answer.status_code, answer["Location"]) == (302, ACCOUNT)
    for _ in range(2):
        page.get(ACCOUNT)
    assert ApiToken.objects.count() == 1


def test_the_text_of_a_new_token_is_stored_nowhere(page: Client) -> None:
    page.post(f"{ACCOUNT}tokens/", CRON)
    carried = page.cookies[new_token.COOKIE]
    assert "af_" in carried.value
    assert (carried["path"], carried["httponly"], carried["samesite"]) == (ACCOUNT, True, "Strict")
    assert "af_" not in str(dict(page.session))


def test_a_new_token_is_shown_to_nobody_else(page: Client, bob: User) -> None:
    page.post(f"{ACCOUNT}tokens/", CRON)
    carried = page.cookies[new_token.COOKIE].value
    page.force_login(bob)
    page.cookies[new_token.COOKIE] = carried
    assert 'id="token"' not in page.get(ACCOUNT).content.decode()


def test_a_revoked_token_is_not_shown(page: Client) -> None:
    page.post(f"{ACCOUNT}tokens/", CRON)
    page.post(f"{ACCOUNT}tokens/{ApiToken.objects.get().pk}/revoke/")
    assert 'id="token"' not in page.get(ACCOUNT).content.decode()


def test_a_token_without_a_name_is_not_made(page: Client) -> None:
    answer = page.post(f"{ACCOUNT}tokens/", {"name": "", "scope": "run", "days": "30"})
    assert (answer.status_code, ApiToken.objects.count()) == (200, 0)


def test_a_token_is_revoked(page: Client, alice: User) -> None:
    token, _ = create_token(user=alice, name="t")
    page.post(f"{ACCOUNT}tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_nobody_revokes_another_ones_token(page: Client, bob: User) -> None:
    token, _ = create_token(user=bob, name="t")
    assert page.post(f"{ACCOUNT}tokens/{token.pk}/revoke/").status_code == 404


def test_the_page_tells_how_to_run_a_graph(page: Client) -> None:
    assert "curl -X POST http://testserver/api/v1/graphs/" in page.get(ACCOUNT).content.decode()

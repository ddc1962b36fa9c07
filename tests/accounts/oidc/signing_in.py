"""Signing in by OpenID Connect; run by `test_oidc` in a process whose environment names the provider."""

from urllib.parse import urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from agentflow.accounts.models import AuditEntry, SignIn
from tests.factories import PASSWORD

START = "/accounts/oidc/oidc/login/"


def by_provider(client: Client, person: str | None, query: str = "") -> str:
    """Press the button, be sent to the provider and back; where one is in the end."""
    there = client.post(f"{START}?{query}")
    assert there["Location"].startswith(f"{settings.OIDC_ISSUER}/authorize?")
    back = httpx.get(there["Location"], cookies={"person": person} if person else {}).headers["Location"]
    parts = urlsplit(back)
    answer = client.get(f"{parts.path}?{parts.query}", headers={"host": parts.netloc})
    return str(answer["Location"])


def who(client: Client) -> str:
    found = client.get("/account/").context
    return str(found["user"].username) if found else ""


def test_the_login_page_has_a_button_and_the_browser_may_follow_it(client: Client, db: None) -> None:
    page = client.get("/accounts/login/?next=/graphs/")
    assert "Log in by The firm" in page.content.decode()
    assert f"form-action 'self' {settings.OIDC_ISSUER}" in page["Content-Security-Policy"]


def test_somebody_new_gets_an_account(client: Client, db: None) -> None:
    assert by_provider(client, "dora", "next=/graphs/") == "/graphs/"
    dora = User.objects.get(username="dora")
    assert (who(client), dora.email, dora.first_name) == ("dora", "dora@example.org", "Dora")
    assert not dora.has_usable_password()
    assert SignIn.objects.filter(user=dora).exists()
    assert AuditEntry.objects.filter(action="signed in", actor_name="dora").exists()


def test_the_same_person_gets_the_same_account(db: None) -> None:
    for _ in range(2):
        client = Client()
        by_provider(client, "dora")
        assert who(client) == "dora"
    assert User.objects.count() == 1


def test_nobody_takes_over_an_account_by_its_name_or_address(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    by_provider(client, "alice")
    assert who(client) not in ("", "alice")
    assert not SocialAccount.objects.filter(user=alice).exists()


def test_who_is_logged_in_connects_the_provider(alice: User) -> None:
    here, later = Client(), Client()
    here.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    assert by_provider(here, "alice", "process=connect&next=/account/") == "/account/"
    assert "Connected with The firm" in here.get("/account/").content.decode()
    by_provider(later, "alice")
    assert who(later) == "alice"


def test_without_sign_up_strangers_are_turned_away(client: Client, db: None, settings) -> None:
    settings.OIDC_SIGN_UP = False
    assert by_provider(client, "dora") == "/accounts/login/"
    assert "Ask for an invitation" in client.get("/accounts/login/").content.decode()
    assert not User.objects.exists()


def test_a_refusal_leads_back_to_the_login(client: Client, db: None) -> None:
    client.get(by_provider(client, None))
    assert who(client) == ""


def test_an_answer_that_nobody_asked_for_is_refused(client: Client, db: None) -> None:
    answer = client.get(f"{START}callback/?code=x&state=y")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")
    assert who(client) == ""


def test_a_closed_account_stays_closed(client: Client, db: None) -> None:
    by_provider(Client(), "dora")
    User.objects.update(is_active=False)
    by_provider(client, "dora")
    assert who(client) == ""


def test_a_link_cannot_send_people_to_the_provider(client: Client, db: None) -> None:
    answer = client.get(START)
    assert (answer.status_code, "Log in by The firm" in answer.content.decode()) == (200, True)


@pytest.mark.parametrize("name", ["cancelled", "failed", "closed", "login", "sign-up"])
def test_ways_that_end_lead_to_the_login(client: Client, db: None, name: str) -> None:
    assert client.get(f"/accounts/oidc/{name}/")["Location"] == "/accounts/login/"

"""OAuth 2 against a provider on this machine: agreeing, renewing, refusals."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from agentflow.credentials import oauth, services
from agentflow.credentials.models import Credential
from agentflow.credentials.testing import try_out
from blocks.base import BlockError
from executions.engine.status import Status
from tests.credentials.provider import CLIENT, Provider, providing
from tests.executions.hosting import ended, error_of, hosting, run, started

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("transactional_db", "leaky_blocks")]


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    settings.HTTP_ALLOW = ["127.0.0.1"]
    with providing() as provider:
        yield provider


def made(owner: User, provider: Provider, **fields: str) -> Credential:
    given = {
        "authorize_url": f"{provider.url}/authorize?tenant=1",
        "token_url": f"{provider.url}/token",
        "client_id": CLIENT[0],
        "client_secret": CLIENT[1],
        "scopes": "mail.read offline",
        **fields,
    }
    host = provider.url
    return services.make_credential(owner=owner, kind="oauth2", name="Provider", fields=given, hosts=[host])


def connect(client: Client, credential: Credential, provider: Provider) -> Any:
    """Press Connect, agree at the provider, come back."""
    away = client.post(f"/credentials/{credential.pk}/connect/")
    assert f'content="0; url={escape(away.context["url"])}"' in away.content.decode()
    back = urlsplit(provider.authorise(away.context["url"]))
    return client.get(f"{back.path}?{back.query}", follow=True)


@pytest.fixture
def site(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def connected(site: Client, alice: User, provider: Provider, **fields: str) -> Credential:
    credential = made(alice, provider, **fields)
    connect(site, credential, provider)
    credential.refresh_from_db()
    assert not credential.problem
    return credential


def over(credential: Credential) -> None:
    """The access token has ended."""
    Credential.objects.filter(pk=credential.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def using(credential: Credential) -> dict[str, Any]:
    return {"n": ("test.leak", {"credential": str(credential.pk)})}


@pytest.mark.parametrize("way", ["basic", "body"])
def test_person_agrees_and_tokens_are_kept_sealed(site: Client, alice: User, provider: Provider, way: str):
    credential = connected(site, alice, provider, client_authentication=way)
    secrets = services.secrets_of(credential)
    assert {secrets["access_token"]} == provider.access_tokens
    assert {secrets["refresh_token"]} == provider.refresh_tokens
    assert credential.expires_at is not None
    row = str(Credential.objects.filter(pk=credential.pk).values().get())
    assert secrets["access_token"] not in row
    assert secrets["refresh_token"] not in row


def test_provider_is_asked_for_what_was_configured(site: Client, alice: User, provider: Provider):
    away = site.post(f"/credentials/{made(alice, provider).pk}/connect/").context["url"]
    asked = parse_qs(urlsplit(away).query)
    assert asked["scope"] == ["mail.read offline"]
    assert asked["tenant"] == ["1"]
    assert asked["redirect_uri"] == ["http://testserver/credentials/callback/"]
    assert 43 <= len(asked["code_challenge"][0]) <= 128


def test_answer_of_another_session_is_refused(site: Client, alice: User, provider: Provider):
    credential = made(alice, provider)
    back = urlsplit(provider.authorise(site.post(f"/credentials/{credential.pk}/connect/").context["url"]))
    other = Client()
    other.force_login(alice)
    page = other.get(f"{back.path}?{back.query}", follow=True).content.decode()
    assert "was not asked for here" in page
    assert Credential.objects.get(pk=credential.pk).problem


def test_state_is_good_once(site: Client, alice: User, provider: Provider):
    credential = made(alice, provider)
    back = urlsplit(provider.authorise(site.post(f"/credentials/{credential.pk}/connect/").context["url"]))
    site.get(f"{back.path}?{back.query}")
    assert "was used already" in site.get(f"{back.path}?{back.query}", follow=True).content.decode()


def test_wrong_state_is_refused(site: Client, alice: User, provider: Provider):
    site.post(f"/credentials/{made(alice, provider).pk}/connect/")
    page = site.get("/credentials/callback/?code=x&state=wrong", follow=True).content.decode()
    assert "was not asked for here" in page


def test_person_who_refuses_is_told(site: Client, alice: User, provider: Provider):
    credential = made(alice, provider)
    away = site.post(f"/credentials/{credential.pk}/connect/").context["url"]
    state = parse_qs(urlsplit(away).query)["state"][0]
    page = site.get(f"/credentials/callback/?error=access_denied&state={state}", follow=True).content.decode()
    assert "The provider says: access_denied" in page


def test_code_that_the_provider_does_not_know_is_told(site: Client, alice: User, provider: Provider):
    credential = made(alice, provider)
    away = site.post(f"/credentials/{credential.pk}/connect/").context["url"]
    state = parse_qs(urlsplit(away).query)["state"][0]
    page = site.get(f"/credentials/callback/?code=forged&state={state}", follow=True).content.decode()
    assert "The provider refuses: the code is not good." in page


def test_run_before_anybody_agreed_says_what_to_do(alice: User, provider: Provider):
    with hosting():
        execution = run(alice, using(made(alice, provider)))
    assert "Nobody has agreed at the provider yet" in error_of(execution, "n")["message"]


def test_many_runs_renew_an_ended_access_once(site: Client, alice: User, provider: Provider):
    credential = connected(site, alice, provider)
    over(credential)
    provider.delay_seconds = 0.2
    with hosting():
        runs = [started(alice, using(credential)) for _ in range(8)]
        assert {ended(each).status for each in runs} == {Status.COMPLETED}
    assert provider.refreshed == 1


def test_two_workers_never_renew_at_once(site: Client, alice: User, provider: Provider):
    credential = connected(site, alice, provider)
    over(credential)
    provider.delay_seconds = 0.2
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(oauth.renew, [credential.pk] * 4))
    assert (provider.refreshed, provider.most_at_once) == (1, 1)
    credential.refresh_from_db()
    assert {services.secrets_of(credential)["refresh_token"]} == provider.refresh_tokens


def test_access_that_was_taken_back_stops_runs_with_a_sentence(site: Client, alice: User, provider: Provider):
    credential = connected(site, alice, provider)
    over(credential)
    provider.refresh_tokens.clear()
    with hosting():
        message = error_of(run(alice, using(credential)), "n")["message"]
    assert "The provider refuses: the refresh token is not good. Open it on the page Credentials" in message


@pytest.mark.parametrize(
    "instead", [(503, "down"), (500, json.dumps({"error": "server_error"})), (200, "{}"), (200, "[]")]
)
def test_provider_that_is_away_leaves_the_credential_good(
    site: Client, alice: User, provider: Provider, instead: tuple[int, str]
):
    credential = connected(site, alice, provider)
    over(credential)
    provider.instead = instead
    with pytest.raises(BlockError) as caught:
        oauth.renew(credential.pk)
    assert caught.value.retry
    provider.instead = None
    oauth.renew(credential.pk)
    assert provider.refreshed == 1


def test_private_provider_is_not_reached(site: Client, alice: User, provider: Provider, settings: Any):
    credential = connected(site, alice, provider)
    over(credential)
    settings.HTTP_ALLOW = []
    with pytest.raises(BlockError, match="private addresses"):
        oauth.renew(credential.pk)
    assert provider.refreshed == 0


def test_test_button_renews(site: Client, alice: User, provider: Provider):
    credential = connected(site, alice, provider)
    assert try_out(credential).works
    assert provider.refreshed == 1


def test_other_endpoints_forget_the_tokens(site: Client, alice: User, provider: Provider):
    credential = connected(site, alice, provider)
    changed = services.change_credential(
        credential, by=alice, is_owner=True, fields={"token_url": "https://other.example.com/token"}
    )
    assert "access_token" not in services.secrets_of(changed)
    assert changed.problem
